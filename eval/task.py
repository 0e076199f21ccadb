"""The vocabulary of a task: what a person uploads, and how it is divided for a fair measurement."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import regex


class BadInput(ValueError):
    """The person's input can't be used.

    The message is one sentence that says what is wrong, where (file, row, column) and how to fix it. The person sees it
    unchanged, on a page or on standard error.
    """


class Kind(StrEnum):
    """What an answer is. This fixes the primary metric before anything runs."""

    CLASSIFICATION = "classification"
    MULTI_LABEL = "multi-label"
    NUMBER = "number"
    EXTRACTION = "extraction"
    ANSWERING = "answering"
    WRITING = "writing"


LABELLED = (Kind.CLASSIFICATION, Kind.MULTI_LABEL, Kind.NUMBER)  # kinds whose answers can be compared row by row


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation: who says it ("user", "assistant", "system", "tool") and its text."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """One input with its ideal output.

    `group` ties examples that must stay on one side of the split (the same customer, the same document);
    `split` is the side the person asked for ("train", "dev", "test") or None;
    `document_ids` names the documents that hold the answer, if the person knows them; `also_right` are other answers as
    good as `target`; `rejected` is a worse answer, for preference tuning, or ""; `turns` are those of a conversation
    before the last message, and `input` holds them all as one text.
    """

    id: str
    input: str
    target: str
    group: str | None = None
    split: str | None = None
    document_ids: tuple[str, ...] = ()
    also_right: tuple[str, ...] = ()
    rejected: str = ""
    turns: tuple[Turn, ...] = ()

    @property
    def answers(self) -> tuple[str, ...]:
        """Every answer that is right."""
        return (self.target, *self.also_right)


@dataclass(frozen=True, slots=True)
class Document:
    """A text that a strategy may look up to answer a question."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Metric:
    """How an answer is scored, fixed before anything runs. Each way of scoring has its own `name`, so that scores are
    only compared with their own kind.

    `carries`: the facts of an answer come from its input. `required`: phrases, or patterns after "re:", that every
    answer must contain. `own`: a person's own function, "file.py:function".
    """

    name: str
    carries: bool = False
    required: tuple[str, ...] = ()
    own: str | None = None


@dataclass(frozen=True, slots=True)
class Brief:
    """What every strategy may know of a task before it sees an example."""

    name: str
    kind: Kind
    instruction: str
    labels: tuple[str, ...] = ()
    metric: Metric | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A dataset with its meaning. `instruction` is "" if the person wrote none; `metric` is None until it is chosen
    from the data. `labels` are all possible answers, or parts of one in a multi-label task: sorted, numbers by value,
    and empty if answers are written."""

    name: str
    kind: Kind
    instruction: str
    examples: tuple[Example, ...]
    documents: tuple[Document, ...] = ()
    labels: tuple[str, ...] = ()
    metric: Metric | None = None

    @property
    def brief(self) -> Brief:
        return Brief(self.name, self.kind, self.instruction, self.labels, self.metric)


@dataclass(frozen=True, slots=True)
class LearningSplit:
    """Everything `fit` may see: learn from train, choose settings on dev."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """Three disjoint parts of a task's examples. Test is read once, by the runner.

    `notes` are sentences on what was done to separate the parts (rows dropped, rows sampled).
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    notes: tuple[str, ...] = ()

    @property
    def without_test(self) -> LearningSplit:
        return LearningSplit(self.train, self.dev)


_WRITTEN_ALIKE = str.maketrans("‘’‚‛“”„‟«»−", '\'\'\'\'""""""-', "\u00ad\u200b\u2060\ufeff")
_FOLDABLE = regex.compile(r"[^\p{No}]+")  # 10² is not 102
_ASCII_SIGNS = re.compile(r"[!-/:-@\[-`{-~]+")
_SIGNS = regex.compile(r"[\p{P}\p{S}]+")
_END = regex.compile(r"(?<=\p{L}) [.?!。]+$|(?<=\S) ?[.?。]+$")


def normalised(text: str) -> str:
    """Two inputs count as equal if their normalised forms are equal.

    Case, spacing, letter width, the style of quotation marks and a final full stop or question mark make no difference.
    Every other sign does: 3+4, 3-4 and 3*4 are three inputs.
    """
    if text.isascii():  # the same in half the time: nothing to fold
        folded, signs = text.lower(), _ASCII_SIGNS
    else:
        folded = _FOLDABLE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text.translate(_WRITTEN_ALIKE))
        folded, signs = folded.casefold(), _SIGNS
    plain: str = _END.sub("", " ".join(signs.sub(r" \g<0> ", folded).split()))
    return plain


def labels_of(examples: Iterable[Example]) -> tuple[str, ...]:
    """Every label among the targets, sorted, so that the order of the rows doesn't matter."""
    return tuple(sorted({example.target for example in examples}))
