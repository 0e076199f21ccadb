"""What can be read of a run there already is; another version of Threeways may have left it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import streamlit as st

from advisor.measurement import sharing_timings
from advisor.pages.frame import store, waiting
from advisor.report.run_summary import RunSummary, summary_in
from advisor.schema import Report
from advisor.spending import at_own_prices
from advisor.storage.run_files import has_lost_report, why_no_report
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trials
from eval.outcomes import Trial
from eval.task import BadInput, Split


def report_of(run: StoredRun) -> Report | None:
    """The report of a run; None where there is none that this version can read. A damaged one is written again from the
    run's answers, if the run is the person's own."""
    report = store().report(run.id)
    if report is not None or run.state != "done" or not has_lost_report(store().run_folder(run.id)):
        return report
    if not store().owns(run.id):
        return None
    from advisor.runs.report_files import write_report_again  # drawing takes a while to import

    with waiting("Writing the report again from the answers"), suppress(BadInput, OSError):
        return write_report_again(store(), run)
    return None


def lost_of(run: StoredRun) -> str:
    """What is gone or damaged of a run that is done, in a sentence; "" if nothing is."""
    folder = store().run_folder(run.id)
    return why_no_report(folder) if run.state == "done" and has_lost_report(folder) else ""


def summarised(run: StoredRun) -> RunSummary | None:
    """What the history says of a finished run; None if this version can't read its report."""
    if run.state != "done":
        return None
    try:
        written = (store().run_folder(run.id) / "report.json").stat().st_mtime_ns
    except OSError:
        return None
    return _summary(store().home.as_posix(), run.id, written, store())


@st.cache_resource(show_spinner=False, max_entries=2_000)
def _summary(home: str, run_id: str, written: int, _store: Store) -> RunSummary | None:
    """`home` and `written` are the key: the file is written again after clicks."""
    return summary_in(_store, run_id)


def followed_by(run: StoredRun) -> str | None:
    """The run whose data was changed for this one."""
    try:
        return run.plan.follows
    except BadInput:
        return None


class Measured(NamedTuple):
    """What a run left: the trials of its strategies and of its baselines, and the rows."""

    trials: Sequence[Trial]
    baselines: Sequence[Trial]
    split: Split


def measured_of(run: StoredRun) -> Measured | None:
    """None where it is no longer there."""
    return _measured(store().home.as_posix(), run.id, run.ended_at, store())


@st.cache_resource(show_spinner=False, max_entries=4)
def _measured(home: str, run_id: str, ended_at: float | None, _store: Store) -> Measured | None:
    """`home` and `ended_at` are the key."""
    folder = _store.run_folder(run_id)
    try:
        _, split = read_task(folder)
    except BadInput:
        return None
    trials, baselines = read_trials(folder, [step.strategy for step in _store.steps(run_id)])
    if not trials:
        return None
    trials = sharing_timings(trials)
    with suppress(BadInput):  # a plan of another version: then the prices of served models are unknown
        trials = at_own_prices(trials, _store.run(run_id).plan)
    return Measured(trials, baselines, split)
