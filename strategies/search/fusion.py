"""One order from several: reciprocal rank fusion (Cormack et al. 2009)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

K = 60  # as in the paper: how much the first places count above the next


def fuse(orders: Sequence[Sequence[int]]) -> list[int]:
    """All positions of the orders; of equals, the one that the first order has first."""
    scores: dict[int, float] = defaultdict(float)
    for order in orders:
        for place, at in enumerate(order, start=1):
            scores[at] += 1 / (K + place)
    return sorted(scores, key=lambda at: -scores[at])
