"""What sections are made of. Blocks know no form: the page, HTML, Markdown and JSON each show them in their own way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import altair as alt

from advisor.pairing import model_in
from advisor.palette import Theme

Look = Literal["plain", "small"]
_MOST_COLUMNS = 6  # of a table about candidates whose names have a model
Place = Literal["before the verdict", "beside the chart", "summary", "appendix"]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; `small` is what not everybody needs."""

    text: str
    look: Look = "plain"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences; `further` are those that few need, under the title `more`."""

    sentences: tuple[str, ...]
    further: tuple[str, ...] = ()
    more: str = "More"


@dataclass(frozen=True, slots=True)
class Cell:
    """`note` stands under the text, such as a range."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """Of a column; a column of one `strategy` has its mark, and `measure` says what of it the column shows."""

    text: str
    strategy: str | None = None
    measure: str = ""

    @property
    def in_full(self) -> str:
        return f"{self.text} {self.measure}" if self.measure else self.text


@dataclass(frozen=True, slots=True)
class Row:
    """`meaning` stands under the heading, `how` says how the figures of the row were computed."""

    heading: str
    cells: tuple[Cell, ...]
    meaning: str = ""
    how: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """`heads` are those of the cells; `corner` is over the headings of the rows."""

    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    corner: str = ""

    @property
    def parts(self) -> tuple[Table, ...]:
        """In a report on several models, tables of a few columns each instead of one that no page has room for."""
        is_of_models = any(head.strategy and model_in(head.strategy) for head in self.heads)
        if not is_of_models or len(self.heads) <= _MOST_COLUMNS:
            return (self,)
        return tuple(self._columns(first, first + _MOST_COLUMNS) for first in range(0, len(self.heads), _MOST_COLUMNS))

    def _columns(self, first: int, end: int) -> Table:
        rows = tuple(replace(row, cells=row.cells[first:end]) for row in self.rows)
        return Table(self.heads[first:end], rows, self.corner)


@dataclass(frozen=True, slots=True)
class Definitions:
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """`draw` gives None where there is nothing to draw. It can be pickled, because pages remember by it what was drawn.
    The sentence says what to see, also to a screen reader. Under the chart stands the caption, "" for none; without one
    of its own it is the sentence."""

    sentence: str
    draw: Callable[[Theme], alt.LayerChart | None] = field(repr=False)
    own_caption: str | None = None

    @property
    def caption(self) -> str:
        return self.sentence if self.own_caption is None else self.own_caption


@dataclass(frozen=True, slots=True)
class Folded:
    """What is shown when it is asked for."""

    title: str
    blocks: tuple[Text | Bullets | Table | Definitions | Chart, ...]


Block = Text | Bullets | Table | Definitions | Chart | Folded


@dataclass(frozen=True, slots=True)
class Section:
    """`title` says what the section is about, `heading` also what it found: it begins with the title and is all that
    shows while the section is folded. `summary` says the same in a sentence or two. `how` says how the figures were
    computed.

    `place` is where a reader meets it: before the verdict, in the open beside the first chart, in the printed summary,
    or in the appendix of what few read to the end.
    """

    id: str
    title: str
    summary: str
    blocks: tuple[Block, ...]
    how: str | None = None
    heading: str = ""
    place: Place = "appendix"

    @property
    def is_first(self) -> bool:
        return self.place == "before the verdict"

    @property
    def full_heading(self) -> str:
        """The heading; of a section without one, the title and the summary."""
        return self.heading or f"{lead_of(self.title)} {self.summary}"

    @property
    def finding(self) -> str:
        """The heading without the title that it begins with."""
        return self.full_heading.removeprefix(lead_of(self.title)).strip()

    @property
    def beyond_summary(self) -> tuple[Block, ...]:
        """The blocks without the sentence that the summary has said already."""
        blocks = (_without(self.summary, block) for block in self.blocks)
        return tuple(block for block in blocks if block is not None)


def _without(said: str, block: Block) -> Block | None:
    match block:
        case Bullets(sentences, further, more) if said in sentences:
            left = tuple(sentence for sentence in sentences if sentence != said)
            return Bullets(left, further, more) if left or further else None
        case Text(text, look) if text.startswith(said):
            return Text(rest, look) if (rest := text.removeprefix(said).strip()) else None
        case Chart(sentence, draw):
            return Chart(sentence, draw, block.caption.removeprefix(said).strip())
        case _:
            return block


def lead_of(title: str) -> str:
    """The title as it leads to what was found."""
    return title if title.endswith("?") else f"{title}:"


def small(*texts: str) -> tuple[Text, ...]:
    return tuple(Text(text, "small") for text in texts if text)


def of_strategies(names: Sequence[str], name_of: Callable[[str], str]) -> tuple[Head, ...]:
    return tuple(Head(name_of(name), name) for name in names)


def plain(section: Section) -> dict[str, Any]:
    """A section in JSON's own types; of a chart its sentence."""
    return {
        "id": section.id,
        "title": section.title,
        "heading": section.full_heading,
        "summary": section.summary,
        "how": section.how,
        "blocks": [_plain_block(block) for block in section.blocks],
    }


def _plain_block(block: Block) -> dict[str, Any]:
    match block:
        case Text(text, look):
            return {"kind": "text", "text": text, "look": look}
        case Bullets(sentences, further, _):
            return {"kind": "bullets", "sentences": [*sentences, *further]}
        case Table(heads, rows, corner):
            return {
                "kind": "table",
                "heads": [corner, *(head.in_full for head in heads)],
                "rows": [
                    {"heading": row.heading, "meaning": row.meaning, "cells": [_in_one(cell) for cell in row.cells]}
                    for row in rows
                ],
            }
        case Definitions(pairs):
            return {"kind": "definitions", "pairs": [list(pair) for pair in pairs]}
        case Chart(sentence):
            return {"kind": "chart", "sentence": sentence}
        case Folded(title, blocks):
            return {"kind": "folded", "title": title, "blocks": [_plain_block(each) for each in blocks]}


def _in_one(cell: Cell) -> str:
    return f"{cell.text} ({cell.note})" if cell.note else cell.text
