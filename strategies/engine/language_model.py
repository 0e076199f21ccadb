"""The seam between a strategy and whatever holds the weights: score these continuations; write an answer.

Two calls are all a strategy needs, so a model served elsewhere can join by implementing them.
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

    `log_probabilities`: natural logarithms summed over a continuation's tokens, shape [prompts, continuations];
    `tokens_in`: length of each prompt in tokens, shape [prompts];
    `tokens_out`: length of each continuation in tokens, shape [continuations].
    """

    log_probabilities: NDArray[np.float64]
    tokens_in: NDArray[np.int64]
    tokens_out: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Written:
    """An answer written by the model, with the tokens it read and wrote."""

    text: str
    tokens_in: int
    tokens_out: int


RowsDone = Callable[[int], None]  # told how many rows of the call are finished

# The numbers by which continuations are compared, in one way or several, each [prompts, continuations]. None may fall
# where a log-probability rises.
Compare = Callable[[Scores], Sequence[NDArray[np.float64]]]


class LanguageModel(Protocol):
    """Decoding is greedy, so that the same prompt gets the same answer. `context_tokens` is the most it can hold.

    Where `compare` is given, only the best continuation in each of its ways is wanted: any that is the best in none may
    be left at minus infinity.
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
