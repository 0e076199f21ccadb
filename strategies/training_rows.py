"""Prompts with their answers as the tokens to train on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eval.task import Example, Kind
from strategies.engine.language_model import Prompt
from strategies.prompts import answered

if TYPE_CHECKING:  # imports torch
    from strategies.engine.local_model import LocalModel
    from strategies.engine.loss import Pair


def learns_all_answers(kind: Kind) -> bool:
    """Whether training on a conversation counts every answer in it. Only the last one where expected answers are put
    into another form than the conversation shows."""
    return kind not in (Kind.MULTI_LABEL, Kind.NUMBER)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows as tokens, and sentences on what became of them."""

    train: Sequence[Pair]
    dev: Sequence[Pair]
    notes: Sequence[str] = ()


def note_on_turns(prompts: Sequence[Prompt], learns_all: bool) -> str | None:
    """How conversations of several turns are learned; None if there are none."""
    earlier = [len(answered(prompt)) for prompt in prompts]
    if not sum(earlier):
        return None
    kept = f"{sum(map(bool, earlier)):,} training rows are conversations of several turns, which the prompts keep."
    if learns_all:
        return f"{kept} The model was trained on all {sum(earlier) + len(prompts):,} answers in the training rows."
    return f"{kept} The model was trained only on the last answer of each."


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Makes rows for a model. An answer ends with the token that ends a turn. Answers of more than `answer_tokens` are
    cut there, without that token; None cuts none."""

    model: LocalModel
    answer_tokens: int | None

    @property
    def longest(self) -> int:
        from strategies.engine.training import longest_row

        return longest_row(self.model.context_tokens)

    def of_answers(self, examples: Sequence[Example], prompts: Sequence[Prompt]) -> list[Pair]:
        """One row for each example."""
        from strategies.engine.training import cut_pair

        answers = [self._answer(example.target)[: self.answer_tokens] for example in examples]
        encoded = [self.model.encode(prompt) for prompt in prompts]
        return [cut_pair(prompt, answer, self.longest) for prompt, answer in zip(encoded, answers, strict=True)]

    def of_conversations(self, examples: Sequence[Example], prompts: Sequence[Prompt]) -> list[Pair]:
        """As `of_answers`, and every earlier answer of a conversation is learned once too."""
        last = zip(examples, prompts, strict=True)
        return [pair for example, prompt in last for pair in self._of_conversation(example.target, prompt)]

    def _of_conversation(self, target: str, prompt: Prompt) -> Iterator[Pair]:
        """Usually one row. An earlier answer gets its own where it isn't in that row as the model would write it: if
        the template leaves something out of earlier turns, or if the row was cut before it."""
        from strategies.engine.training import cut_pair

        asked = [*((prompt[:at], self._answer(prompt[at].content)) for at in answered(prompt))]
        asked.append((prompt, self._answer(target)[: self.answer_tokens]))
        while asked:
            last, answer = asked.pop()
            whole = self.model.encode(last)
            earlier: list[range] = []
            left_out = []
            cut = len(whole) + len(answer) - self.longest
            for before, said in asked:
                read = self.model.encode(before)
                end = len(read) + len(said)
                if len(read) > max(0, cut) and whole[:end] == [*read, *said]:
                    earlier.append(range(len(read), end))
                else:
                    left_out.append((before, said))
            yield cut_pair(whole, answer, self.longest, earlier)
            asked = left_out

    def _answer(self, text: str) -> list[int]:
        return [*self.model.encode_answer(text), self.model.end]
