"""Names at the ends of lines: where each stands so that none covers another, and the thin line that leads to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt

from advisor.charts.drawing import apart, colour, written
from advisor.palette import Theme

if TYPE_CHECKING:
    import pandas as pd

NAME_SIZE = 12  # pixels, as high as a line is set
LINE_HEIGHT = 13
_LONGEST, _LONGEST_OF_TWO = 15, 19  # characters in a line of a name; where the strategy and the model have one each
_NAMES_IN_ONE_HEIGHT = 7  # of two lines each; with more, a chart grows
ROOM = 0.56  # of the length of the lines, beside them: as long as a name is on a telephone


def in_lines(name: str, longest: int = _LONGEST) -> list[str]:
    """A name in lines of at most so many characters, broken between words; one that has lines keeps them."""
    if "\n" in name:
        return [
            line if len(line) <= _LONGEST_OF_TWO else f"{line[: _LONGEST_OF_TWO - 1]}…" for line in name.split("\n")
        ]
    lines: list[str] = []
    for word in name.split():
        if lines and len(f"{lines[-1]} {word}") <= longest:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return [_cut(line, longest) for line in lines[:2]]


def _cut(line: str, longest: int) -> str:
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def taller_by(names: Sequence[str]) -> int:
    """Pixels that a chart must grow so that all names of two lines have room; 0 in a report on one model."""
    many = len(names) - _NAMES_IN_ONE_HEIGHT if any("\n" in name for name in names) else 0
    return max(0, many) * (2 * LINE_HEIGHT + 2)


def places(values: Sequence[float], names: Sequence[str], low: float, high: float, height: float) -> list[float]:
    """Where the middle of each name stands beside the end of its line, on an axis from `low` to `high` of so many
    pixels. `values` rise; the order of the names is that of the lines, so that no two leading lines cross. Where there
    is no room for all, they stand as far apart as there is."""
    if not values:
        return []
    a_pixel = (high - low) / height
    tall = max(len(in_lines(name)) for name in names) * LINE_HEIGHT + 2
    least = min(tall * a_pixel, (high - low) / max(1, len(values) - 1))
    found = apart([min(max(value, low), high) for value in values], least=least, most=high)
    lowest = min(found)
    return [value + max(0.0, low - lowest) for value in found]


def names_at_ends(ends: pd.DataFrame, theme: Theme, x: alt.X, y: alt.Y, along: tuple[str, str, str]) -> list[alt.Chart]:
    """The names of `ends`, which has a `named_at` for each; `along` are the columns of where the line ends, where it is
    led to, and where its name begins."""
    from_end, to, named = along
    lines = ["\n".join(in_lines(name)) for name in ends["strategy"]]
    base = alt.Chart(ends.assign(name=lines))
    leading = base.mark_rule(strokeWidth=1.2).encode(
        x=_along(x, from_end), x2=f"{to}:Q", y=y, y2="named_at:Q", color=colour("line")
    )
    look: dict[str, Any] = {"fontSize": NAME_SIZE, "fontWeight": 600, "lineHeight": LINE_HEIGHT}
    text = base.encode(x=_along(x, named), y=alt.Y("named_at:Q"), text="name:N")
    return [leading, *written(text, theme, align="left", baseline="middle", **look)]


def _along(x: alt.X, column: str) -> alt.X:
    """The same axis for another column."""
    same: alt.X = x.copy()
    same.shorthand = f"{column}:Q"
    return same
