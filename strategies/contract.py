"""The contract that every strategy fulfils."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from eval.money.tokens import Spent
from eval.outcomes import INDEXING, Effort, LossPoint, Prediction, Preferred, SearchQuality
from eval.task import Document, Example, LearningSplit
from strategies.declaration import Declaration
from strategies.engine.checkpoints import Checkpoints
from strategies.engine.language_model import LanguageModel, Prompt
from strategies.instructions import Instruction
from strategies.tuned_again import EarlierAdapter

if TYPE_CHECKING:  # imports torch
    from strategies.engine.local_model import LocalModel


CHOOSING_TRAINING, TRAINING = "choosing how to train", "training"  # count tokens
TRAINING_PREFERENCES = "training on preferences"  # counts tokens
LEARNING = "learning"  # counts settings
CHOOSING_SEARCH = "choosing how to search"  # counts ways
ASKING_TRAINED, ASKING_BASE = "asking the trained model", "asking the base model"  # count texts and questions
_UNITS = {
    CHOOSING_TRAINING: "tokens",
    TRAINING: "tokens",
    TRAINING_PREFERENCES: "tokens",
    LEARNING: "settings",
    CHOOSING_SEARCH: "ways",
    INDEXING: "texts",
    ASKING_TRAINED: "texts",
    ASKING_BASE: "texts",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is: `stage` in words for people ("choosing the number of examples"), and rows done out of the
    total."""

    stage: str
    done: int
    total: int


def unit_of(stage: str) -> str:
    """What a stage counts, in the plural. Of a repeated training, the stage comes last: "training 2: training"."""
    return _UNITS.get(stage.rpartition(": ")[2], "rows")


ReportProgress = Callable[[Progress], None]


class Strategy(Protocol):
    """As small as a scikit-learn estimator: settings are fields, nothing heavy in `__init__`, data enters at `fit`.

    After `fit`: `settings` are the values chosen on dev (JSON values), `choices` every setting tried with its dev
    score, `effort` what the choice cost. `save` writes what `load` needs to answer again without the training data.
    `predict` never sees a target. `declaration` is what can be said about the strategy without building it.
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
class KnowsPath(Protocol):
    """What loads a language model and knows why the one loaded last runs on the code of transformers; None if it runs
    on our engine, or if none was loaded yet."""

    slow_because: str | None


@runtime_checkable
class CountsTokens(Protocol):
    """What loads a served model, and counts what the answers of all that it loaded take."""

    @property
    def used(self) -> Spent: ...


@runtime_checkable
class AsksModel(Protocol):
    """What every strategy with a language model has: what loads the model before any training."""

    declaration: ClassVar[Declaration]
    load_model: Callable[[], Any]

    def load(self, folder: Path) -> None: ...


@runtime_checkable
class ShowsPrompts(Protocol):
    """What a fitted strategy with a language model can also do: say what it would ask, without asking. `asked_model` is
    the model that answers, after training if it was trained."""

    @property
    def asked_model(self) -> LanguageModel: ...

    def prompts(self, inputs: Sequence[str]) -> list[Prompt]: ...


@runtime_checkable
class LooksUp(Protocol):
    """What a fitted strategy that reads documents can also do."""

    def refresh(self, documents: Sequence[Document]) -> None:
        """Look up these documents from now on, instead of the ones before. Nothing is trained and no setting chosen."""
        ...


@runtime_checkable
class Searches(Protocol):
    """What a fitted strategy that looks things up knows: how well it finds answers; None if too few rows could tell."""

    search_quality: SearchQuality | None


@runtime_checkable
class TrainsOnPrompt(Protocol):
    """What can also be trained on the instruction that prompting `found` best in the same run; None without one."""

    found: Instruction | None


@runtime_checkable
class KeepsCheckpoints(Protocol):
    """What can go on with a training that was killed: where that keeps what it has done; None if nowhere."""

    checkpoints: Checkpoints | None


@runtime_checkable
class Trained(Protocol):
    """What a fitted strategy that changes weights can also do, so that side effects of training can be measured."""

    load_model: Callable[[], LocalModel]  # the model before training
    trained_model: LocalModel
    losses: tuple[LossPoint, ...]  # of the final training

    def answer_trained(self, train: Sequence[Example], rows: Sequence[int]) -> list[Prediction]:
        """Answers to these of its training rows, asked as they were in training."""
        ...

    def answer_with(self, load: Callable[[], LocalModel]) -> None:
        """Use another copy of the trained model from now on, such as one that was exported. The one before is let go
        first, so that there is one in memory at a time."""
        ...


@runtime_checkable
class LearnsPreferences(Protocol):
    """What a fitted strategy that learned from rejected answers can also do."""

    def prefers(self, rows: Sequence[Example]) -> Preferred: ...


@runtime_checkable
class TrainedByService(Protocol):
    """What a fitted strategy can also do whose model a service trained: say how many tokens of training are paid
    for."""

    trained_tokens: int


@runtime_checkable
class GoesOn(Protocol):
    """What can train further from an adapter of an earlier run: `earlier`, None to start from the base model."""

    earlier: EarlierAdapter | None


@runtime_checkable
class Adapted(Protocol):
    """What a fitted strategy with an adapter can also do: answer with the adapter kept separate, as when one base model
    serves several tasks; answer with it switched off, as the base model does to the same prompts; and merge it again.
    """

    def take_apart(self) -> None: ...

    def switch_off(self) -> None: ...

    def put_together(self) -> None: ...
