"""Which labels count as one, and which labels a split leaves untested."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from eval.checks import check_task, mend_task
from eval.checks.labels import label_spellings, rare_labels
from eval.mapping.label_sets import all_labels
from eval.task import Kind, Task
from tests.checked_tasks import clean, findings, sentences, task_of

ONE_LABEL = (
    ("Card lost", "card_lost", "card-lost", "CardLost", "card lost."),
    ("sign-up", "sign up!", "'Sign up'", "“sign up”"),
    ("1", "1.0", "01", "+1", "１"),
    ("Facturación", "Facturacion", "facturación"),
    ("Kündigung", "Ku\u0308ndigung", "Kundigung"),
    ("ﬁnance", "finance"),
)
OTHER_LABELS = (
    ("C", "C++", "C#"),
    ("A", "A+", "A-"),
    ("1", "-1", "1.5", "15", "11", "1 1"),
    (":)", ":(", "👍", "👎"),
    ("10²", "102"),
    ("bán hàng", "bàn hàng", "ban hàng"),
    ("thanh toan", "thanh toán", "thánh toàn"),
    ("si", "sí"),
    ("か", "が"),
    ("schön", "schon"),
)


@pytest.mark.parametrize("labels", ONE_LABEL, ids=str)
def test_spellings_of_one_label_are_joined(labels: tuple[str, ...]) -> None:
    pairs = [(text, label) for label in labels for text in sentences(6)]
    task = task_of([*pairs, ("once more", labels[0]), *clean(40)])
    assert label_spellings(task) == dict.fromkeys(labels[1:], labels[0])
    assert set(mend_task(task, "label-spelling").labels) == {labels[0], "left", "right"}


@pytest.mark.parametrize("labels", OTHER_LABELS, ids=str)
def test_other_labels_stay_apart(labels: tuple[str, ...]) -> None:
    assert label_spellings(task_of([(text, label) for label in labels for text in sentences(6)])) == {}


def test_a_rare_spelling_is_no_rare_label() -> None:
    rows = [(text, "left") for text in sentences(30)] + [("one more", "Left"), ("and another", "up")]
    assert rare_labels(task_of([*rows, *clean(40)])) == ("r33",)


def test_labels_that_a_split_leaves_out_are_named() -> None:
    task = task_of([*clean(), *((text, label) for text in sentences(140)[120:] for label in ("up",))])
    sided = [
        replace(row, split="test" if at % 3 == 0 and row.target != "up" else "train")
        for at, row in enumerate(task.examples)
    ]
    found = findings(replace(task, examples=tuple(sided)))
    assert "1 label has no test row: up." in found["untested-labels"].what
    assert "untaught-labels" not in found
    swapped = tuple(replace(row, split="train" if row.split == "test" else "test") for row in sided)
    assert "no training row: up." in findings(replace(task, examples=swapped))["untaught-labels"].what
    assert not {"untested-labels", "untaught-labels"} & set(findings(task))


def test_one_of_several_labels_is_joined_and_the_labels_stay() -> None:
    rows = [
        (text, ("Delivery; assembly", "delivery; damage", "damage")[at % 3]) for at, text in enumerate(sentences(60))
    ]
    task = replace(task_of(rows, Kind.MULTI_LABEL), labels=("Delivery", "assembly", "damage", "delivery"))
    assert label_spellings(task) == {"delivery": "Delivery"}
    mended = mend_task(task, "label-spelling")
    assert mended.labels == ("Delivery", "assembly", "damage")
    assert mended.examples[1].target == "Delivery; damage"


def rated(ratings: list[str]) -> Task:
    pairs = list(zip(sentences(len(ratings)), ratings, strict=True))
    return replace(task_of(pairs, Kind.NUMBER), labels=tuple(sorted(set(ratings))))


@pytest.mark.parametrize("odd", [["55"], ["99", "98"], ["-9"]])
def test_a_few_ratings_far_from_the_others_are_named(odd: list[str]) -> None:
    task = rated([*(str(at % 5 + 1) for at in range(100)), *odd])
    found = findings(task)["odd-ratings"]
    assert found.rows == tuple(f"r{102 + at}" for at in range(len(odd)))
    assert mend_task(task, "odd-ratings").labels == tuple("12345")


@pytest.mark.parametrize(
    "ratings", ["12345" * 20, "1255555555" * 10, ["0", "25", "50", "75", "100"] * 20, "1234" * 25 + "7"]
)
def test_other_ratings_are_not_odd(ratings: list[str] | str) -> None:
    assert "odd-ratings" not in findings(rated([*ratings]))


def test_a_row_of_several_labels_may_have_none() -> None:
    task = task_of(
        [(text, ("a; b", "none", "n/a")[at % 3]) for at, text in enumerate(sentences(120))], Kind.MULTI_LABEL
    )
    assert len(findings(task)["missing-answers"].rows) == 40


@pytest.mark.parametrize(
    ("labels", "finding"), [(("Yes", "yes"), "label-spelling"), (("a@x.org", "b@x.org"), "personal-data")]
)
def test_no_fix_is_offered_that_would_leave_one_label(labels: tuple[str, str], finding: str) -> None:
    task = task_of([(text, labels[at % 2]) for at, text in enumerate(sentences(120))])
    assert findings(task)[finding].mend is None


def sets_of_labels(*extra: str, common: str = "") -> Task:
    """120 rows with one or two of three labels, `common` on all but five, and `extra` answers."""
    usual = [("up", "down", "up; down", "in")[at % 4] for at in range(120)]
    answers = [f"{answer}; {common}" if common and at >= 5 else answer for at, answer in enumerate(usual)]
    rows = zip(sentences(120 + len(extra)), [*answers, *extra], strict=True)
    task = task_of([*rows], Kind.MULTI_LABEL)
    return replace(task, labels=all_labels(row.target for row in task.examples))


def test_rare_and_heavy_labels_of_several_are_found() -> None:
    assert not {"rare-labels", "imbalance"} & findings(sets_of_labels()).keys()
    task = sets_of_labels("up; legal", "press", "legal; down", common="billing")
    found = findings(task)
    assert found["rare-labels"].what == "2 labels have fewer than 5 rows: legal, press."
    assert found["rare-labels"].rows == ("r122", "r123", "r124")
    assert found["imbalance"].what == "The label 'billing' is on 93% of the rows."
    assert mend_task(task, "rare-labels").labels == ("billing", "down", "in", "up")


def test_rows_without_a_label_may_be_nearly_all() -> None:
    rows = [(text, "up; down" if at % 20 == 0 else "none") for at, text in enumerate(sentences(120))]
    task = task_of(rows, Kind.MULTI_LABEL)
    assert findings(task)["imbalance"].what == "95% of the rows have no label."


def test_labels_of_several_that_a_split_leaves_out_are_named() -> None:
    task = sets_of_labels("up; legal")
    sided = tuple(replace(row, split="test" if at % 3 == 0 else "train") for at, row in enumerate(task.examples))
    found = findings(replace(task, examples=sided))
    assert found["untaught-labels"].what == "1 label of the test rows has no training row: legal."
    assert "none can be fully right" in found["untaught-labels"].why


def test_a_label_of_any_length_takes_little_time() -> None:
    rows = [*((f"text {at}", "ab"[at % 2]) for at in range(40)), ("more", "[" * 20_000), ("and more", "[a" * 20_000)]
    started = time.process_time()
    check_task(task_of(rows))
    assert time.process_time() - started < 5
