"""What is tested was never learned: not the row, not its like, not its group."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eval.conversation import written
from eval.mapping.build import build_task
from eval.mapping.columns import guess_columns
from eval.reading.table import read_table
from eval.splitting.continued import continued
from eval.splitting.duplicates import compare_inputs
from eval.splitting.split import split_task
from eval.task import BadInput, Example, Kind, Split, Task, Turn, labels_of, normalised

SHARED = Path(__file__).parents[3] / "shared" / "data"

ALPHABET = "bcdfghjklmnpqrstvwz"


def sentence(number: int) -> str:
    """A sentence of made-up words, unlike that of any other number."""
    chance = random.Random(number)
    return " ".join("".join(chance.choices(ALPHABET, k=6)) for _ in range(6))


def task_of(examples: Sequence[Example], kind: Kind = Kind.CLASSIFICATION) -> Task:
    labels = labels_of(examples) if kind is Kind.CLASSIFICATION else ()
    return Task("t", kind, "", tuple(examples), labels=labels)


def plain(count: int, labels: int = 4, side: str | None = None, start: int = 0) -> list[Example]:
    return [Example(f"r{i}", sentence(i), f"label {i % labels}", split=side) for i in range(start, start + count)]


def sizes(split: Split) -> tuple[int, int, int]:
    return len(split.train), len(split.dev), len(split.test)


def inputs(examples: Sequence[Example]) -> set[str]:
    return {normalised(example.input) for example in examples}


def test_the_parts_have_their_shares_and_are_disjoint() -> None:
    task = task_of(plain(400))
    split = split_task(task, seed=1)
    assert sizes(split) == (240, 60, 100)
    assert sorted(e.id for e in split.train + split.dev + split.test) == sorted(e.id for e in task.examples)
    assert split.notes == ()


def test_labels_keep_their_proportions() -> None:
    examples = [replace(e, target="rare" if i % 10 == 0 else "common") for i, e in enumerate(plain(400))]
    split = split_task(task_of(examples), seed=0)
    for part, expected in ((split.train, 24), (split.dev, 6), (split.test, 10)):
        assert abs(Counter(e.target for e in part)["rare"] - expected) <= 1


def test_every_label_is_learned_even_with_two_rows_each() -> None:
    split = split_task(task_of(plain(80, labels=40)), seed=3)
    assert len({e.target for e in split.train}) == 40
    assert sizes(split) == (48, 12, 20)


def test_the_seed_decides_and_nothing_else() -> None:
    task = task_of(plain(200))
    assert split_task(task, seed=5) == split_task(task, seed=5)
    assert inputs(split_task(task, seed=5).test) != inputs(split_task(task, seed=6).test)


def test_equal_and_nearly_equal_inputs_stay_together() -> None:
    variants = [
        Example(f"v{i}-{j}", text, f"label {i % 4}")
        for i in range(60)
        for j, text in enumerate((sentence(i), sentence(i).upper() + "?", "Please: " + sentence(i)))
    ]
    split = split_task(task_of(variants), seed=2)
    where = {e.id: side for side in ("train", "dev", "test") for e in getattr(split, side)}
    assert len(where) == 180
    assert all(where[f"v{i}-0"] == where[f"v{i}-1"] == where[f"v{i}-2"] for i in range(60))


@pytest.mark.parametrize("group_count", [5, 30])
def test_groups_never_straddle(group_count: int) -> None:
    examples = [replace(e, group=f"g{i % group_count}") for i, e in enumerate(plain(300))]
    split = split_task(task_of(examples), seed=0)
    groups = [{e.group for e in part} for part in (split.train, split.dev, split.test)]
    assert sum(map(len, groups)) == group_count
    assert all(groups)


def test_given_sides_are_honoured() -> None:
    examples = plain(60, side="train") + plain(20, side="dev", start=60) + plain(30, side="test", start=80)
    split = split_task(task_of(examples), seed=0)
    assert [{e.split for e in part} for part in (split.train, split.dev, split.test)] == [
        {"train"},
        {"dev"},
        {"test"},
    ]
    assert sizes(split) == (60, 20, 30)


def test_a_side_nobody_gave_is_cut_from_train() -> None:
    without_dev = split_task(task_of(plain(100, side="train") + plain(30, side="test", start=100)), seed=0)
    assert sizes(without_dev) == (85, 15, 30)
    assert without_dev.notes == ("15 of the training rows became dev rows.",)
    without_test = split_task(task_of(plain(100, side=None) + plain(30, side="dev", start=100)), seed=0)
    assert sizes(without_test) == (75, 30, 25)


def test_where_given_sides_cross_the_learning_side_gives_way() -> None:
    examples = [
        *plain(60, side="train"),
        *plain(20, side="dev", start=60),
        *plain(30, side="test", start=80),
        Example("same as test", sentence(80).title(), "label 0", split="train"),
        Example("near test", "oh " + sentence(81), "label 1", split="train"),
        Example("near test too", "oh " + sentence(82), "label 2", split="dev"),
        Example("same as dev", sentence(60), "label 0", split="train"),
        Example("of a group in test", sentence(200), "label 0", group="g", split="train"),
        Example("test of the group", sentence(201), "label 0", group="g", split="test"),
    ]
    split = split_task(task_of(examples), seed=0)
    assert sizes(split) == (60, 20, 31)
    assert {e.id for e in split.train} == {f"r{i}" for i in range(60)}
    assert [note.split(":")[0] for note in split.notes] == [
        "We left out 1 dev row",
        "We left out 3 training rows",
        "We left out 1 training row",
    ]


def test_large_parts_are_sampled_by_label() -> None:
    examples = [replace(e, target="rare" if i % 10 == 0 else "common") for i, e in enumerate(plain(1000))]
    split = split_task(task_of(examples), seed=0, max_test=50, max_dev=20)
    assert sizes(split) == (730, 20, 50)  # what dev does not use is learned from
    assert Counter(e.target for e in split.test) == {"common": 45, "rare": 5}
    assert split.notes == ("50 of 250 test rows are used, chosen at random.",)


def test_many_training_rows_are_sampled_by_label_and_a_larger_sample_holds_the_smaller() -> None:
    examples = [replace(e, target="rare" if i % 10 == 0 else "common") for i, e in enumerate(plain(1000))]
    whole, fewer, fewest = (split_task(task_of(examples), 0, 50, 20, most) for most in (None, 200, 100))
    assert (sizes(fewer), sizes(fewest)) == ((200, 20, 50), (100, 20, 50))
    assert fewer.test == whole.test and {*fewest.train} < {*fewer.train} < {*whole.train}
    assert Counter(e.target for e in fewer.train) == {"common": 180, "rare": 20}
    assert fewer.notes[-1] == "200 of 730 training rows are used, chosen at random."


def test_labels_never_learned_are_said() -> None:
    examples = [*plain(60, side="train"), Example("new", sentence(99), "unseen", split="test")]
    notes = split_task(task_of(examples), seed=0).notes
    assert notes[-1] == "1 label occurs in the test rows but not in the training rows (unseen)."


def test_data_that_is_all_alike_is_refused() -> None:
    examples = [replace(e, input=sentence(0)) for e in plain(40)]
    with pytest.raises(BadInput, match="leaves no dev rows"):
        split_task(task_of(examples), seed=0)


def test_a_split_that_leaves_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(BadInput, match="leaves no training rows"):
        split_task(task_of(plain(40, side="test")), seed=0)


def test_a_shared_preamble_does_not_make_inputs_alike() -> None:
    texts = ["You are a careful clerk. Sort this message into a category. " * 5 + sentence(i) for i in range(40)]
    assert len(compare_inputs(texts).pairs) == 0


def test_near_duplicates_are_found_and_only_they() -> None:
    texts = [sentence(i) for i in range(300)] + ["so " + sentence(7), sentence(8)]
    likeness = compare_inputs(texts)
    assert likeness.pairs.tolist() == [[7, 300]]
    assert likeness.key[301] == likeness.key[8]
    assert likeness.complete


def test_too_much_text_is_compared_word_by_word_and_says_so() -> None:
    long = [replace(e, input=f"{e.input} " * 3000) for e in plain(90)]
    near = replace(long[0], id="near", input=f"{long[0].input} so")
    split = split_task(task_of([*long, replace(long[0], id="copy"), near]), seed=0)
    assert "near-duplicates were looked for word by word" in split.notes[0]
    assert sum(sizes(split)) == 92
    assert any({"near", "copy"} <= {e.id for e in side} for side in (split.train, split.dev, split.test))


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the public datasets are not beside this checkout")
@pytest.mark.parametrize("folder", ["banking77", "clinc_banking15", "covid_faq", "restaurant8k", "xquad_en"])
@pytest.mark.parametrize("honoured", [True, False])
def test_the_public_datasets_share_no_input_between_parts(folder: str, honoured: bool) -> None:
    content = read_table("task.csv", (SHARED / folder / "task.csv").read_bytes())
    task = build_task(content, guess_columns(content), kind=None, name=folder).task
    if not honoured:
        task = replace(task, examples=tuple(replace(e, split=None) for e in task.examples))
    split = split_task(task, seed=0, max_test=200)
    assert split == split_task(task, seed=0, max_test=200)
    learned, chosen, tested = (inputs(part) for part in (split.train, split.dev, split.test))
    assert not (learned | chosen) & tested
    assert not learned & chosen
    if honoured:
        assert {e.split for e in split.test} == {"test"}


def chat(name: str, answers: int, side: str | None = None) -> Example:
    """The first answers of a conversation, as reading makes one row of them."""
    said = [
        turn
        for at in range(answers)
        for turn in (
            Turn("user", f"{sentence(at + 100 * int(name))} {at}"),
            Turn("assistant", sentence(at + 100 * int(name) + 50)),
        )
    ]
    *before, last = said
    return Example(f"{name}-{answers}", written(before), last.text, split=side, turns=tuple(before[:-1]))


def test_rows_of_one_conversation_stay_together() -> None:
    """Each conversation comes whole and cut after its first answers, which is how chat logs are often unrolled."""
    rows = [chat(str(name), answers) for name in range(60) for answers in (1, 3, 4)]
    split = split_task(task_of(rows, Kind.WRITING), seed=0)
    sides = [{row.id.partition("-")[0] for row in part} for part in (split.train, split.dev, split.test)]
    assert sum(map(len, sides)) == 60 and all(sides)
    learned = {turn.text for row in split.train for turn in row.turns if turn.role == "assistant"}
    assert not learned & {row.target for row in (*split.test, *split.dev)}


def test_a_training_row_that_holds_the_answer_to_a_test_row_gives_way() -> None:
    rows = [chat(str(name), 3, "train") for name in range(20)]
    rows += [chat("0", 1, "test"), chat("1", 2, "test"), *(chat(str(name), 1, "test") for name in range(30, 40))]
    rows += [chat(str(name), 1, "dev") for name in range(40, 44)]
    split = split_task(task_of(rows, Kind.WRITING), seed=0)
    assert {"0-3", "1-3"} == {row.id for row in rows if row.split == "train"} - {row.id for row in split.train}


def test_a_common_opening_makes_no_conversation_of_many() -> None:
    hello = (Turn("user", "Hi"), Turn("assistant", "Hello! How can I help?"))
    rows = [Example("hello", "Hi", "Hello! How can I help?")]
    for row in plain(80):
        turns = (*hello, Turn("user", row.input))
        rows.append(replace(row, input=written(turns), turns=hello))
    assert continued(rows) == []
    assert continued(rows[:15]) == [(0, at) for at in range(1, 15)]
    assert sizes(split_task(task_of(rows, Kind.WRITING), seed=0)) == (49, 12, 20)
