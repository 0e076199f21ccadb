"""The colour and the shape of each strategy: the same in every chart, table and card, safe for the colour-blind.

Variants of one way may share a colour, never a shape.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """What is written in, and on."""

    ink: str
    paper: str


LIGHT, DARK = Theme(ink="#23262C", paper="#FDFCFA"), Theme(ink="#E8E6E1", paper="#16181C")  # as in .streamlit


@dataclass(frozen=True, slots=True)
class Mark:
    """How a candidate is drawn; `shape` is a symbol of Vega-Lite, so nothing is told by colour alone."""

    colour: str
    shape: str


_MARKS = {
    "prompting": Mark("#0072B2", "circle"),
    "prompting_examples": Mark("#0072B2", "triangle-down"),
    "retrieval": Mark("#E69F00", "square"),
    "finetuning": Mark("#009E73", "triangle-up"),
    "full_finetuning": Mark("#009E73", "triangle-right"),
    "retrieval_finetuning": Mark("#CC79A7", "diamond"),
}
FLOOR = Mark("#8A8F98", "cross")


def mark_of(strategy: str) -> Mark:
    """The mark of a strategy; whatever is not one of the strategies is a floor, and grey."""
    return _MARKS.get(strategy, FLOOR)


def css_variables() -> str:
    """The colours as custom properties of a style sheet: `--prompting:#0072B2;…`, with `--floor` for all floors."""
    named = {**_MARKS, "floor": FLOOR}
    return "".join(f"--{name}:{mark.colour};" for name, mark in named.items())
