"""Rows whose label may be wrong, judged by the labels of the rows that say nearly the same."""

from __future__ import annotations

from collections import Counter

import numpy as np

from eval.checks import Finding
from eval.scoring.paraphrases import Encode
from eval.task import Kind, Task

_NEIGHBOURS = 5
_BLOCK_ROWS = 512


def find_wrong_labels(task: Task, encode: Encode) -> tuple[Finding, dict[str, str]] | None:
    """The finding, and the label that would fit each of its rows, by the row's id; None if no row is suspicious.

    A row is suspicious if at least four of its five nearest rows share one other label and none has its own. `encode`
    turns texts into unit vectors, shape [texts, dimensions].
    """
    if task.kind is not Kind.CLASSIFICATION or len(task.examples) <= _NEIGHBOURS:
        return None
    vectors = encode([example.input for example in task.examples])
    suggested: dict[str, str] = {}
    for start in range(0, len(vectors), _BLOCK_ROWS):
        likeness = vectors[start : start + _BLOCK_ROWS] @ vectors.T
        likeness[np.arange(len(likeness)), np.arange(start, start + len(likeness))] = -np.inf  # not itself
        nearest = np.argpartition(-likeness, _NEIGHBOURS - 1, axis=1)[:, :_NEIGHBOURS]
        for example, others in zip(task.examples[start:], nearest, strict=False):
            votes = Counter(task.examples[i].target for i in others.tolist())
            label, agreeing = votes.most_common(1)[0]
            if example.target not in votes and agreeing >= _NEIGHBOURS - 1:
                suggested[example.id] = label
    if not suggested:
        return None
    count = "1 row" if len(suggested) == 1 else f"{len(suggested):,} rows"
    finding = Finding(
        "wrong-labels",
        "warning",
        f"{count} may have the wrong label.",
        "Rows that say nearly the same have another label. Wrong labels teach mistakes and make right answers count as "
        "wrong. Some of these rows are only unusual, so look at each before you change it.",
        rows=tuple(suggested),
    )
    return finding, suggested
