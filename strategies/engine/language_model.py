"""The interface between a strategy and whatever holds the weights: score these continuations; write an answer.

A strategy needs only these two calls, so a model served elsewhere can join by implementing them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from eval.sent import Part, Sent

Role = Literal["system", "user", "assistant", "tool"]
Marked = tuple[Part, str]  # words of a message, and which part of the prompt they are
Span = tuple[int, int, Part]  # from and to, in characters


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. `marked` are its words by part, in their order, where it has more than one part or
    another than its role suggests."""

    role: Role
    content: str
    marked: tuple[Marked, ...] = field(default=(), compare=False)

    @property
    def parts(self) -> tuple[Marked, ...]:
        return self.marked or ((Part.INSTRUCTION if self.role == "system" else Part.INPUT, self.content),)

    def spans(self) -> Iterator[Span]:
        """Where the parts are in the content."""
        at = 0
        for part, words in self.parts:
            first = self.content.find(words, at)
            if first >= 0:
                at = first + len(words)
                yield first, at, part

    def marked_content(self) -> Iterator[Marked]:
        """All words of the content by part: what is between the parts belongs to the prompt's format."""
        at = 0
        for first, last, part in self.spans():
            yield Part.TEMPLATE, self.content[at:first]
            yield part, self.content[first:last]
            at = last
        yield Part.TEMPLATE, self.content[at:]


Prompt = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """How likely each continuation is after each prompt.

    `log_probabilities`: natural logarithms summed over a continuation's tokens, [prompts, continuations]; `tokens_in`:
    tokens in each prompt, [prompts]; `tokens_out`: tokens in each continuation, [continuations]; `sent`: what each
    prompt looked like, [prompts], empty if the model doesn't say; `errors`: a sentence for each prompt that has no
    scores, which are minus infinity then, [prompts], empty if all have them; `tokens_written`: what a server wrote to
    say so, which is no part of the answer but is paid for, [prompts], None if nothing was written; `votes`: what others
    than the model think of the continuations, as log-probabilities, [prompts, continuations], None if nobody does;
    `rows`: which prompts of the call these are, None for all of them.
    """

    log_probabilities: NDArray[np.float64]
    tokens_in: NDArray[np.int64]
    tokens_out: NDArray[np.int64]
    sent: tuple[Sent, ...] = ()
    errors: tuple[str | None, ...] = ()
    tokens_written: NDArray[np.int64] | None = None
    votes: NDArray[np.float64] | None = None
    rows: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """An answer written by the model, with the number of tokens it read and wrote. `cut_off` says whether it reached
    the limit of tokens before its end. `sent` is what its prompt looked like, None if the model doesn't say.
    `thinking_tokens` of the tokens written were thoughts, which aren't in the text. `error` is a sentence if there
    is no answer."""

    text: str
    tokens_in: int
    tokens_out: int
    cut_off: bool = False
    sent: Sent | None = field(default=None, compare=False)
    thinking_tokens: int = 0
    error: str | None = None


class LabelWay(StrEnum):
    """How a model is asked for one of some labels. The first two give a score to each label, the others an answer."""

    SCORED = "log-probabilities of whole labels"
    DECIDED = "probabilities of options"
    CHOSEN = "constrained choice"
    FIRST_TOKEN = "log-probabilities of first tokens"
    WRITTEN = "written and matched"

    @property
    def gives_scores(self) -> bool:
        return self in (LabelWay.SCORED, LabelWay.DECIDED)


RowsDone = Callable[[int], None]  # called with the number of finished rows of the call

# The numbers that compare continuations, in one or several ways, each [prompts, continuations]. None may fall when a
# log-probability rises.
Compare = Callable[[Scores], Sequence[NDArray[np.float64]]]


@runtime_checkable
class Decides(Protocol):
    """A model that compares options as a whole, without writing one."""

    def decide(
        self, prompts: Sequence[Prompt], options: Mapping[str, str | None], rows_done: RowsDone | None = None
    ) -> Scores:
        """The log-probabilities of the options after each prompt, which add up to 1 as probabilities. Options are
        labels with what they mean, None if nobody said so."""
        ...


class LanguageModel(Protocol):
    """Decoding is greedy, so the same prompt gets the same answer. `context_tokens` is the size of the context, `notes`
    are sentences worth knowing about how the model was asked.

    With `compare`, only the best continuation in each of its ways is needed. A continuation that is the best in none
    may stay at minus infinity.

    A served model may be unable to do what one in memory does. `way_for` is the best way to ask it for one of so many
    labels; only with `SCORED` may `score` be called, and with `DECIDED` the model `Decides`. `follows_schema`: whether
    it can be held to a JSON schema; `follows_bounds`: whether to one of `json_bounds.py`, or only to one as services
    take them. `counts_tokens`: whether tokens are counted before sending; if not, they are estimates from the words,
    and only the server knows whether a prompt fits. `reads_beginnings_once`: whether what all prompts of a call begin
    with is computed once. `rewrites`: whether it is able to improve an instruction. `tokens_taken`: tokens read and
    written so far.
    """

    context_tokens: int

    @property
    def notes(self) -> list[str]: ...

    def way_for(self, labels: int) -> LabelWay: ...

    @property
    def follows_schema(self) -> bool: ...

    @property
    def follows_bounds(self) -> bool: ...

    @property
    def counts_tokens(self) -> bool: ...

    @property
    def reads_beginnings_once(self) -> bool: ...

    @property
    def rewrites(self) -> bool: ...

    @property
    def tokens_taken(self) -> int: ...

    def score(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[str],
        rows_done: RowsDone | None = None,
        compare: Compare | None = None,
    ) -> Scores: ...

    def write(self, prompts: Sequence[Prompt], max_tokens: int, rows_done: RowsDone | None = None) -> list[Written]: ...

    def name_labels(
        self, prompts: Sequence[Prompt], labels: Sequence[str], max_tokens: int, rows_done: RowsDone | None = None
    ) -> list[Written]:
        """Answers that should each be one of the labels, in a way that gives no scores. With `WRITTEN` they may be
        anything."""
        ...

    def write_json(
        self, prompts: Sequence[Prompt], schema: dict[str, Any], max_tokens: int, rows_done: RowsDone | None = None
    ) -> list[Written]:
        """Answers that follow a JSON schema, if the model `follows_schema`."""
        ...

    def count_prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    def form_to_json(self) -> dict[str, Any]:
        """How the model is asked and its answers are read, for `standalone.py`."""
        ...
