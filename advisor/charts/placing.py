"""Names beside marks in a plane: where each stands so that it covers no other name, mark or range if that can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from advisor.charts.ends import LINE_HEIGHT, in_lines

Align = Literal["left", "center", "right"]
WIDTH, HEIGHT = 280.0, 190.0  # pixels of the smallest chart, on a telephone: elsewhere there is more room between marks
LETTER = 6.8  # pixels, of a name's letter on average
_BESIDE = 12.0  # pixels from a mark to the name beside it
_MARK = 7.0  # half of a mark
_STEPS = tuple(4.0 * step for step in range(-44, 45))
_ROUNDS = 3
# What each costs, the last for each pixel.
_NAME, _OUTSIDE, _ON_MARK, _ON_LEADING, _ON_RANGE, _FAR = 1000.0, 500.0, 100.0, 50.0, 10.0, 0.1
FAR_AWAY = 0.1  # of the height, from a mark to its name: from there on a line leads to it
_POINTS = 12  # of a leading line that are looked at


@dataclass(frozen=True, slots=True)
class Anchor:
    """A mark, with its vertical range, in shares of the chart from its lower left corner."""

    name: str
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Box:
    """In pixels."""

    left: float
    right: float
    bottom: float
    top: float

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """A name: how it is aligned to its mark, so many pixels to the side, and the height of its middle in shares."""

    anchor: Anchor
    align: Align
    dx: float
    y: float

    @property
    def box(self) -> Box:
        lines = in_lines(self.anchor.name)
        width, height = max(map(len, lines)) * LETTER, len(lines) * LINE_HEIGHT
        start = {"left": 0.0, "center": width / 2, "right": width}[self.align]
        left = self.anchor.x * WIDTH + self.dx - start
        middle = self.y * HEIGHT
        return Box(left, left + width, middle - height / 2, middle + height / 2)


def place(anchors: Sequence[Anchor], nameless: Sequence[Anchor] = ()) -> list[Placed]:
    """Each name in the cheapest place that the others leave, looked for a few times over. Marks that are `nameless`
    have no name written beside them, but are in the way all the same."""
    drawn = [*anchors, *nameless]
    placed = [Placed(one, "left", _BESIDE, one.y) for one in anchors]
    for _ in range(_ROUNDS):
        for at, anchor in enumerate(anchors):
            others = [one for other, one in enumerate(placed) if other != at]
            placed[at] = min(_choices(anchor), key=lambda one: _cost(one, others, drawn))
    return placed


def _choices(anchor: Anchor) -> list[Placed]:
    sides: tuple[tuple[Align, float], ...] = (
        ("left", _BESIDE),
        ("right", -_BESIDE),
        ("center", 0.0),
        ("left", -_MARK),
        ("right", _MARK),
    )
    return [Placed(anchor, align, dx, anchor.y + step / HEIGHT) for (align, dx), step in product(sides, _STEPS)]


def _cost(one: Placed, others: Sequence[Placed], anchors: Sequence[Anchor]) -> float:
    box = one.box
    outside = max(0.0, -box.left, box.right - WIDTH, -box.bottom, box.top - HEIGHT * 1.05)
    return (
        _NAME * sum(box.meets(other.box) for other in others)
        + _ON_LEADING * sum(_is_crossed(box, other) + _is_crossed(other.box, one) for other in others)
        + (_OUTSIDE + outside if outside else 0.0)
        + _ON_MARK * sum(box.meets(mark_box(each)) for each in anchors)
        + _ON_RANGE * sum(box.meets(range_box(each)) for each in anchors)
        + _FAR * abs(one.y - one.anchor.y) * HEIGHT
    )


def _is_crossed(box: Box, other: Placed) -> bool:
    """Whether the line that leads to another name goes through this one."""
    if abs(other.y - other.anchor.y) < FAR_AWAY:
        return False
    x, y = other.anchor.x * WIDTH, other.anchor.y * HEIGHT
    rise = (other.y - other.anchor.y) * HEIGHT
    parts = (at / _POINTS for at in range(_POINTS + 1))
    return any(box.left < x + part * other.dx < box.right and box.bottom < y + part * rise < box.top for part in parts)


def mark_box(one: Anchor) -> Box:
    x, y = one.x * WIDTH, one.y * HEIGHT
    return Box(x - _MARK, x + _MARK, y - _MARK, y + _MARK)


def range_box(one: Anchor) -> Box:
    x = one.x * WIDTH
    return Box(x - 2, x + 2, one.low * HEIGHT, one.high * HEIGHT)
