"""The test rows with the answer of every strategy, and chips that leave only some of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.marks import marked_name
from advisor.schema import Report
from advisor.sections.answers import AnsweredRow, Filter, answered_rows, filters
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trials
from eval.outcomes import EXAMPLE_SOURCE
from eval.scoring import read_json
from eval.scoring.code import is_code
from eval.task import BadInput, Task

_ROWS_A_PAGE = 6
_ANSWERS_SHOWN = 3  # of several right ones
_LONG_JSON = 60  # characters; longer JSON is set out in lines
_LONGEST_SOURCE = 600  # characters of a source that are shown

Sources = Mapping[str, tuple[str, str]]


def show_answers(run: StoredRun, report: Report) -> None:
    found = read_answers(run, report)
    if found is None:
        st.html('<p class="quiet">The answers of this run are no longer available.</p>')
        return
    chips, sources = found
    labels = {chip.label: chip for chip in chips}
    chosen = chips[0].label
    if len(chips) > 1:
        chosen = st.pills(
            "Which rows",
            list(labels),
            default=chosen,
            required=True,
            format_func=lambda label: f"{label} ({len(labels[label].rows):,})",
            key="answers",
            label_visibility="collapsed",
        )
    rows = labels[chosen].rows
    pages = -(-len(rows) // _ROWS_A_PAGE)
    area = st.container()
    page = st.pagination(pages, key=f"page-{chosen}") if pages > 1 else 1
    with area:
        first = (page - 1) * _ROWS_A_PAGE
        st.html("".join(card(row, sources) for row in rows[first : first + _ROWS_A_PAGE]))


def read_answers(run: StoredRun, report: Report) -> tuple[list[Filter], Sources] | None:
    """The chips with their rows, all of them under the first, and every text that may have been a source."""
    return _answers(frame.store().home.as_posix(), run.id, run.ended_at, report)


@st.cache_resource(show_spinner="Reading the answers", max_entries=4)
def _answers(home: str, run_id: str, ended_at: float | None, _report: Report) -> tuple[list[Filter], Sources] | None:
    """`home` and `ended_at` are the key."""
    folder = frame.store().run_folder(run_id)
    try:
        task, split = read_task(folder)
    except BadInput:
        return None
    trials, baselines = read_trials(folder, [step.strategy for step in frame.store().steps(run_id)])
    rows = answered_rows(_report, [*trials, *baselines], split.test)
    return (filters(rows), _texts(task)) if rows else None


def _texts(task: Task) -> dict[str, tuple[str, str]]:
    """A title and a text for each id that an answer may name as its source."""
    examples = {
        EXAMPLE_SOURCE + example.id: ("Example", f"{example.input} → {example.target}") for example in task.examples
    }
    return examples | {document.id: (document.title or document.id, document.text) for document in task.documents}


def card(row: AnsweredRow, sources: Sources) -> str:
    answers = "".join(_answer(row, strategy, sources) for strategy in row.outcomes)
    shown, others = row.example.answers[:_ANSWERS_SHOWN], row.example.answers[_ANSWERS_SHOWN:]
    expected = '<p class="quiet small">or</p>'.join(map(_as_written, shown))
    if others:
        listed = "".join(f"<li>{escape(one)}</li>" for one in others)
        expected += f"<details><summary>or any of {len(others):,} more</summary><ul>{listed}</ul></details>"
    return (
        f'<article class="answered"><div class="asked"><h3>Input</h3><p class="text">{escape(row.example.input)}</p>'
        f"<h3>Expected</h3>{expected}</div>"
        f'<div class="given">{answers}</div></article>'
    )


def _answer(row: AnsweredRow, strategy: str, sources: Sources) -> str:
    outcome = row.outcomes[strategy]
    mark = {True: "right", False: "wrong", None: ""}[row.right.get(strategy)]
    judged = f'<span class="judged {mark}">{escape(row.judgement(strategy))}</span>'
    given = _as_written(outcome.error or outcome.text or "(nothing)")
    return (
        f"<section><header>{marked_name(strategy)}{judged}</header>{given}"
        f"{_sources(outcome.sources, sources)}</section>"
    )


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
