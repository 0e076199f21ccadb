"""What every page shares: the style sheet, the steps at the top, the store, and the way from page to page.

The address carries what a page shows (`?dataset=…`, `?run=…`), so that reloading, a bookmark and another tab all
show the same thing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path, PurePath
from typing import NoReturn

import streamlit as st

from advisor.pages.claims import LoggedOutError
from advisor.pages.turnstile import others_first
from advisor.pages.who import person, show_log_out
from advisor.palette import css_variables
from advisor.storage.personal import PersonalStore
from advisor.storage.store import Store
from advisor.storage.stored import StoredDataset, StoredRun
from eval.task import BadInput

_STEPS = ("Start", "Data", "Compare", "Report")
_STYLE = Path(__file__).with_name("style.css").read_text("utf-8")
SCRIPT = f"<script>{Path(__file__).with_name('tidy.js').read_text('utf-8')}</script>"


def store() -> Store:
    """What the person who looks at this page may see. Raises BadInput if they must log in first."""
    try:
        now = person()
    except LoggedOutError:
        st.rerun()  # also where only a fragment runs: then the whole page says so
        raise  # in a callback
    return _machine() if now is None else PersonalStore(_machine(), now)


@st.cache_resource(show_spinner=False)
def _machine() -> Store:
    return Store()


def check_seen(run_id: str) -> None:
    """For a fragment, which shows what was read when the page was drawn: the whole page anew, which says so, if the
    person can't see the run any more."""
    try:
        store().run_folder(run_id)
    except BadInput:
        st.rerun()


@st.cache_resource(show_spinner=False)
def settle(page: str) -> None:
    """Call it once a page was drawn for the first time. Later garbage collections then skip the modules that it
    loaded."""
    gc.collect()
    gc.freeze()


def page_path(title: str) -> str:
    return f"advisor/pages/{title.lower()}.py"


def go(title: str, **address: str) -> NoReturn:
    """Leave for another page, whose address carries these parameters."""
    st.switch_page(page_path(title), query_params=address)


def _address_of(title: str, known: dict[str, str]) -> dict[str, str] | None:
    """The parameters under which a step can be reached from here; None while it cannot be reached yet. `known` are the
    present ones."""
    if title == "Start" or (title == "History" and "run" not in known):
        return {}
    if title == "History":  # which shows the runs of the same data first
        return {name: known[name] for name in ("run", "dataset") if name in known}
    needed = {"Advice": None, "Report": "run"}.get(title, "dataset")
    return known if needed is None or needed in known else None


def _known_address() -> dict[str, str]:
    """The present parameters; where they name only a run, its data too."""
    known = st.query_params.to_dict()
    if "run" in known and "dataset" not in known:
        try:
            return known | {"dataset": store().dataset(store().run(known["run"]).dataset_id).id}
        except BadInput:  # there is no such run, as its page says, or its data is somebody else's
            pass
    return known


def address(*names: str) -> dict[str, str]:
    """These parameters of the present address, as far as it has them."""
    return {name: st.query_params[name] for name in names if name in st.query_params}


def title_of(page: str) -> str:
    """What the browser's tab says: the page, and the run or data that it is about."""
    about = _subject()
    return f"{page} · {about} — Threeways" if about else f"{page} — Threeways"


def _subject() -> str:
    """What the person calls the run or data of this address, without a file's ending; "" for none."""
    known = st.query_params
    try:
        if "run" in known:
            run = store().run(known["run"])
            return run.given_name or PurePath(run.name).stem
        return PurePath(store().dataset(known["dataset"]).name).stem if "dataset" in known else ""
    except BadInput:  # which the page says
        return ""


def show_style() -> None:
    st.html(f"<style>:root{{{css_variables()}}}\n{_STYLE}</style>")
    st.html(SCRIPT, unsafe_allow_javascript=True)  # a constant of ours; no other element may hold a script


def show_top(current: str) -> None:
    """The name of the product, the four steps with the current one marked, and the ways to advice and to all runs; and
    to log out, where people log in."""
    known, now = _known_address(), store().person
    with st.container(horizontal=True, key="top", vertical_alignment="center", gap="small"):
        with st.container(key="brand", width="content"):
            st.page_link(page_path("Start"), label="Threeways", icon=":material/alt_route:")
        with st.container(horizontal=True, key="steps", width="stretch", gap=None):
            for title in _STEPS:
                _show_step(title, current, known)
        for title in ("Advice", "History"):
            _show_step(title, current, known)
        if now is not None:
            show_log_out(now)


def _show_step(title: str, current: str, known: dict[str, str]) -> None:
    address = _address_of(title, known)
    state = "current" if title == current else "open" if address is not None else "closed"
    with st.container(key=f"step-{state}-{title.lower()}", width="content"):
        st.page_link(page_path(title), label=title, query_params=address, disabled=state == "closed")


def heading(title: str, lead: str = "") -> None:
    """The page's title and, under it, one sentence that says what this page is for."""
    sentence = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    st.html(f'<h1 class="title">{escape(title)}</h1>{sentence}')


def section(title: str, sentence: str = "", how: str | None = None) -> None:
    """The head of a part of a page; `how` its figures were computed is told on hover."""
    under = f'<p class="quiet">{escape(sentence)}</p>' if sentence else ""
    hover = f' title="{escape(how)}"' if how else ""
    st.html(f'<h2 class="section"{hover}>{escape(title)}</h2>{under}')


def small(sentence: str) -> None:
    """A remark beside what it is about."""
    st.html(f'<p class="quiet small">{escape(sentence)}</p>')


def problem(sentence: str) -> None:
    """Something that cannot be used, in one sentence; red is kept for this."""
    st.html(f'<p class="problem" role="alert">{escape(sentence)}</p>')


@contextmanager
def waiting(sentence: str) -> Iterator[None]:
    """Says so while this page waits for another process, and lets the pages of others go first."""
    with st.spinner(sentence), others_first():
        yield


def stop_with(sentence: str, way_back: str = "Start", label: str = "Back to the start") -> NoReturn:
    """End this page with one clear sentence and a way back."""
    st.html(f'<p class="stop">{escape(sentence)}</p>')
    if st.button(label, type="primary", key="way-back"):
        go(way_back)
    st.stop()


def dataset_in_address() -> StoredDataset:
    """The dataset this page is about; ends the page with a sentence when the address names none that is stored."""
    wanted = st.query_params.get("dataset")
    if not wanted:
        stop_with("You haven't chosen any data yet. Upload a file or use a sample first.")
    try:
        return store().dataset(wanted)
    except BadInput:
        stop_with("There is no data at this address. It may have been removed, or the link is incomplete.")


def run_in_address() -> StoredRun:
    """The run this page is about; ends the page with a sentence when the address names none that is stored."""
    wanted = st.query_params.get("run")
    if not wanted:
        stop_with("This address names no run. You can find every run in History.", "History", "Open History")
    try:
        return store().run(wanted)
    except BadInput:
        stop_with(
            "There is no run at this address. It may have been removed, or the link is incomplete.",
            "History",
            "Open History",
        )
