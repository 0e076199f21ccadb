"""Rows that give each other's answer away: they stay in one part of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eval.splitting.continued import continued
from eval.splitting.duplicates import Likeness, compare_inputs
from eval.task import Example


def clusters_of(examples: Sequence[Example]) -> list[list[Example]]:
    """The examples in clusters of equal or nearly equal inputs, groups and conversations; most are alone."""
    if not examples:
        return []
    likeness = with_continued(examples, compare_inputs([example.input for example in examples]))
    clusters: dict[int, list[Example]] = {}
    for example, number in zip(examples, cluster_numbers(examples, range(len(examples)), likeness), strict=True):
        clusters.setdefault(number, []).append(example)
    return list(clusters.values())


def with_continued(examples: Sequence[Example], likeness: Likeness) -> Likeness:
    """Rows of one conversation count as alike."""
    pairs = [sorted((int(likeness.key[first]), int(likeness.key[row]))) for first, row in continued(examples)]
    if not pairs:
        return likeness
    return replace(likeness, pairs=np.concatenate([likeness.pairs, np.array(pairs, dtype=np.intp)]))


def cluster_numbers(examples: Sequence[Example], rows: Sequence[int], likeness: Likeness) -> list[int]:
    """A number for each row, equal for rows connected by input or group, directly or through other rows."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    keys = int(likeness.key.max()) + 1
    groups: dict[str, int] = {}
    ties = [
        (int(likeness.key[row]), keys + groups.setdefault(group, len(groups)))
        for row in rows
        if (group := examples[row].group) is not None
    ]
    present = np.zeros(keys, dtype=bool)
    present[likeness.key[rows]] = True
    near = likeness.pairs[present[likeness.pairs].all(axis=1)]  # rows of another side connect nothing here
    edges = np.concatenate([near, np.array(ties, dtype=np.intp).reshape(-1, 2)])
    size = keys + len(groups)
    graph = coo_array((np.ones(len(edges), dtype=bool), (edges[:, 0], edges[:, 1])), shape=(size, size))
    _, numbers = connected_components(graph, directed=False)
    found: list[int] = numbers[likeness.key[rows]].tolist()
    return found
