"""The part of an input that asks, the choices it offers, and numbers that follow from it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from eval.scoring import Scorer, is_right
from eval.scoring.check import check_score
from eval.scoring.copies import have_own_form, share_copied
from eval.scoring.corruptions import Corruption
from eval.scoring.options import is_chosen, options_of
from eval.scoring.passages import Passages, question_of
from eval.scoring.reading import read
from eval.task import Example, Kind

PASSAGE = "The mill was built in 1712. Who paid for it is unknown. It burnt down in 1899, and Grete Holm runs it today."


@pytest.mark.parametrize(
    ("input", "question"),
    [
        (f"question: When was it built?\ncontext: {PASSAGE}", "When was it built?"),
        (f"context: {PASSAGE}\nquestion: Name the owner", "Name the owner"),
        (f"Passage: {PASSAGE}\n\nQuestion: When was it built?\nAnswer:", "When was it built?"),
        (f"When was it built?\n\n{PASSAGE}", "When was it built?"),
        (f"{PASSAGE}\n\nWhen was it built?", "When was it built?"),
        (f"{PASSAGE} When was it built?", "When was it built?"),
        (f"Kontext: {PASSAGE}\nFrage: Wann wurde sie gebaut?", "Wann wurde sie gebaut?"),
        (f"Szöveg: {PASSAGE}\nKérdés: Mikor épült?", "Kérdés: Mikor épült?"),
        (f"文章：{PASSAGE}\n问题：什么时候建的？", "什么时候建的？"),
        ("A: May I help?\nB: Yes, I am Ida Rosk.\nA: Which day?\nB: On 3 May.\n\nWho calls?", "Who calls?"),
        (f"Name the year it was built.\n\n{PASSAGE}", "Name the year it was built."),
        ("When was it built?", "When was it built?"),
        (PASSAGE.replace("\n", " "), ""),
    ],
)
def test_the_question_is_told_from_the_passage(input: str, question: str) -> None:
    assert question_of(input) == question


def of_passages(count: int) -> list[Example]:
    return [
        Example(
            str(at),
            f"question: Who built house {at}?\ncontext: House {at} was built in {1800 + at} by Tom Ek{'ab'[at % 2]}. "
            f"It has {at + 3} rooms, and Mira Vosk lives there with {at + 2} cats. Its roof is from {1900 + at}.",
            f"Tom Ek{'ab'[at % 2]}",
        )
        for at in range(count)
    ]


def test_passages_are_learned_from_answers_that_stand_in_them() -> None:
    rows = of_passages(12)
    assert Passages.learn(rows, read)
    assert not Passages.learn([Example("1", "Is it red or blue?", "red")] * 6, read)
    elsewhere = [Example(row.id, row.input, f"Nobody knows about {at} dragons") for at, row in enumerate(rows)]
    assert not Passages.learn(elsewhere, read)


def test_the_check_sees_copied_and_changed_answers() -> None:
    rows = of_passages(24)
    check = check_score(Scorer(Kind.ANSWERING, None, rows), rows, (), seed=0)
    assert check and check.blind_to == ()
    assert check.of(Corruption.QUESTION).mean == 0


@pytest.mark.parametrize(
    ("input", "letters"),
    [
        ("Which?\nA) red\nB) blue", "AB"),
        ("Which? (a) red (b) blue (c) green", "ABC"),
        ("Which?\nA. red\nB. blue", "AB"),
        ("A: Hello.\nB: Hi.", ""),
        ("Did A. B. Smith or C. Lind write it?", ""),
        ("Which is right, B) or C)?", ""),
    ],
)
def test_choices_are_read(input: str, letters: str) -> None:
    assert "".join(options_of(input)) == letters


@pytest.mark.parametrize(
    ("text", "target", "chosen"),
    [
        ("I think it's B", "B", True),
        ("Dark red.", "B", True),
        ("red", "B", False),
        ("B) dark red, since A) is too bright", "B", True),
        ("dark red, because red is too bright", "B) dark red", True),
        ("blue or red", "C", False),
        ("green", "C", None),
        ("blue", "blue or green", None),  # not one of the choices is expected
    ],
)
def test_one_choice_must_be_named(text: str, target: str, chosen: bool | None) -> None:
    assert is_chosen(text, target, "Which colour?\nA) red\nB) dark red\nC) blue") is chosen


def messages() -> list[Example]:
    things = ("lamp", "chair", "table", "clock", "mirror", "kettle")
    return [
        Example(
            str(at),
            f"{thing} done, {10 + at} per piece, two, Ida",
            f"Dear Ida, each {thing} costs {10 + at} euros. Both cost {20 + 2 * at} euros.\nYours, the shop",
        )
        for at, thing in enumerate(things)
    ]


def values(texts: Sequence[str]) -> list[float]:
    rows = messages()
    scorer = Scorer(Kind.WRITING, None, rows)
    assert scorer.metric.name == "facts and form" and scorer.metric.carries
    return [scorer.score(text, rows[2]).value for text in texts]


def test_a_wrong_sum_and_a_copied_note_are_no_message() -> None:
    right, missing, wrong, copy = values(
        (
            "Dear Ida, the table costs 12 euros each, 24 euros for both.\nYours, the shop",
            "Dear Ida, the table costs 12 euros each.\nYours, the shop",
            "Dear Ida, the table costs 12 euros each, 31 euros for both.\nYours, the shop",
            "table done, 12 per piece, two, Ida",
        )
    )
    assert right > 0.9 and right > missing > wrong + 0.2 and copy < 0.4


def test_only_answers_of_another_form_must_not_copy() -> None:
    assert have_own_form(messages())
    assert not have_own_form(
        [Example(str(at), f"The {at} lamps came broken.", f"{at} lamps broken") for at in range(8)]
    )
    assert share_copied("we saw it and the lamp came broken today", "a broken lamp", "the lamp came broken") == 4 / 9


def test_a_right_span_in_a_sentence_stays_right() -> None:
    rows = of_passages(12)
    scorer = Scorer(Kind.ANSWERING, None, rows)
    for text, right in (
        ("It was Tom Eka.", True),
        ("House 4 was built in 1804 by Tom Eka.", True),
        ("Mira Vosk", False),
        ("It has 7 rooms, and Mira Vosk lives there with 6 cats, near Tom Eka.", False),
    ):
        scored = scorer.score(text, rows[4])
        assert is_right(Kind.ANSWERING, scored.value, scored.parts) is right, text
