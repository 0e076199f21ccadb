"""What was asked beside the test rows: what less tidy inputs cost, what changed documents do, and what training did."""

from __future__ import annotations

from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.marks import marked_name, show_title
from advisor.report.changed_documents import AskedAgain, asked_again_of
from advisor.report.robustness import LESS_TIDY, LOST_MEANING, LessTidy, less_tidy_of
from advisor.report.side_effects import SIDE_EFFECTS, side_effects_of
from advisor.schema import Report


def show_probes(report: Report) -> None:
    """Nothing for a report of an earlier version."""
    if found := less_tidy_of(report):
        show_title(report, LESS_TIDY)
        if found.rows:
            st.html("".join(f"<p>{escape(sentence)}</p>" for sentence in found.sentences))
            st.html(_table(found))
            frame.small(LOST_MEANING)
        else:
            frame.small(" ".join(found.sentences))
    for section in asked_again_of(report):
        show_title(report, section.title)
        st.html("".join(f"<p>{escape(sentence)}</p>" for sentence in section.sentences))
        st.html(_table(section))
        frame.small(section.note)
    if sentences := side_effects_of(report):
        show_title(report, SIDE_EFFECTS)
        st.html(f'<ul class="said">{"".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)}</ul>')


def _table(found: LessTidy | AskedAgain) -> str:
    heads = "".join(f'<th scope="col">{marked_name(name)}</th>' for name in found.names)
    rows = "".join(
        f'<tr><th scope="row"><b>{escape(row.heading)}</b><br>{escape(row.meaning)}</th>'
        f"{''.join(_cell(*cell) for cell in row.cells)}</tr>"
        for row in found.rows
    )
    return f'<div class="scroll"><table class="figures-table"><tr><td></td>{heads}</tr>{rows}</table></div>'


def _cell(lost: str, ends: str) -> str:
    return f'<td>{escape(lost)}<br><span class="quiet small">{escape(ends)}</span></td>'
