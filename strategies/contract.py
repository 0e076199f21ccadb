"""The one contract behind which every strategy stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from eval.outcomes import Effort, Prediction
from eval.task import Document, Example, LearningSplit
from strategies.declaration import Declaration

if TYPE_CHECKING:  # it loads torch
    from strategies.engine.transformer import Transformer


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is: `stage` in words a person reads ("choosing the number of examples"), rows done of total."""

    stage: str
    done: int
    total: int


ReportProgress = Callable[[Progress], None]


class Strategy(Protocol):
    """As small as an estimator of scikit-learn: settings are fields, nothing heavy in `__init__`, data enters at `fit`.

    After `fit`: `settings` are those chosen on dev (JSON values), `choices` every setting tried with its dev score,
    `effort` what the choice took. `save` writes what `load` needs to answer again without the training data;
    `predict` never sees a target. `declaration` is what can be known of the strategy without building it.
    """

    name: ClassVar[str]
    declaration: ClassVar[Declaration]
    settings: dict[str, Any]
    choices: list[dict[str, Any]]
    effort: Effort
    notes: list[str]

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None: ...

    def predict(self, inputs: Sequence[str]) -> list[Prediction]: ...

    def save(self, folder: Path) -> None: ...

    def load(self, folder: Path) -> None: ...


@runtime_checkable
class LooksUp(Protocol):
    """What a strategy that reads documents can do as well, once it is fitted."""

    def refresh(self, documents: Sequence[Document]) -> None:
        """From now on it looks these up instead of its documents so far. Nothing is learned, no setting chosen."""
        ...


@runtime_checkable
class Trained(Protocol):
    """What a strategy that changes weights can do as well, once it is fitted: so training's side effects are seen."""

    load_model: Callable[[], Transformer]  # as it was before
    trained_model: Transformer

    def answer_trained(self, train: Sequence[Example], rows: Sequence[int]) -> list[Prediction]:
        """Answers to these rows of those it was fitted on, asked as they were in training."""
        ...


@runtime_checkable
class Adapted(Protocol):
    """What a strategy whose weights were changed by an adapter can do as well, once it is fitted: answer with it kept
    apart, as where one base model serves several tasks, and merged again."""

    def take_apart(self) -> None: ...

    def put_together(self) -> None: ...
