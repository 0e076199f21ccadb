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
        "Judge only by rows that training never saw. On rows it has memorised, a model looks better than it is.",
        "AD",
        _trains,
    ),
    Caution(
        "forgetting",
        "A trained model can get worse at everything else. Measure that before and after training.",
        "BD",
        _trains,
    ),
    Caution(
        "private-data",
        "Remove private data and secrets from the examples, and check them for bias. A model copies both.",
        "BC",
        _trains,
    ),
    Caution(
        "not-permanent",
        "A result doesn't last forever. Train again when the task changes; you can always remove an adapter.",
        "BE",
        _trains,
    ),
    Caution(
        "made-up",
        "Every strategy can be confident and wrong. Check answers against their source.",
        "C",
        lambda known, steps: known.form not in ("categories", "structure") or "retrieval" in steps,
    ),
    Caution(
        "inputs",
        "Try ordinary, unusual, tricky and sensitive inputs before you rely on the model.",
        "C",
        lambda known, steps: True,
    ),
    Caution(
        "base-limit",
        "Every model has its limits. Try a larger one before you put much work into a small one.",
        "B",
        lambda known, steps: known.tried == "misses" or known.job == "complex",
    ),
)
