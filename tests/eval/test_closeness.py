"""Numbers and ratings: read from a file, scored by their error, sorted by what went wrong."""

from __future__ import annotations

import pytest

from eval.failures.sorting import Failure, sort_failures
from eval.mapping.build import BuiltTask, build_task
from eval.mapping.columns import guess_columns
from eval.outcomes import Outcome, Trial
from eval.reading.table import read_table
from eval.scoring import MetricName, Scorer, is_right
from eval.scoring.closeness import Scale, is_number, mean_error, number_in, number_text
from eval.task import Example, Kind, Metric, Task

RATINGS = [str(1 + at % 5) for at in range(40)]
AMOUNTS = [f"{10 + 7.35 * at:.2f}" for at in range(40)]
HALVES = [f"{1 + at % 5 / 2:.1f}".replace(".", ",") for at in range(40)]


def built(header: str, cells: list[str]) -> BuiltTask:
    rows = "\n".join(f'a message numbered {at},"{cell}"' for at, cell in enumerate(cells))
    table = read_table("x.csv", f"text,{header}\n{rows}\n".encode())
    return build_task(table, guess_columns(table), kind=None, name="x")


@pytest.mark.parametrize(
    ("header", "cells", "labels"),
    [
        ("rating", RATINGS, ("1", "2", "3", "4", "5")),
        ("stars", [f"{each}.0" for each in RATINGS], ("1", "2", "3", "4", "5")),
        ("satisfaction_score", [str(at % 11) for at in range(44)], tuple(map(str, range(11)))),
        ("Bewertung", HALVES, ("1,0", "1,5", "2,0", "2,5", "3,0")),
        ("rating", [f"{each} stars" for each in RATINGS], tuple(f"{at} stars" for at in range(1, 6))),
        ("price", AMOUNTS, ()),
        ("Total amount", [f"{each} EUR" for each in AMOUNTS], ()),
        ("label", [f"{at / 7:.2f}" for at in range(40)], ()),
        ("toxicity", [f"{at / 41:.3f}" for at in range(40)], ()),
        ("Kundenbewertung", RATINGS, ("1", "2", "3", "4", "5")),
        ("rating", [f"{each}/5" for each in RATINGS], ("1", "2", "3", "4", "5")),
        ("rating", [f"{each} out of 5 stars" for each in RATINGS], ("1", "2", "3", "4", "5")),
        ("Note", [f"{each} von 6" for each in RATINGS], ("1", "2", "3", "4", "5")),
        ("amount", [f"{at}/{at + 7}" for at in range(1, 41)], ()),
    ],
)
def test_ratings_and_amounts_are_numbers(header: str, cells: list[str], labels: tuple[str, ...]) -> None:
    task = built(header, cells).task
    assert (task.kind, task.labels) == (Kind.NUMBER, labels)


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("label", [str(at % 5) for at in range(40)]),  # may be the numbers of labels
        ("answer", [str(at * 13 % 37) for at in range(40)]),  # of questions: nearly right is wrong
        ("rating", ["good", "bad"] * 20),
        ("score", ["0", "1"] * 20),
        ("rating", [each if at % 10 else "good" for at, each in enumerate(RATINGS)]),
        ("duration", [f"{at} h" if at % 2 else f"{at * 10} min" for at in range(40)]),  # 2 h isn't less than 10 min
    ],
)
def test_other_numbers_are_not(header: str, cells: list[str]) -> None:
    assert built(header, cells).task.kind is not Kind.NUMBER


def test_a_few_slips_among_ratings_are_left_out() -> None:
    found = built("rating", [*RATINGS, "five out of 5, I think", "see ticket 9912"])
    assert (found.task.kind, found.task.labels) == (Kind.NUMBER, ("1", "2", "3", "4", "5"))
    assert found.kind_guess.reason == "40 of 42 answers in column 'rating' are ratings from 1 to 5."
    assert [one.target for one in found.task.examples[39:]] == ["5", "5"]
    assert "Row 43 has no clear number and was left out." in found.left_out


def test_one_rating_has_one_spelling() -> None:
    found = built("rating", [f"{each} stars" if at % 2 else f"{each}/5" for at, each in enumerate(RATINGS)])
    assert found.task.labels == ("1", "2", "3", "4", "5")
    assert any("'1' and '1 stars', so we use plain numbers" in sentence for sentence in found.left_out)


@pytest.mark.parametrize(
    ("text", "value"),
    [("4", 4), ("I'd say 4.", 4), ("12,50 EUR", 12.5), ("$1.2 million", 1.2e6), ("45 %", 45), ("-3", -3), ("no", None)],
)
def test_a_number_is_read_as_people_write_it(text: str, value: float | None) -> None:
    assert number_in(text) == value


def test_only_a_number_and_its_unit_is_a_number() -> None:
    assert all(map(is_number, ("4", "45 %", "4 stars", "€ 12.50", "1,234.5 kg")))
    assert not any(map(is_number, ("3 to 4", "about 4 stars or so", "four", "room 4 is free", "")))
    assert [number_text(value) for value in (4.0, 3.456, 0.0012, 0.0, -0.001)] == ["4", "3.46", "0.0012", "0", "-0.001"]


def rated(text: str, expected: str, metric: MetricName = MetricName.CLOSENESS, row: int = 0) -> Outcome:
    rows = [Example(f"r{at}", "", rating) for at, rating in enumerate(RATINGS)]
    scored = Scorer(Kind.NUMBER, Metric(metric), rows).score(text, Example("r", "", expected))
    return Outcome(f"r{row}", "prompting", text, scored.value, scored.parts, 1, 1, expected=expected)


@pytest.mark.parametrize(
    ("text", "target", "value", "right", "within_one"),
    [
        ("4", "4", 1.0, True, True),
        ("4.4", "4", 0.9, True, True),
        ("4.6", "4", 0.85, False, True),
        ("3", "4", 0.75, False, True),
        ("1", "5", 0.0, False, False),
        ("4 stars, I think", "4", 1.0, True, True),
        ("very good", "4", 0.0, False, False),
        ("40", "4", 0.0, False, True),  # beyond the last rating, which is next to the expected one
    ],
)
def test_a_rating_is_scored_by_its_error(text: str, target: str, value: float, right: bool, within_one: bool) -> None:
    found = rated(text, target)
    assert found.score == pytest.approx(value)
    assert is_right(Kind.NUMBER, found.score, found.parts) is right
    assert found.parts["within_one"] == float(within_one)
    assert rated(text, target, MetricName.EXACT).score == float(right)


def test_a_few_huge_amounts_do_not_make_every_error_small() -> None:
    scale = Scale.of([*AMOUNTS, "1000000"])
    assert scale.values == ()
    assert scale.width == pytest.approx(262, abs=20)
    assert scale.is_right(104, 100)
    assert not scale.is_right(106, 100)


def test_a_number_near_the_largest_does_not_break_the_scale() -> None:
    for targets in (["1", "2", "1e308", "-1e308"], [*AMOUNTS, *["1e308", "-1e308"] * 3]):
        assert 0 <= Scale.of(targets).closeness(1, 1e308) < 1


def test_the_mean_error_is_in_the_unit_of_the_task() -> None:
    error = mean_error([rated("4", "4"), rated("3", "5"), rated("good", "4"), rated("2.5", "2")], list("abcd"))
    assert error is not None
    assert error.n == 3
    assert error.mean == pytest.approx(2.5 / 3)
    assert 0 <= error.low < error.mean < error.high <= 2
    assert mean_error([rated("good", "4")], ["a"]) is None


def test_wrong_numbers_are_sorted_and_counted_by_the_nearest_rating() -> None:
    pairs = [("4.2", "4"), ("3", "4"), ("1", "4"), ("5", "2"), ("good", "1"), ("2.6", "5")]
    examples = tuple(Example(f"r{row}", f"text {row}", expected) for row, (_, expected) in enumerate(pairs))
    others = tuple(Example(f"s{at}", f"other {at}", rating) for at, rating in enumerate(RATINGS))
    task = Task("t", Kind.NUMBER, "", examples + others, labels=("1", "2", "3", "4", "5"))
    outcomes = tuple(rated(given, expected, row=row) for row, (given, expected) in enumerate(pairs))
    (failures,) = sort_failures([Trial("prompting", "done", outcomes=outcomes, metric="closeness")], task)
    counts = {category.name: category.count for category in failures.categories}
    assert failures.wrong == 5
    assert counts == {Failure.NOT_NUMBER: 1, Failure.ONE_OFF: 1, Failure.TOO_LOW: 2, Failure.TOO_HIGH: 1}
    assert failures.confusion is not None
    assert failures.confusion.rows == {"1": 1, "2": 1, "4": 3, "5": 1}
    assert {(one.expected, one.given) for one in failures.confusion.mixups} >= {("4", "3"), ("5", "3"), ("2", "5")}
