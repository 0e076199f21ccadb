"""Several labels in one answer: read from a file, scored, averaged, sorted by what went wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from eval.checks.repeats import conflicts
from eval.failures.sorting import Failure, sort_failures
from eval.mapping.build import BuiltTask, build_task
from eval.mapping.columns import Columns, guess_columns
from eval.mapping.label_sets import all_labels, as_answer, label_sets, labels_in
from eval.outcomes import Outcome, Trial
from eval.reading.table import read_table
from eval.scoring import MetricName, Scorer, is_right, metric_for
from eval.scoring.label_sets import label_averages, rates_of_sets
from eval.task import Example, Kind, Metric, Task

TEXTS = [f"message number {at} about something" for at in range(40)]
PAIRS = [("delivery",), ("delivery", "urgent"), ("billing",), ("billing", "urgent")]


def as_list(labels: Iterable[str]) -> str:
    return str(list(labels))


def built(header: str, cells: list[str], kind: Kind | None = None) -> BuiltTask:
    rows = "\n".join(f'{text},"{cell}"' for text, cell in zip(TEXTS, cells, strict=True))
    table = read_table("x.csv", f"text,{header}\n{rows}\n".encode())
    return build_task(table, guess_columns(table), kind=kind, name="x")


def with_hashtags(labels: Iterable[str]) -> str:
    return " ".join(f"#{label}" for label in labels)


@pytest.mark.parametrize(
    "join",
    [
        *("; ".join, ";".join, "|".join, ", ".join, "、".join, "，".join, "；".join, "\n".join, as_list),
        lambda labels: str(set(labels)),
        lambda labels: str(tuple(labels)),
        lambda labels: f"[{' '.join(map(repr, labels))}]",  # NumPy's
        lambda labels: f"[{', '.join(labels)}]",
        lambda labels: f"{{{','.join(labels)}}}",  # PostgreSQL's
        lambda labels: ", ".join(map(repr, labels)),
        lambda labels: "".join(f"<{label}>" for label in labels),
    ],
)
def test_several_labels_in_a_cell_are_several_labels(join: Callable[[Iterable[str]], str]) -> None:
    found = built("tags", [join(PAIRS[at % 4]) for at in range(40)])
    assert (found.task.kind, found.task.labels) == (Kind.MULTI_LABEL, ("billing", "delivery", "urgent"))
    assert found.task.examples[1].target == "delivery; urgent"
    assert found.kind_guess.reason == "20 of 40 answers hold several of 3 labels."
    assert "20 of 40 rows have several labels in column 'tags'." in found.left_out


@pytest.mark.parametrize(
    "cells",
    [
        [f"Paris, the capital of country {at}" for at in range(40)],
        [f"{at}, Main Street; flat {at % 7}" for at in range(40)],
        ["Yes, it is.", "No, it is not."] * 20,
        ["Berlin"] * 20 + ["Rome"] * 20,
        ["Smith, Ann", "Smith, Bob", "Lee, Ann", "Lee, Bob"] * 10,
        ["Smith, Ann; Lee, Bob", "Lee, Ann", "Smith, Bob; Lee, Ann", "Smith, Ann"] * 10,
        ["Phone/Broken", "Phone/Billing", "App/Broken", "App/Billing", "Other"] * 8,
        ["TCP/IP", "UDP/IP", "HTTP", "DNS"] * 10,
        ["[A]", "[B]", "{C}", "(D)"] * 10,
    ],
)
def test_commas_in_answers_are_not_labels(cells: list[str]) -> None:
    assert label_sets(cells) is None
    assert built("answer", cells).task.kind is not Kind.MULTI_LABEL


@pytest.mark.parametrize("join", ["; ".join, ", ".join, "/".join, " + ".join])
def test_labels_that_never_stand_alone_are_labels_where_they_change_places(
    join: Callable[[Iterable[str]], str],
) -> None:
    pairs = [("app", "billing"), ("billing", "urgent"), ("app", "urgent"), ("urgent", "app")]
    assert built("tags", [join(pairs[at % 4]) for at in range(40)]).task.labels == ("app", "billing", "urgent")


def test_hashtags_are_labels() -> None:
    found = built("tags", [with_hashtags(PAIRS[at % 4]) for at in range(40)]).task
    assert found.labels == ("#billing", "#delivery", "#urgent")


def test_each_cell_may_have_another_separator() -> None:
    cells = [";,|"[at % 3].join(PAIRS[at % 4]) for at in range(40)]
    assert built("tags", cells).task.labels == ("billing", "delivery", "urgent")


def test_numbers_are_labels_only_in_a_column_of_labels() -> None:
    cells = ["2", "2,14", "14", "3,2"] * 10
    assert built("labels", cells).task.labels == built("label_ids", cells).task.labels == ("14", "2", "3")
    assert built("answer", cells).task.kind is not Kind.MULTI_LABEL


def marked(*rows: str) -> BuiltTask:
    cells = "\n".join(f"{text},{rows[at % len(rows)]}" for at, text in enumerate(TEXTS))
    table = read_table("x.csv", f"text,joy,anger,fear\n{cells}\n".encode())
    return build_task(table, guess_columns(table), kind=None, name="x")


@pytest.mark.parametrize(
    "rows",
    [
        ("1,0,1", "0,1,0", "0,0,0"),
        ("yes,no,yes", "no,yes,no", "no,no,no"),
        ("x,,x", ",x,", ",,"),
        ("✓,,✓", ",✓,", ",,"),
        ("1.0,0.0,1.0", "0.0,1.0,0.0", "0.0,0.0,0.0"),
        ("ja,nein,ja", "nein,ja,nein", "nein,nein,nein"),
        ("Oui,Non,Oui", "Non,Oui,Non", "Non,Non,Non"),
        ("x,-,x", "-,x,-", "-,-,-"),
        ("TRUE,,TRUE", ",TRUE,", ",,"),
        ("是,,是", ",是,", ",,"),
    ],
)
def test_columns_that_say_yes_or_no_are_labels(rows: tuple[str, ...]) -> None:
    task = marked(*rows).task
    assert (task.kind, task.labels) == (Kind.MULTI_LABEL, ("anger", "fear", "joy", "none"))
    assert [one.target for one in task.examples[:3]] == ["joy; fear", "anger", "none"]


def sets_of(labels: str, seed: int = 0) -> list[str]:
    """40 cells with one to three of some labels."""
    chance = random.Random(seed)
    return [" ".join(chance.sample(labels.split(), chance.choice((1, 2, 2, 3)))) for _ in range(40)]


@pytest.mark.parametrize("in_order", [False, True])
def test_words_of_a_small_vocabulary_are_labels_without_a_separator(in_order: bool) -> None:
    cells = [" ".join(sorted(cell.split()) if in_order else cell.split()) for cell in sets_of("red large E11.9 soft")]
    found = built("answer", cells)
    assert found.task.kind is Kind.MULTI_LABEL
    assert [labels_in(one.target) for one in found.task.examples] == [tuple(cell.split()) for cell in cells]


@pytest.mark.parametrize(
    "cells",
    [
        [f"{size} {colour}" for colour in ("red", "blue", "green", "gold", "grey") for size in ("big", "small") * 4],
        [f"{first} {last}".strip() for first in ("Ann", "Ben", "", "Cora") for last in ("Wolf", "", "Lang") * 3],
        ["turn on", "turn off", "go on", "go off", "open door", "close door", "door", "stop"] * 5,
        ["very good", "good", "bad", "not good", "not bad", "very bad", "not very good", "fine"] * 5,
        [f"the {who} sees a {whom}" for who in ("dog", "cat", "man", "bird") for whom in ("dog", "cat") * 5],
        [" ".join("LRUD"[at >> shift & 3] for shift in (0, 2, 4)[: at % 3 + 1]) for at in range(40)],
        [f"word{at} other{at}" if at % 2 else f"word{at}" for at in range(40)],
    ],
)  # fmt: skip
def test_words_that_have_their_places_are_no_sets_of_labels(cells: list[str]) -> None:
    assert label_sets([cell for cell in cells if cell]) is None


def test_columns_with_one_mark_a_row_are_one_label() -> None:
    found = marked("1,0,0", "0,1,0", "0,0,1", "0,0,0")
    assert (found.task.kind, found.task.labels) == (Kind.CLASSIFICATION, ("anger", "fear", "joy"))
    assert "10 rows have no label and were left out: the first are 5, 9, 13, 17, 21." in found.left_out


def test_ticks_are_labels_however_few_rows_have_one() -> None:
    found = marked("x,,", "x,x,", ",,x", ",x,").task
    assert (found.kind, found.labels, len(found.examples)) == (Kind.MULTI_LABEL, ("anger", "fear", "joy"), 40)


@pytest.mark.parametrize(
    "rows",
    [("x,,", "1,X,", ",,1", ",x,"), ("x,,", "x,1,", ",,1", ",1,"), ("joy,,", "Joy,anger,", ",,fear", ",anger,")],
    ids=["several ticks in a column", "a tick of its own in each column", "its own name in each column"],
)
def test_ticks_may_be_of_any_form(rows: tuple[str, ...]) -> None:
    assert [one.target for one in marked(*rows).task.examples[:4]] == ["joy", "joy; anger", "fear", "anger"]


@pytest.mark.parametrize("signs", ["no yes", "0 1", "- x"])
def test_a_blank_cell_counts_as_no_but_a_row_of_them_lacks_its_labels(signs: str) -> None:
    no, yes = signs.split()
    found = marked(f"{yes},,{no}", f"{yes},{yes},", f",{no},{yes}", f"{no},{yes},", ",,")
    assert {one.target for one in found.task.examples} == {"joy", "joy; anger", "fear", "anger"}
    assert len(found.task.examples) == 32 and found.left_out[0].startswith("8 rows have no answer and were left out")
    assert found.left_out[1] == "32 blank cells in the columns of labels count as no."


def test_a_row_of_marks_with_an_unknown_side_is_left_out() -> None:
    sides = ("train", "test", "train", "unsure")
    lines = [f"{text},{'1,0,0' if at % 2 else '0,1,1'},{sides[at % 4]}" for at, text in enumerate(TEXTS)]
    table = read_table("x.csv", "\n".join(["text,a,b,c,split", *lines]).encode())
    found = build_task(table, guess_columns(table), kind=None, name="x")
    assert len(found.task.examples) == 30 and "isn't train, dev or test" in found.left_out[0]


def test_a_column_called_label_comes_before_ticks() -> None:
    rows = "\n".join(f"{text},x,,x,{'ab'[at % 2]}" for at, text in enumerate(TEXTS))
    columns = guess_columns(read_table("x.csv", f"text,joy,anger,fear,label\n{rows}\n".encode()))
    assert (columns.target, columns.marked) == ("label", ())


def test_two_columns_of_yes_and_no_are_not_labels_by_themselves() -> None:
    rows = "\n".join(f"{text},{at % 2},{at % 3 % 2}" for at, text in enumerate(TEXTS))
    table = read_table("x.csv", f"text,spam,reply\n{rows}\n".encode())
    assert guess_columns(table).marked == ()
    chosen = build_task(table, Columns("text", "spam", marked=("spam", "reply")), kind=None, name="x").task
    assert (chosen.kind, chosen.labels) == (Kind.MULTI_LABEL, ("none", "reply", "spam"))


def test_a_label_may_hold_any_sign_but_the_separator() -> None:
    assert as_answer(["a; b", "c, d"]) == "a, b; c, d"
    assert labels_in("a, b; c, d; c, d;") == ("a, b", "c, d")
    assert as_answer([]) == "none"
    assert labels_in("none") == labels_in(" ;") == ()
    assert all_labels(["b; a", "none"]) == ("a", "b", "none")


def score(text: str, target: str, metric: MetricName = MetricName.EXAMPLE_F1) -> tuple[float, bool | None]:
    scored = Scorer(Kind.MULTI_LABEL, Metric(metric), ()).score(text, Example("r1", "", target))
    return round(scored.value, 3), is_right(Kind.MULTI_LABEL, scored.value, scored.parts)


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("delivery; urgent", "urgent; delivery", (1.0, True)),
        ("Delivery ;URGENT;", "delivery; urgent", (0.0, False)),  # as for one label, capitals count
        ("delivery", "delivery; urgent", (0.667, False)),
        ("delivery; urgent; billing", "delivery; urgent", (0.8, False)),
        ("billing", "delivery; urgent", (0.0, False)),
        ("none", "none", (1.0, True)),
        ("none", "delivery", (0.0, False)),
        ("delivery", "none", (0.0, False)),
        ("", "delivery", (0.0, False)),
    ],
)
def test_labels_are_scored_one_by_one(text: str, target: str, expected: tuple[float, bool]) -> None:
    assert score(text, target) == expected
    assert score(text, target, MetricName.EXACT)[0] == float(expected[1])


def outcome(row: int, text: str, expected: str) -> Outcome:
    scored = Scorer(Kind.MULTI_LABEL, Metric(MetricName.EXAMPLE_F1), ()).score(text, Example("r1", "", expected))
    return Outcome(f"r{row}", "prompting", text, scored.value, scored.parts, 1, 1, expected=expected)


def test_micro_and_macro_are_as_scikit_learn_counts_them() -> None:
    from sklearn.metrics import f1_score
    from sklearn.preprocessing import MultiLabelBinarizer

    pairs = [("a; b", "a"), ("b", "b; c"), ("none", "a"), ("c; a; b", "a; c"), ("c", "none"), ("a", "a")]
    outcomes = [outcome(row, given, expected) for row, (given, expected) in enumerate(pairs)]
    averages = label_averages(outcomes)
    binary = MultiLabelBinarizer(classes=["a", "b", "c"])
    expected = binary.fit_transform([labels_in(one) for _, one in pairs])
    given = binary.transform([labels_in(one) for one, _ in pairs])
    assert averages.micro.mean == pytest.approx(f1_score(expected, given, average="micro"))
    assert averages.macro.mean == pytest.approx(f1_score(expected, given, average="macro"))
    assert averages.macro.low < averages.macro.mean < averages.macro.high
    assert metric_for(Kind.MULTI_LABEL, (), ()).name == MetricName.EXAMPLE_F1
    rates = {one.label: (one.rows, one.precision, one.recall) for one in rates_of_sets(outcomes)}
    assert rates == {"a": (4, 1.0, 0.75), "b": (1, 1 / 3, 1.0), "c": (2, 0.5, 0.5)}


def test_wrong_answers_are_sorted_by_what_went_wrong() -> None:
    pairs = [("a", "a; b"), ("a; b", "a"), ("a; c", "a; b"), ("c", "a"), ("none", "a"), ("a; b", "b; a")]
    examples = tuple(Example(f"r{row}", f"text {row}", expected) for row, (_, expected) in enumerate(pairs))
    task = Task("t", Kind.MULTI_LABEL, "", examples, labels=("a", "b", "c"))
    outcomes = tuple(outcome(row, given, expected) for row, (given, expected) in enumerate(pairs))
    (failures,) = sort_failures([Trial("prompting", "done", outcomes=outcomes, metric="example F1")], task)
    counts = {category.name: category.count for category in failures.categories}
    assert (failures.wrong, failures.confusion) == (5, None)
    assert counts == {
        Failure.LABELS_MISSING: 1, Failure.LABELS_EXTRA: 1, Failure.LABELS_MIXED: 1, Failure.LABELS_WRONG: 2,
    }  # fmt: skip


def test_the_same_labels_in_another_order_are_no_conflict() -> None:
    rows = [Example(f"r{at}", f"text {at // 2}", "a; b" if at % 2 else "b; a") for at in range(40)]
    task = Task("t", Kind.MULTI_LABEL, "", tuple(rows), labels=("a", "b"))
    assert conflicts(task) == ()
    assert conflicts(replace(task, examples=(*rows, Example("r40", "text 3", "a")))) == ("r6", "r7", "r40")
