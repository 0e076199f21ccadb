"""What a run that goes on has to show: what rules of thumb expect of it, and its first answers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import streamlit as st

from advisor.advice.expectation import Expectation, expectation_of
from advisor.measurement import derive, is_judged
from advisor.pages import frame
from advisor.pages.rule_list import sources
from advisor.pages.side_by_side import card
from advisor.pages.sources import Sources, sources_of
from advisor.plan import BASELINES_STEP, CURVES_STEP
from advisor.sections.answers import AnsweredRow, answered_row
from advisor.storage.first_answers import read_first_answers
from advisor.storage.stored import StoredRun, StoredStep
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trials
from eval.measuring.runner import first_rows
from eval.outcomes import Outcome
from eval.statistics.inference import Interval
from eval.task import BadInput, Example, Kind


@dataclass(frozen=True, slots=True)
class Best:
    """The strategy of a finished step, or the best of all baselines, with its score."""

    strategy: str
    score: Interval


@dataclass(frozen=True, slots=True)
class _Known:
    """What a run's task says before it has ended: `rows` are the test rows whose answers are shown."""

    expectation: Expectation
    kind: Kind
    metric: str
    rows: tuple[Example, ...]
    sources: Sources


def show_expectation(run: StoredRun) -> None:
    known = _known_of(run)
    if known is None:
        return
    frame.section("What to expect", known.expectation.headline)
    reasons = "".join(
        f"<li>{escape(reason.fact)} {escape(reason.why)} {sources(reason.sources)}</li>"
        for reason in known.expectation.reasons
    )
    if reasons:
        note = "These are rules of thumb. The report says whether your results agree."
        st.html(f'<ul class="rules">{reasons}</ul><p class="quiet small">{note}</p>')


def show_first_answers(run: StoredRun, steps: Sequence[StoredStep]) -> None:
    """The same test rows for every strategy that has answered any of them."""
    known = _known_of(run)
    if known is None:
        return
    given = {name: _answers(folder) for name, folder in _folders(run, steps).items()}
    rows = [row for example in known.rows if (row := _row(known, example, given)) is not None]
    if not rows:
        return
    frame.section(
        "First answers",
        f"{len(known.rows)} of the test rows, picked at random before the run. More answers appear as they come.",
    )
    st.html(f'<div class="first-answers">{"".join(card(row, known.sources) for row in rows)}</div>')


def best_of(run: StoredRun, step: StoredStep) -> Best | None:
    """None if a finished step left nothing to judge."""
    return _best(frame.store().home.as_posix(), run.id, step.strategy, step.ended_at)


@st.cache_resource(show_spinner=False, max_entries=50)
def _best(home: str, run_id: str, step: str, ended_at: float | None) -> Best | None:
    """The arguments are the key. A page that looks every moment must not read and judge the answers each time."""
    folder = frame.store().run_folder(run_id)
    try:
        priorities = frame.store().run(run_id).plan.priorities
        strategies, baselines = read_trials(folder, [step])
        trials = baselines if step == BASELINES_STEP else strategies
        measured = [derive(trial, priorities) for trial in trials if is_judged(trial)]
    except BadInput:
        return None
    best = max(measured, key=lambda one: one.score.mean, default=None)
    return None if best is None else Best(best.strategy, best.score)


def _known_of(run: StoredRun) -> _Known | None:
    return _known(frame.store().home.as_posix(), run.id)


@st.cache_resource(show_spinner=False, max_entries=4)
def _known(home: str, run_id: str) -> _Known | None:
    """The arguments are the key: a task never changes. None if another version wrote it."""
    try:
        task, split = read_task(frame.store().run_folder(run_id))
        expectation = expectation_of(frame.store().run(run_id).plan, task, split)
    except BadInput:
        return None
    metric = task.metric.name if task.metric else ""
    return _Known(expectation, task.kind, metric, tuple(first_rows(split.test)), sources_of(task))


def _folders(run: StoredRun, steps: Sequence[StoredStep]) -> dict[str, Path]:
    """Where the first answers of each strategy are, and those of the best baseline, last."""
    folder = frame.store().run_folder(run.id)
    begun = [
        step for step in steps if step.state in ("running", "done", "interrupted") and step.strategy != CURVES_STEP
    ]
    found = {step.strategy: folder / step.strategy for step in begun if step.strategy != BASELINES_STEP}
    finished = next((step for step in begun if step.strategy == BASELINES_STEP and step.state == "done"), None)
    if finished is not None and (best := best_of(run, finished)) is not None:
        found[best.strategy] = folder / BASELINES_STEP / best.strategy
    return found


def _answers(folder: Path) -> dict[str, Outcome]:
    return {outcome.example_id: outcome for outcome in read_first_answers(folder)}


def _row(known: _Known, example: Example, given: dict[str, dict[str, Outcome]]) -> AnsweredRow | None:
    """None if nobody has answered it yet."""
    outcomes = {name: answers[example.id] for name, answers in given.items() if example.id in answers}
    return answered_row(known.kind, known.metric, example, outcomes) if outcomes else None
