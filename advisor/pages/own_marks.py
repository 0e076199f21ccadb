"""A person's own marks on answers: right or wrong, with a note, in one click or from the keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.blocks import show_blocks
from advisor.pages.past_runs import measured_of
from advisor.report.marked import marked_of
from advisor.schema import Report
from advisor.sections import own_marks
from advisor.sections.answers import AnsweredRow
from advisor.storage.own_marks import OwnMark, add_mark
from advisor.storage.stored import StoredRun
from advisor.wording import name_of
from eval.task import BadInput

_RIGHT, _WRONG = "Right", "Wrong"
_ICONS = {_RIGHT: ":material/check:", _WRONG: ":material/close:"}
_PROBLEM = "mark-problem"


def show_marked(run: StoredRun, report: Report, marks: Sequence[OwnMark]) -> None:
    """How far the score agrees with the marks so far; how to mark, before the first one."""
    if problem := st.session_state.pop(_PROBLEM, None):
        frame.problem(problem)
    measured = measured_of(run)
    found = (
        marked_of(report.task.kind, (*measured.trials, *measured.baselines), measured.split.test, marks)
        if measured
        else None
    )
    if found is None:
        frame.small("Mark answers as right or wrong to see whether the score agrees with you.")
        return
    said = own_marks.meaning(found)
    st.html(
        f'<p class="own-marks" role="status"><b>{escape(own_marks.counted(found))}</b>'
        f"{f' {escape(said)}' if said else ''}</p>"
    )
    with st.expander("Your marks by strategy"):
        show_blocks(own_marks.details(found))


def mark_answer(run: StoredRun, row: AnsweredRow, strategy: str) -> None:
    """Two buttons, of which a second press takes the mark back; nothing where there is no answer."""
    if row.outcomes[strategy].error is not None:
        return
    mark = row.marks.get(strategy)
    key = f"mark-{row.example.id}-{strategy}"
    # The same answer of two strategies has one mark, so what is kept decides what is shown.
    st.session_state[key] = None if mark is None else _RIGHT if mark.is_right else _WRONG
    with st.container(key=f"marking-{row.example.id}-{strategy}", width="content"):
        st.pills(
            f"Your mark: {_about(row, strategy)}",
            list(_ICONS),
            format_func=lambda one: f"{_ICONS[one]} {one}",
            key=key,
            label_visibility="collapsed",
            on_change=_keep_mark,
            args=(run.id, row, strategy, key),
        )


def note_on(run: StoredRun, row: AnsweredRow, strategy: str) -> None:
    """A line for a note, once there is a mark."""
    if (mark := row.marks.get(strategy)) is None:
        return
    key = f"note-{row.example.id}-{strategy}"
    st.session_state[key] = mark.note
    st.text_input(
        f"Your note: {_about(row, strategy)}",
        key=key,
        label_visibility="collapsed",
        placeholder="Add a note",
        on_change=_keep_note,
        args=(run.id, mark, key),
    )


def _about(row: AnsweredRow, strategy: str) -> str:
    return f"{name_of(strategy)}, row {row.example.id.removeprefix('r')}"


def _keep_mark(run_id: str, row: AnsweredRow, strategy: str, key: str) -> None:
    chosen, mark = st.session_state[key], row.marks.get(strategy)
    note = mark.note if mark and chosen else ""
    is_right = None if chosen is None else chosen == _RIGHT
    _add(run_id, OwnMark(row.example.input, row.outcomes[strategy].text, is_right, note, _now(), run_id))


def _keep_note(run_id: str, mark: OwnMark, key: str) -> None:
    _add(run_id, replace(mark, note=st.session_state[key].strip(), at=_now(), marked_in=run_id))


def _add(run_id: str, mark: OwnMark) -> None:
    try:
        add_mark(frame.store().run_folder(run_id), mark)
    except BadInput as wrong:
        st.session_state[_PROBLEM] = str(wrong)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
