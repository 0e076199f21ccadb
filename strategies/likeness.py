"""Which rows practically give each other's answer away."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eval.splitting.clusters import with_continued
from eval.splitting.duplicates import compare_inputs
from eval.task import Example


def likeness_of(rows: Sequence[Example]) -> Callable[[str, str], bool]:
    """Whether two rows, given by id, are the same, of the same group or conversation, or have (nearly) the same input.
    One such row practically gives the other's answer away."""
    likeness = with_continued(rows, compare_inputs([row.input for row in rows]))
    key = {row.id: int(key) for row, key in zip(rows, likeness.key, strict=True)}
    group = {row.id: row.group for row in rows}
    near = {(a, b) for a, b in likeness.pairs.tolist()}

    def are_alike(one: str, other: str) -> bool:
        low, high = sorted((key[one], key[other]))
        return low == high or (low, high) in near or (group[one] is not None and group[one] == group[other])

    return are_alike
