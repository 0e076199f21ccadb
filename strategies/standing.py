"""How training rows stand to their labels: which are typical, which are near another label, which contradict the rest.

Compared by their letters (TF-IDF of pieces of words, as in the baselines), which works in every language and takes
milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.mapping.label_sets import NO_LABEL, labels_in
from eval.splitting.stable_order import stable_hash
from eval.task import Brief, Example, Kind

MOST_COMPARED = 4000  # rows, which take half a second


@dataclass(frozen=True, slots=True)
class Standing:
    """`typical`: the cosine between a row and the mean of the other rows with its label. `margin`: how far that is
    above the nearest other label; below 0, another label is nearer, so the row may be labelled wrongly."""

    row: Example
    labels: tuple[str, ...]
    typical: float
    margin: float

    @property
    def contradicts(self) -> bool:
        return self.margin < 0


def labels_of(row: Example, brief: Brief) -> tuple[str, ...]:
    """The labels in a row's answer; () in a task without labels."""
    if not brief.labels:
        return ()
    return (labels_in(row.target) or (NO_LABEL,)) if brief.kind is Kind.MULTI_LABEL else (row.target,)


def standings(rows: Sequence[Example], brief: Brief) -> list[Standing]:
    """Of at most `MOST_COMPARED` rows, the same ones whatever the order. In a task without labels, all rows are
    compared with each other and none contradicts. A row with several labels is judged by the first."""
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer  # takes a second to import, and pages read this file

    rows = sorted(rows, key=lambda row: stable_hash(row.input, row.target))[:MOST_COMPARED]
    labels = [labels_of(row, brief) for row in rows]
    if not any(row.input.strip() for row in rows):
        return [Standing(row, its, 0.0, 0.0) for row, its in zip(rows, labels, strict=True)]
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True).fit_transform(
        [row.input for row in rows]
    )
    names = sorted({its[0] for its in labels if its})
    own = np.array([names.index(its[0]) if its else len(names) for its in labels])
    has = csr_matrix((np.ones(len(rows)), (own, np.arange(len(rows)))), shape=(len(names) + 1, len(rows)))
    sums = has @ vectors
    products = (vectors @ sums.T).toarray()
    squares, lengths = (np.asarray(each.multiply(each).sum(axis=1)).ravel() for each in (vectors, sums))
    return [
        Standing(row, its, *_judged(products[at], squares[at], lengths, own[at], len(names)))
        for at, (row, its) in enumerate(zip(rows, labels, strict=True))
    ]


def _judged(
    products: NDArray[np.float64], square: float, lengths: NDArray[np.float64], own: int, labels: int
) -> tuple[float, float]:
    """Typicality and margin of one row: its products with the sums of all labels, [labels + 1], and the squared lengths
    of these."""
    others = np.sqrt(np.maximum(lengths[own] - 2 * products[own] + square, 1e-12))  # its label's sum without itself
    typical = float((products[own] - square) / others) if others > 1e-5 else 0.0
    rivals = [products[at] / np.sqrt(lengths[at]) for at in range(labels) if at != own and lengths[at] > 0]
    return typical, typical - float(max(rivals)) if rivals and others > 1e-5 else 0.0
