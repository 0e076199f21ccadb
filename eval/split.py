"""Dividing a task into train, dev and test so that what is measured was never learned."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from eval.duplicates import Likeness, compare_inputs
from eval.task import BadInput, Kind, Split, Task

DEV_SHARE = 0.15
TEST_SHARE = 0.25

_PURPOSES = {"train": "to learn from", "dev": "to choose settings on", "test": "to judge by"}


def split_task(task: Task, seed: int, max_test: int | None = None, max_dev: int | None = None) -> Split:
    """The three parts of `task`, the same for the same examples and seed.

    Sides given in the examples are honoured; rows without a side count as train. A side nobody asked for is cut from
    train: 15 % for dev (no more than `max_dev`), 25 % for test, in proportion to the labels in classification. Inputs
    that are equal, nearly equal or of one group stay on one side: what is cut is cut in whole clusters, and where the
    given sides cross, the row leaves the side that is learned from. `max_test` and `max_dev` sample those parts, by
    label too.
    Raises BadInput when a part would be empty.
    """
    likeness = compare_inputs([example.input for example in task.examples])
    notes: list[str] = []
    if not likeness.complete:
        notes.append(
            "The inputs are too many or too long to look for near-duplicates; only equal inputs were kept together."
        )
    sides = _given_sides(task, likeness, notes)
    shares = {side: share for side, share in (("dev", DEV_SHARE), ("test", TEST_SHARE)) if not sides[side]}
    if "dev" in shares and max_dev is not None:  # what dev could not use had better be learned from
        shares["dev"] = min(DEV_SHARE, max_dev / max(1, len(sides["train"])))
    if shares:
        given = len(shares) < 2
        sides |= _cut(task, sides["train"], likeness, {"train": 1 - sum(shares.values()), **shares}, seed)
        notes += [
            f"{len(sides[side]):,} of the rows to learn from were set aside {_PURPOSES[side]}."
            for side in shares
            if given
        ]
    for side, rows in sides.items():
        if not rows:
            raise BadInput(
                f"{task.name} leaves no rows {_PURPOSES[side]}, because equal inputs and groups stay on one "
                "side: add more varied rows, or change the column that gives the split."
            )
    for side, limit in (("test", max_test), ("dev", max_dev)):
        if limit is not None and len(sides[side]) > limit:
            notes.append(f"{limit:,} of {len(sides[side]):,} rows {_PURPOSES[side]} are used, chosen at random.")
            sides[side] = _sample(task, sides[side], limit, seed)
    _note_unseen_labels(task, sides, notes)
    parts = {side: tuple(task.examples[row] for row in _shuffled(rows, seed)) for side, rows in sides.items()}
    return Split(parts["train"], parts["dev"], parts["test"], tuple(notes))


def _given_sides(task: Task, likeness: Likeness, notes: list[str]) -> dict[str, list[int]]:
    """The rows of each side as the person gave them, less those that a side further from learning also holds."""
    sides: dict[str, list[int]] = {"train": [], "dev": [], "test": []}
    for row, example in enumerate(task.examples):
        sides[example.split or "train"].append(row)
    alike: dict[int, set[int]] = defaultdict(set)
    for a, b in likeness.pairs.tolist():
        alike[a].add(b)
        alike[b].add(a)
    for kept, cleaned in (("test", "dev"), ("test", "train"), ("dev", "train")):
        keys = {int(likeness.key[row]) for row in sides[kept]}
        keys |= {other for key in keys for other in alike[key]}
        groups = {task.examples[row].group for row in sides[kept]} - {None}
        clean = [
            row for row in sides[cleaned] if likeness.key[row] not in keys and task.examples[row].group not in groups
        ]
        if dropped := len(sides[cleaned]) - len(clean):
            rows = "row" if dropped == 1 else "rows"
            notes.append(
                f"{dropped:,} {rows} {_PURPOSES[cleaned]} {'was' if dropped == 1 else 'were'} left out, because the "
                f"same or nearly the same input, or the same group, is among those {_PURPOSES[kept]}."
            )
        sides[cleaned] = clean
    return sides


def _cut(
    task: Task, rows: Sequence[int], likeness: Likeness, shares: Mapping[str, float], seed: int
) -> dict[str, list[int]]:
    """`rows` divided by `shares` in whole clusters of rows that stay together."""
    clusters: dict[int, list[int]] = defaultdict(list)
    for row, cluster in zip(rows, _cluster_numbers(task, rows, likeness), strict=True):
        clusters[cluster].append(row)
    strata: dict[str, list[list[int]]] = defaultdict(list)
    for members in clusters.values():
        labels = Counter(_stratum(task, row) for row in members)
        strata[min(labels, key=lambda label: (-labels[label], label))].append(members)
    return _allot(task, strata, shares, seed)


def _cluster_numbers(task: Task, rows: Sequence[int], likeness: Likeness) -> list[int]:
    """A number for each row, equal where rows are tied by input or group, directly or through others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    keys = int(likeness.key.max()) + 1
    groups: dict[str, int] = {}
    ties = [
        (int(likeness.key[row]), keys + groups.setdefault(group, len(groups)))
        for row in rows
        if (group := task.examples[row].group) is not None
    ]
    present = np.zeros(keys, dtype=bool)
    present[likeness.key[rows]] = True
    near = likeness.pairs[present[likeness.pairs].all(axis=1)]  # a row of another side ties nothing here
    edges = np.concatenate([near, np.array(ties, dtype=np.intp).reshape(-1, 2)])
    size = keys + len(groups)
    graph = coo_array((np.ones(len(edges), dtype=bool), (edges[:, 0], edges[:, 1])), shape=(size, size))
    _, numbers = connected_components(graph, directed=False)
    return [int(numbers[likeness.key[row]]) for row in rows]


def _sample(task: Task, rows: Sequence[int], count: int, seed: int) -> list[int]:
    strata: dict[str, list[list[int]]] = defaultdict(list)
    for row in rows:
        strata[_stratum(task, row)].append([row])
    share = count / len(rows)
    return _allot(task, strata, {"kept": share, "rest": 1 - share}, seed)["kept"]


def _allot(
    task: Task, strata: Mapping[str, list[list[int]]], shares: Mapping[str, float], seed: int
) -> dict[str, list[int]]:
    """Deals clusters to sides, stratum after stratum, always to the side that is furthest behind its share.

    What one stratum leaves uneven the next evens out, so that the shares hold for the whole as well as, to within a
    cluster, for each stratum. If train is among the sides, a label that it lacks goes there first.
    """
    chance = random.Random(seed)
    owed = dict.fromkeys(shares, 0.0)
    sides: dict[str, list[int]] = {side: [] for side in shares}
    learned: set[str] = set()
    names = sorted(strata)
    chance.shuffle(names)
    for name in names:
        for members in chance.sample(strata[name], len(strata[name])):
            for side, share in shares.items():
                owed[side] += share * len(members)
            lacking = "train" in shares and name not in learned
            side = "train" if lacking else max(owed, key=lambda side: owed[side])
            if side == "train":
                learned |= {_stratum(task, row) for row in members}
            owed[side] -= len(members)
            sides[side].extend(members)
    return sides


def _stratum(task: Task, row: int) -> str:
    return task.examples[row].target if task.kind is Kind.CLASSIFICATION else ""


def _shuffled(rows: Iterable[int], seed: int) -> list[int]:
    ordered = sorted(rows)
    return random.Random(seed).sample(ordered, len(ordered))


def _note_unseen_labels(task: Task, sides: Mapping[str, Sequence[int]], notes: list[str]) -> None:
    if task.kind is not Kind.CLASSIFICATION:
        return
    learned = {task.examples[row].target for row in sides["train"]}
    unseen = sorted({task.examples[row].target for row in sides["test"]} - learned)
    if unseen:
        count = "1 label occurs" if len(unseen) == 1 else f"{len(unseen)} labels occur"
        named = f"{', '.join(unseen[:3])}{', …' if len(unseen) > 3 else ''}"
        notes.append(f"{count} among the rows to judge by but not among those to learn from ({named}).")
