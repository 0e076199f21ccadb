"""What a strategy says of itself. The record stands in the strategy's own file, and whatever else has to be known of a
strategy is read from it. It loads no model, so the pages can read it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Literal

from eval.task import Kind

if TYPE_CHECKING:  # it imports the strategies
    from strategies.open_book import Counts

# Symbols of Vega-Lite; style.css and the report's templates draw the same.
Shape = Literal[
    "circle", "square", "cross", "diamond", "triangle-up", "triangle-down", "triangle-right", "triangle-left"
]


@dataclass(frozen=True, slots=True)
class Words:
    """A strategy in plain words: its name, what it is like, and what it does; of a baseline also what it does as the
    subject of a sentence: "a linear classifier on words is as good"."""

    name: str
    analogy: str
    explanation: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """How a strategy is drawn. Its shape tells it apart where colours cannot."""

    colour: str
    shape: Shape


BASELINE_MARK = Mark("#8A8F98", "cross")  # grey, for all baselines


@dataclass(frozen=True, slots=True)
class LookUps:
    """How much is looked up for an input, under each setting that may be tried, with documents and without."""

    with_documents: Sequence[Counts]
    without: Sequence[Counts]

    def tokens(self, has_documents: bool, settings: int, passage_tokens: float, example_tokens: float) -> float:
        """Tokens that are looked up for an input, averaged over the first `settings`; both sizes are of one piece."""
        tried = (self.with_documents if has_documents else self.without)[:settings]
        examples = mean(counts.examples for counts in tried) * example_tokens
        return mean(counts.passages for counts in tried) * passage_tokens + min(tried[0].tokens_of_examples, examples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One strategy or baseline.

    `kinds`: of task that it can answer; `needs_documents`: whether it can do nothing without; `learns_from_rows`: False
    where only dev rows are needed, to choose settings on; `trains`: which weights it changes, None where what answers
    is the base model; `by_default`: whether it is compared unless the person says otherwise.

    How its work is estimated (`workload.py`): `settings_tried` on dev at most; `looks_up` for each input;
    `training_cost` of a token trained on, as a multiple of an adapter's.
    """

    words: Words
    mark: Mark = BASELINE_MARK
    kinds: tuple[Kind, ...] = tuple(Kind)
    needs_documents: bool = False
    learns_from_rows: bool = True
    trains: Literal["adapter", "some weights", "all weights"] | None = None
    by_default: bool = False
    settings_tried: int = 1
    looks_up: LookUps | None = None
    training_cost: float = 1.0
