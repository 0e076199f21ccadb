"""The blocks of a section on a page; every word of a person or a model is escaped here."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.dataframe_util import convert_anything_to_arrow_bytes
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer

from advisor.pages.marks import definitions, marked_name, plain
from advisor.palette import DARK, LIGHT, Theme
from advisor.sections.blocks import (
    Block,
    Bullets,
    Cell,
    Chart,
    Definitions,
    Folded,
    Head,
    Row,
    Section,
    Table,
    Text,
    lead_of,
)

if TYPE_CHECKING:  # slow to import
    import altair as alt

_THEMES = {"dark": DARK, "light": LIGHT}
_CHART_WIDTH = 760  # pixels, where there is room: wider, the names at the ends of lines stand in a void
_LOOKS = {"plain": "", "small": "quiet small"}


def show_section(section: Section) -> None:
    with folded(section.title, section.finding):
        if section.summary:
            st.html(f"<p>{escape(section.summary)}</p>")
        show_blocks(section.beyond_summary)
        show_how(section.how)


def folded(title: str, finding: str, is_open: bool = False) -> DeltaGenerator:
    """A part of a report that is folded: its title and, in one line, what it found."""
    return st.expander(_folded_label(title, finding), expanded=is_open)


def folded_until_opened(title: str, finding: str, key: str, is_open: bool) -> ExpanderContainer:
    """As `folded`. What is in it need only be made once its `open` says so."""
    return st.expander(_folded_label(title, finding), expanded=is_open, key=key, on_change="rerun")


def _folded_label(title: str, finding: str) -> str:
    return f"**{plain(lead_of(title))}** {plain(finding)}"


def show_how(how: str | None) -> None:
    if how:
        st.html(f'<details class="reading"><summary>How we computed this</summary><p>{escape(how)}</p></details>')


def show_blocks(blocks: Iterable[Block]) -> None:
    for block in blocks:
        match block:
            case Text(text, look):
                st.html(f'<p class="{_LOOKS[look]}">{escape(text)}</p>')
            case Bullets(sentences, further, more):
                folded = f"<details><summary>{escape(more)}</summary>{_list(further)}</details>" if further else ""
                st.html(f'<div class="pairs">{_list(sentences)}{folded}</div>')
            case Table():
                st.html(table(block))
            case Definitions(pairs):
                st.html(definitions(pairs))
            case Chart(sentence, draw):
                if (spec := _drawn(draw)) is not None:
                    st.vega_lite_chart(spec, width=_CHART_WIDTH, alt=sentence)
                if block.caption:
                    st.html(f'<p class="quiet">{escape(block.caption)}</p>')
            case Folded(title, inner):
                with st.expander(plain(title)):
                    show_blocks(inner)


def _drawn(draw: Callable[[Theme], alt.LayerChart | None]) -> dict[str, Any] | None:
    """The chart in Vega-Lite; None if there is nothing to draw."""
    return _spec(sha256(pickle.dumps(draw)).hexdigest(), st.context.theme.type or "light", draw)


@st.cache_data(show_spinner=False, max_entries=200)
def _spec(drawn: str, theme: str, _draw: Callable[[Theme], alt.LayerChart | None]) -> dict[str, Any] | None:
    """`drawn` and `theme` are the key. Drawing a report's charts takes longer than all the rest of its page, and each
    click draws the page again."""
    chart = _draw(_THEMES[theme])
    if chart is None:
        return None
    drawing = chart.to_dict()
    # As Streamlit sends them. It leaves bytes as they are, and would convert anything else for each visit.
    drawing["datasets"] = {
        name: convert_anything_to_arrow_bytes(rows) for name, rows in drawing.get("datasets", {}).items()
    }
    return drawing


def table(found: Table) -> str:
    return "".join(map(_part, found.parts))


def _part(found: Table) -> str:
    if found.heads and all(head.strategy for head in found.heads):
        return _stacking(found)
    heads = "".join(f'<th scope="col">{_head(head)}</th>' for head in found.heads)
    rows = "".join(
        f'<tr><th scope="row">{_heading(row)}</th>{"".join(f"<td>{_cell(cell)}</td>" for cell in row.cells)}</tr>'
        for row in found.rows
    )
    corner = f'<th scope="col">{escape(found.corner)}</th>' if found.corner else "<td></td>"
    return f'<div class="scroll"><table class="figures-table"><tr>{corner}{heads}</tr>{rows}</table></div>'


def _stacking(found: Table) -> str:
    """A column for each strategy, which a phone shows one after another: the style sheet orders the cells by their
    column. They leave their rows there, so roles say what they are."""
    heads = "".join(
        f'<th scope="col" role="columnheader" style="--column:{column}">{_head(head)}</th>'
        for column, head in enumerate(found.heads)
    )
    rows = "".join(
        f'<tr role="row"><th scope="row" role="rowheader">{_heading(row)}</th>{_stacking_cells(row)}</tr>'
        for row in found.rows
    )
    return (
        '<div class="scroll"><table class="figures-table stacks" role="table"><tbody role="rowgroup">'
        f'<tr role="row"><td role="cell">{escape(found.corner)}</td>{heads}</tr>{rows}</tbody></table></div>'
    )


def _stacking_cells(row: Row) -> str:
    return "".join(
        f'<td role="cell" data-head="{escape(row.heading)}" style="--column:{column}">{_cell(cell)}</td>'
        for column, cell in enumerate(row.cells)
    )


def _head(head: Head) -> str:
    if not head.strategy:
        return escape(head.in_full)
    measure = f'<br><span class="quiet small">{escape(head.measure)}</span>' if head.measure else ""
    return f"{marked_name(head.strategy)}{measure}"


def _heading(row: Row) -> str:
    heading = escape(row.heading)
    if row.how:
        heading = f'<abbr title="{escape(row.how)}">{heading}</abbr>'
    if row.meaning:
        heading = f"<b>{heading}</b><br>{escape(row.meaning)}"
    return heading


def _cell(cell: Cell) -> str:
    note = f'<br><span class="quiet small">{escape(cell.note)}</span>' if cell.note else ""
    return f"{escape(cell.text)}{note}"


def _list(sentences: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"
