"""Few training rows, each also in a variant: with typos, in another case, more politely or in other words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from random import Random

from eval.measuring.robustness import variants_of
from eval.task import Example, Kind


def with_variants(rows: Sequence[Example], kind: Kind, seed: int) -> list[Example]:
    """The rows, then one variant of each by a rule that is drawn with the seed; none of a row that no rule changes."""
    varied: dict[str, list[Example]] = defaultdict(list)
    for each in variants_of(rows, kind, seed).values():
        for variant in each:
            varied[variant.id].append(variant)
    chance = Random(f"{seed}-variants")
    return [*rows, *(chance.choice(varied[row.id]) for row in rows if varied[row.id])]
