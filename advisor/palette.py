"""The colour and the shape of each strategy: the same in every chart, table and card, safe for the colour-blind.

Variants of one way may share a colour, never a shape.
"""

from __future__ import annotations

from dataclasses import dataclass

from strategies.declaration import BASELINE_MARK, Mark
from strategies.registry import DECLARATIONS, STRATEGIES


@dataclass(frozen=True, slots=True)
class Theme:
    """What is written in, and on."""

    ink: str
    paper: str


LIGHT, DARK = Theme(ink="#23262C", paper="#FDFCFA"), Theme(ink="#E8E6E1", paper="#16181C")  # as in .streamlit


_MARKS = {name: DECLARATIONS[name].mark for name in STRATEGIES}


def mark_of(strategy: str) -> Mark:
    """The mark of a strategy; whatever is not one of the strategies is a baseline, and grey."""
    return _MARKS.get(strategy, BASELINE_MARK)


def css_variables() -> str:
    """The colours as custom properties of a style sheet: `--prompting:#0072B2;…`; all baselines share `--baseline`."""
    named = {**_MARKS, "baseline": BASELINE_MARK}
    return "".join(f"--{name}:{mark.colour};" for name, mark in named.items())
