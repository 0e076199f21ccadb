"""Rows whose label is probably wrong, judged by the labels of the rows that say nearly the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.task import Kind, Task

Encode = Callable[[Sequence[str]], NDArray[np.float32]]

_NEIGHBOURS = 5
_BLOCK_ROWS = 512


def find_wrong_labels(task: Task, encode: Encode) -> dict[str, str]:
    """The suggested label of each suspicious row, by the row's id, in file order.

    A row is suspicious if at least four of its five nearest rows share one other label and none has its own. `encode`
    turns texts into unit vectors, shape [texts, dimensions].
    """
    if task.kind is not Kind.CLASSIFICATION or len(task.examples) <= _NEIGHBOURS:
        return {}
    vectors = encode([example.input for example in task.examples])
    suggested: dict[str, str] = {}
    for start in range(0, len(vectors), _BLOCK_ROWS):
        likeness = vectors[start : start + _BLOCK_ROWS] @ vectors.T
        likeness[np.arange(len(likeness)), np.arange(start, start + len(likeness))] = -np.inf  # not itself
        nearest = np.argpartition(-likeness, _NEIGHBOURS - 1, axis=1)[:, :_NEIGHBOURS]
        for example, others in zip(task.examples[start:], nearest, strict=False):
            votes = Counter(task.examples[i].target for i in others.tolist())
            label, count = votes.most_common(1)[0]
            if example.target not in votes and count >= _NEIGHBOURS - 1:
                suggested[example.id] = label
    return suggested
