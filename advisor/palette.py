"""The colour and shape of each strategy: the same in every chart, table and card, and safe for colour-blind people.

Variants of one strategy may share a colour, but never a shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from advisor.pairing import strategy_of
from strategies.declaration import BASELINE_MARK, Mark
from strategies.registry import DECLARATIONS, STRATEGIES


@dataclass(frozen=True, slots=True)
class Theme:
    """The text colour and the background."""

    ink: str
    paper: str


LIGHT, DARK = Theme(ink="#23262C", paper="#FDFCFA"), Theme(ink="#E8E6E1", paper="#16181C")  # as in .streamlit
LEAST_CONTRAST = 3.05  # of what is no text (WCAG 2.2, 1.4.11 asks for 3), with room for rounding


_MARKS = {name: DECLARATIONS[name].mark for name in STRATEGIES}


def mark_of(candidate: str) -> Mark:
    """The mark of a candidate's strategy, the same with every model. Any other name is a baseline, in grey."""
    return _MARKS.get(strategy_of(candidate), BASELINE_MARK)


def colour_variable(candidate: str | None) -> str:
    """The colour of the mark, by its property in a style sheet (`css_variables`); grey for no candidate."""
    return f"var(--{strategy_of(candidate)}, var(--baseline))" if candidate else "var(--baseline)"


def contrast(one: str, other: str) -> float:
    """Of two colours, from 1 to 21, as WCAG 2.2 defines it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@cache
def range_colour(colour: str) -> str:
    """The colour of the line that shows a range: that of the mark, darker where it would be too faint on light paper.
    None of ours is then too faint on dark paper."""
    for share in range(101):
        darker = _mixed(colour, LIGHT.ink, share / 100)
        if contrast(darker, LIGHT.paper) >= LEAST_CONTRAST:
            return darker
    return LIGHT.ink


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _luminance(colour: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (each / 255 for each in _parts(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def css_variables() -> str:
    """The colours as custom properties for a style sheet: `--prompting:#0072B2;…`. All baselines share `--baseline`."""
    named = {**_MARKS, "baseline": BASELINE_MARK}
    return "".join(f"--{name}:{mark.colour};" for name, mark in named.items())
