"""The rows that a service trains on, as chats in the same form as the prompts of our own fine-tuning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eval.task import Brief, Example, Kind, LearningSplit
from eval.words import about_tokens
from strategies.presets import Budget
from strategies.prompts import SHORT_INSTRUCTIONS, are_conversations, as_asked, build_prompt
from strategies.served.turns import as_messages
from strategies.training_rows import learns_all_answers

TOKENS_A_TURN = 5  # about what a chat template writes
LEAST, MOST = 0.6, 1.6  # services cut the same words into other tokens than we assume; German needs half as many again


@dataclass(frozen=True, slots=True)
class Chats:
    """Files of chats, a line each. `tokens` are about those of the training file, read once."""

    training: bytes
    validation: bytes
    rows: int
    dev_rows: int
    tokens: float

    @staticmethod
    def of(split: LearningSplit, kind: Kind) -> Chats:
        asked = as_asked(split, kind)
        in_turns = are_conversations(asked.train)
        return Chats(
            _file(asked.train, kind, in_turns),
            _file(asked.dev, kind, in_turns),
            len(asked.train),
            len(asked.dev),
            sum(_tokens(row, kind) for row in asked.train),
        )


@dataclass(frozen=True, slots=True)
class TrainingForeseen:
    """What a job will train on: rows, and those that the service validates on, in so many `epochs`. `tokens` are paid
    for, as estimated."""

    rows: int
    dev_rows: int
    epochs: int
    tokens: float

    @property
    def most_tokens(self) -> int:
        return round(MOST * self.tokens)

    @property
    def least_tokens(self) -> int:
        return round(LEAST * self.tokens)


def foresee_training(brief: Brief, split: LearningSplit, budget: Budget) -> TrainingForeseen:
    """The effort of our own fine-tuning: as many tokens and epochs at most, and one epoch at least."""
    return foreseen_for(Chats.of(split, brief.kind), budget)


def foreseen_for(chats: Chats, budget: Budget) -> TrainingForeseen:
    epochs = max(1, min(budget.epochs, int(budget.training_tokens / max(1.0, chats.tokens))))
    return TrainingForeseen(chats.rows, chats.dev_rows, epochs, epochs * chats.tokens)


def _file(rows: Sequence[Example], kind: Kind, in_turns: bool) -> bytes:
    lines = (json.dumps({"messages": _turns(row, kind, in_turns)}, ensure_ascii=False) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def _turns(row: Example, kind: Kind, in_turns: bool) -> list[dict[str, Any]]:
    """Services train on every answer of a chat, unless it has no weight."""
    prompt = as_messages(build_prompt(SHORT_INSTRUCTIONS[kind], row.input, is_conversation=in_turns))
    unlearned = {} if learns_all_answers(kind) else {"weight": 0}
    asked = [message | (unlearned if message["role"] == "assistant" else {}) for message in prompt]
    return [*asked, {"role": "assistant", "content": row.target}]


def _tokens(row: Example, kind: Kind) -> float:
    return sum(TOKENS_A_TURN + about_tokens(text) for text in (SHORT_INSTRUCTIONS[kind], row.input, row.target))
