"""One score in [0, 1] an answer. The metric follows from the task's kind, so nobody can pick it after the fact."""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eval.task import BadInput, Kind

METRIC_NAMES: dict[Kind, str] = {
    Kind.CLASSIFICATION: "accuracy",
    Kind.EXTRACTION: "field F1",
    Kind.ANSWERING: "answer F1",
    Kind.WRITING: "chrF",
}

METRIC_MEANINGS: dict[Kind, str] = {
    Kind.CLASSIFICATION: "The share of rows whose label is exactly the expected one.",
    Kind.EXTRACTION: (
        "How well the fields match the expected ones; missing, wrong and invented fields all cost. "
        "An answer that is not JSON scores 0."
    ),
    Kind.ANSWERING: (
        "How much of its words the answer shares with the expected one, from 0 to 1; missing and extra words both "
        "cost; from .5 on it counts as right. Capitals, punctuation and articles do not count."
    ),
    Kind.WRITING: "How many short runs of letters the text shares with the expected one.",
}

METRIC_FORMULAS: dict[Kind, str] = {
    Kind.CLASSIFICATION: "1 where the label is the expected one, blanks around it aside, else 0.",
    Kind.EXTRACTION: (
        "2 × the fields that agree ÷ (the fields given + the fields expected). Fields agree where they are called the "
        "same and have the same value: capitals and blanks do not count, 2 is 2.0 but not the text “2”, null and empty "
        "are no field, and the items of a list may come in any order."
    ),
    Kind.ANSWERING: (
        "2 × the words shared ÷ (the words given + the words expected), in small letters and without punctuation and "
        "articles, as for SQuAD (Rajpurkar et al., 2016)."
    ),
    Kind.WRITING: "chrF of sacrebleu ÷ 100, from runs of one to six letters, what is missing weighing double.",
}

# An answer with an F1 from here on holds the expected fact more than it misses it.
_RIGHT_ANSWER_F1 = 0.5


@dataclass(frozen=True, slots=True)
class Score:
    """The primary metric in [0, 1], and secondary ones by name, in [0, 1] as well."""

    value: float
    parts: dict[str, float] = field(default_factory=dict)


def score(kind: Kind, text: str, target: str) -> Score:
    """How good the answer `text` is where `target` was expected.

    Parts: extraction has `valid` (it is JSON of the expected outer shape) and `exact`; answering has `exact`.
    Raises BadInput when the target of an extraction is not JSON.
    """
    match kind:
        case Kind.CLASSIFICATION:
            return Score(float(text.strip() == target.strip()))
        case Kind.EXTRACTION:
            return _field_f1(text, target)
        case Kind.ANSWERING:
            return _answer_f1(text, target)
        case Kind.WRITING:
            from sacrebleu import sentence_chrf  # as long to import as numpy, and other kinds can do without

            return Score(min(1.0, sentence_chrf(text, [target]).score / 100))


def read_json(text: str) -> dict[str, Any] | list[Any] | None:
    """The object or list that `text` is, which can be scored; None when it is neither, or JSON only to Python (NaN)."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        value = json.loads(text, parse_constant=refuse)
        _count_leaves(value)  # a babbling model can nest deeper than the comparison may recurse
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def is_right(kind: Kind, value: float, parts: Mapping[str, float]) -> bool | None:
    """Whether an answer with this score and these parts is marked right; None for writing, where none is.

    A label must be exact; every field of an extraction must be; a short answer needs an F1 of at least one half, so
    that "in Paris" is right where "Paris" was expected.
    """
    match kind:
        case Kind.CLASSIFICATION:
            return value == 1
        case Kind.EXTRACTION:
            return parts.get("exact", 0.0) == 1
        case Kind.ANSWERING:
            return value >= _RIGHT_ANSWER_F1
        case Kind.WRITING:
            return None


def _f1(shared: int, found: int, expected: int) -> float:
    """Harmonic mean of precision and recall; 1 when nothing was expected and nothing found."""
    return 2 * shared / (found + expected) if found + expected else 1.0


def _field_f1(text: str, target: str) -> Score:
    expected = read_json(target)
    if expected is None:
        raise BadInput(f"The expected answer {target[:60]!r} is not JSON; write it as an object such as {{}}.")
    answer = read_json(text)
    if type(answer) is not type(expected):
        return Score(0.0, {"valid": 0.0, "exact": 0.0})
    value = _f1(_shared_leaves(answer, expected), _count_leaves(answer), _count_leaves(expected))
    return Score(value, {"valid": 1.0, "exact": float(value == 1)})


def _count_leaves(value: Any) -> int:
    """How many fields say something. One that is null or empty says nothing, as if it were absent."""
    if isinstance(value, dict):
        return sum(map(_count_leaves, value.values()))
    if isinstance(value, list):
        return sum(map(_count_leaves, value))
    return 0 if value is None or value == "" else 1


def _shared_leaves(answer: Any, expected: Any) -> int:
    """How many fields agree. The order of a list does not count: its items are paired so that most fields agree."""
    if isinstance(answer, dict) and isinstance(expected, dict):
        return sum(_shared_leaves(answer[key], expected[key]) for key in answer.keys() & expected.keys())
    if isinstance(answer, list) and isinstance(expected, list):
        if not answer or not expected:
            return 0
        from scipy.optimize import linear_sum_assignment  # half a second, which most processes can do without

        shared = np.array([[_shared_leaves(item, other) for other in expected] for item in answer])
        return int(shared[linear_sum_assignment(shared, maximize=True)].sum())
    if _count_leaves(answer) != 1 or isinstance(answer, dict | list):
        return 0
    return int(comparable(answer) == comparable(expected))


def comparable(leaf: Any) -> tuple[str, Any]:
    """A value with its type: 2 equals 2.0, but neither equals "2" or true."""
    if isinstance(leaf, str):
        return "text", " ".join(unicodedata.normalize("NFKC", leaf).casefold().split())
    if isinstance(leaf, bool):
        return "truth", leaf
    if isinstance(leaf, int | float):
        return "number", leaf
    return "nothing", None


def _answer_f1(text: str, target: str) -> Score:
    found, expected = Counter(answer_words(text)), Counter(answer_words(target))
    value = _f1((found & expected).total(), found.total(), expected.total())
    return Score(value, {"exact": float(answer_words(text) == answer_words(target))})


class _WithoutPunctuation(dict[int, int | None]):
    """For `str.translate`: what becomes of a sign, worked out when it is first met."""

    def __missing__(self, code: int) -> int | None:
        is_punctuation = chr(code) in string.punctuation or unicodedata.category(chr(code)).startswith("P")
        return self.setdefault(code, None if is_punctuation else code)


_NO_PUNCTUATION = _WithoutPunctuation()
ARTICLES = ("a", "an", "the")
_ARTICLES = re.compile(rf"\b({'|'.join(ARTICLES)})\b")


def unpunctuated(text: str) -> str:
    """A text in small letters, without the punctuation of any script."""
    return text.lower().translate(_NO_PUNCTUATION)


def answer_words(text: str) -> list[str]:
    """The normalisation of SQuAD (Rajpurkar et al., 2016), with the punctuation of every script, as in MLQA."""
    kept = unpunctuated(text)
    return _ARTICLES.sub(" ", kept).split() or kept.split()  # the answer "A" is not nothing
