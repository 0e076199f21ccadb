"""What is different in the data of two runs, in a sentence and, folded away, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from advisor.report.changes import DataChange, DocumentChange
from eval.task import Example

_ROWS_SHOWN = 100
_TITLES_SHOWN = 3


def show_data_change(change: DataChange, documents: DocumentChange) -> None:
    st.html(f"<p>{escape(_words(change))} {escape(_document_words(documents))}</p>")
    changed = {
        "input": [after.input for _, after in change.changed],
        "answer before": [before.target for before, _ in change.changed],
        "answer after": [after.target for _, after in change.changed],
    }
    for title, columns in (
        ("Added", _columns(change.added)),
        ("Removed", _columns(change.removed)),
        ("New answer", changed),
    ):
        if columns["input"]:
            with st.expander(f"{title} ({len(columns['input']):,})"):
                st.dataframe({name: cells[:_ROWS_SHOWN] for name, cells in columns.items()}, hide_index=True)


def _columns(examples: Sequence[Example]) -> dict[str, list[str]]:
    return {"input": [example.input for example in examples], "answer": [example.target for example in examples]}


def _words(change: DataChange) -> str:
    counts = (
        (len(change.added), "added"),
        (len(change.removed), "removed"),
        (len(change.changed), "with a new answer"),
        (change.unchanged, "unchanged"),
    )
    return f"Rows: {', '.join(f'{count:,} {what}' for count, what in counts if count)}."


def _document_words(change: DocumentChange) -> str:
    """Nothing where the documents are the same."""
    kinds = ((change.added, "added"), (change.removed, "removed"), (change.changed, "changed"))
    listed = [f"{len(titles):,} {what} ({_named(titles)})" for titles, what in kinds if titles]
    return f"Documents: {', '.join(listed)}." if listed else ""


def _named(titles: Sequence[str]) -> str:
    more = len(titles) - _TITLES_SHOWN
    return ", ".join(titles[:_TITLES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
