"""A run that has not ended: how far each strategy is, how long it still takes, and the results as they come."""

from __future__ import annotations

from html import escape

import streamlit as st

from advisor.measurement import derive, is_judged
from advisor.pages import frame
from advisor.pages.marks import marked_name
from advisor.plan import BASELINES_STEP
from advisor.runs.worker import start_worker
from advisor.storage.stored import StoredRun, StoredStep
from advisor.storage.trial_files import read_trials
from advisor.wording import duration_text, in_sentence, name_of, score_text
from eval.task import BadInput

_SECONDS_BETWEEN_LOOKS = 2
WAITING_STATES = ("queued", "running", "interrupted")
_STATE_WORDS = {"waiting": "Waiting.", "interrupted": "Interrupted.", "cancelled": "Cancelled."}


def show_running(run: StoredRun) -> None:
    """Looks again every moment until the run has ended, then shows the whole page anew."""

    @st.fragment(run_every=_SECONDS_BETWEEN_LOOKS)
    def look() -> None:
        now = frame.store().run(run.id)
        if now.state not in WAITING_STATES:
            st.rerun()
        st.html(f'<p class="lead" role="status">{escape(_standing(now))}</p>')
        show_steps(now)
        _show_actions(now)

    look()


def _standing(run: StoredRun) -> str:
    """Where the run stands, in a sentence or two."""
    alive = frame.store().worker_alive()
    if run.cancel_requested:
        return "We're stopping the run."
    if run.state == "running":
        return "You can close this page. The run continues, and this address brings you back to it."
    if not alive:
        if run.state == "interrupted":
            return (
                "The run was interrupted, because the program that executes runs (the worker) has stopped. "
                "Finished results are kept."
            )
        return "The run is waiting, because the program that executes runs (the worker) has stopped."
    position = frame.store().queue_position(run.id)
    if position is None:  # taken up, or ended, since it was read
        return "The run will start in a moment."
    return f"Number {position} in the queue. Runs take turns so that they don't slow each other down."


def _show_actions(run: StoredRun) -> None:
    with st.container(horizontal=True, key="actions"):
        stands_still = run.state != "running" and not frame.store().worker_alive()
        if stands_still and st.button("Start the worker", type="primary", icon=":material/play_arrow:"):
            start_worker(frame.store())
            st.rerun(scope="fragment")
        if st.button("Cancel this run", key="cancel", disabled=run.cancel_requested):
            frame.store().cancel(run.id)
            st.rerun(scope="fragment")


def show_steps(run: StoredRun) -> None:
    st.html(f'<ul class="steps">{"".join(_step(run, step) for step in frame.store().steps(run.id))}</ul>')


def _step(run: StoredRun, step: StoredStep) -> str:
    share = 1.0 if step.state == "done" else min(step.done / step.total, 1.0) if step.total else 0.0
    colour = f"var(--{step.strategy}, var(--baseline))"
    bar = (
        f'<div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{100 * share:.0f}"'
        f' aria-label="{escape(name_of(step.strategy))}"><i style="width:{share:.1%};--mark:{colour}"></i></div>'
    )
    return (
        f'<li class="{step.state}"><div>{marked_name(step.strategy)}</div>{bar}'
        f'<div class="quiet small">{escape(_words(run, step))}</div></li>'
    )


def _words(run: StoredRun, step: StoredStep) -> str:
    if step.state == "done":
        return _result(run, step)
    if step.state == "failed":
        return f"Failed. {step.reason or ''}"
    if step.state == "excluded":
        return f"Not run. {step.reason or ''}"
    if step.state != "running":
        return _STATE_WORDS[step.state]
    stage = f"{step.stage[:1].upper()}{step.stage[1:]}" if step.stage else "Starting"
    counted = f", {step.done:,} of {step.total:,}" if step.total > 1 else ""
    if step.remaining_seconds is None:
        return f"{stage}{counted}."
    return f"{stage}{counted}. This stage has {duration_text(step.remaining_seconds)} left."


def _result(run: StoredRun, step: StoredStep) -> str:
    """The score of a finished strategy, while the others still run."""
    folder = frame.store().run_folder(run.id)
    if step.strategy == BASELINES_STEP:
        _, trials = read_trials(folder, [])
    else:
        trials, _ = read_trials(folder, [step.strategy])
    try:
        measured = [derive(trial, run.plan.priorities) for trial in trials if is_judged(trial)]
    except BadInput:
        measured = []
    if not measured:
        return "Done."
    best = max(measured, key=lambda one: one.score.mean)
    score = f"{score_text(best.score.mean)} (95 % CI {score_text(best.score.low)} to {score_text(best.score.high)})"
    if step.strategy == BASELINES_STEP:
        return f"Done. The best baseline ({in_sentence(best.strategy)}) scores {score}."
    return f"Done. Scores {score}."
