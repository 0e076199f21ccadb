"""Split a task into train, dev and test so that no strategy is tested on what it learned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.mapping.kinds import labels_for
from eval.splitting.clusters import cluster_numbers, with_continued
from eval.splitting.duplicates import Inputs, Likeness, inputs_of
from eval.splitting.stable_order import Unit, places, stable_hashes
from eval.splitting.strata import strata_of
from eval.task import BadInput, Kind, Split, Task

DEV_SHARE = 0.15
TEST_SHARE = 0.25
CLEARLY = 0.75  # share of a cluster's rows that need the same label for the cluster to be stratified by it

_NAMES = {"train": "training", "dev": "dev", "test": "test"}


def split_task(
    task: Task, seed: int, max_test: int | None = None, max_dev: int | None = None, max_train: int | None = None
) -> Split:
    """Split `task` into three parts. The same examples and seed give the same split, in any order of the examples.

    A row keeps its side when other rows come or go, except for a few at the border between two sides. The side, the
    sample and the order within a part all follow from a hash of the seed and the text of the row's cluster.

    Sides given in the examples are respected; rows without one count as train. A missing side is cut from train: 15 %
    for dev (at most `max_dev`) and 25 % for test, stratified by label in classification. Inputs that are equal, nearly
    equal or in one group stay on one side, and so do rows of one conversation: cuts move whole clusters, and if given
    sides overlap, the row is dropped from the side that is learned from. `max_test`, `max_dev` and `max_train` sample
    those parts, also stratified.

    Raises BadInput if a part would be empty.
    """
    inputs = inputs_of(task.examples)
    likeness = with_continued(task.examples, inputs.likeness())
    notes: list[str] = []
    if not likeness.complete:
        notes.append(
            "There is so much text that near-duplicates were looked for word by word. A few that differ within words "
            "may be in two parts."
        )
    sides = _given_sides(task, likeness, notes)
    shares = {side: share for side, share in (("dev", DEV_SHARE), ("test", TEST_SHARE)) if not sides[side]}
    if "dev" in shares and max_dev is not None:  # rows that dev can't use are better used for training
        shares["dev"] = min(DEV_SHARE, max_dev / max(1, len(sides["train"])))
    if shares and sides["train"]:
        given = len(shares) < 2
        sides |= _cut(task, sides["train"], inputs, likeness, shares, seed)
        notes += [f"{len(sides[side]):,} of the training rows became {_NAMES[side]} rows." for side in shares if given]
    for side, rows in sides.items():
        if not rows:
            raise BadInput(
                f"{task.name} leaves no {_NAMES[side]} rows, because equal inputs and groups stay in one part of the "
                "split: add more varied rows, or change the column that gives the split."
            )
    for side, limit in (("test", max_test), ("dev", max_dev), ("train", max_train)):
        if limit is not None and len(sides[side]) > limit:
            notes.append(f"{limit:,} of {len(sides[side]):,} {_NAMES[side]} rows are used, chosen at random.")
            sides[side] = _sample(task, inputs, sides[side], limit, seed)
    _note_unseen_labels(task, sides, notes)
    parts = {
        side: tuple(task.examples[row] for row in _in_order(task, inputs, rows, seed)) for side, rows in sides.items()
    }
    return Split(parts["train"], parts["dev"], parts["test"], tuple(notes))


def _given_sides(task: Task, likeness: Likeness, notes: list[str]) -> dict[str, list[int]]:
    """The rows of each side as given, without rows whose like is in test (for train and dev) or in dev (for train)."""
    sides: dict[str, list[int]] = {"train": [], "dev": [], "test": []}
    for row, example in enumerate(task.examples):
        sides[example.split or "train"].append(row)
    alike: dict[int, set[int]] = defaultdict(set)
    for a, b in likeness.pairs.tolist():
        alike[a].add(b)
        alike[b].add(a)
    for kept, cleaned in (("test", "dev"), ("test", "train"), ("dev", "train")):
        if not sides[kept]:
            continue
        keys = {int(likeness.key[row]) for row in sides[kept]}
        keys |= {other for key in keys for other in alike[key]}
        groups = {task.examples[row].group for row in sides[kept]} - {None}
        clean = [
            row for row in sides[cleaned] if likeness.key[row] not in keys and task.examples[row].group not in groups
        ]
        if dropped := len(sides[cleaned]) - len(clean):
            notes.append(
                f"We left out {dropped:,} {_NAMES[cleaned]} {'row' if dropped == 1 else 'rows'}: a {_NAMES[kept]} row "
                "has the same group, or the same or nearly the same input."
            )
        sides[cleaned] = clean
    return sides


def _cut(
    task: Task, rows: Sequence[int], inputs: Inputs, likeness: Likeness, shares: Mapping[str, float], seed: int
) -> dict[str, list[int]]:
    """Divide `rows` into `shares` and train, in whole clusters of rows that stay together."""
    clusters: dict[int, list[int]] = defaultdict(list)
    for row, number in zip(rows, cluster_numbers(task.examples, rows, likeness), strict=True):
        clusters[number].append(row)
    strata = strata_of(task.examples, task.kind)
    alone = {stratum: Counter((stratum,)) for stratum in set(strata)}  # saves memory
    labels = [
        alone[strata[rows[0]]] if len(rows) == 1 else Counter(strata[row] for row in rows) for rows in clusters.values()
    ]
    hashes = inputs.hashes[inputs.key].tolist()
    units = [
        Unit(_cluster_stratum(found) if len(rows) > 1 else strata[rows[0]], _cluster_key(task, hashes, rows), len(rows))
        for rows, found in zip(clusters.values(), labels, strict=True)
    ]
    sides: dict[str, list[int]] = {side: [] for side in ("train", *shares)}
    for members, side in zip(clusters.values(), _sides_of(units, labels, shares, seed), strict=True):
        sides[side] += members
    return sides


def _sides_of(
    units: Sequence[Unit], labels: Sequence[Counter[str]], shares: Mapping[str, float], seed: int
) -> list[str]:
    """The side of each cluster. In the order of their places, test is cut from the front and dev from the back. Train
    keeps the middle, so that few clusters are near a border and the borders don't affect each other.

    From the middle outwards, a cluster goes to train regardless of the shares if train lacks its most common label. So
    does a cluster larger than every part to be cut, as long as there are others.
    """
    place = np.array(places(units, seed, "side"))
    sizes = np.array([unit.size for unit in units])
    rows = int(sizes.sum())
    is_small = sizes <= max(1.0, *(share * rows for share in shares.values()))
    middle = (1 + shares.get("test", 0.0) - shares.get("dev", 0.0)) / 2
    is_free, learned = np.ones(len(units), dtype=bool), set[str]()
    for at in np.lexsort((abs(place - middle), is_small)).tolist():
        if _leading(labels[at]) not in learned:
            is_free[at] = False
            learned |= labels[at].keys()
    if (is_free & is_small).any():
        is_free &= is_small
    in_order = np.lexsort((_keys(units), place))
    free = in_order[is_free[in_order]].tolist()
    to_share = min(rows, int(sizes[free].sum()) / sum(shares.values()))
    sides = ["train"] * len(units)
    for side, order in (("dev", free[::-1]), ("test", free)):
        taken = 0
        for at in order if side in shares else ():
            if sides[at] != "train" or (taken and taken + units[at].size / 2 > shares[side] * to_share):
                break
            sides[at] = side
            taken += units[at].size
    return sides


def _keys(units: Sequence[Unit]) -> NDArray[np.uint64]:
    return np.array([unit.key for unit in units], dtype=np.uint64)


def _leading(labels: Counter[str]) -> str:
    """The most common label, of several the first in the alphabet."""
    return next(iter(labels)) if len(labels) == 1 else min(labels, key=lambda label: (-labels[label], label))


def _cluster_stratum(labels: Counter[str]) -> str:
    """The clearly dominant label, or "" if labels are mixed, because one more row could then change which one leads."""
    label = _leading(labels)
    return label if labels[label] >= CLEARLY * labels.total() else ""


def _cluster_key(task: Task, hashes: Sequence[int], rows: Sequence[int]) -> int:
    """A key that stays the same while the cluster keeps its member with the smallest hash (of a group's name, or of a
    row's input)."""
    if len(rows) == 1 and task.examples[rows[0]].group is None:
        return hashes[rows[0]]
    groups = {group for row in rows if (group := task.examples[row].group) is not None}
    return min(stable_hashes(groups, "group") if groups else (hashes[row] for row in rows))


def _sample(task: Task, inputs: Inputs, rows: Sequence[int], count: int, seed: int) -> list[int]:
    """The rows with the first places, so that a larger sample contains every smaller one."""
    rows = _in_order(task, inputs, rows, seed)
    strata = strata_of(task.examples, task.kind)
    units = [Unit(strata[row], key) for row, key in zip(rows, inputs.hashes[inputs.key[rows]].tolist(), strict=True)]
    order = np.lexsort((_keys(units), np.array(places(units, seed, "sample"))))
    return [rows[at] for at in order[:count].tolist()]


def _in_order(task: Task, inputs: Inputs, rows: Iterable[int], seed: int) -> list[int]:
    """Order rows by the seed and their text, not by their place in the file."""
    rows = list(rows)
    keys = inputs.key[rows]
    first = np.array(stable_hashes(inputs.hashes[keys].tolist(), seed, "order"), dtype=np.uint64)
    alike = np.flatnonzero(np.bincount(keys)[keys] > 1).tolist()

    def content(at: int) -> tuple[object, ...]:
        example = task.examples[rows[at]]
        return example.input, example.target, example.group or "", example.document_ids

    then = np.zeros(len(rows), dtype=np.intp)
    then[sorted(alike, key=content)] = np.arange(len(alike))
    return [rows[at] for at in np.lexsort((then, first)).tolist()]


def _note_unseen_labels(task: Task, sides: Mapping[str, Sequence[int]], notes: list[str]) -> None:
    if task.kind not in (Kind.CLASSIFICATION, Kind.MULTI_LABEL):
        return

    def labels_on(side: str) -> set[str]:
        return set(labels_for(task.kind, (task.examples[row] for row in sides[side])))

    unseen = sorted(labels_on("test") - labels_on("train"))
    if unseen:
        count = "1 label occurs" if len(unseen) == 1 else f"{len(unseen)} labels occur"
        named = f"{', '.join(unseen[:3])}{', …' if len(unseen) > 3 else ''}"
        notes.append(f"{count} in the test rows but not in the training rows ({named}).")
