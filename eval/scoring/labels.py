"""Scores that count every label alike, however many rows it has: no means over rows, but figures of which label each
row should get and which it got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.outcomes import Outcome
from eval.scoring.metric import MetricName
from eval.scoring.words import folded

OF_LABELS = (MetricName.MACRO_F1, MetricName.BALANCED_ACCURACY)

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LabelAnswers:
    """The labels that were expected of some rows and those that were given, in the same order and written alike
    (`label_key`), and the metric, one of `OF_LABELS`, that makes one score of them all. A row that was not asked, in a
    learning curve, was given None.

    The score is the unweighted mean, over the labels that are expected of at least one row, of
    F1 = 2 TP ÷ (2 TP + FP + FN) or of recall. A label that was given but is expected of no row has no F1 and no recall
    of its own: it costs the recall of the label that was right, and nothing more.
    """

    metric: str
    expected: tuple[str, ...]
    given: tuple[str | None, ...]

    @staticmethod
    def of(metric: str, expected: Iterable[str], texts: Iterable[str], scores: Iterable[float]) -> LabelAnswers:
        """From each row's label, the answer to it, "" where there was none, and whether that was right (1). A row of
        several right labels counts as one of the first, whichever of them it got."""
        labels = tuple(map(label_key, expected))
        given = tuple(
            label if score == 1 else label_key(text) for label, text, score in zip(labels, texts, scores, strict=True)
        )
        return LabelAnswers(metric, labels, given)

    @staticmethod
    def of_outcomes(metric: str, outcomes: Sequence[Outcome]) -> LabelAnswers:
        """From outcomes that note which label was expected."""
        expected = [one.expected or "" for one in outcomes]
        return LabelAnswers.of(metric, expected, [one.text for one in outcomes], [one.score for one in outcomes])

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Which rows, [rows]."""
        return np.array([label is not None for label in self.given])

    def on(self, rows: NDArray[np.bool_]) -> LabelAnswers:
        """Of these rows alone, [rows]."""
        kept = np.flatnonzero(rows).tolist()
        return LabelAnswers(self.metric, tuple(self.expected[at] for at in kept), tuple(self.given[at] for at in kept))

    @property
    def score(self) -> float:
        places, labels = self.places()
        weights = np.ones((1, places.shape[1]))
        expected, given = (weights @ is_label(side, labels) for side in places)
        right = weights @ is_label(np.where(places[0] == places[1], places[0], labels), labels)
        return float(score_of_counts(self.metric, expected, given, right)[0])

    def places(self) -> tuple[Places, int]:
        """The place of each label among those expected, [2, rows]: expected, then given. One that is expected of no row
        has the place after the last. And how many labels are expected."""
        labels = {label: place for place, label in enumerate(sorted(set(self.expected)))}
        places = [[labels.get(label or "", len(labels)) for label in side] for side in (self.expected, self.given)]
        return np.array(places, dtype=np.int64), len(labels)


def label_key(text: str) -> str:
    """Two texts are the same label where this is the same."""
    return folded(text).strip()


def is_label(places: Places, labels: int) -> Numbers:
    """1 where a row has the label, [rows, labels]."""
    return np.asarray(places[:, None] == np.arange(labels), dtype=np.float64)


def score_of_counts(metric: str, expected: Numbers, given: Numbers, right: Numbers) -> Numbers:
    """The score, [draws], from how often each label was expected, given, and both, [draws, labels] each. A label that
    is never expected does not count."""
    whole = expected if metric == MetricName.BALANCED_ACCURACY else (expected + given) / 2
    rates = np.divide(right, whole, out=np.zeros_like(right), where=expected > 0)
    return np.asarray(rates.sum(axis=1) / (expected > 0).sum(axis=1))


@dataclass(frozen=True, slots=True)
class LabelRates:
    """How often one label was found: of the `rows` that should get it (recall), and of those that got it (precision,
    None where none did)."""

    label: str
    rows: int
    precision: float | None
    recall: float


def rates_by_label(outcomes: Sequence[Outcome]) -> tuple[LabelRates, ...]:
    """For each label that was expected of a row, by its name; none where the outcomes note no expected label, as where
    answers are no labels."""
    names = {label_key(one.expected): one.expected for one in reversed(outcomes) if one.expected is not None}
    if not names:
        return ()
    answers = LabelAnswers.of_outcomes("", outcomes)
    rows, given = Counter(answers.expected), Counter(answers.given)
    right = Counter(label for label, got in zip(answers.expected, answers.given, strict=True) if label == got)
    return tuple(
        LabelRates(name, rows[key], right[key] / given[key] if given[key] else None, right[key] / rows[key])
        for key, name in sorted(names.items())
    )
