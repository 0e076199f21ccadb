"""What a careful answer also checks, as data: each with the steps and circumstances that give cause for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from advisor.schema import Circumstances


@dataclass(frozen=True, slots=True)
class Caution:
    """`sources` are letters of rules.SOURCES; `applies` is asked with what is known and the strategies advised."""

    id: str
    sentence: str
    sources: str
    applies: Callable[[Circumstances, Sequence[str]], bool]


def _trains(known: Circumstances, steps: Sequence[str]) -> bool:
    return "finetuning" in steps


CAUTIONS = (
    Caution(
        "overfitting",
        "Judge only by rows that training never saw: what was learned by heart looks like skill.",
        "AD",
        _trains,
    ),
    Caution(
        "forgetting",
        "A trained model can get worse at everything else: measure that before and after.",
        "BD",
        _trains,
    ),
    Caution(
        "private-data",
        "Take private data and secrets out of the examples, and look for bias in them: both are copied.",
        "BC",
        _trains,
    ),
    Caution(
        "not-permanent",
        "A result does not last for ever: train again when the job changes; what was trained can be removed.",
        "BE",
        _trains,
    ),
    Caution(
        "made-up",
        "Any of the three ways can be confident and wrong: check answers against their source.",
        "C",
        lambda known, steps: known.form not in ("categories", "structure") or "retrieval" in steps,
    ),
    Caution(
        "inputs",
        "Try ordinary, unusual, tricky and sensitive inputs before you rely on it.",
        "C",
        lambda known, steps: True,
    ),
    Caution(
        "base-limit",
        "Every model has its limit: try a larger one before much work goes into a small one.",
        "B",
        lambda known, steps: known.tried == "misses" or known.job == "complex",
    ),
)
