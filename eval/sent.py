"""What a language model was sent for each test row: the tokens of the prompt, by the part of it they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Part(StrEnum):
    """Where the words of a prompt come from. `TEMPLATE` is what the model's chat template and the prompt format add;
    `WHOLE` is a prompt whose parts can't be told apart."""

    INSTRUCTION = "instruction"
    EXAMPLE = "example"
    PASSAGE = "passage"
    INPUT = "input"
    TEMPLATE = "template"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring tokens of one part: their `ids`, and how many characters of `text` each covers. `lengths` is empty
    if the tokenizer doesn't say, `ids` too if only a server knows the tokens. A token that spans two parts belongs to
    the one with more of its visible characters."""

    part: Part
    text: str
    ids: tuple[int, ...]
    lengths: tuple[int, ...] = ()


SentPrompt = tuple[Piece, ...]  # in their order: the texts join to the rendered prompt, the ids to what was read
Sent = Callable[[], SentPrompt]  # finding the parts takes time, so it waits until no clock runs


@dataclass(slots=True)
class SentPrompts:
    """The prompts of one strategy by example. A piece that many prompts share, such as the instruction, is kept
    once."""

    pieces: list[Piece] = field(default_factory=list)
    examples: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _numbers: dict[Piece, int] = field(default_factory=dict, repr=False, compare=False)

    def add(self, example_id: str, prompt: SentPrompt) -> None:
        numbers = []
        for piece in prompt:
            if piece not in self._numbers:
                self._numbers[piece] = len(self.pieces)
                self.pieces.append(piece)
            numbers.append(self._numbers[piece])
        self.examples[example_id] = tuple(numbers)

    def of(self, example_id: str) -> SentPrompt | None:
        """None if nothing was sent for it, for example because the prompt was too long."""
        numbers = self.examples.get(example_id)
        return None if numbers is None else tuple(self.pieces[number] for number in numbers)

    @property
    def instruction(self) -> str | None:
        """The instruction of all prompts; None if there is none, or more than one."""
        found = {piece.text.strip() for piece in self.pieces if piece.part is Part.INSTRUCTION}
        return found.pop() if len(found) == 1 else None
