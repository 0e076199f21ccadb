"""The vocabulary of a task: what a person uploads, and how it is divided for a fair measurement."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import regex


class BadInput(ValueError):
    """Something a person gave cannot be used.

    The message is one plain sentence that says what is wrong, where (file, row, column) and how to mend it; it is
    shown to the person as it stands, on a page or on standard error.
    """


class Kind(StrEnum):
    """What an answer is; it fixes the primary metric before anything runs."""

    CLASSIFICATION = "classification"
    EXTRACTION = "extraction"
    ANSWERING = "answering"
    WRITING = "writing"


@dataclass(frozen=True, slots=True)
class Example:
    """One input with its ideal output.

    `group` ties examples that must stay on one side of the split (the same customer, the same document);
    `split` is the side the person asked for ("train", "dev", "test") or None;
    `document_ids` names the documents that hold the answer, where the person knows them; `also_right` are further
    answers that are as good as `target`.
    """

    id: str
    input: str
    target: str
    group: str | None = None
    split: str | None = None
    document_ids: tuple[str, ...] = ()
    also_right: tuple[str, ...] = ()

    @property
    def answers(self) -> tuple[str, ...]:
        """Every answer that is right."""
        return (self.target, *self.also_right)


@dataclass(frozen=True, slots=True)
class Document:
    """A text that may be looked up when a question is answered."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Metric:
    """How an answer is scored, settled before anything runs. Another way of scoring has another `name`, so that unlike
    scores are never compared.

    `carries` says that the facts of an answer are those its input holds; `required` are phrases, or patterns after
    "re:", that every answer must contain; `own` is a person's own function, "file.py:function".
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
    """A dataset with its meaning. `instruction` is "" when the person wrote none; `labels` belong to classification;
    `metric` is None until it is settled, and follows from the data then."""

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
    """All that `fit` may see: learn from train, choose settings on dev."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """Three disjoint parts of a task's examples. Test is read once, by the runner.

    `notes` says in plain sentences what was done to keep the parts apart (rows dropped, rows sampled).
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
_SIGNS = regex.compile(r"[\p{P}\p{S}]+")
_END = regex.compile(r"(?<=\p{L}) [.?!。]+$|(?<=\S) ?[.?。]+$")


def normalised(text: str) -> str:
    """The form in which two inputs count as the same: folded, with signs set apart.

    Case, spacing, the width of letters, the form of quotation marks and a full stop or question mark at the end make
    no difference. Every other sign does: 3+4, 3-4 and 3*4 are three inputs.
    """
    folded = _FOLDABLE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text.translate(_WRITTEN_ALIKE))
    return _END.sub("", " ".join(_SIGNS.sub(r" \g<0> ", folded.casefold()).split()))


def labels_of(examples: Iterable[Example]) -> tuple[str, ...]:
    """Every label among the targets, sorted, so that the order never depends on the order of the rows."""
    return tuple(sorted({example.target for example in examples}))
