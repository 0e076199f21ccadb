"""What a strategy declares about itself, in its own file. Everything else the project needs to know about a strategy is
read from here. It loads no model, so pages can read it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Literal

from eval.task import Example, Kind

if TYPE_CHECKING:
    from strategies.engine.models import Trains
    from strategies.open_book import Counts  # imports the strategies

# Symbols of Vega-Lite, and two that charts/drawing.py gives a path. style.css draws the same.
Shape = Literal[
    "circle",
    "square",
    "cross",
    "diamond",
    "triangle-up",
    "triangle-down",
    "triangle-right",
    "triangle-left",
    "star",
    "pentagon",
]


@dataclass(frozen=True, slots=True)
class Words:
    """A strategy in plain words: its name, what it is like, and what it does."""

    name: str
    analogy: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Mark:
    """How charts draw a strategy. The shape identifies it where colours can't."""

    colour: str
    shape: Shape


BASELINE_MARK = Mark("#8A8F98", "cross")  # grey, for all baselines


@dataclass(frozen=True, slots=True)
class LookUps:
    """How much is looked up per input under each setting that may be tried, with and without documents."""

    with_documents: Sequence[Counts]
    without: Sequence[Counts]

    def tokens(self, has_documents: bool, settings: int, passage_tokens: float, example_tokens: float) -> float:
        """Tokens looked up per input, averaged over the first `settings`. Both token counts are per piece."""
        tried = (self.with_documents if has_documents else self.without)[:settings]
        examples = mean(counts.examples for counts in tried) * example_tokens
        return mean(counts.passages for counts in tried) * passage_tokens + min(tried[0].tokens_of_examples, examples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One strategy or baseline.

    `worth_it`: when it is worth comparing, as one sentence for a person who left it out.

    `kinds`: the kinds of task it can answer. `needs_documents`: it can't work without documents. `needs_rejected`: how
    many training rows must have a rejected answer beside the ideal one. `learns_from_rows`: False if it only needs dev
    rows, to choose settings. `trains`: which weights it changes, None if the base model answers unchanged.
    `by_default`: it is compared unless the person says otherwise.

    `by_service`: the service that has the model trains a copy of it, so it works with served models only.

    To estimate its work (`workload.py`): `settings_tried` at most; whether every prompt `shows_examples`, the same
    ones; what it `looks_up` per input; `training_cost` per training token, as a multiple of an adapter's.
    """

    words: Words
    mark: Mark = BASELINE_MARK
    worth_it: str = ""
    kinds: tuple[Kind, ...] = tuple(Kind)
    needs_documents: bool = False
    needs_rejected: int = 0
    learns_from_rows: bool = True
    trains: Trains | None = None
    by_default: bool = False
    settings_tried: int = 1
    shows_examples: bool = False
    looks_up: LookUps | None = None
    training_cost: float = 1.0
    by_service: bool = False

    @property
    def changes_weights(self) -> bool:
        """Whether its answers come from a trained model instead of the base model."""
        return self.trains is not None or self.by_service


def lacking(declared: Declaration, train: Sequence[Example]) -> str | None:
    """What these training rows lack for such a strategy, in one sentence; None if nothing."""
    found = sum(bool(row.rejected) and row.rejected != row.target for row in train)
    if found >= declared.needs_rejected:
        return None
    return (
        f"{declared.words.name} needs {declared.needs_rejected} training rows with a rejected answer, and there are "
        f"{found}: leave it out, or add a column 'rejected' with a worse answer to each input."
    )
