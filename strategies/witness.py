"""How likely each label was when an answer was chosen. Recorded only while somebody watches, so that a measured answer
costs nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class Seen:
    """Behind each answer of a call, in order; empty for a strategy without probabilities. The shares of a language
    model's labels add up to 1."""

    shares: list[dict[str, float]] = field(default_factory=list)


_seen: ContextVar[Seen | None] = ContextVar("seen", default=None)


@contextmanager
def watching() -> Iterator[Seen]:
    """Record what is behind the answers within the block."""
    seen = Seen()
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)


def watched() -> Seen | None:
    """Where to record it; None if nobody watches."""
    return _seen.get()


def shares_of(labels: Sequence[str], compared: NDArray[np.float64]) -> dict[str, float]:
    """The numbers that compare labels, [labels], scaled to add up to 1."""
    powers = np.exp(compared - compared.max())
    return dict(zip(labels, (powers / powers.sum()).tolist(), strict=True))
