"""Scores that weigh every label equally, however many rows it has. They aren't means over rows; they follow from which
label each row should get and which it got."""

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
    """The expected and the given labels of some rows, in the same order and written alike (`label_key`), and the
    metric, one of `OF_LABELS`, that turns them into one score. In a learning curve, a row that was not asked has None.

    The score is the unweighted mean, over the labels that at least one row expects, of F1 = 2 TP ÷ (2 TP + FP + FN) or
    of recall. A given label that no row expects has no F1 or recall of its own: it only lowers the recall of the right
    label.
    """

    metric: str
    expected: tuple[str, ...]
    given: tuple[str | None, ...]

    @staticmethod
    def of(metric: str, expected: Iterable[str], texts: Iterable[str], scores: Iterable[float]) -> LabelAnswers:
        """From each row's label, its answer ("" if there was none), and whether that was right (1). A row with several
        right labels counts towards the first, whichever of them it got."""
        labels = tuple(map(label_key, expected))
        given = tuple(
            label if score == 1 else label_key(text) for label, text, score in zip(labels, texts, scores, strict=True)
        )
        return LabelAnswers(metric, labels, given)

    @staticmethod
    def of_outcomes(metric: str, outcomes: Sequence[Outcome]) -> LabelAnswers:
        """From outcomes that record the expected label."""
        expected = [one.expected or "" for one in outcomes]
        return LabelAnswers.of(metric, expected, [one.text for one in outcomes], [one.score for one in outcomes])

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Which rows were asked, [rows]."""
        return np.array([label is not None for label in self.given])

    def on(self, rows: NDArray[np.bool_]) -> LabelAnswers:
        """The same for these rows only, [rows]."""
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
        """Labels as numbers, [2, rows]: expected, then given; and how many labels are expected. A label that no row
        expects gets the number after the last."""
        labels = {label: place for place, label in enumerate(sorted(set(self.expected)))}
        places = [[labels.get(label or "", len(labels)) for label in side] for side in (self.expected, self.given)]
        return np.array(places, dtype=np.int64), len(labels)


def label_key(text: str) -> str:
    """Two texts are the same label if their keys are equal."""
    return folded(text).strip()


def is_label(places: Places, labels: int) -> Numbers:
    """1 where a row has the label, [rows, labels]."""
    return np.asarray(places[:, None] == np.arange(labels), dtype=np.float64)


def score_of_counts(metric: str, expected: Numbers, given: Numbers, right: Numbers) -> Numbers:
    """The score, [draws], from how often each label was expected, given, and both, [draws, labels] each. A label that
    is never expected doesn't count."""
    whole = expected if metric == MetricName.BALANCED_ACCURACY else (expected + given) / 2
    rates = np.divide(right, whole, out=np.zeros_like(right), where=expected > 0)
    return np.asarray(rates.sum(axis=1) / (expected > 0).sum(axis=1))


@dataclass(frozen=True, slots=True)
class LabelRates:
    """How often one label was found: the share of the `rows` with this label that got it (recall), and the share of the
    rows that got it to which it belongs (precision, None if no row got it)."""

    label: str
    rows: int
    precision: float | None
    recall: float


def rates_by_label(outcomes: Sequence[Outcome]) -> tuple[LabelRates, ...]:
    """The rates of each label that a row expects, sorted by name; empty if outcomes record no expected label because
    answers aren't labels."""
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
