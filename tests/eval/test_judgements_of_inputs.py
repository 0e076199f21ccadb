"""Answers to inputs that hold what is needed, such as a passage, choices or a note, each judged by a person without the
score.

The rows of one `task` in judgements_of_inputs.jsonl are its training rows, too. The score is known to misjudge the
answers in `misjudged`; a change that mends one takes it out of the list.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import NotRequired, TypedDict

import pytest

from eval.scoring import Scorer, is_right
from eval.task import Example, Kind

MESSAGES = "messages"
LEAST_RIGHT, MOST_WRONG = 0.75, 0.6  # scores of messages, which don't count as right or wrong


class Judged(TypedDict):
    task: str
    input: str
    expected: str
    also_right: NotRequired[list[str]]
    right: NotRequired[list[str]]
    half: NotRequired[list[str]]
    wrong: NotRequired[list[str]]
    misjudged: NotRequired[list[str]]


TASKS: defaultdict[str, list[Judged]] = defaultdict(list)
for line in Path(__file__).with_name("judgements_of_inputs.jsonl").read_text(encoding="utf-8").splitlines():
    TASKS[json.loads(line)["task"]].append(json.loads(line))


def misjudged(task: str) -> list[tuple[str, str]]:
    """The expected answer and each answer that the score takes for right or wrong, unlike the person."""
    kind = Kind.WRITING if task == MESSAGES else Kind.ANSWERING
    rows = [
        Example(str(at), one["input"], one["expected"], also_right=tuple(one.get("also_right", ())))
        for at, one in enumerate(TASKS[task])
    ]
    scorer = Scorer(kind, None, rows, (), rows)
    found = []
    for row, one in zip(rows, TASKS[task], strict=True):
        for answer in (*one.get("right", ()), *one.get("half", ()), *one.get("wrong", ())):
            scored = scorer.score(answer, row)
            if answer in one.get("half", ()):
                is_as_judged = kind is Kind.ANSWERING or 0.3 <= scored.value <= 0.9
            elif kind is Kind.ANSWERING:
                is_as_judged = is_right(kind, scored.value, scored.parts) == (answer in one.get("right", ()))
            else:
                is_as_judged = (
                    scored.value >= LEAST_RIGHT if answer in one.get("right", ()) else scored.value <= MOST_WRONG
                )
            if not is_as_judged:
                found.append((one["expected"], answer))
    return found


@pytest.mark.parametrize("task", TASKS)
def test_answers_count_as_judged(task: str) -> None:
    known = [(one["expected"], answer) for one in TASKS[task] for answer in one.get("misjudged", ())]
    assert sorted(misjudged(task)) == sorted(known)
