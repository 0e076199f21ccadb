"""What a judge says of two answers to the same input, shown in both orders."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from eval.blind.pairs import Choice, Key, key_of


class Side(StrEnum):
    """Which of two answers is better, in the order in which they are shown."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"


class Ruling(StrEnum):
    """Which of two answers is better, whatever the order in which they are shown."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"


@dataclass(frozen=True, slots=True)
class Ballot:
    """What the model `judge` said of two texts as answers to an input: with the left one shown first, and with the
    right one shown first. None: its reply can't be read. It names no strategy and no row, as a click doesn't, so it
    applies to every pair with the same texts."""

    judge: str
    input: str
    left: str
    right: str
    left_first: Side | None
    right_first: Side | None

    @property
    def key(self) -> Key:
        return key_of(self.input, self.left, self.right)

    @property
    def ruling(self) -> Ruling | None:
        """A side only if the judge prefers it in both orders: a preference that changes with the order is none. None
        if an answer can't be read."""
        if self.left_first is None or self.right_first is None:
            return None
        return _RULINGS.get((self.left_first, self.right_first), Ruling.TIE)

    def ruling_on(self, left: str) -> Ruling | None:
        """The ruling where `left` is the text on the left side."""
        if self.ruling is None or left == self.left:
            return self.ruling
        return {Ruling.LEFT: Ruling.RIGHT, Ruling.RIGHT: Ruling.LEFT}.get(self.ruling, Ruling.TIE)

    @property
    def follows_position(self) -> bool:
        """Whether the judge preferred the same position in both orders."""
        return self.left_first is self.right_first and self.left_first in (Side.FIRST, Side.SECOND)


_RULINGS = {(Side.FIRST, Side.SECOND): Ruling.LEFT, (Side.SECOND, Side.FIRST): Ruling.RIGHT}


def ruling_of(choice: Choice) -> Ruling:
    """A person's choice in the blind comparison. Both right and neither right are ties."""
    return {Choice.LEFT: Ruling.LEFT, Choice.RIGHT: Ruling.RIGHT}.get(choice, Ruling.TIE)
