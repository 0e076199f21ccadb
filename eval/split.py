"""Dividing a task into train, dev and test so that what is measured was never learned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from eval.duplicates import Likeness, compare_inputs
from eval.stable_order import Unit, places, stable_hash
from eval.task import BadInput, Example, Kind, Split, Task, normalised

DEV_SHARE = 0.15
TEST_SHARE = 0.25
CLEARLY = 0.75  # of a cluster's rows have a label for it to be divided with that label's

_PURPOSES = {"train": "to learn from", "dev": "to choose settings on", "test": "to judge by"}


def split_task(task: Task, seed: int, max_test: int | None = None, max_dev: int | None = None) -> Split:
    """The three parts of `task`, the same for the same examples and seed, in whatever order the examples come.

    A row keeps its side when other rows come or go, but for the few at the border between two sides: the side follows
    from a hash of the seed and of what the row's cluster says, and so do the sample and the order within a part.

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
    if shares and sides["train"]:
        given = len(shares) < 2
        sides |= _cut(task, sides["train"], likeness, shares, seed)
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
    parts = {side: tuple(task.examples[row] for row in _in_order(task, rows, seed)) for side, rows in sides.items()}
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
    """`rows` divided by `shares`, and train, in whole clusters of rows that stay together."""
    clusters: dict[int, list[int]] = defaultdict(list)
    for row, number in zip(rows, _cluster_numbers(task, rows, likeness), strict=True):
        clusters[number].append(row)
    labels = [Counter(_stratum(task, row) for row in rows) for rows in clusters.values()]
    units = [
        Unit(_cluster_stratum(found), _cluster_key(task, rows), len(rows))
        for rows, found in zip(clusters.values(), labels, strict=True)
    ]
    sides: dict[str, list[int]] = {side: [] for side in ("train", *shares)}
    for members, side in zip(clusters.values(), _sides_of(units, labels, shares, seed), strict=True):
        sides[side] += members
    return sides


def _sides_of(
    units: Sequence[Unit], labels: Sequence[Counter[str]], shares: Mapping[str, float], seed: int
) -> list[str]:
    """The side of each cluster. In the order of their places, test is cut from the front, dev from the back, and train
    keeps the middle, so that few clusters are near a border and no border moves another.

    From the middle outwards, a cluster whose commonest label is not learned yet is learned from, whatever the shares.
    So is a cluster that is larger than any part to be cut, as long as there are others.
    """
    place = places(units, seed, "side")
    rows = sum(unit.size for unit in units)
    most = max(1.0, *(share * rows for share in shares.values()))
    middle = (1 + shares.get("test", 0.0) - shares.get("dev", 0.0)) / 2
    free, learned = [], set[str]()
    for at in sorted(range(len(units)), key=lambda at: (units[at].size <= most, abs(place[at] - middle))):
        if min(labels[at], key=lambda label: (-labels[at][label], label)) in learned:
            free.append(at)
        else:
            learned |= labels[at].keys()
    free.sort(key=lambda at: (place[at], units[at].key))
    free = [at for at in free if units[at].size <= most] or free
    to_share = min(rows, sum(units[at].size for at in free) / sum(shares.values()))
    sides = ["train"] * len(units)
    for side, order in (("dev", free[::-1]), ("test", free)):
        taken = 0
        for at in order if side in shares else ():
            if sides[at] != "train" or (taken and taken + units[at].size / 2 > shares[side] * to_share):
                break
            sides[at] = side
            taken += units[at].size
    return sides


def _cluster_stratum(labels: Counter[str]) -> str:
    """The label that clearly leads, or "" where labels are mixed: one row more could change which of them leads."""
    label, rows = labels.most_common(1)[0]
    return label if rows >= CLEARLY * labels.total() else ""


def _cluster_key(task: Task, rows: Sequence[int]) -> int:
    """The same while the cluster keeps the member with the smallest hash: a group by its name, a row by its input."""
    examples = [task.examples[row] for row in rows]
    groups = {stable_hash("group", example.group) for example in examples if example.group is not None}
    return min(groups or map(_input_key, examples))


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
    """The rows whose places come first, so that a smaller sample is among a larger one."""
    rows = _in_order(task, rows, seed)
    units = [Unit(_stratum(task, row), _input_key(task.examples[row])) for row in rows]
    place = places(units, seed, "sample")
    return [rows[at] for at in sorted(range(len(rows)), key=lambda at: (place[at], units[at].key))[:count]]


def _stratum(task: Task, row: int) -> str:
    return task.examples[row].target if task.kind is Kind.CLASSIFICATION else ""


def _in_order(task: Task, rows: Iterable[int], seed: int) -> list[int]:
    """Rows in an order that follows from the seed and what they say, not from where they stand in the file."""

    def place(row: int) -> tuple[object, ...]:
        example = task.examples[row]
        first = stable_hash(seed, "order", _input_key(example))
        return first, example.input, example.target, example.group or "", example.document_ids

    return sorted(rows, key=place)


def _input_key(example: Example) -> int:
    return stable_hash(normalised(example.input))


def _note_unseen_labels(task: Task, sides: Mapping[str, Sequence[int]], notes: list[str]) -> None:
    if task.kind is not Kind.CLASSIFICATION:
        return
    learned = {task.examples[row].target for row in sides["train"]}
    unseen = sorted({task.examples[row].target for row in sides["test"]} - learned)
    if unseen:
        count = "1 label occurs" if len(unseen) == 1 else f"{len(unseen)} labels occur"
        named = f"{', '.join(unseen[:3])}{', …' if len(unseen) > 3 else ''}"
        notes.append(f"{count} among the rows to judge by but not among those to learn from ({named}).")
