"""The top of a report: the verdict, three figures, the score of everything compared, why, and what to beware of."""

from __future__ import annotations

from html import escape

import streamlit as st

from advisor.pages.blocks import show_blocks
from advisor.pages.marks import marked_name
from advisor.palette import colour_variable
from advisor.schema import Report
from advisor.sections.blocks import Block, Bullets, Section
from advisor.sections.contents import sections_of
from advisor.sections.opening import Figure, opening_of
from advisor.wording import sentences_in


def show_opening(report: Report) -> None:
    opening = opening_of(report)
    explained = f' <span class="quiet">{escape(opening.explanation)}</span>'
    name = f"<p class='small shown'>{opening.role}{marked_name(opening.shown)}{explained}</p>" if opening.shown else ""
    colour = colour_variable(opening.shown)
    figures = f'<dl class="figures">{"".join(map(_figure, opening.figures))}</dl>' if opening.figures else ""
    headline = " ".join(f"<span>{escape(sentence)}</span>" for sentence in sentences_in(opening.headline))
    st.html(
        f'<section class="verdict" style="--mark:{colour}">{name}'
        f'<h1 class="sentence">{headline}</h1>'
        f'<p class="confidence" title="{escape(opening.how or "")}">{escape(opening.confidence)}</p>{figures}</section>'
    )
    said = "".join(map(_beside, (one for one in sections_of(report) if one.place == "beside the chart")))
    if opening.chart is None:
        st.html(f'<div class="beside">{said}</div>')
        return
    with st.container(key="opening"):
        beside, chart = st.columns(2, gap="medium")
        beside.html(f'<div class="beside">{said}</div>')
        with chart:
            show_blocks([opening.chart])


def _beside(section: Section) -> str:
    """How its sentences were found is said on hover, and under "All metrics"."""
    lists = "".join(map(_list, section.blocks))
    return f'<h2 class="card-title" title="{escape(section.how or "")}">{escape(section.title)}</h2>{lists}'


def _list(block: Block) -> str:
    if not isinstance(block, Bullets):
        return ""
    shown, further = (
        "".join(f"<li>{escape(sentence)}</li>" for sentence in some) for some in (block.sentences, block.further)
    )
    more = f"<details><summary>{escape(block.more)}</summary><ul>{further}</ul></details>" if further else ""
    return f"<ul>{shown}</ul>{more}"


def _figure(one: Figure) -> str:
    return (
        f'<div><dt>{escape(one.label)}</dt><dd title="{escape(one.how)}">{escape(one.value)}</dd>'
        f"{''.join(f'<dd>{escape(line)}</dd>' for line in one.under)}</div>"
    )
