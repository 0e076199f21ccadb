"""Two to five runs side by side: their scores, the settings that differ, and the rows that flipped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from string import ascii_uppercase

import streamlit as st

from advisor.pages import frame
from advisor.pages.blocks import show_blocks
from advisor.pages.data_changes import show_data_change
from advisor.pages.flipped_rows import show_flips
from advisor.pages.marks import plain
from advisor.pages.past_runs import lost_of, measured_of, report_of
from advisor.pages.run_actions import MOST_COMPARED
from advisor.pages.run_choice import show_compared
from advisor.pages.running import WAITING_STATES
from advisor.pages.sharing import all_own
from advisor.report.changes import compare_data, compare_documents
from advisor.report.compared import FinishedRun, compare_runs
from advisor.sections import run_comparison
from advisor.sections.run_list import moment, origin_tags
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from eval.task import BadInput, Task


def show_comparison(runs: Sequence[StoredRun]) -> None:
    """The first five of these runs, from the earliest to the latest."""
    if st.button("All runs", type="tertiary", icon=":material/arrow_back:", key="all-runs"):
        show_compared(False)
        st.rerun()
    frame.heading("Runs side by side")
    if len(runs) > MOST_COMPARED:
        frame.small(f"We compare the {MOST_COMPARED} earliest of the {len(runs)} runs.")
    chosen = sorted(runs, key=lambda run: run.created_at)[:MOST_COMPARED]
    finished = [(run, found) for run in chosen if (found := _finished(run)) is not None]
    compared = compare_runs([found for _, found in finished]) if finished else None
    is_comparable = compared is not None and len(compared.runs) > 1
    if compared is None or len(finished) < 2:
        st.html('<p class="lead">Fewer than two of these runs have results, so there is nothing to compare.</p>')
    else:
        lead = run_comparison.lead_of(compared) if is_comparable else run_comparison.nothing_to_compare(compared)
        st.html(f'<p class="lead">{escape(lead)}</p>')
    for run in chosen:
        if all(run is not one for one, _ in finished):
            frame.small(f"We left out {_titled(run)}: {_why_without_results(run)}")
    if compared is None or not is_comparable:
        _show_legend([run for run, _ in finished])
        return
    by_id = {run.id: run for run in chosen}
    for left, reason in compared.left_out:
        frame.small(run_comparison.left_out(left, _titled(by_id[left.id]), reason, compared.runs[0]))
    shown = [by_id[run.id] for run in compared.runs]
    _show_legend(shown)
    with st.container(key="comparison"):
        show_blocks(run_comparison.blocks_of(compared))
    if all_own(shown):  # the training rows of somebody else stay theirs
        _show_data_changes(shown)
    show_flips(compared)


def _show_legend(runs: Sequence[StoredRun]) -> None:
    """Which run each letter is, with the way to its report."""
    with st.container(key="legend", gap=None):
        for letter, run in zip(ascii_uppercase, runs, strict=False):
            label = f"**{letter}** {plain(_titled(run))}"
            st.page_link(frame.page_path("Report"), label=label, query_params={"run": run.id})


def _titled(run: StoredRun) -> str:
    return ", ".join((run.title, *map(str.lower, origin_tags(run)), moment(run.created_at)))


def _finished(run: StoredRun) -> FinishedRun | None:
    """None if it left nothing that this version can compare."""
    report, measured = report_of(run), measured_of(run)
    if report is None or measured is None or run.state in WAITING_STATES:
        return None
    return FinishedRun.of(run.id, report, measured.split.test, measured.trials)


def _why_without_results(run: StoredRun) -> str:
    if lost := lost_of(run):
        return f"{lost[:1].lower()}{lost[1:]}"
    if run.state == "done":
        return "another version of Threeways wrote its results; run it again to compare."
    return "it hasn't finished." if run.state in WAITING_STATES else "it has no results."


def _show_data_changes(runs: Sequence[StoredRun]) -> None:
    """What changed from the first run's data to the last one's."""
    before, after = _task(runs[0]), _task(runs[-1])
    if before is None or after is None:
        return
    change = compare_data(before.examples, after.examples)
    documents = compare_documents(before.documents, after.documents)
    if change.added or change.removed or change.changed or documents.added or documents.removed or documents.changed:
        frame.section("What changed in the data", "" if len(runs) == 2 else "From the first run to the last.")
        show_data_change(change, documents)


def _task(run: StoredRun) -> Task | None:
    try:
        return read_task(frame.store().run_folder(run.id))[0]
    except BadInput:
        return None
