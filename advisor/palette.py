"""The colour and shape of each strategy: the same in every chart, table and card, and safe for colour-blind people.

Variants of one strategy may share a colour, but never a shape.
"""

from __future__ import annotations

from dataclasses import dataclass

from strategies.declaration import BASELINE_MARK, Mark
from strategies.registry import DECLARATIONS, STRATEGIES


@dataclass(frozen=True, slots=True)
class Theme:
    """The text colour and the background."""

    ink: str
    paper: str


LIGHT, DARK = Theme(ink="#23262C", paper="#FDFCFA"), Theme(ink="#E8E6E1", paper="#16181C")  # as in .streamlit


_MARKS = {name: DECLARATIONS[name].mark for name in STRATEGIES}


def mark_of(strategy: str) -> Mark:
    """The mark of a strategy. Any other name is a baseline, in grey."""
    return _MARKS.get(strategy, BASELINE_MARK)


def css_variables() -> str:
    """The colours as custom properties for a style sheet: `--prompting:#0072B2;…`. All baselines share `--baseline`."""
    named = {**_MARKS, "baseline": BASELINE_MARK}
    return "".join(f"--{name}:{mark.colour};" for name, mark in named.items())
