"""Answers with several labels: how far the given labels are the expected ones, row by row and over all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.mapping.label_sets import labels_in
from eval.outcomes import Outcome
from eval.scoring.labels import LabelRates, label_key
from eval.statistics.reweighted import Average, averages


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many labels were given, expected and both."""

    given: int
    expected: int
    both: int

    @staticmethod
    def of(text: str, answer: str) -> Overlap:
        given, expected = keys_of(text), keys_of(answer)
        return Overlap(len(given), len(expected), len(given & expected))

    @property
    def f1(self) -> float:
        return 2 * self.both / (self.given + self.expected) if self.given + self.expected else 1.0

    @property
    def recall(self) -> float:
        """1 if no label is expected: none is missing."""
        return self.both / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        """1 if no label is given: none is wrong."""
        return self.both / self.given if self.given else 1.0

    @property
    def is_exact(self) -> bool:
        return self.both == self.given == self.expected


def keys_of(answer: str) -> frozenset[str]:
    return frozenset(map(label_key, labels_in(answer)))


@dataclass(frozen=True, slots=True)
class LabelAverages:
    """F1 over the labels of all rows together (`micro`), and averaged over the labels that a row expects (`macro`)."""

    micro: Average
    macro: Average


def label_averages(outcomes: Sequence[Outcome], groups: Sequence[str] | None = None) -> LabelAverages:
    """From outcomes that record the expected labels."""
    _, expected, given = _table(outcomes)
    return LabelAverages(*averages(lambda weights: _f1(weights, expected, given), len(outcomes), groups))


def _f1(weights: NDArray[np.float64], expected: NDArray[np.bool_], given: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Micro and macro F1 under these weights of the rows ([draws, rows]): [draws, 2]."""
    right = weights @ (expected & given)
    stated = weights @ expected.astype(np.float64) + weights @ given.astype(np.float64)  # 2 TP + FP + FN
    is_expected = expected.any(axis=0)
    by_label = np.divide(2 * right, stated, out=np.zeros_like(right), where=stated > 0)[:, is_expected]
    micro = 2 * right.sum(axis=1) / np.maximum(stated.sum(axis=1), 1e-12)
    macro = by_label.mean(axis=1) if is_expected.any() else np.ones(len(weights))
    return np.column_stack([micro, macro])


def rates_of_sets(outcomes: Sequence[Outcome]) -> tuple[LabelRates, ...]:
    """Precision and recall of each label that a row expects, sorted by name."""
    names, expected, given = _table(outcomes)
    rates = []
    for at, name in enumerate(names):
        rows, got, both = (int(each.sum()) for each in (expected[:, at], given[:, at], expected[:, at] & given[:, at]))
        if rows:
            rates.append(LabelRates(name, rows, both / got if got else None, both / rows))
    return tuple(rates)


def _table(outcomes: Sequence[Outcome]) -> tuple[list[str], NDArray[np.bool_], NDArray[np.bool_]]:
    """The labels, sorted, and which of them each row expects and got, [rows, labels] each."""
    answers = [(one.expected or "", "" if one.error else one.text) for one in outcomes]
    names = {label_key(label): label for pair in reversed(answers) for text in pair[::-1] for label in labels_in(text)}
    places = {key: at for at, key in enumerate(sorted(names))}
    sides = np.zeros((2, len(answers), len(places)), dtype=bool)
    for row, pair in enumerate(answers):
        for side, text in enumerate(pair):
            for key in keys_of(text):
                sides[side, row, places[key]] = True
    return [names[key] for key in sorted(names)], sides[0], sides[1]
