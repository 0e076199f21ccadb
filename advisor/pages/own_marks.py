"""A person's own marks on answers: right or wrong, with a note, in one click or from the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.blocks import show_blocks
from advisor.pages.marks import plain
from advisor.pages.past_runs import measured_of
from advisor.report.marked import marked_of
from advisor.schema import Report
from advisor.sections import own_marks
from advisor.storage.own_marks import OwnMark, add_mark, read_marks
from advisor.storage.stored import StoredRun
from eval.task import BadInput

_RIGHT, _WRONG = "Right", "Wrong"
_ICONS = {_RIGHT: ":material/check:", _WRONG: ":material/close:"}
_PROBLEM, _SHOWN = "mark-problem", "marks-shown"


def show_problem() -> None:
    """Why the last mark couldn't be kept, once."""
    if problem := st.session_state.pop(_PROBLEM, None):
        frame.problem(problem)


def show_marked(run: StoredRun, report: Report, marks: Sequence[OwnMark]) -> None:
    """How far the score agrees with the marks so far; how to mark, before the first one."""
    show_problem()
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


@dataclass(frozen=True, slots=True)
class Markable:
    """An answer that can be marked. `runs` are the ids of those that gave it, in whose folders the mark is kept;
    `about` is what the names of its fields end with."""

    runs: tuple[str, ...]
    input: str
    answer: str
    about: str
    mark: OwnMark | None


def show_answer(place: str, head: str, body: str, asked: Markable | None) -> None:
    """An answer, in HTML, and the fields that mark it. `place` is a key that no other answer on the page has."""
    with st.container(gap="xxsmall", key=f"given-{place}"):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.html(f'<div class="answered-part given">{head}</div>')
            if asked is not None:
                _mark(place, asked)
        st.html(f'<div class="answered-part given">{body}</div>')
        if asked is not None and asked.mark is not None:
            _note(place, asked, asked.mark.note)


def _mark(place: str, asked: Markable) -> None:
    """Two buttons; a second press takes the mark back."""
    mark = asked.mark
    said = None if mark is None else _RIGHT if mark.is_right else _WRONG
    key = _key(f"mark-{place}", said)
    with st.container(key=f"marking-{place}", width="content"):
        st.pills(
            f"Your mark: {plain(asked.about)}",
            list(_ICONS),
            format_func=lambda one: f"{_ICONS[one]} {one}",
            default=said,
            key=key,
            label_visibility="collapsed",
            on_change=_keep_mark,
            args=(asked, key),
        )


def _note(place: str, asked: Markable, note: str) -> None:
    key = _key(f"note-{place}", note)
    st.text_input(
        f"Your note: {plain(asked.about)}",
        note,
        key=key,
        label_visibility="collapsed",
        placeholder="Add a note",
        on_change=_keep_note,
        args=(asked, key),
    )


def _key(field: str, stored: str | None) -> str:
    """The key of a field that shows what is stored. If that was changed from elsewhere, as by the same answer to
    another row, the field gets a new key. Under its old key, a browser that hasn't drawn the change yet would send the
    old value with its next click, and we would store that as if the person had just entered it."""
    value, number = _shown().get(field, (stored, 0))
    number += value != stored
    _shown()[field] = stored, number
    return f"{field}-{number}"


def _shown() -> dict[str, tuple[str | None, int]]:
    """What each field shows, and how often it was made again."""
    found: dict[str, tuple[str | None, int]] = st.session_state.setdefault(_SHOWN, {})
    return found


def _is_entered(key: str, value: str | None) -> bool:
    """Whether the person entered this value. A browser that is late also sends what a field showed before."""
    field, _, number = key.rpartition("-")
    shown, current = _shown()[field]
    return int(number) == current and value != shown


def _now_shows(key: str, value: str | None) -> None:
    field, _, number = key.rpartition("-")
    _shown()[field] = value, int(number)


def _keep_mark(asked: Markable, key: str) -> None:
    chosen = st.session_state[key]
    if not _is_entered(key, chosen):
        return
    is_right = None if chosen is None else chosen == _RIGHT
    _change(asked, lambda mark: replace(mark, is_right=is_right, note=mark.note if chosen else ""))
    _now_shows(key, chosen)  # if it couldn't be kept, the field is made again, and shows what is stored


def _keep_note(asked: Markable, key: str) -> None:
    note = (st.session_state[key] or "").strip()
    if _is_entered(key, note) and _change(asked, lambda mark: replace(mark, note=note)):
        _now_shows(key, note)


def _change(asked: Markable, change: Callable[[OwnMark], OwnMark]) -> bool:
    """Whether the change was kept. It is a change of what is stored by now: if the person is quicker than the page, the
    page that they see may be older."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        for run_id in asked.runs:
            folder = frame.store().own_run_folder(run_id)
            stored = {mark.key: mark for mark in read_marks(folder)}.get((asked.input, asked.answer))
            mark = stored or OwnMark(asked.input, asked.answer, None, "", at, run_id)
            add_mark(folder, replace(change(mark), at=at, marked_in=run_id))
    except BadInput as wrong:
        st.session_state[_PROBLEM] = str(wrong)
        return False
    return True
