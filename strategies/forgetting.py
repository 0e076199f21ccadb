"""What a model knows outside the task, measured before and after training: general texts, short general questions, and
questions nobody can answer (about the person asking, the future, invented things, or missing context).

All were written for this project and are in general_knowledge.json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from eval.failures.refusals import refuses
from eval.outcomes import Knowledge
from eval.scoring.words import answer_words
from strategies.engine.language_model import Message
from strategies.engine.local_model import LocalModel
from strategies.engine.loss import Pair, mean_loss

ANSWER_TOKENS = 16
ADMISSION_TOKENS = 24  # a refusal needs a few words of introduction
_ASKED = "{} Answer in a few words."
_ASKED_WITH_A_WAY_OUT = "{} Answer in a few words. If you cannot know it, say so."
_WRITTEN = Path(__file__).with_name("general_knowledge.json")


@cache
def general_texts() -> tuple[str, ...]:
    return tuple(_read()["texts"])


@cache
def general_questions() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each question with its right answers."""
    return tuple((one["question"], tuple(one["answers"])) for one in _read()["questions"])


@cache
def unanswerable_questions() -> tuple[str, ...]:
    return tuple(_read()["unanswerable"])


def ask_knowledge(model: LocalModel, rows_done: Callable[[int, int], None]) -> Knowledge:
    """Calls `rows_done` with how many texts and questions are finished, and the total."""
    texts, questions, unanswerable = general_texts(), general_questions(), unanswerable_questions()
    total = len(texts) + len(questions) + len(unanswerable)
    surprise = []
    for text in texts:
        first, *rest = model.encode_answer(text)
        surprise.append(mean_loss(model.network, [Pair([first], rest)]))
        rows_done(len(surprise), total)

    def write(asked: Sequence[str], tokens: int, before: int) -> list[str]:
        prompts = [(Message("user", question),) for question in asked]
        return [one.text for one in model.write(prompts, tokens, lambda done: rows_done(before + done, total))]

    replies = write([_ASKED.format(question) for question, _ in questions], ANSWER_TOKENS, len(texts))
    asked = [_ASKED_WITH_A_WAY_OUT.format(question) for question in unanswerable]
    admissions = write(asked, ADMISSION_TOKENS, len(texts) + len(questions))
    return Knowledge(
        tuple(surprise),
        tuple(float(holds(reply, answers)) for reply, (_, answers) in zip(replies, questions, strict=True)),
        tuple(float(refuses(reply)) for reply in replies),
        tuple(float(refuses(reply)) for reply in admissions),
    )


def holds(reply: str, answers: Sequence[str]) -> bool:
    """Whether the words of the reply contain one of the answers."""
    said = set(answer_words(reply))
    return any(said.issuperset(answer_words(answer)) for answer in answers)


def _read() -> dict[str, Any]:
    return dict(json.loads(_WRITTEN.read_text()))
