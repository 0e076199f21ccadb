"""Answers of many kinds, each judged by what someone who knows the right answer would say, without the score.

Each line of judgements.jsonl has a question, its expected answer, and answers that are `right`, `half` right or
`wrong`. The score is known to misjudge those in `misjudged`; a change that mends one takes it out of the list.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

import pytest

from eval.scoring import Scorer, is_right
from eval.task import Document, Example, Kind
from tests.scored import score


class Judged(TypedDict, total=False):
    kind: str
    question: str
    expected: str
    right: list[str]
    half: list[str]
    wrong: list[str]
    misjudged: list[str]


JUDGED: list[Judged] = [
    json.loads(line) for line in Path(__file__).with_name("judgements.jsonl").read_text(encoding="utf-8").splitlines()
]


def counts_as_right(answer: str, judged: Judged) -> bool:
    scored = score(Kind.ANSWERING, answer, judged["expected"], judged["question"])
    return is_right(Kind.ANSWERING, scored.value, scored.parts) is True


@pytest.mark.parametrize("judged", JUDGED, ids=lambda judged: f"{judged['kind']}: {judged['expected'][:30]}")
def test_answers_count_as_judged(judged: Judged) -> None:
    missed = [answer for answer in judged.get("right", []) if not counts_as_right(answer, judged)]
    accepted = [answer for answer in judged.get("wrong", []) if counts_as_right(answer, judged)]
    assert {*missed, *accepted} == {*judged.get("misjudged", [])}


def test_few_wrong_answers_count_as_right() -> None:
    wrong = [(answer, judged) for judged in JUDGED for answer in judged.get("wrong", [])]
    right = [(answer, judged) for judged in JUDGED for answer in judged.get("right", [])]
    assert sum(counts_as_right(*each) for each in wrong) <= 0.06 * len(wrong)
    assert sum(counts_as_right(*each) for each in right) >= 0.85 * len(right)


HANDBOOK = Document(
    "h",
    "Handbook",
    "The canteen opens at 11:30 and closes at 14:00. Lunch costs 7 euros, for visitors 9 euros. The manager is Tomas "
    "Ek. Keys are kept by Ines Moreno. The fire drill is on the first Monday of March.",
)
KIOSK = Document("k", "Kiosk", "The kiosk opens at 08:00. It is run by Paula Wirth. It sells coffee and bus tickets.")
ROWS = tuple(
    Example(input, input, target, document_ids=(document.id,))
    for input, target, document in (
        ("When does the canteen open?", "at 11:30", HANDBOOK),
        ("What does lunch cost?", "7 euros", HANDBOOK),
        ("Who manages the canteen?", "Tomas Ek", HANDBOOK),
        ("When is the fire drill?", "on the first Monday of March", HANDBOOK),
        ("Who runs the kiosk?", "Paula Wirth", KIOSK),
        ("What does the kiosk sell?", "coffee and bus tickets", KIOSK),
    )
)


@pytest.mark.parametrize(
    ("row", "answer", "is_accepted", "is_invented"),
    [
        (0, "It opens at 11:30 and closes at 14:00.", True, False),
        (0, "at 14:00", False, False),
        (0, "at 12:15", False, True),
        (1, "Lunch costs 7 euros, visitors pay 9 euros.", True, False),
        (1, "9 euros", False, False),
        (1, "8 euros", False, True),
        (2, "Mr Ek manages it.", True, False),
        (2, "T. Ek", True, False),
        (2, "Ines Moreno", False, False),
        (2, "Peter Brown", False, True),
        (3, "first Monday in March", True, False),
        (3, "the second Monday of March", False, True),
        (3, "The fire drill is on the first Monday of March 2024.", True, False),
        (4, "Probably Paula Wirth", True, False),
        (4, "Tomas Ek", False, False),
        (5, "tea and bus tickets", False, False),
    ],
)
def test_answers_from_documents(row: int, answer: str, is_accepted: bool, is_invented: bool) -> None:
    scored = Scorer(Kind.ANSWERING, None, ROWS, (HANDBOOK, KIOSK), ROWS).score(answer, ROWS[row])
    assert is_right(Kind.ANSWERING, scored.value, scored.parts) is is_accepted
    assert scored.parts["invented"] == is_invented
