"""One row of the file, whole: every column with its full text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from advisor.pages import frame
from eval.checks import masked
from eval.reading.table import Table


def chosen_row(selection: Mapping[str, Any]) -> int | None:
    """The position of the row that was clicked, by its box or by one of its cells."""
    rows = [*selection.get("rows", ()), *(row for row, _ in selection.get("cells", ()))]
    return int(rows[-1]) if rows else None


def show_whole_row(table: Table, at: int, heads: Mapping[str, str]) -> None:
    """`heads` are the columns to show, in this order, with their heads."""
    cells = dict(zip(table.columns, table.rows[at], strict=True))
    with st.container(border=True, key="whole-row", gap="small"):
        st.html(f'<h3 class="card-title">Row {list(table.numbers())[at]:,}</h3>')
        for name, head in heads.items():
            with st.container(gap=None):
                frame.small(head)
                st.text(masked(cells[name]) or "empty")
