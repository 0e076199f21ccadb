"""The interface between a strategy and whatever holds the weights: score these continuations; write an answer.

A strategy needs only these two calls, so a model served elsewhere can join by implementing them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


Prompt = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """How likely each continuation is after each prompt.

    `log_probabilities`: natural logarithms summed over a continuation's tokens, [prompts, continuations]; `tokens_in`:
    tokens in each prompt, [prompts]; `tokens_out`: tokens in each continuation, [continuations].
    """

    log_probabilities: NDArray[np.float64]
    tokens_in: NDArray[np.int64]
    tokens_out: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Written:
    """An answer written by the model, with the number of tokens it read and wrote."""

    text: str
    tokens_in: int
    tokens_out: int


RowsDone = Callable[[int], None]  # called with the number of finished rows of the call

# The numbers that compare continuations, in one or several ways, each [prompts, continuations]. None may fall when a
# log-probability rises.
Compare = Callable[[Scores], Sequence[NDArray[np.float64]]]


class LanguageModel(Protocol):
    """Decoding is greedy, so the same prompt gets the same answer. `context_tokens` is the size of the context.

    With `compare`, only the best continuation in each of its ways is needed. A continuation that is the best in none
    may stay at minus infinity.
    """

    context_tokens: int

    def score(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[str],
        rows_done: RowsDone | None = None,
        compare: Compare | None = None,
    ) -> Scores: ...

    def write(self, prompts: Sequence[Prompt], max_tokens: int, rows_done: RowsDone | None = None) -> list[Written]: ...

    def count_prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...
