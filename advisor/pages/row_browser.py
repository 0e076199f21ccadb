"""All rows, a page at a time, to search, edit, relabel and drop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from advisor.pages import frame
from advisor.pages.draft import Draft
from advisor.pages.steps import keep_steps
from advisor.plan import Setup
from advisor.storage.stored import StoredDataset
from advisor.wording import count_text
from eval.checks import masked
from eval.mapping.label_sets import NO_LABEL, as_answer, labels_in
from eval.mapping.steps import DropRow, EditRow, Row, answer_cell, edit_problem, rows_by_id
from eval.task import Example, Kind

_ROWS_A_PAGE = 10
_SHOWN_CHARACTERS = 400
_SIDE = {"train": "training row", "dev": "dev row", "test": "test row"}
_SIDES = {"train": "Training rows", "dev": "Dev rows", "test": "Test rows"}
_OPEN, _FINDING, _EDITED = "browse-rows", "browse-finding", "edited-row"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows to show; "" means all."""

    text: str = ""
    label: str = ""
    finding: str = ""
    side: str = ""


def open_browser(finding: str) -> None:
    """Show the rows of a finding in the browser."""
    st.session_state[_OPEN] = True
    st.session_state[_FINDING] = finding


def browse_rows(dataset: StoredDataset, setup: Setup, draft: Draft) -> None:
    frame.section("Rows")
    if not st.toggle("Browse and edit the rows", key=_OPEN):
        return
    sides = _sides(draft)
    wanted = _choose_filter(draft)
    rows = rows_of(draft, wanted, sides)
    pages = max(1, -(-len(rows) // _ROWS_A_PAGE))
    frame.small(f"{len(rows):,} of {count_text(len(draft.task.examples), 'row')}.")
    page = st.pagination(pages, key=f"rows-page-{hash(wanted)}-{pages}") if pages > 1 else 1
    named = rows_by_id(draft.read)
    with st.container(key="rows", gap=None):
        for example in rows[(page - 1) * _ROWS_A_PAGE : page * _ROWS_A_PAGE]:
            with st.container(key=f"row-{example.id}"):
                if st.session_state.get(_EDITED) == example.id:
                    _edit(dataset, setup, draft, example, named[example.id])
                else:
                    _show(draft, example, sides)


def rows_of(draft: Draft, wanted: Filter, sides: dict[str, str]) -> list[Example]:
    """The rows that pass the filter, in file order. A text is found in any case, in the input or the answer."""
    text = wanted.text.strip().casefold()
    meant = {row for finding in draft.findings if finding.id == wanted.finding for row in finding.rows}
    return [
        example
        for example in draft.task.examples
        if _has_label(draft.task.kind, example, wanted.label)
        and (not wanted.finding or example.id in meant)
        and wanted.side in ("", sides.get(example.id))
        and (not text or text in f"{example.input}\n{answer_cell(example)}".casefold())
    ]


def _has_label(kind: Kind, example: Example, label: str) -> bool:
    labels = labels_in(example.target) or (NO_LABEL,) if kind is Kind.MULTI_LABEL else (example.target,)
    return not label or label in labels


def _choose_filter(draft: Draft) -> Filter:
    findings = {finding.id: finding.what for finding in draft.findings if finding.rows}
    if st.session_state.get(_FINDING) not in findings:
        st.session_state[_FINDING] = ""
    columns = iter(st.columns([2, 1, 1, 1] if draft.task.labels else [2, 1, 1], gap="small"))
    text = next(columns).text_input("Search", key="browse-text", placeholder="Text in the input or the answer")
    label = ""
    if draft.task.labels:
        label = _choice(next(columns), "Label", draft.task.labels, "browse-label")
    side = _choice(next(columns), "Part of the split", list(_SIDES), "browse-side", _SIDES)
    finding = _choice(next(columns), "Finding", list(findings), _FINDING, findings)
    return Filter(text or "", label, finding, side)


def _choice(
    place: DeltaGenerator, label: str, options: Sequence[str], key: str, words: Mapping[str, str] | None = None
) -> str:
    """One of the options, or "" for all of them."""
    words = {"": "All", **(words or {})}
    return place.selectbox(label, ["", *options], format_func=lambda one: words.get(one, one), key=key) or ""


def _sides(draft: Draft) -> dict[str, str]:
    split = draft.split
    parts = {"train": split.train, "dev": split.dev, "test": split.test}
    return {example.id: side for side, part in parts.items() for example in part}


def _show(draft: Draft, example: Example, sides: dict[str, str]) -> None:
    words, answer, action = st.columns([5, 3, 1], vertical_alignment="center", gap="small")
    found = [finding.id.replace("-", " ") for finding in draft.findings if example.id in finding.rows]
    side = _SIDE.get(sides.get(example.id, ""), "not used")
    with words, st.container(gap=None):
        frame.small(", ".join([f"Row {example.id.removeprefix('r')}", side, *found]))
        st.text(shown(example.input))
    answer.text(f"→ {shown(answer_cell(example))}")
    action.button("Edit", key=f"edit-row-{example.id}", on_click=_begin, args=(example.id,), width="stretch")


def _begin(identifier: str | None) -> None:
    st.session_state[_EDITED] = identifier


def _edit(dataset: StoredDataset, setup: Setup, draft: Draft, example: Example, row: Row) -> None:
    """A form, so that nothing is recorded before the person says so."""
    now = answer_cell(example)
    with st.form(f"edit-form-{example.id}", border=False):
        source = st.text_area("Input", example.input, key=f"input-of-{example.id}")
        answer = _edit_answer(draft, now, f"answer-of-{example.id}", may_be_new=not setup.marked)
        with st.container(horizontal=True):
            saved = st.form_submit_button("Save")
            dropped = st.form_submit_button("Drop this row")
            cancelled = st.form_submit_button("Cancel", type="tertiary")
    if cancelled:
        _begin(None)
        st.rerun()
    if dropped:
        _begin(None)
        keep_steps(dataset, setup, (*setup.steps, DropRow(row)))
    if saved:
        source, answer = (source or "").strip(), (answer or "").strip()
        if problem := edit_problem(draft.task.kind, source, answer):
            frame.problem(problem)
            return
        _begin(None)
        if (source, answer) == (example.input, now):
            st.rerun()
        edit = EditRow(row, None if source == example.input else source, None if answer == now else answer)
        keep_steps(dataset, setup, (*setup.steps, edit))


def _edit_answer(draft: Draft, now: str, key: str, may_be_new: bool) -> str:
    """A choice of the labels, where there are any. `may_be_new`: where no column stands for each label."""
    labels = draft.task.labels
    match draft.task.kind:
        case Kind.CLASSIFICATION:
            return st.selectbox("Label", labels, labels.index(now), accept_new_options=may_be_new, key=key) or ""
        case Kind.MULTI_LABEL:
            choices = [label for label in labels if label != NO_LABEL]
            chosen = st.multiselect("Labels", choices, labels_in(now), accept_new_options=may_be_new, key=key)
            return as_answer(chosen)
        case _:
            return st.text_area("Ideal answer", now, key=key) or ""


@lru_cache(maxsize=4096)
def shown(text: str) -> str:
    """A text of the data as a page shows it: personal data and secrets masked, and cut where it is long."""
    text = masked(text)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
