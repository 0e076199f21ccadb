"""Which rows of answers are shown, and in which order; the choice is kept in the address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

from advisor.pages import frame
from advisor.pages.marks import plain
from advisor.sections.answer_order import WORST, in_order, orders
from advisor.sections.answer_search import Place, Search, Searchable, matching
from advisor.sections.answers import AnsweredRow, filters
from eval.task import BadInput

PAGE = "answers-page"
_FIND, _IN, _REGEX, _ORDER, _ROWS = "find", "find-in", "regex", "order", "answers"
_PLACES = {
    Place.EVERYWHERE: "Everywhere",
    Place.INPUT: "Input",
    Place.EXPECTED: "Expected answer",
    Place.ANSWERS: "Answers",
    Place.NOTES: "Your notes",
}
_ROWS_A_PAGE = 6

_Row = TypeVar("_Row", bound=Searchable)


def is_choosing() -> bool:
    """Whether the address chooses some of the rows, which are then to be seen at once."""
    return any(name in st.query_params for name in (_FIND, _IN, _REGEX, _ORDER, _ROWS, PAGE))


def choose_rows(rows: Sequence[AnsweredRow]) -> list[AnsweredRow]:
    """The rows that the person asks for, in their order."""
    find, order = st.columns([6, 3], gap="small")
    with find:
        found = search_rows(rows)
    strategies = list(dict.fromkeys(name for row in rows for name in row.outcomes))
    words = orders(strategies)
    wanted = order.selectbox(
        "Order",
        list(words),
        format_func=words.__getitem__,
        index=list(words).index(WORST),
        key=_ORDER,
        bind="query-params",
        on_change=to_first_page,
    )
    return in_order(_in_chip(found), wanted)


def search_rows(rows: Sequence[_Row]) -> list[_Row]:
    """The rows with the text that the person looks for."""
    find, place = st.columns([4, 2], gap="small")
    with find:
        text = st.text_input(
            "Search",
            key=_FIND,
            type="search",
            placeholder="Text in the input or an answer",
            bind="query-params",
            on_change=to_first_page,
        )
        is_pattern = st.checkbox(
            "Regular expression",
            key=_REGEX,
            bind="query-params",
            on_change=to_first_page,
            help="RE2 syntax, in upper or lower case. ^ and $ stand for the start and the end of a line.",
        )
    places = [one for one in Place if one is not Place.NOTES or any(row.marks for row in rows)]
    where = place.selectbox(
        "Search in",
        places,
        format_func=_PLACES.__getitem__,
        key=_IN,
        bind="query-params",
        on_change=to_first_page,
    )
    try:
        return matching(rows, Search(text or "", is_pattern, where))
    except BadInput as wrong:
        with find:
            frame.problem(str(wrong))
        return list(rows)


def _in_chip(rows: Sequence[AnsweredRow]) -> Sequence[AnsweredRow]:
    """The rows under the chip that the person chose."""
    chips = {chip.label: chip.rows for chip in filters(rows)}
    if len(chips) == 1:
        return rows
    first, *_ = chips
    named = st.query_params.get(_ROWS, first)
    chosen = st.pills(
        "Which rows",
        list(chips),
        default=named if named in chips else first,
        required=True,
        format_func=lambda label: f"{plain(label)} ({len(chips[label]):,})",
        key=_ROWS,
        label_visibility="collapsed",
        on_change=_keep_chip,
        args=(first,),
    )
    return chips.get(chosen, rows)


def _keep_chip(first: str) -> None:
    """In the address without its count, which changes with the marks."""
    chosen = st.session_state[_ROWS]
    if chosen in (None, first):
        st.query_params.pop(_ROWS, None)
    else:
        st.query_params[_ROWS] = chosen
    to_first_page()


def turn_pages(rows: Sequence[_Row]) -> Sequence[_Row]:
    """The rows of the page that the person turned to."""
    pages = -(-len(rows) // _ROWS_A_PAGE)
    if pages < 2:
        return rows
    page = st.pagination(pages, key=PAGE, bind="query-params")
    return rows[(page - 1) * _ROWS_A_PAGE : page * _ROWS_A_PAGE]


def to_first_page() -> None:
    """For whatever changes which rows there are."""
    st.session_state[PAGE] = 1
