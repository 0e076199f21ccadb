"""The documents, to look through: a list to search, one of them whole, and the passages it will be cut into."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from advisor.pages import frame
from advisor.pages.draft import Draft
from advisor.wording import count_text
from eval.checks import masked
from eval.task import Document
from eval.words import count_words
from strategies.search.passages import cut_passages, words_a_passage

_A_PAGE = 10
_SHOWN_CHARACTERS = 200_000  # more would slow the browser down
_SHOWN_PASSAGES = 50
_OPEN, _OPENED = "look-through-documents", "opened-document"


def look_through(documents: Sequence[Document], draft: Draft) -> None:
    """Behind a toggle, as searching reads every document."""
    if not documents:
        return
    frame.section("Documents")
    if not st.toggle(f"Look through the {count_text(len(documents), 'document')}", key=_OPEN):
        return
    text = st.text_input("Search", key="search-documents", placeholder="Words in a title or a text") or ""
    found = found_in(documents, text)
    frame.small(f"{len(found):,} of {count_text(len(documents), 'document')}.")
    pages = max(1, -(-len(found) // _A_PAGE))
    page = st.pagination(pages, key=f"documents-page-{hash(text)}-{pages}") if pages > 1 else 1
    with st.container(key="documents-found", gap=None):
        for at in found[(page - 1) * _A_PAGE : page * _A_PAGE]:
            with st.container(key=f"document-{at}", gap="small"):
                _show_line(documents[at], at)
                if st.session_state.get(_OPENED) == at:
                    _show_whole(documents[at], draft)


def found_in(documents: Sequence[Document], text: str) -> list[int]:
    """The positions of the documents that hold the text in any case, in their title, ID or text."""
    wanted = text.strip().casefold()
    return [
        at
        for at, document in enumerate(documents)
        if not wanted or wanted in f"{document.id}\n{document.title}\n{document.text}".casefold()
    ]


def _show_line(document: Document, at: int) -> None:
    is_open = st.session_state.get(_OPENED) == at
    words, action = st.columns([8, 1], vertical_alignment="center", gap="small")
    with words, st.container(gap=None):
        st.text(masked(document.title or document.id))
        frame.small(f"{masked(document.id)}, {count_text(count_words(document.text), 'word')}")
    action.button(
        "Close" if is_open else "Open",
        key=f"open-document-{at}",
        on_click=_open,
        args=(None if is_open else at,),
        width="stretch",
    )


def _open(at: int | None) -> None:
    st.session_state[_OPENED] = at


def _show_whole(document: Document, draft: Draft) -> None:
    passages = cut_passages([document], words_a_passage(row.target for row in draft.split.train))
    with st.container(border=True, key="whole-document"):
        st.text(masked(document.text[:_SHOWN_CHARACTERS]))
        if len(document.text) > _SHOWN_CHARACTERS:
            frame.small(f"These are the first {_SHOWN_CHARACTERS:,} of {len(document.text):,} characters.")
        with st.expander(f"Retrieval cuts it into {count_text(len(passages), 'passage')}", type="compact"):
            for passage in passages[:_SHOWN_PASSAGES]:
                st.code(masked(passage.titled), language=None, wrap_lines=True)
            if len(passages) > _SHOWN_PASSAGES:
                frame.small(f"These are the first {_SHOWN_PASSAGES} passages.")
