"""Which rows are of one kind, so that every part of a split gets its share of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from eval.mapping.label_sets import labels_in
from eval.scoring.closeness import MOST_RATINGS
from eval.task import Example, Kind


def strata_of(examples: Sequence[Example], kind: Kind) -> list[str]:
    """The stratum of each row: its label, the rarest of its labels, or its rating; "" for all rows if answers are
    written."""
    match kind:
        case Kind.CLASSIFICATION:
            return [example.target for example in examples]
        case Kind.NUMBER:
            is_rated = len({example.target for example in examples}) <= MOST_RATINGS
            return [example.target if is_rated else "" for example in examples]
        case Kind.MULTI_LABEL:
            sets = [labels_in(example.target) for example in examples]
            uses = Counter(label for labels in sets for label in labels)
            return [min(labels, key=lambda label: (uses[label], label), default="") for labels in sets]
        case _:
            return [""] * len(examples)
