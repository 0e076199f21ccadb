"""The two places where a person can hold the score against their own judgement: a report, and data before a run."""

from __future__ import annotations

from functools import partial
from html import escape
from pathlib import Path

import streamlit as st

from advisor.pages import frame
from advisor.pages.blind_comparison import BlindComparison, compare_blind, is_open, was_opened
from advisor.pages.blocks import folded
from advisor.pages.draft import Draft, draft_of
from advisor.pages.past_runs import Measured, measured_of
from advisor.plan import Setup
from advisor.runs.report_files import with_clicks
from advisor.schema import Report
from advisor.sections.own_clicks import CORRUPTIONS, SEES, before_a_run, own_clicks_of, section
from advisor.storage.clicks import read_clicks
from advisor.storage.own_marks import readable_marks
from advisor.storage.store import Store
from advisor.storage.stored import StoredDataset, StoredRun
from advisor.wording import name_of
from eval.blind.pairs import PAIRS, Pair, pairs_of_corruptions, pairs_of_trials
from eval.scoring import scorer_for
from eval.scoring.corruptions import Corruption
from eval.task import BadInput, Kind

YOURSELF = "Check the score yourself"
_SEED = 0  # of the split that the Data page shows, and of its pairs


def after_clicks(store: Store, run: StoredRun, report: Report, measured: Measured | None) -> Report:
    """The report, and its files, with what the person's clicks and marks say by now. Clicks say nothing until the
    person stops comparing."""
    if not store.owns(run.id):
        return report
    folder = store.own_run_folder(run.id)
    try:
        clicks = None if is_open(run.id) else read_clicks(folder)
    except BadInput:  # which the section says
        return report
    if measured is None:
        return report
    pairs = _pairs_of_run(run.id, run.ended_at, report.seed, measured)
    trials = (*measured.trials, *measured.baselines)
    return with_clicks(folder, report, trials, measured.split.test, clicks, pairs, readable_marks(folder))


def show_warning(run: StoredRun, report: Report) -> None:
    """Where the score is blind, that it is and the verdict by clicks, to be read before the verdict of the score."""
    found = own_clicks_of(report)
    if found and found.warning and not is_open(run.id):
        st.html(
            f'<p class="lead" role="status">{escape(found.warning)}</p><p>{escape(" ".join(found.by_clicks))} '
            f"More under “{YOURSELF}”.</p>"
        )


def compare_answers(run: StoredRun, report: Report) -> None:
    """On a report; nothing where the strategies gave no answers that differ."""
    if not (pairs := pairs_of_run(run, report)):
        return
    verdict = report.recommendation
    clicked = section(report)
    found = clicked.finding if clicked else f"up to {PAIRS} pairs of answers, without the names of the strategies"
    asked = BlindComparison(
        run.id,
        lambda: frame.store().own_run_folder(run.id),
        lambda: pairs,
        report.seed,
        (verdict.choice, verdict.runner_up),
        name_of,
    )
    with folded(YOURSELF, found, was_opened(run.id)):
        compare_blind(asked, partial(own_clicks_of, report))


def pairs_of_run(run: StoredRun, report: Report) -> list[Pair]:
    """The pairs of answers that can be compared; none if there are no longer any answers, or if none differ."""
    measured = measured_of(run)
    return [] if measured is None else _pairs_of_run(run.id, run.ended_at, report.seed, measured)


def compare_corrupted(dataset: StoredDataset, setup: Setup, draft: Draft) -> None:
    """On data before a run, for written answers; a person's own metric is never run by a page."""
    if draft.task.kind not in (Kind.ANSWERING, Kind.WRITING) or setup.own_metric:
        return
    frame.section(
        SEES,
        f"Compare up to {PAIRS} pairs of answers to training rows: one is right, in other words, and one is corrupted. "
        "Then see whether the score agrees with you.",
    )

    def folder() -> Path:
        return frame.store().dataset_folder(dataset.id)

    pairs = partial(_pairs_of_data, dataset.id, dataset.name, setup)
    asked = BlindComparison(
        dataset.id, folder, pairs, _SEED, (Corruption.OTHER_WORDS,), lambda writer: CORRUPTIONS[Corruption(writer)]
    )
    compare_blind(asked, lambda: before_a_run(pairs(), read_clicks(folder())))


@st.cache_resource(show_spinner=False, max_entries=4)
def _pairs_of_run(run_id: str, ended_at: float | None, seed: int, _measured: Measured) -> list[Pair]:
    return pairs_of_trials(_measured.trials, _measured.split.test, seed)


@st.cache_resource(show_spinner="Corrupting answers", max_entries=4)
def _pairs_of_data(dataset_id: str, name: str, setup: Setup) -> list[Pair]:
    draft = draft_of(dataset_id, name, setup)
    task = setup.settle_metric(draft.task, draft.split.train)
    return pairs_of_corruptions(scorer_for(task, draft.split), draft.split.train, _SEED)
