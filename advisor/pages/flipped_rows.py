"""The rows that one strategy got right in one run and wrong in another, to search, filter and mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from string import ascii_uppercase

import streamlit as st

from advisor.pages import frame
from advisor.pages.answer_choice import search_rows, to_first_page, turn_pages
from advisor.pages.marks import cut_off_tag, plain
from advisor.pages.own_marks import Markable, show_answer, show_problem
from advisor.pages.side_by_side import as_written, asked_html
from advisor.report.compared import Compared, FlippedRow, flipped_rows, strategies_of, with_marks
from advisor.sections import run_comparison
from advisor.sections.answers import judgement_of
from advisor.storage.own_marks import OwnMark, read_marks
from advisor.wording import count_text, list_text, name_of
from eval.task import BadInput


@st.fragment
def show_flips(compared: Compared) -> None:
    """Nothing where no two runs have a strategy in common."""
    for run in compared.runs:
        frame.check_seen(run.id)
    shared = [name for name in strategies_of(compared) if sum(name in run.answers for run in compared.runs) > 1]
    if not shared:
        return
    frame.section("Rows that flipped")
    show_problem()
    flips = {name: flipped_rows(compared, name) for name in shared}
    strategy = st.segmented_control(
        "Strategy",
        shared,
        default=max(shared, key=lambda name: len(flips[name])),
        required=True,
        format_func=lambda name: f"{name_of(name)} ({len(flips[name]):,})",
        key="flips-of",
        on_change=to_first_page,
    )
    st.html(f"<p>{escape(run_comparison.flips_sentence(flips[strategy], len(compared.rows), strategy))}</p>")
    if not flips[strategy]:
        return
    marks = _marks_of(compared)
    rows = with_marks(flips[strategy], marks or {run.id: () for run in compared.runs})
    letters = dict(zip((run.id for run in compared.runs), ascii_uppercase, strict=False))
    chosen = _in_chip(search_rows(rows), strategy, letters)
    if len(chosen) < len(rows):
        frame.small(f"{len(chosen):,} of {count_text(len(rows), 'row')}.")
    area = st.container(key="flipped-rows", gap=None)
    on_page = turn_pages(chosen)
    with area:
        for row in on_page:
            _show_row(row, letters, may_mark=marks is not None)


def _marks_of(compared: Compared) -> Mapping[str, Sequence[OwnMark]] | None:
    """The person's marks by run; None where they can't be read, or where a run is somebody else's."""
    if not all(frame.store().owns(run.id) for run in compared.runs):
        return None
    try:
        return {run.id: read_marks(frame.store().own_run_folder(run.id)) for run in compared.runs}
    except BadInput as wrong:
        frame.problem(str(wrong))
        return None


def _in_chip(rows: Sequence[FlippedRow], strategy: str, letters: Mapping[str, str]) -> Sequence[FlippedRow]:
    """The rows under the chip that the person chose."""
    filters = run_comparison.flip_filters(rows, letters)
    if len(filters) < 3:
        return rows
    label = st.pills(
        "Which rows",
        list(filters),
        default="All",
        required=True,
        format_func=lambda one: f"{plain(one)} ({len(filters[one]):,})",
        key=f"flips-{strategy}",
        label_visibility="collapsed",
        on_change=to_first_page,
    )
    return filters.get(label, rows)


def _show_row(row: FlippedRow, letters: Mapping[str, str], may_mark: bool) -> None:
    with st.container(key=f"answered-{row.example.id}"):
        asked, given = st.columns([5, 7], gap="large")
        asked.html(f'<div class="answered-part">{asked_html(row.example)}</div>')
        with given:
            for runs in _same_answers(row):
                outcome = row.outcomes[runs[0]]
                show_answer(
                    f"{row.example.id}-{runs[0]}",
                    _head(row, runs, letters),
                    as_written(outcome.error or outcome.text or "(nothing)"),
                    _markable(row, runs, letters) if may_mark and outcome.error is None else None,
                )


def _same_answers(row: FlippedRow) -> list[tuple[str, ...]]:
    """The runs that gave the same answer to the same input, together, in their order."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for run_id, outcome in row.outcomes.items():
        content = (row.inputs[run_id], outcome.error or outcome.text, _judgement(row, run_id))
        found.setdefault(content, []).append(run_id)
    return [tuple(each) for each in found.values()]


def _markable(row: FlippedRow, runs: tuple[str, ...], letters: Mapping[str, str]) -> Markable:
    first, *_ = runs
    about = f"{list_text([letters[one] for one in runs])}, row {row.example.id.removeprefix('r')}"
    mark = next((row.marks[one] for one in runs if one in row.marks), None)
    return Markable(runs, row.inputs[first], row.outcomes[first].text, about, mark)


def _judgement(row: FlippedRow, run_id: str) -> str:
    return judgement_of(row.outcomes[run_id], row.right.get(run_id))


def _head(row: FlippedRow, runs: Sequence[str], letters: Mapping[str, str]) -> str:
    """Which runs gave the answer, and how the score judges it."""
    first, *_ = runs
    mark = {True: "right", False: "wrong", None: ""}[row.right.get(first)]
    cut = cut_off_tag(any(row.outcomes[one].cut_off for one in runs))
    return (
        f"<header><b>{list_text([letters[one] for one in runs])}</b>"
        f'<span class="judged {mark}">{_judgement(row, first)}</span>{cut}</header>'
    )
