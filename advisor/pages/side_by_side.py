"""The test rows with the answer of every strategy, to search, sort, filter and mark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.answer_choice import choose_rows, turn_pages
from advisor.pages.marks import cut_off_tag, marked_name
from advisor.pages.own_marks import Markable, show_answer, show_marked
from advisor.pages.sent_prompt import show_sent
from advisor.pages.sources import Sources, sources_html, sources_of
from advisor.schema import Report
from advisor.sections.answers import AnsweredRow, answered_rows, marked
from advisor.sections.field_differences import field_differences
from advisor.storage.own_marks import read_marks
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trials
from advisor.wording import count_text, list_text, name_of
from eval.scoring import read_json
from eval.scoring.code import is_code
from eval.task import BadInput, Example

_ANSWERS_SHOWN = 3  # of several right ones
_LONGEST_TEXT, _TEXT_SHOWN = 800, 500  # characters of a text that is shown whole, and of a longer one
_LONG_JSON = 60  # characters; longer JSON is set out in lines


@st.fragment
def show_answers(run: StoredRun, report: Report) -> None:
    """The rows that the person asks for, where each answer can be marked."""
    frame.check_seen(run.id)
    found = read_answers(run, report)
    if found is None:
        frame.small("The answers of this run are no longer available.")
        return
    rows, sources = found
    marks = None
    if frame.store().owns(run.id):
        try:
            marks = read_marks(frame.store().own_run_folder(run.id))
        except BadInput as wrong:
            frame.problem(str(wrong))
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
        asked.html(f'<div class="answered-part">{asked_html(row.example)}</div>')
        with given:
            for strategies in row.same_answers:
                show_answer(
                    f"{row.example.id}-{strategies[0]}",
                    _head(row, strategies),
                    _body(row, strategies, sources),
                    _markable(run, row, strategies) if may_mark else None,
                )
        show_sent(run, row)


def _markable(run: StoredRun, row: AnsweredRow, strategies: Sequence[str]) -> Markable | None:
    """None where there is no answer."""
    outcome = row.outcomes[strategies[0]]
    if outcome.error is not None:
        return None
    about = f"{list_text(list(map(name_of, strategies)))}, row {row.example.id.removeprefix('r')}"
    return Markable((run.id,), row.example.input, outcome.text, about, row.marks.get(strategies[0]))


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
    return (rows, sources_of(task)) if rows else None


def card(row: AnsweredRow, sources: Sources) -> str:
    answers = "".join(f"<section>{_head(row, each)}{_body(row, each, sources)}</section>" for each in row.same_answers)
    asked = f'<div class="asked">{asked_html(row.example)}</div>'
    return f'<article class="answered">{asked}<div class="given">{answers}</div></article>'


def asked_html(example: Example) -> str:
    """The input and the expected answers."""
    shown, others = example.answers[:_ANSWERS_SHOWN], example.answers[_ANSWERS_SHOWN:]
    expected = '<p class="quiet small">or</p>'.join(map(as_written, shown))
    if others:
        listed = "".join(f"<li>{escape(one)}</li>" for one in others)
        expected += f"<details><summary>or any of {len(others):,} more</summary><ul>{listed}</ul></details>"
    return f"<h3>Input</h3>{as_written(example.input)}<h3>Expected</h3>{expected}"


def _head(row: AnsweredRow, strategies: Sequence[str]) -> str:
    """Who gave this answer, and how the score judges it."""
    first, *_ = strategies
    mark = {True: "right", False: "wrong", None: ""}[row.right.get(first)]
    judged = f'<span class="judged {mark}">{escape(row.judgement(first))}</span>'
    cut = cut_off_tag(row.outcomes[first].cut_off)
    return f"<header>{''.join(map(marked_name, strategies))}{judged}{cut}</header>"


def _body(row: AnsweredRow, strategies: Sequence[str], sources: Sources) -> str:
    """The answer, and what each strategy made it from."""
    outcome = row.outcomes[strategies[0]]
    with_sources = [one for one in strategies if row.outcomes[one].sources]
    made_from = "".join(
        sources_html(
            row.outcomes[one].sources,
            sources,
            row.example.input,
            of=one if len(with_sources) > 1 else "",
            read_out=f"{name_of(one)}, row {row.example.id.removeprefix('r')}",
        )
        for one in with_sources
    )
    apart = () if outcome.error or row.right.get(strategies[0]) else field_differences(outcome.text, row.example)
    listed = "".join(f"<li>{escape(line)}</li>" for line in apart)
    return (
        f"{as_written(outcome.error or outcome.text or '(nothing)')}"
        f"{f'<ul class=apart>{listed}</ul>' if listed else ''}{made_from}"
    )


def as_written(text: str) -> str:
    """A paragraph, whose end is folded if it is long. Code keeps its columns, and JSON is set out in lines."""
    if is_code(text):
        return f'<pre class="code">{escape(text)}</pre>'
    value = read_json(text) if len(text) > _LONG_JSON else None
    if value is not None:
        return f'<pre class="code">{escape(json.dumps(value, ensure_ascii=False, indent=2))}</pre>'
    if len(text) <= _LONGEST_TEXT:
        return f'<p class="text">{escape(text)}</p>'
    return (
        f'<p class="text">{escape(text[:_TEXT_SHOWN])}…</p>'
        f'<details><summary>Show all {len(text):,} characters</summary><p class="text">{escape(text)}</p></details>'
    )
