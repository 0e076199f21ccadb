"""What a judge says of two answers to the same input, shown in both orders."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from eval.blind.pairs import Choice, Key


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
class Judgement:
    """A judge's answers on one pair: with the left answer shown first, and with the right one shown first. None: the
    judge gave no answer that can be read. `unit` names the piece of evidence that the row belongs to."""

    key: Key
    left: str
    right: str
    unit: str
    left_first: Side | None
    right_first: Side | None

    @property
    def ruling(self) -> Ruling | None:
        """A side only if the judge prefers it in both orders: a preference that changes with the order is none. None
        if an answer can't be read."""
        if self.left_first is None or self.right_first is None:
            return None
        return _RULINGS.get((self.left_first, self.right_first), Ruling.TIE)

    @property
    def follows_position(self) -> bool:
        """Whether the judge preferred the same position in both orders."""
        return self.left_first is self.right_first and self.left_first in (Side.FIRST, Side.SECOND)


_RULINGS = {(Side.FIRST, Side.SECOND): Ruling.LEFT, (Side.SECOND, Side.FIRST): Ruling.RIGHT}


def ruling_of(choice: Choice) -> Ruling:
    """A person's choice in the blind comparison. Both right and neither right are ties."""
    return {Choice.LEFT: Ruling.LEFT, Choice.RIGHT: Ruling.RIGHT}.get(choice, Ruling.TIE)
