"""What a model knows beside the task, asked before and after training: general texts and short general questions.

Both were written for this project and stand in general_knowledge.json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from eval.outcomes import Knowledge
from eval.scoring import answer_words
from strategies.language_model import Message
from strategies.lora import Pair, mean_loss
from strategies.transformer import Transformer

ANSWER_TOKENS = 16
_ASKED = "{} Answer in a few words."
_WRITTEN = Path(__file__).with_name("general_knowledge.json")


@cache
def general_texts() -> tuple[str, ...]:
    return tuple(_read()["texts"])


@cache
def general_questions() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each with the answers that are right."""
    return tuple((one["question"], tuple(one["answers"])) for one in _read()["questions"])


def ask_knowledge(model: Transformer, rows_done: Callable[[int, int], None]) -> Knowledge:
    """`rows_done` is told how many of all texts and questions are finished."""
    texts, questions = general_texts(), general_questions()
    total = len(texts) + len(questions)
    surprise = []
    for text in texts:
        first, *rest = model.encode_answer(text)
        surprise.append(mean_loss(model.network, [Pair([first], rest)]))
        rows_done(len(surprise), total)
    prompts = [(Message("user", _ASKED.format(question)),) for question, _ in questions]
    written = model.write(prompts, ANSWER_TOKENS, lambda done: rows_done(len(texts) + done, total))
    right = [float(holds(one.text, answers)) for one, (_, answers) in zip(written, questions, strict=True)]
    return Knowledge(tuple(surprise), tuple(right))


def holds(reply: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands among the words of the reply."""
    said = set(answer_words(reply))
    return any(said.issuperset(answer_words(answer)) for answer in answers)


def _read() -> dict[str, Any]:
    return dict(json.loads(_WRITTEN.read_text()))
