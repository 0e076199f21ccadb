"""The test rows with the answer of every strategy, to search, sort, filter and mark."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.answer_choice import choose_rows, turn_pages
from advisor.pages.marks import marked_name
from advisor.pages.own_marks import mark_answer, note_on, show_marked
from advisor.pages.sent_prompt import show_sent
from advisor.schema import Report
from advisor.sections.answers import CUT_OFF_MEANS, AnsweredRow, answered_rows, marked
from advisor.storage.own_marks import read_marks
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trials
from advisor.wording import count_text
from eval.outcomes import EXAMPLE_SOURCE
from eval.scoring import read_json
from eval.scoring.code import is_code
from eval.task import BadInput, Task

_ANSWERS_SHOWN = 3  # of several right ones
_LONG_JSON = 60  # characters; longer JSON is set out in lines
_LONGEST_SOURCE = 600  # characters of a source that are shown

Sources = Mapping[str, tuple[str, str]]


@st.fragment
def show_answers(run: StoredRun, report: Report) -> None:
    """The rows that the person asks for, where each answer can be marked."""
    found = read_answers(run, report)
    if found is None:
        frame.small("The answers of this run are no longer available.")
        return
    rows, sources = found
    try:
        marks = read_marks(frame.store().run_folder(run.id))
    except BadInput as wrong:
        frame.problem(str(wrong))
        marks = None
    if marks is not None:
        show_marked(run, report, marks)
        rows = marked(rows, marks)
    chosen = choose_rows(rows)
    if len(chosen) < len(rows):
        frame.small(f"{len(chosen):,} of {count_text(len(rows), 'test row')}.")
    area = st.container(key="answer-rows", gap=None)
    on_page = turn_pages(chosen)
    with area:
        for row in on_page:
            _show_row(run, row, sources, may_mark=marks is not None)


def _show_row(run: StoredRun, row: AnsweredRow, sources: Sources, may_mark: bool) -> None:
    with st.container(key=f"answered-{row.example.id}"):
        asked, given = st.columns([5, 7], gap="large")
        with asked:
            st.html(f'<div class="answered-part">{_asked(row)}</div>')
        with given:
            for strategy in row.outcomes:
                with st.container(gap="xxsmall", key=f"given-{row.example.id}-{strategy}"):
                    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                        st.html(f'<div class="answered-part given">{_head(row, strategy)}</div>')
                        if may_mark:
                            mark_answer(run, row, strategy)
                    st.html(f'<div class="answered-part given">{_body(row, strategy, sources)}</div>')
                    if may_mark:
                        note_on(run, row, strategy)
        show_sent(run, row)


def read_answers(run: StoredRun, report: Report) -> tuple[list[AnsweredRow], Sources] | None:
    """All rows, and every text that may have been a source."""
    return _answers(frame.store().home.as_posix(), run.id, run.ended_at, report)


@st.cache_resource(show_spinner="Reading the answers", max_entries=4)
def _answers(
    home: str, run_id: str, ended_at: float | None, _report: Report
) -> tuple[list[AnsweredRow], Sources] | None:
    """`home` and `ended_at` are the key."""
    folder = frame.store().run_folder(run_id)
    try:
        task, split = read_task(folder)
    except BadInput:
        return None
    trials, baselines = read_trials(folder, [step.strategy for step in frame.store().steps(run_id)])
    rows = answered_rows(_report, [*trials, *baselines], split.test)
    return (rows, texts_of(task)) if rows else None


def texts_of(task: Task) -> dict[str, tuple[str, str]]:
    """A title and a text for each id that an answer may name as its source."""
    examples = {
        EXAMPLE_SOURCE + example.id: ("Example", f"{example.input} → {example.target}") for example in task.examples
    }
    return examples | {document.id: (document.title or document.id, document.text) for document in task.documents}


def card(row: AnsweredRow, sources: Sources) -> str:
    answers = "".join(_answer(row, strategy, sources) for strategy in row.outcomes)
    return (
        f'<article class="answered"><div class="asked">{_asked(row)}</div><div class="given">{answers}</div></article>'
    )


def _asked(row: AnsweredRow) -> str:
    """The input and the expected answers."""
    shown, others = row.example.answers[:_ANSWERS_SHOWN], row.example.answers[_ANSWERS_SHOWN:]
    expected = '<p class="quiet small">or</p>'.join(map(_as_written, shown))
    if others:
        listed = "".join(f"<li>{escape(one)}</li>" for one in others)
        expected += f"<details><summary>or any of {len(others):,} more</summary><ul>{listed}</ul></details>"
    return f'<h3>Input</h3><p class="text">{escape(row.example.input)}</p><h3>Expected</h3>{expected}'


def _answer(row: AnsweredRow, strategy: str, sources: Sources) -> str:
    return f"<section>{_head(row, strategy)}{_body(row, strategy, sources)}</section>"


def _head(row: AnsweredRow, strategy: str) -> str:
    """Who answered, and how the score judges it."""
    mark = {True: "right", False: "wrong", None: ""}[row.right.get(strategy)]
    judged = f'<span class="judged {mark}">{escape(row.judgement(strategy))}</span>'
    cut = f'<span class="tag" title="{CUT_OFF_MEANS}">cut off</span>' if row.outcomes[strategy].cut_off else ""
    return f"<header>{marked_name(strategy)}{judged}{cut}</header>"


def _body(row: AnsweredRow, strategy: str, sources: Sources) -> str:
    """The answer, and what it was made from."""
    outcome = row.outcomes[strategy]
    return f"{_as_written(outcome.error or outcome.text or '(nothing)')}{_sources(outcome.sources, sources)}"


def _as_written(text: str) -> str:
    """An answer as a paragraph; code keeps its columns, and nested JSON is set out in lines."""
    if is_code(text):
        return f'<pre class="code">{escape(text)}</pre>'
    value = read_json(text) if len(text) > _LONG_JSON else None
    if value is not None:
        return f'<pre class="code">{escape(json.dumps(value, ensure_ascii=False, indent=2))}</pre>'
    return f'<p class="text">{escape(text)}</p>'


def _sources(ids: tuple[str, ...], sources: Sources) -> str:
    if not ids:
        return ""
    items = "".join(
        f"<li><b>{escape(title)}</b> {escape(text[:_LONGEST_SOURCE])}{'…' if len(text) > _LONGEST_SOURCE else ''}</li>"
        for title, text in (sources.get(one, (one, "")) for one in ids)
    )
    return f"<details><summary>Sources ({len(ids)})</summary><ol>{items}</ol></details>"
