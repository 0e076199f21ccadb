"""The top of a report: the verdict, three figures, the score of everything compared, and three sentences."""

from __future__ import annotations

from html import escape

import streamlit as st

from advisor.pages.blocks import show_blocks
from advisor.pages.marks import marked_name
from advisor.schema import Report
from advisor.sections.opening import Figure, opening_of
from advisor.wording import sentences_in


def show_opening(report: Report) -> None:
    opening = opening_of(report)
    name = f"<p class='small'>{opening.role}{marked_name(opening.shown)}</p>" if opening.shown else ""
    colour = f"var(--{opening.shown}, var(--baseline))" if opening.shown else "var(--baseline)"
    figures = f'<dl class="figures">{"".join(map(_figure, opening.figures))}</dl>' if opening.figures else ""
    headline = " ".join(f"<span>{escape(sentence)}</span>" for sentence in sentences_in(opening.headline))
    st.html(
        f'<section class="verdict" style="--mark:{colour}">{name}'
        f'<h1 class="sentence">{headline}</h1>'
        f'<p class="confidence" title="{escape(opening.how or "")}">{escape(opening.confidence)}</p>{figures}</section>'
    )
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in opening.sentences)
    if opening.chart is None:
        st.html(f'<ul class="said">{sentences}</ul>')
        return
    with st.container(key="opening"):
        chart, said = st.columns([3, 2], gap="medium")
        with chart:
            show_blocks([opening.chart])
        said.html(f'<ul class="said">{sentences}</ul>')


def _figure(one: Figure) -> str:
    return (
        f'<div><dt>{escape(one.label)}</dt><dd title="{escape(one.how)}">{escape(one.value)}</dd>'
        f"<dd>{escape(one.under)}</dd></div>"
    )
