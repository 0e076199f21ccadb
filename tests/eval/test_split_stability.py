"""A row keeps its side when other rows come or go, so that a rerun compares like with like."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from statistics import mean

import pytest

from eval.splitting.split import split_task
from eval.splitting.stable_order import Unit, places, stable_hash
from eval.statistics.learning_curve import fewer_rows
from eval.task import Example, Kind, Split
from tests.eval.test_split import ALPHABET, sizes, task_of

ROWS = 600
SEEDS = range(2)

Rows = list[Example]
Change = Callable[[Rows, random.Random], Rows]


def sentence(number: int) -> str:
    """Three made-up words, unlike those of any other number; short, since these tests split often."""
    chance = random.Random(number)
    return " ".join("".join(chance.choices(ALPHABET, k=7)) for _ in range(3))


def task_rows(seed: int, labels: int = 1, groups: int = 0, families: int = 0, labelled_groups: bool = False) -> Rows:
    """Unlike sentences with labels of unequal frequency; in `groups`; or in `families` that say nearly the same."""
    chance = random.Random(seed)
    label_of: dict[object, str] = {}
    rows = []
    for at in range(ROWS):
        text = sentence(1000 * seed + at)
        if families:
            family = sentence(1000 * seed + at % families)
            text = (family, f"Please: {family}", f"{family.upper()} {at}", f"oh {family}")[at // families % 4]
        group = f"g{chance.randrange(groups)}" if groups else None
        label = f"label {min(chance.randrange(labels), chance.randrange(labels))}"
        if families or (labelled_groups and chance.random() < 0.9):
            label = label_of.setdefault(at % families if families else group, label)
        rows.append(Example("", text, label, group=group))
    return rows


KINDS: dict[str, tuple[Kind, Callable[[int], Rows]]] = {
    "written": (Kind.WRITING, task_rows),
    "4 labels": (Kind.CLASSIFICATION, partial(task_rows, labels=4)),
    "77 labels": (Kind.CLASSIFICATION, partial(task_rows, labels=77)),
    "families": (Kind.CLASSIFICATION, partial(task_rows, labels=4, families=150)),
    "200 groups": (Kind.ANSWERING, partial(task_rows, groups=200)),
    "60 groups with labels": (Kind.CLASSIFICATION, partial(task_rows, labels=4, groups=60, labelled_groups=True)),
    "60 groups of many labels": (Kind.CLASSIFICATION, partial(task_rows, labels=20, groups=60)),
}


def append(rows: Rows, chance: random.Random) -> Rows:
    return [*rows, replace(rows[0], input=sentence(chance.randrange(10**6, 10**7)), group=rows[0].group and "new")]


def insert(rows: Rows, chance: random.Random) -> Rows:
    return [replace(rows[-1], input=sentence(chance.randrange(10**6, 10**7))), *rows]


def append_duplicate(rows: Rows, chance: random.Random) -> Rows:
    row = chance.choice(rows)
    return [*rows, replace(row, input=row.input.upper() + "?")]


def delete(rows: Rows, chance: random.Random) -> Rows:
    gone = chance.randrange(len(rows))
    return rows[:gone] + rows[gone + 1 :]


def split_of(rows: Rows, kind: Kind, seed: int = 0, **limits: int) -> Split:
    """The ids are those of the places in the file, as `build_task` gives them."""
    return split_task(task_of([replace(row, id=f"r{at}") for at, row in enumerate(rows)], kind), seed, **limits)


def side_by_input(split: Split) -> dict[str, str]:
    return {row.input: side for side in ("train", "dev", "test") for row in getattr(split, side)}


def kept(before: dict[str, str], after: dict[str, str]) -> tuple[float, float]:
    """The share of all common rows, and of those that were test rows, that are still on their side."""
    common = before.keys() & after.keys()
    tested = [row for row in common if before[row] == "test"]
    return (
        sum(before[row] == after[row] for row in common) / len(common),
        sum(after[row] == "test" for row in tested) / len(tested),
    )


@pytest.mark.parametrize("name", KINDS)
def test_one_row_more_or_less_moves_hardly_any(name: str) -> None:
    kind, rows_of = KINDS[name]
    found = []
    for seed in SEEDS:
        rows = rows_of(seed)
        before = side_by_input(split_of(rows, kind, seed))
        for change in (append, insert, append_duplicate, delete):
            found.append(kept(before, side_by_input(split_of(change(rows, random.Random(seed)), kind, seed))))
    assert mean(common for common, _ in found) >= 0.99
    assert mean(tested for _, tested in found) >= 0.97
    assert min(common for common, _ in found) >= 0.9  # at worst a group or two of ten rows


@pytest.mark.parametrize("name", KINDS)
def test_a_tenth_of_the_rows_gone_leaves_nine_tenths_of_the_others_where_they_were(name: str) -> None:
    kind, rows_of = KINDS[name]
    found = []
    for seed in SEEDS:
        rows = rows_of(seed)
        fewer = sorted(random.Random(seed).sample(range(ROWS), ROWS * 9 // 10))
        before, after = split_of(rows, kind, seed), split_of([rows[at] for at in fewer], kind, seed)
        found.append(kept(side_by_input(before), side_by_input(after)))
    assert mean(common for common, _ in found) >= 0.9


@pytest.mark.parametrize("name", KINDS)
def test_the_order_of_the_file_changes_nothing(name: str) -> None:
    kind, rows_of = KINDS[name]
    rows = rows_of(0)

    def said(rows: Rows) -> list[list[tuple[str, str, str | None]]]:
        split = split_of(rows, kind, 3, max_test=80, max_dev=30)
        return [[(row.input, row.target, row.group) for row in part] for part in (split.train, split.dev, split.test)]

    assert said(rows) == said(rows[::-1]) == said(random.Random(1).sample(rows, ROWS))


@pytest.mark.parametrize("name", KINDS)
def test_shares_hold_and_another_seed_gives_another_split(name: str) -> None:
    kind, rows_of = KINDS[name]
    rows = rows_of(0)
    splits = [split_of(rows, kind, seed) for seed in SEEDS]
    largest = max(Counter(row.group for row in rows).values()) if rows[0].group else 4
    for split in splits:
        assert sum(sizes(split)) == ROWS
        assert abs(len(split.dev) - 0.15 * ROWS) <= largest and abs(len(split.test) - 0.25 * ROWS) <= largest
    before, after = side_by_input(splits[0]), side_by_input(splits[1])
    assert kept(before, after)[1] < 0.6


def test_clusters_of_several_rows_are_tested_as_often_as_single_ones() -> None:
    """Or the smallest hash of many members would draw large clusters to the front."""
    families = [sentence(at) for at in range(100)]
    rows = [
        Example("", text, "yes")
        for at in range(300)
        for text in ([families[at], f"oh {families[at]}", f"so {families[at]}"] if at < 100 else [sentence(at)])
    ]
    tested = [{row.input for row in split_of(rows, Kind.WRITING, seed).test} for seed in range(8)]
    shares = [len(texts.intersection(families)) / 100 for texts in tested]
    assert 0.2 < mean(shares) < 0.3


@pytest.mark.parametrize("seed", range(6))
def test_twenty_rows_with_small_labels_still_give_three_parts(seed: int) -> None:
    sizes_by_label = (2, 2, 3, 3, 5, 5)
    labels = [f"label {at}" for at, size in enumerate(sizes_by_label) for _ in range(size)]
    split = split_of([Example("", sentence(at), label) for at, label in enumerate(labels)], Kind.CLASSIFICATION, seed)
    assert sizes(split) == (12, 3, 5)
    assert {row.target for row in split.train} == {*labels}


@pytest.mark.parametrize("seed", range(4))
def test_three_groups_give_three_parts_and_a_large_group_is_learned_from(seed: int) -> None:
    def grouped(counts: Sequence[int]) -> Rows:
        groups = [group for group, count in enumerate(counts) for _ in range(count)]
        return [Example("", sentence(at), "", group=f"g{group}") for at, group in enumerate(groups)]

    assert sizes(split_of(grouped([100] * 3), Kind.WRITING, seed)) == (100, 100, 100)
    split = split_of(grouped([200] + [10] * 20), Kind.WRITING, seed)
    assert "g0" in {row.group for row in split.train}
    assert sizes(split) == (240, 60, 100)


def test_a_smaller_sample_is_within_a_larger_and_within_that_of_more_rows() -> None:
    rows = task_rows(1, labels=8)
    few, more = (split_of(rows, Kind.CLASSIFICATION, max_test=count, max_dev=20) for count in (40, 100))
    assert {row.input for row in few.test} < {row.input for row in more.test}
    again = split_of(append(rows, random.Random(0)), Kind.CLASSIFICATION, max_test=100, max_dev=20)
    assert len({row.input for row in more.test} & {row.input for row in again.test}) >= 97


def test_parts_keep_their_order_when_a_row_comes() -> None:
    rows = task_rows(2)
    before = [row.input for row in split_of(rows, Kind.WRITING).train]
    after = [row.input for row in split_of(insert(rows, random.Random(0)), Kind.WRITING).train]
    common = {*before} & {*after}
    assert [text for text in before if text in common] == [text for text in after if text in common]
    assert before != sorted(before, key=[row.input for row in rows].index)  # nor is it that of the file


@pytest.mark.parametrize("groups", [0, 60])
def test_the_fewer_rows_of_a_learning_curve_stay_the_same(groups: int) -> None:
    train = task_rows(3, labels=4, groups=groups)
    before = {row.input for row in fewer_rows(train, 150, Kind.CLASSIFICATION, seed=0)}
    for change in (append, insert, delete):
        changed = [replace(row, id=f"r{at}") for at, row in enumerate(change(train, random.Random(0)))]
        after = {row.input for row in fewer_rows(changed, 150, Kind.CLASSIFICATION, seed=0)}
        assert len(before & after) >= (147 if not groups else 135)


def test_hashes_are_the_same_on_every_machine() -> None:
    assert stable_hash(0, "side", "text") == 15833344430639722231
    assert stable_hash("a", "b") != stable_hash("ab")


def test_places_before_any_point_hold_the_same_share_of_every_stratum() -> None:
    units = [Unit(f"s{at % 7}", at, size=1 + at % 2) for at in range(700)]
    found = places(units, 0)
    assert all(0 <= place < 1 for place in found)
    early = Counter[str]()
    for unit, place in zip(units, found, strict=True):
        early[unit.stratum] += unit.size * (place < 0.3)
    assert all(abs(early[f"s{stratum}"] - 0.3 * 150) <= 2 for stratum in range(7))
