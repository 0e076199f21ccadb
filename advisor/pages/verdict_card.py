"""The verdict: one large sentence, how sure it is, and three figures with their ranges."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from advisor.candidates import judged
from advisor.pages.marks import definitions, marked_name
from advisor.schema import Report
from advisor.sections.figures import READING, reading_of
from advisor.sections.provenance import ODDS, how_computed
from advisor.sections.verdict import first_figures


def show_verdict(report: Report) -> None:
    verdict = report.recommendation
    choice = next((one for one in judged(report) if one.id == verdict.choice), None)
    name = f"<p class='small'>{marked_name(choice.strategy)}</p>" if choice else ""
    how = escape(how_computed(report, "Differences") or "")
    runner_up = f'<p class="runner-up" title="{how}">{escape(line)}</p>' if (line := verdict.runner_up_line) else ""
    baseline = f"<p class='runner-up'>{escape(line)}</p>" if (line := verdict.baseline_line) else ""
    words = reading_of(report)
    reading = f"<details class='reading'><summary>{READING}</summary>{definitions(words)}</details>" if words else ""
    colour = f"var(--{choice.strategy}, var(--baseline))" if choice else "var(--baseline)"
    st.html(
        f'<section class="verdict" style="--mark:{colour}">{name}'
        f'<h1 class="sentence">{escape(verdict.headline)}</h1>'
        f'<p class="confidence" title="{escape(how_computed(report, ODDS) or "")}">'
        f"{escape(verdict.confidence_line)}</p>"
        f"{_figures(report)}{runner_up}{baseline}{reading}</section>"
    )
    lists = [
        _list(title, sentences, how_computed(report, title))
        for title, sentences in (
            ("Why", verdict.reasons),
            ("What would change this", verdict.changes),
            ("Before you act", verdict.caveats),
        )
        if sentences
    ]
    st.html(f'<div class="becauses">{"".join(lists)}</div>')


def _figures(report: Report) -> str:
    cells = "".join(
        f'<div><dt>{escape(one.label)}</dt><dd title="{escape(one.how or "")}">{escape(one.value)}</dd>'
        f"<dd>{escape(one.under)}</dd></div>"
        for one in first_figures(report)
    )
    return f'<dl class="figures">{cells}</dl>' if cells else ""


def _list(title: str, sentences: Sequence[str], how: str | None) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<div><h2 class="card-title" title="{escape(how or "")}">{title}</h2><ul>{items}</ul></div>'
