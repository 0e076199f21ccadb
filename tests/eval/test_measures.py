"""Numbers with what belongs to them: a wrong number takes its unit and its words with it."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import pytest

from eval.scoring import is_right
from eval.scoring.measures import find_measures
from eval.scoring.numbers import Quantity
from eval.task import Kind
from tests.scored import score

# Each line says the same in several notations; no two lines say the same.
MEASURES = [
    ["3 minutes 30 seconds", "3 minutes and 30 seconds", "3 min 30 s", "210 seconds", "3.5 minutes", "3:30 minutes",
     "3 Minuten 30 Sekunden", "3分30秒"],
    ["3 minutes 41 seconds", "221 seconds"],
    ["1 hour 30 minutes", "90 minutes", "an hour and a half", "one and a half hours", "1.5 h", "1 h 30 min"],
    ["2 hours 30 minutes", "two and a half hours", "2 and a half hours", "2 heures 30 minutes"],
    ["24 hours", "one day", "1 day"],
    ["two weeks", "14 days", "every two weeks", "every 14 days"],
    ["two months", "2 meses", "2 Monate", "2个月"],
    ["5 feet 11 inches", "5 ft 11 in", "71 inches"],
    ["3 kg 400 g", "3.4 kg"],
    ["3 kg 200 g", "3,200 g"],
    ["5 dollars and 20 cents", "$5.20"],
    ["15 metres per second", "15 m/s", "15 meters per second", "54 km/h", "54 kph"],
    ["15 metres per hour", "15 m/h"],
    ["$15 per hour", "$15/h", "15 dollars an hour", "USD 15 each hour"],
    ["$15 per day", "15 dollars a day"],
    ["twice a year", "every six months", "two times a year", "2 times per year"],
    ["three times a week", "3 times per week"],
    ["three times a month", "3 times each month"],
]  # fmt: skip


def answered(text: str, target: str, question: str = "") -> float:
    return score(Kind.ANSWERING, text, target, question).value


@pytest.mark.parametrize("notations", MEASURES, ids=lambda notations: notations[0])
def test_the_same_measure_in_another_notation_is_right(notations: list[str]) -> None:
    for text, target in itertools.product(notations, repeat=2):
        assert answered(text, target) >= 0.6, (text, target)


def test_another_measure_says_nothing_right() -> None:
    lines = [(line, text) for line, notations in enumerate(MEASURES) for text in notations]
    for (line, text), (other, target) in itertools.product(lines, repeat=2):
        assert line == other or answered(text, target) <= 0.25, (text, target)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("60 crowns", "35 crowns"),
        ("The fee is 60 crowns.", "35 crowns"),
        ("ten brass tokens", "five brass tokens"),
        ("25th of the month", "24th of the month"),
        ("every Wednesday at 15:3", "third Wednesday of the month"),  # cut off within a time
        ("Room 14", "Room 12"),
        ("Gate B9", "Gate B7"),
        ("Apollo 13", "Apollo 11"),
        ("in the year 1978", "in the year 1987"),
        ("first day", "fifth day"),
        ("one third of members", "two thirds of members"),
        ("half of the members", "two thirds of members"),
        ("5 Stunden", "3 Stunden"),
        ("1:25,000", "1:50,000"),
        ("1:3", "3:1"),
        ("38 crowns a day", "38 crowns an hour"),
        ("within three hours", "within two hours"),
        ("two days", "within two hours"),
    ],
)
def test_the_words_of_a_wrong_number_earn_nothing(text: str, target: str) -> None:
    assert answered(text, target) <= 0.1


def test_any_other_number_of_anything_is_wrong() -> None:
    draw = random.Random(3)
    things = ("crowns", "visits", "brass tokens", "days", "kg", "percent", "metres per second", "meters a day", "km/h")
    for _ in range(500):
        one, other = draw.sample(range(2, 3000), 2)
        thing = draw.choice(things)
        assert answered(f"{other} {thing}", f"{one} {thing}") == 0, (one, other, thing)
        assert answered(f"{one:,} {thing}", f"{one} {thing}") == 1, (one, thing)


@pytest.mark.parametrize(
    ("text", "target"),
    [("five tokens", "five brass tokens"), ("6", "six visits"), ("From day five", "fifth day"),
     ("on Quay 1, in the chequered chest", "chequered chest on Quay 1"), ("violet, not lime", "violet"),
     ("on the third Wednesday of each month", "third Wednesday of the month")],
)  # fmt: skip
def test_a_right_number_needs_few_words(text: str, target: str) -> None:
    assert answered(text, target) >= 0.65


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("It is violet.", 1.0),
        ("violet or lime", 0.7),
        ("The badge is white, amber, violet, turquoise or lime.", 0.4),
        ("white, amber, violet, turquoise, lime", 0.4),
    ],
)
def test_naming_all_choices_is_no_answer(text: str, most: float) -> None:
    assert most - 0.3 <= answered(text, "violet", "What colour is the badge?") <= most


def test_a_sentence_that_says_which_is_which_is_an_answer() -> None:
    told = "The colour shows where you belong: white for the offices, amber for the workshop, violet for sea crews."
    assert answered(told, "violet", "What colour badge do the sea crews wear?") == 1


def test_an_answer_with_a_wrong_fact_is_not_right() -> None:
    half = score(Kind.ANSWERING, "Tuesdays at 16:00", "Wednesdays at 16:00")
    assert half.value == 0.5
    assert is_right(Kind.ANSWERING, half.value, half.parts) is False
    beside = score(Kind.ANSWERING, "in Paris", "Paris")
    assert is_right(Kind.ANSWERING, beside.value, beside.parts) is True


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("5 minutes and 90 seconds", [Quantity(Fraction(5), "minute"), Quantity(Fraction(90), "second")]),
        ("38 crowns an hour", [Quantity(Fraction(38), per="hour")]),
        ("40 paid hours a year", [Quantity(Fraction(40), per="year")]),
        ("We paid 30 crowns an hour ago", [Quantity(Fraction(30))]),
        ("on the second floor, 3 doors", [Quantity(Fraction(2)), Quantity(Fraction(3))]),
        ("pay weekly", [Quantity(Fraction(1), "week", is_soft=True)]),
        ("every other day", [Quantity(Fraction(2), "day")]),
        ("read it once", [Quantity(Fraction(1), is_soft=True)]),
    ],
)
def test_what_belongs_to_a_number(text: str, found: list[Quantity]) -> None:
    assert [quantity for _, quantity in find_measures(text)] == found
