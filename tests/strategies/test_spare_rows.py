"""Training rows that judge prompts: no prompt shows them, nor a row that gives their answer away."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from eval.task import Brief, Example, Kind
from strategies.likeness import likeness_of
from strategies.prompting import SPARE_SHARE, spare_rows
from tests.strategies.test_retrieval_finetuning import ROWS

LABELS = ("late", "broken", "lost")
BRIEF = Brief("desk", Kind.CLASSIFICATION, "", LABELS)
FREE = Brief("desk", Kind.WRITING, "")
THINGS = "lamp kettle chair bicycle umbrella mirror carpet radio window trumpet blanket ladder bottle camera".split()  # noqa: SIM905
TRAIN = [
    Example(f"{thing}-{label}", f"my {thing} was {label} on the way to {place}", label)
    for thing in THINGS
    for label, place in zip(LABELS, ("Rome", "Oslo", "Kyiv"), strict=True)
]


def test_each_label_keeps_two_thirds_of_its_rows() -> None:
    spare = Counter(row.target for row in spare_rows(TRAIN, BRIEF, 1000))
    assert spare == dict.fromkeys(LABELS, int(SPARE_SHARE * len(THINGS)))
    assert len(spare_rows(TRAIN, BRIEF, 5)) == 5


def test_the_same_rows_are_spare_when_others_come_and_go() -> None:
    few, more = spare_rows(ROWS[:20], FREE, 6), spare_rows(ROWS, FREE, 6)
    assert len(set(few) & set(more)) >= 4 and spare_rows(ROWS[::-1], FREE, 6) == more


def test_a_row_is_spare_only_with_all_that_are_alike() -> None:
    twins = [replace(row, id=f"{row.id}-again", input=f"{row.input}!") for row in TRAIN[:24]]
    grouped = [replace(row, group=row.id.partition("-")[0]) for row in TRAIN]
    for train in ([*TRAIN, *twins], grouped):
        spare, are_alike = spare_rows(train, BRIEF, 15), likeness_of(train)
        kept = {row.id for row in spare}
        assert 6 < len(spare) <= 15
        assert not any(are_alike(one.id, row.id) for one in spare for row in train if row.id not in kept)


def test_if_all_rows_are_one_group_none_is_spare() -> None:
    assert spare_rows([replace(row, group="one") for row in TRAIN], BRIEF, 100) == []
    assert spare_rows([], BRIEF, 100) == []
