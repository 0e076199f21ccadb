"""The vocabulary of a task: what a person uploads, and how it is divided for a fair measurement."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

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
    meanings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A dataset with its meaning. `instruction` is "" if the person wrote none; `metric` is None until it is chosen
    from the data. `labels` are all possible answers, or parts of one in a multi-label task: sorted, numbers by value,
    and empty if answers are written. `meanings` are labels with what the person says they mean, for some or none."""

    name: str
    kind: Kind
    instruction: str
    examples: tuple[Example, ...]
    documents: tuple[Document, ...] = ()
    labels: tuple[str, ...] = ()
    metric: Metric | None = None
    meanings: tuple[tuple[str, str], ...] = ()

    @property
    def brief(self) -> Brief:
        return Brief(self.name, self.kind, self.instruction, self.labels, self.metric, self.meanings)


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


# Left out: soft hyphens, zero-width spaces, marks of the writing direction, and how an emoji is drawn. Joiners stay:
# they make one emoji of several, and other words in Persian and Hindi.
_INVISIBLE = (
    "\u00ad\u200b\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff"
)
_WRITTEN_ALIKE = str.maketrans("‘’‚‛´“”„‟«»−‐‑‒–—―", '\'\'\'\'\'""""""-------', _INVISIBLE)
# 10² is not 102, and xⁿ is not xn.
_FOLDABLE = regex.compile(r"[^\p{No}ªº\u02b0-\u02b8\u02e0-\u02e4\u1d2c-\u1d6a\u1d78\u1d9b-\u1dbf\u2071-\u209c]+")
_ASCII_SIGNS = re.compile(r"([!-/:-@\[-`{-~]+)")
_SIGNS = regex.compile(r"([\p{P}\p{S}]+)")
_MAY_BE_CODE = re.compile(r"[{}=\\|<>^_`*+$/;\-\[(]")  # saves most of the time
_CODE = re.compile(r"[{}=\\|<>^_`*+]|\w[\[(]|\$[A-Za-z]|://|;\s*$|(?<!\S)(?:--?[A-Za-z]|[./]\w+/)", re.MULTILINE)
_THREE_WORDS = re.compile(r"\S\s+\S+\s+\S")
_LONG_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]{2}")
_STOPS = ".。।۔"
_UNSPACED_SENTENCE = regex.compile(r"(?:[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*){5}")


def normalised(text: str) -> str:
    """Two inputs count as equal if their normalised forms are equal.

    Spacing, letter width, the style of quotation marks and dashes, and a final full stop make no difference. Neither do
    capitals and a final question or exclamation mark in sentences. In code and single words they do: US and us are two
    inputs, and so are getName and getname. Every other sign makes a difference: 3+4, 3-4 and 3*4 are three inputs.
    """
    signs = _ASCII_SIGNS
    if not text.isascii():
        text, signs = text.translate(_WRITTEN_ALIKE), _SIGNS
        text = _FOLDABLE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    is_code = _MAY_BE_CODE.search(text) is not None and _CODE.search(text) is not None
    if not is_code and _is_sentence(text):
        text = text.lower()
    found = " ".join(signs.split(text)).split()
    if len(found) > 1 and not is_code and found[-1][-1] in f"{_STOPS}?؟!":
        found[-1] = found[-1].rstrip(_ends_without_meaning(found))
    return " ".join(found).rstrip()


def _is_sentence(text: str) -> bool:
    """At least three words, two of them longer than a letter."""
    return _THREE_WORDS.search(text) is not None and next(islice(_LONG_WORD.finditer(text), 1, None), None) is not None


def _ends_without_meaning(pieces: Sequence[str]) -> str:
    """The final marks that say nothing: "Stop!", "Stop?" and "5!" need theirs."""
    *before, _ = pieces
    if len(before) == 1 and not _UNSPACED_SENTENCE.search(before[0]):
        return _STOPS
    last = before[-1][-1]
    return f"{_STOPS}?؟!" if unicodedata.category(last)[0] in "LM" else f"{_STOPS}?؟"


def labels_of(examples: Iterable[Example]) -> tuple[str, ...]:
    """Every label among the targets, sorted, so that the order of the rows doesn't matter."""
    return tuple(sorted({example.target for example in examples}))
