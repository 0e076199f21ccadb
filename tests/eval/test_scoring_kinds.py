"""Answers of the kinds that scores are often wrong about: what a person who knows the right answer would say."""

from __future__ import annotations

import time

import pytest

from eval.scoring import Scorer
from eval.task import Example, Kind
from tests.scored import score

PATENTS, NOT_SAID = "How many patents does Halden hold?", "The documents do not say how many patents Halden holds."


@pytest.mark.parametrize(
    ("question", "expected", "answer"),
    [
        ("Is the pool heated?", "Yes, the pool is heated.", "Yes."),
        ("Is the pool heated?", "Yes, the pool is heated.", "Yes, it is."),
        ("Is the pool heated?", "Yes, the pool is heated.", "It is heated."),
        ("Is the pool heated?", "Yes, the pool is heated.", "**Yes**"),
        ("Is the pool heated?", "Yes, the pool is heated.", "The answer is yes."),
        ("Is the pool heated?", "Yes, the pool is heated.", "The answer to your question is yes."),
        ("Does Halden have a pool?", "No, Halden does not have a pool.", "No."),
        ("Does Halden have a pool?", "No, Halden does not have a pool.", "Halden has no pool."),
        ("Can I cancel?", "It is not possible to cancel after dispatch.", "No, you cannot cancel after dispatch."),
        ("Price?", "45 euros", "- 45 euros"),
        ("Price?", "45 euros", "Price – 45 euros"),
        ("How far?", "45 km", "Oslo – 45 km"),
        ("When?", "1998 to 2003", "1998 - 2003"),
        (
            "How many patents does Halden hold?",
            "The documents do not say how many patents Halden holds.",
            "The number of patents is not given.",
        ),
        ("How many patents does Halden hold?", "The documents do not say how many patents Halden holds.", "Unknown."),
        (
            "How many patents does Halden hold?",
            "The documents do not say how many patents Halden holds.",
            "No information available.",
        ),
        ("How many patents does Halden hold?", "The documents do not say how many patents Halden holds.", "None."),
        (
            "How many patents does Halden hold?",
            "The documents do not say how many patents Halden holds.",
            "It doesn't say.",
        ),
        (
            "How many patents does Halden hold?",
            "The documents do not say how many patents Halden holds.",
            "Halden's patents are not mentioned.",
        ),
        ("How many patents does Halden hold?", "The number of patents is not given.", "I don't know."),
        ("How many patents does Halden hold?", "The number of patents is not given.", "Not stated in the text."),
        ("Who?", "Mira Voss", "Dr. Mira Voss"),
        ("Who?", "Mira Voss", "Mira Voss [1]"),
        ("Capital?", "Canberra", "Canberra, not Sydney"),
        ("Size?", "4XL", "4XL"),
        ("When?", "1990", "1990"),
        ("可以吗", "可以", "可以"),
        ("?", "北京", "北京市"),
        ("Raised?", "$5 million", "$5 M"),
        ("How many?", "more than 100", "over 100"),
        ("How many?", "more than 100", "100"),
        ("When?", "within 30 days", "30 days"),
        ("What is not covered?", "Water damage is not covered.", "Water damage."),
        ("Is smoking allowed?", "Smoking is forbidden.", "Smoking is forbidden."),
        ("?", "7:30", "half past seven"),
        ("?", "8:45", "quarter to nine"),
        ("?", "€3 billion", "3 Mrd. Euro"),
        ("?", "Hamlet", "Ham\u200blet"),
        ("Which?", "A", "A."),
        ("Which?", "A", "(A)"),
        ("Which?", "A", "Answer: A"),
        ("Which?", "A", "Option A"),
        ("?", "1960", "1960, not 1963"),
        ("?", "1960", "As of 2024, 1960."),
        ("?", "!=", "!="),
        ("What does it cost?", "fifteen hundred", "1,500"),
        ("?", "Tuesday", "Tue"),
    ],
)
def test_right_in_other_words(question: str, expected: str, answer: str) -> None:
    assert score(Kind.ANSWERING, answer, expected, question).value >= 0.75


@pytest.mark.parametrize(
    ("question", "expected", "answer"),
    [
        ("Is the pool heated?", "Yes, the pool is heated.", "No."),
        ("Is the pool heated?", "Yes, the pool is heated.", "It is not heated."),
        ("Does Halden have a pool?", "No, Halden does not have a pool.", "Halden has a pool."),
        ("Does Halden have a pool?", "No, Halden does not have a pool.", "Yes."),
        ("Can I cancel?", "It is not possible to cancel after dispatch.", "I don't know."),
        ("Is dental care covered?", "Dental care is not part of the plan.", "I don't know."),
        (
            "How many patents does Halden hold?",
            "The documents do not say how many patents Halden holds.",
            "The documents do not say, but Halden holds 45 patents.",
        ),
        (
            "How many patents does Halden hold?",
            "The documents do not say how many patents Halden holds.",
            "I'm not sure, maybe 45.",
        ),
        ("How many patents does Halden hold?", "The documents do not say how many patents Halden holds.", "45"),
        ("How many patents does Halden hold?", "The number of patents is not given.", "45 patents."),
        ("Code?", "1a2b3c4d", "1a2b9999"),
        ("Size?", "4XL", "4XS"),
        ("可以吗", "可以", "不可以"),
        ("?", "上海", "海上"),
        ("?", "北京", "南京"),
        ("Raised?", "$5 million", "$5"),
        ("How many?", "more than 100", "less than 100"),
        ("When?", "within 30 days", "after 30 days"),
        ("Is smoking allowed?", "Smoking is forbidden.", "Smoking is not forbidden."),
        ("?", "8:45", "quarter past nine"),
        ("Which?", "A", "B"),
        ("?", "support@halden.com", "sales@halden.com"),
        ("?", "!=", "=="),
        ("?", "Tuesday", "Wednesday"),
    ],
)
def test_wrong_though_it_looks_alike(question: str, expected: str, answer: str) -> None:
    assert score(Kind.ANSWERING, answer, expected, question).value <= 0.25


@pytest.mark.parametrize(
    ("expected", "answer"),
    [("Mira Voss", "Tom Voss"), ("North Korea", "South Korea"), ("Canberra", "Sydney or Canberra")],
)
def test_half_a_name_or_one_of_two_is_not_right(expected: str, answer: str) -> None:
    assert 0 < score(Kind.ANSWERING, answer, expected).value < 0.75


_BABBLE = (
    "\n" * 20_000,
    "123," * 5_000,
    "5 May " * 3_300,
    "½" * 20_000,
    "12:30 " * 3_300,
    "one " * 5_000,
    "9" * 20_000,
)


@pytest.mark.parametrize("text", _BABBLE, ids=["newlines", "groups", "dates", "fractions", "times", "words", "digits"])
def test_whatever_a_model_babbles_is_scored_at_once(text: str) -> None:
    scorer, row = Scorer(Kind.WRITING, None, ()), Example("row", "What does it cost?", "It costs 45 euros.")
    scorer.score("warm up", row)
    started = time.process_time()
    assert scorer.score(text, row).value < 0.5
    assert time.process_time() - started < 3  # it took up to 9 seconds, and one ended in an error


def test_long_lists_of_fields_are_compared_in_seconds() -> None:
    scorer = Scorer(Kind.EXTRACTION, None, ())
    items = ", ".join(f'{{"name": "item {at}", "n": {at}}}' for at in range(1_000))
    started = time.process_time()
    assert scorer.score(f"[{items}]", Example("row", "", f"[{items}]")).value == 1
    assert time.process_time() - started < 5


def test_json_in_a_fence_is_json() -> None:
    fenced = '```json\n{"item": "tea"}\n```'
    assert score(Kind.EXTRACTION, fenced, '{"item": "tea"}').parts == {"valid": 1, "exact": 1}


def test_a_long_answer_that_begins_with_the_wrong_one_of_yes_and_no_is_wrong() -> None:
    told = (
        "No. If your child is healthy, no mask is needed. Only people with symptoms or who care for the ill need masks."
    )
    others = tuple(Example(str(at), f"Is it safe in room {at}?", f"Yes, room {at} is safe.") for at in range(20))
    row = Example("x", "Should I give my child a mask?", told)
    scorer = Scorer(Kind.WRITING, None, (*others, row))
    wrong = scorer.score(
        "Yes. Healthy people, children, people with symptoms and who care for the ill need masks.", row
    )
    right = scorer.score("No. People with symptoms need masks.", row)
    assert wrong.value < 0.35 and right.value > wrong.value + 0.3


def test_without_denies_what_follows_it_and_answers_nothing() -> None:
    row = Example("x", "Is Velmark a public company?", "No, Velmark has never gone public.")
    scorer = Scorer(Kind.ANSWERING, None, (row,))
    aside, right = (
        scorer.score(text, row).value for text in ("Inspections take place without notice.", "It did not go public.")
    )
    assert aside < 0.2 < 0.9 < right


def test_what_stands_all_over_a_task_says_little_whatever_its_capitals() -> None:
    rows = [
        Example(str(at), f"Is room {at} safe?", f"COVID-19 was not found in room {at}; the vent hums.")
        for at in range(60)
    ]
    row = Example("x", "How long does it last?", "Nobody knows how long COVID-19 lasts; older adults recover slowly.")
    scorer = Scorer(Kind.WRITING, None, (*rows, row))
    beside = scorer.score("COVID-19 is a well known pandemic.", row)
    right = scorer.score("It is not known; older adults are slow to recover.", row)
    assert beside.value < 0.2 < right.value
    other = scorer.score("Older adults recover slowly from COVID-18.", row)
    assert other.parts["precision"] < 1  # still another illness


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("三百", "300", True),
        ("五百万", "5,000,000", True),
        ("5万元", "50,000元", True),
        ("百分之五", "5 %", True),
        ("二〇二四年五月三日", "3 May 2024", True),
        ("十二个", "12", True),
        ("三百", "400", False),
        ("一起去", "1", False),
        ("the nineties", "1990s", True),
        ("'90s", "the 1990s", True),
        ("1995", "1990s", False),
        ("Muller", "Müller", True),
        ("Istanbul", "İstanbul", True),
        ("Lodz", "Łódź", True),
        ("Oslo to Rome", "Rome to Oslo", False),
        ("from 9 to 5", "from 5 to 9", False),
        ("Apollo-11", "Apollo 11", True),
        ("Phase-3", "phase 3", True),
        ("TOTAL 500", "Total: 500", True),
        ("Covid-19", "COVID 19", True),
        ("in his 60s", "in his sixties", True),
        ("the 8:00 from Oslo to Rome", "From Oslo to Rome at 8:00", True),
    ],
)
def test_the_same_is_said_in_other_signs_and_not_the_other_way_round(one: str, other: str, is_same: bool) -> None:
    assert score(Kind.ANSWERING, one, other).value == is_same


def test_all_that_a_question_offers_is_no_answer() -> None:
    row = Example("1", "Is it red or blue?", "red")
    scorer = Scorer(Kind.ANSWERING, None, (row,))
    assert [scorer.score(text, row).value for text in ("red", "It is red.", "red or blue", "It is red or blue.")] == [
        1,
        1,
        0,
        0,
    ]
