"""The drafted instruction: what it says is true of most training answers, and what labels mean is read under it."""

from __future__ import annotations

import json

import pytest

from advisor.plan import PLAN, Plan, Setup, read_plan
from eval.reading.table import read_table
from eval.task import Brief, Example, Kind
from strategies.drafting import write_instruction
from strategies.prompts import instruction_of
from strategies.shared_form import MOST, length_of, lines_in, phrases_in

NAMES = ("Ann", "Ben Okafor", "guest", "Dr. Li", "Cem", "Eve", "Fay", "Gil", "Hal")
REPLIES = [f"Dear {name}, parcel {at}. Kind regards, The Desk" for at, name in enumerate(NAMES)]


def test_a_draft_names_the_greeting_the_ending_and_the_length() -> None:
    assert write_instruction(Kind.WRITING, (), [*REPLIES, "Hello! Nothing to say here today, sorry about that."]) == (
        "Write the reply to the message, in about 8 words. Begin with “Dear”, then the name and a comma. "
        "End with “Kind regards, The Desk”."
    )


def test_what_fewer_than_most_answers_share_is_not_demanded() -> None:
    others = [f"{name} is fine and {at} is too" for at, name in enumerate(NAMES)]
    assert write_instruction(Kind.WRITING, (), [*REPLIES, *others]) == (
        "Write the reply to the message, in about 8 words."
    )


def test_a_phrase_that_most_answers_hold_is_named_once() -> None:
    answers = [f"On day {at} the house thanks you for {name}" for at, name in enumerate(NAMES)]
    assert phrases_in(answers, ()) == ["the house thanks you for"]
    assert phrases_in(answers, ("the house thanks you for",)) == []


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (["a b\nc d", "e\nf", "g\n\nh"], "in 2 lines"),
        (["- a\n- b", "- c\n- d\n- e", "Points:\n1. f\n2. g"], "as a list, one point a line"),
        (["a\nb", "c\nd\ne", "f\ng\nh\ni"], "in several lines"),
        (["a", "b", "c\nd"], ""),
    ],
)
def test_lines_are_named_where_most_answers_have_them(answers: list[str], told: str) -> None:
    assert lines_in(answers) == told


@pytest.mark.parametrize(
    "lengths", [(1, 1, 2), (40, 44, 50, 300), (1, 2, 4, 8, 16, 32, 64, 128, 256), (7,), (3, 90, 3, 90, 3, 90)]
)
def test_the_length_is_true_of_most_answers(lengths: tuple[int, ...]) -> None:
    told = length_of(["word " * length for length in lengths]).split()
    if told[0] == "about":
        usual = int(told[1])
        fits = [abs(length - usual) <= max(1, 0.3 * usual + 0.5) for length in lengths]
    else:
        fits = [int(told[0]) <= length <= int(told[2]) for length in lengths]
    assert sum(fits) >= MOST * len(lengths)


def test_fields_are_named_with_the_form_of_their_values() -> None:
    orders = [
        {"item": f"cake {at}", "size": ("small", "large")[at % 2], "pickup": at % 3 == 0, "number": at}
        for at in range(12)
    ]
    told = write_instruction(Kind.EXTRACTION, (), map(json.dumps, [*orders, {}]))
    assert 'Possible fields: item, number (number), pickup (true or false), size ("large" or "small"). Leave' in told


def test_what_labels_mean_is_read_under_any_instruction() -> None:
    rows = [Example("r1", "Where is it?", "track"), Example("r2", "Too dear", "bill")]
    brief = Brief("t", Kind.CLASSIFICATION, "", ("bill", "track"), meanings=(("track", "a parcel is late"),))
    block = "\nWhat the categories mean:\n- track: a parcel is late"
    assert instruction_of(brief, rows).endswith(f"Categories: bill, track{block}")
    own = Brief("t", Kind.CLASSIFICATION, "Sort it.", ("bill", "track"), meanings=brief.meanings)
    assert instruction_of(own, rows) == f"Sort it.{block}"


def test_meanings_reach_the_task_if_it_has_the_label() -> None:
    table = read_table("t.csv", ("text,label\n" + "".join(f"text {at},{'ab'[at % 2]}\n" for at in range(40))).encode())
    setup = Setup("text", "label", meanings=(("a", "one"), ("gone", "nothing")))
    task = setup.build(table, "t.csv", []).task
    assert task.brief.meanings == (("a", "one"),)


def test_a_plan_without_meanings_reads_as_before() -> None:
    plan = Plan("d", Setup("text", "label"))
    stored = json.loads(PLAN.write(plan))
    del stored["setup"]["meanings"]  # as earlier versions wrote it
    assert read_plan(json.dumps(stored)) == plan
    meant = Plan("d", Setup("text", "label", meanings=(("a", "one"),)))
    assert read_plan(PLAN.write(meant)) == meant != plan
