"""Labels that are probably wrong: confident learning (Northcutt et al., 2021) over sentence embeddings.

A linear model predicts each row from the other rows. Where it gives the row's own label less than rows of that label
usually get, and clearly prefers another, a person should look. Not among the checks of `check_task`, because it needs
an encoder and seconds to minutes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.checks.finding import Finding, counted
from eval.scoring.paraphrases import Encode
from eval.splitting.stable_order import stable_hash
from eval.task import Example, Kind, Task

MOST_ROWS = 5_000  # a label's rows are drawn in proportion beyond this
FEWEST_ROWS_A_LABEL = 5  # rows of rarer labels can't be judged
_FOLDS = 5
# How much likelier another label must be. Where labels are hard to tell apart, confident learning alone doubts 5.9 % of
# the clean rows of a sample, and 2.3 % with this; it found as many of the planted faults.
_TIMES_LIKELIER = 8
_INVERSE_REGULARISATION = 10.0  # best of 1, 10 and 50 on banking77 and clinc_banking15 with planted wrong labels


def check_wrong_labels(task: Task, encode: Encode) -> Finding | None:
    """The rows whose label is probably wrong, the most doubtful first, each with the label that fits better.

    None if nothing is doubtful, or if the task isn't a classification with two labels of enough rows. Deterministic for
    a deterministic `encode`.
    """
    rows = _judged_rows(task)
    labels = sorted({row.target for row in rows})
    if task.kind is not Kind.CLASSIFICATION or len(labels) < 2:
        return None
    number = {label: at for at, label in enumerate(labels)}
    given = np.array([number[row.target] for row in rows])
    doubts = _doubts(encode([row.input for row in rows]), given)
    if not doubts:
        return None
    suggested = tuple((rows[doubt.row].id, labels[doubt.better]) for doubt in doubts)
    looked_at = f" We looked at {len(rows):,} of {len(task.examples):,} rows." if len(rows) < len(task.examples) else ""
    return Finding(
        "wrong-labels",
        "warning",
        f"{counted(len(doubts), 'row', 'rows')} may have the wrong label.{looked_at}",
        "Similar rows have another label. Wrong labels teach mistakes and make right answers count as wrong. Some of "
        "these rows are only unusual, so look at each before you change it.",
        rows=tuple(row for row, _ in suggested),
        suggested=suggested,
    )


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A row, and the number of the label that fits it best."""

    row: int
    better: int


def _judged_rows(task: Task) -> list[Example]:
    rows = list(task.examples)
    if len(rows) > MOST_ROWS:
        drawn = set(sorted(range(len(rows)), key=lambda at: stable_hash("wrong labels", rows[at].input))[:MOST_ROWS])
        rows = [row for at, row in enumerate(rows) if at in drawn]
    counts = Counter(row.target for row in rows)
    return [row for row in rows if counts[row.target] >= FEWEST_ROWS_A_LABEL]


def _doubts(vectors: NDArray[np.float32], given: NDArray[np.intp]) -> list[_Doubt]:
    """As many rows as confident learning expects to be wrong, those with the least probability of their own label."""
    from cleanlab.filter import find_label_issues
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):  # beside a busy program, two threads take 30 times as long as one
        probabilities = cross_val_predict(
            LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=300),
            vectors,
            given,
            cv=StratifiedKFold(_FOLDS, shuffle=True, random_state=0),
            method="predict_proba",
        )
    issues = find_label_issues(
        given,
        probabilities,
        filter_by="low_self_confidence",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    best, every = probabilities.argmax(axis=1), np.arange(len(given))
    is_clear = probabilities[every, best] >= _TIMES_LIKELIER * probabilities[every, given]
    return [_Doubt(int(row), int(best[row])) for row in issues if is_clear[row]]
