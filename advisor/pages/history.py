"""History: every run, and two of them side by side."""

from __future__ import annotations

from datetime import datetime
from html import escape

import streamlit as st

from advisor.changes import DataChange, ResultChange, compare_data, compare_results
from advisor.pages import frame
from advisor.pages.changed_data import ask_for_changed_data
from advisor.pages.draft import draft_of
from advisor.pages.marks import marked_name
from advisor.stored import StoredRun
from advisor.wording import count_text, points_text, score_text
from eval.task import BadInput, Example

_STATE_WORDS = {
    "queued": "Waits in the queue",
    "running": "Running",
    "interrupted": "Interrupted",
    "cancelled": "Cancelled",
    "failed": "No result",
}
_RUNS_SHOWN = 50
_ROWS_SHOWN = 50


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
    report = frame.store().report(run.id)
    return "Done" if report is None else str(report["recommendation"].get("headline", "Done"))


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%-d %B %Y, %H:%M")


def show_side_by_side(runs: list[StoredRun]) -> None:
    """Two finished runs: the address names them, else the latest and the one it follows."""
    frame.section("Two runs side by side")
    by_id = {run.id: run for run in runs}
    later_at, earlier_at = _places(runs)
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
    show_result_changes(by_id[earlier], by_id[later])
    show_data_changes(by_id[earlier], by_id[later])


def _places(runs: list[StoredRun]) -> tuple[int, int]:
    """Where the later and the earlier run stand in the list."""
    ids = [run.id for run in runs]
    later, earlier = st.query_params.get("with"), st.query_params.get("run")
    later_at = ids.index(later) if later in ids else 0
    if earlier in ids:
        return later_at, ids.index(earlier)
    try:
        follows = runs[later_at].plan.follows
    except BadInput:
        follows = None
    return later_at, ids.index(follows) if follows in ids else min(later_at + 1, len(ids) - 1)


def _title(run: StoredRun) -> str:
    return f"{run.name}, {moment(run.created_at)}"


def show_result_changes(before: StoredRun, after: StoredRun) -> None:
    reports = frame.store().report(before.id), frame.store().report(after.id)
    if reports[0] is None or reports[1] is None:
        st.html('<p class="quiet">One of the two has no report.</p>')
        return
    first, second = (str(report["recommendation"]["headline"]) for report in reports if report)
    verdicts = f"The verdict stays: {second}" if first == second else f"The verdict was: {first} It is now: {second}"
    rows = "".join(_result_row(change) for change in compare_results(reports[0], reports[1]))
    st.html(
        f'<p class="lead">{escape(verdicts)}</p><div class="scroll"><table class="changes">'
        f"<tr><th>Strategy</th><th>Before</th><th>After</th><th>Change</th></tr>{rows}</table></div>"
    )


def _result_row(change: ResultChange) -> str:
    def cell(score: float | None) -> str:
        return "no result" if score is None else score_text(score)

    return (
        f"<tr><td>{marked_name(change.strategy)}</td><td>{cell(change.before)}</td><td>{cell(change.after)}</td>"
        f"<td>{escape(_change_words(change))}</td></tr>"
    )


def _change_words(change: ResultChange) -> str:
    """The difference, and whether other test rows alone could have made it."""
    if change.difference is None or change.low is None or change.high is None:
        return "not comparable"
    if change.low <= 0 <= change.high:
        sign = "+" if change.difference > 0 else "−" if change.difference < 0 else ""
        return f"{sign}{points_text(change.difference)}, which may be chance"
    return f"{points_text(change.difference)} {'better' if change.difference > 0 else 'worse'}"


def show_data_changes(before: StoredRun, after: StoredRun) -> None:
    try:
        examples = [draft_of(run.dataset_id, run.name, run.plan.setup).task.examples for run in (before, after)]
    except BadInput as wrong:
        frame.problem(str(wrong))
        return
    change = compare_data(*examples)
    st.html(f"<p>{escape(_data_words(change))}</p>")
    for title, rows in (
        ("Added", _as_columns(change.added)),
        ("Removed", _as_columns(change.removed)),
        ("Changed", _as_columns([after for _, after in change.changed], [before for before, _ in change.changed])),
    ):
        if rows["input"]:
            with st.expander(f"{title} ({len(rows['input']):,})"):
                st.dataframe({name: cells[:_ROWS_SHOWN] for name, cells in rows.items()}, hide_index=True)


def _as_columns(
    examples: tuple[Example, ...] | list[Example], before: list[Example] | None = None
) -> dict[str, list[str]]:
    answers = {"answer": [example.target for example in examples]}
    if before is not None:
        answers = {"answer before": [example.target for example in before], "answer after": answers["answer"]}
    return {"input": [example.input for example in examples], **answers}


def _data_words(change: DataChange) -> str:
    counts = (
        (len(change.added), "added"),
        (len(change.removed), "removed"),
        (len(change.changed), "with a new answer"),
    )
    told = [f"{count_text(count, 'row')} {what}" for count, what in counts if count]
    if not told:
        return f"The data is the same: {count_text(change.unchanged, 'row')}."
    return f"In the data: {', '.join(told)}; {count_text(change.unchanged, 'row')} as before."


runs = frame.store().runs()
frame.heading("History", "Every comparison that was started on this machine." if runs else "")
if not runs:
    frame.stop_with("Nothing has been compared yet.", label="Start with your data or a sample")
if st.button("Compare new data", type="primary", icon=":material/add:"):
    frame.go("Start")
for run in runs[:_RUNS_SHOWN]:
    show_run(run)
finished = [run for run in runs if run.state == "done"]
if len(finished) > 1:
    show_side_by_side(finished)
