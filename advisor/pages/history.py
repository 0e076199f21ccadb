"""History: every run, and two of them side by side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.changed_data import ask_for_changed_data
from advisor.pages.data_changes import show_data_change
from advisor.pages.draft import draft_of
from advisor.pages.marks import marked_name
from advisor.pages.past_runs import followed_by, report_of
from advisor.report.changes import (
    ResultChange,
    are_scored_alike,
    compare_data,
    compare_documents,
    compare_measuring,
    compare_results,
)
from advisor.schema import Report
from advisor.storage.stored import StoredRun
from advisor.wording import in_milliseconds, interval_text, money_text, points_text, score_text, seconds_text
from eval.task import BadInput, Task

_STATE_WORDS = {
    "queued": "Queued",
    "running": "Running",
    "interrupted": "Interrupted",
    "cancelled": "Cancelled",
    "failed": "Failed",
}
_RUNS_SHOWN = 50
_HEADS = ("Score", "Change", "Median latency", "Cost per 1,000 requests")


def show_run(run: StoredRun) -> None:
    with st.container(border=True, key=f"run-{run.id}"):
        words, actions = st.columns([3, 2], vertical_alignment="center")
        words.html(
            f'<p><b class="card-title">{escape(verdict_of(run))}</b></p>'
            f'<p class="quiet small">{escape(run.name)} · {escape(moment(run.created_at))}</p>'
        )
        with actions, st.container(horizontal=True, horizontal_alignment="right"):
            if st.button("Run again with changed data", key=f"again-{run.id}", type="tertiary"):
                ask_for_changed_data(run)
            if st.button("Open", key=f"open-{run.id}"):
                frame.go("Report", run=run.id, dataset=run.dataset_id)


def verdict_of(run: StoredRun) -> str:
    if run.state != "done":
        return _STATE_WORDS[run.state]
    report = report_of(run)
    return "Done, by another version of Threeways" if report is None else str(report.recommendation.headline)


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%-d %B %Y, %H:%M")


def show_side_by_side(runs: list[StoredRun]) -> None:
    """Two finished runs: the address names them, else the latest that follows another, and that other."""
    frame.section("Compare two runs")
    by_id = {run.id: run for run in runs}
    earlier_at, later_at = _places(runs)
    sides = st.columns(2)
    earlier = sides[0].selectbox(
        "Before", list(by_id), earlier_at, format_func=lambda run_id: _title(by_id[run_id]), key="run"
    )
    later = sides[1].selectbox(
        "After", list(by_id), later_at, format_func=lambda run_id: _title(by_id[run_id]), key="with"
    )
    st.query_params.update({"run": earlier, "with": later})
    if earlier == later:
        st.html('<p class="quiet">Choose two different runs.</p>')
        return
    try:
        before, after = _task(by_id[earlier]), _task(by_id[later])
    except BadInput as wrong:
        frame.problem(str(wrong))
        return
    change = compare_data(before.examples, after.examples)
    if not change.unchanged and not change.changed:
        st.html('<p class="lead">These two runs have no rows in common, so we cannot compare them.</p>')
        return
    show_result_changes(by_id[earlier], by_id[later])
    show_data_change(change, compare_documents(before.documents, after.documents))


def _task(run: StoredRun) -> Task:
    return draft_of(run.dataset_id, run.name, run.plan.setup).task


def _places(runs: list[StoredRun]) -> tuple[int, int]:
    """Where the earlier and the later run stand in the list, which is newest first."""
    ids = [run.id for run in runs]
    earlier, later = st.query_params.get("run"), st.query_params.get("with")
    if earlier in ids and later in ids:
        return ids.index(earlier), ids.index(later)
    follows = [followed_by(run) for run in runs]
    return next(((ids.index(one), at) for at, one in enumerate(follows) if one in ids), (1, 0))


def _title(run: StoredRun) -> str:
    return f"{run.name}, {moment(run.created_at)}"


def show_result_changes(before: StoredRun, after: StoredRun) -> None:
    reports = [report for run in (before, after) if (report := report_of(run)) is not None]
    if len(reports) < 2:
        st.html(
            '<p class="quiet">Another version of Threeways wrote one of these two reports. Run it again to compare.</p>'
        )
        return
    first, second = (str(report.recommendation.headline) for report in reports)
    verdicts = f"The verdict is the same: {second}" if first == second else f"Verdict before: {first} Now: {second}"
    otherwise = compare_measuring(*reports)
    warning = f"Also different: {'; '.join(otherwise)}." if otherwise else ""
    heads = "".join(f"<th>{head}</th>" for head in _HEADS)
    currency = reports[1].priorities.currency
    rows = "".join(_result_row(change, _no_change_words(*reports), currency) for change in compare_results(*reports))
    st.html(
        f'<p class="lead">{escape(verdicts)}</p><p class="quiet">{escape(warning)}</p>'
        f'<div class="scroll"><table class="changes"><tr><th>Strategy</th>{heads}</tr>'
        f"{rows}</table></div>"
    )


def _result_row(change: ResultChange, no_change: str, currency: str) -> str:
    cells = (
        _before_after(change.scores, lambda score: "no result" if score is None else score_text(score)),
        _change_words(change, no_change),
        _before_after(change.seconds, partial(seconds_text, in_ms=in_milliseconds(*change.seconds))),
        _before_after(change.costs, lambda cost: money_text(cost, currency)),
    )
    told = "".join(f'<td data-head="{head}">{escape(cell)}</td>' for head, cell in zip(_HEADS, cells, strict=True))
    return f"<tr><td>{marked_name(change.strategy)}</td>{told}</tr>"


def _before_after(figures: tuple[float | None, float | None], tell: Callable[[float | None], str]) -> str:
    before, after = figures
    return f"{tell(before)} → {tell(after)}"


def _no_change_words(before: Report, after: Report) -> str:
    """Why two scores have no difference."""
    first, second = before.task.metric, after.task.metric
    if first != second:
        return f"not comparable: {first} before, {second} after"
    if not are_scored_alike(before, after):
        return "not comparable: this version scores answers differently; run the earlier comparison again"
    return "not comparable: one run has no result"


def _change_words(change: ResultChange, no_change: str) -> str:
    """The difference with its 95 % CI, and whether other test rows alone could explain it."""
    if change.difference is None or change.low is None or change.high is None:
        return no_change
    interval = interval_text(change.difference, change.low, change.high)
    way = " better" if change.difference > 0 else " worse" if change.difference < 0 else ""
    said = f"{points_text(change.difference)}{way} ({interval})"
    return f"{said}, which may be chance" if change.low <= 0 <= change.high else said


runs = frame.store().runs()
frame.heading("History", "All comparisons on this machine, the latest first." if runs else "")
if not runs:
    frame.stop_with("You haven't compared anything yet.", label="Start with your data or a sample")
if st.button("Compare new data", type="primary", icon=":material/add:"):
    frame.go("Start")
for run in runs[:_RUNS_SHOWN]:
    show_run(run)
finished = [run for run in runs if run.state == "done"]
if len(finished) > 1:
    show_side_by_side(finished)
