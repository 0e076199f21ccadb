"""A run that has not ended: how far each strategy is, how long it still takes, and the results as they come."""

from __future__ import annotations

import time
from html import escape

import streamlit as st

from advisor.measurement import derive, is_judged
from advisor.pages import frame
from advisor.pages.marks import marked_name
from advisor.plan import BASELINES_STEP
from advisor.runs.timing import read_times
from advisor.runs.worker import start_worker
from advisor.storage.stored import StoredRun, StoredStep
from advisor.storage.trial_files import read_trials
from advisor.wording import duration_range_text, duration_text, in_sentence, name_of, score_text
from eval.task import BadInput
from strategies.contract import CHOOSING_RATE, TRAINING

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
        if all(step.state == "waiting" for step in frame.store().steps(run.id)):
            return "We're timing this machine and checking the score before the first strategy starts."
        stays = "You can close this page. The run continues, and this address brings you back to it."
        left = _time_left(run)
        return f"{left} {stays}" if left else stays
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
    return f"Number {position} in the queue. {_what_it_waits_for(run)}"


def _what_it_waits_for(run: StoredRun) -> str:
    ahead = next((one for one in frame.store().runs() if one.state == "running" and one.id != run.id), None)
    if ahead is not None:
        left = _time_left(ahead)
        return f"It waits for {ahead.title}. {left}" if left else f"It waits for {ahead.title}."
    if frame.store().requested_speed() is not None:
        return "It waits while we time this machine, which takes about ten seconds."
    return "Runs take turns so that they don't slow each other down."


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
    share = _filled(step)
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
    if step.remaining_seconds is None:
        return f"{_stage(step)}."
    words = duration_text(step.remaining_seconds)
    if not _has_estimate(step):
        return f"{_stage(step)}. This stage has {words} left."
    return f"{_stage(step)}. {words[:1].upper()}{words[1:]} left."


def _has_estimate(step: StoredStep) -> bool:
    """Whether the seconds left are those of the whole strategy, not of its stage."""
    return step.strategy in read_times(frame.store().run_folder(step.run_id))


def _stage(step: StoredStep) -> str:
    stage = f"{step.stage[:1].upper()}{step.stage[1:]}" if step.stage else "Starting"
    if step.total <= 1:
        return stage
    unit = " tokens" if step.stage.endswith((TRAINING, CHOOSING_RATE)) else ""
    return f"{stage}: {step.done:,} of {step.total:,}{unit}"


def _filled(step: StoredStep) -> float:
    """The part of a strategy's time that has passed, from 0 to 1. It never shrinks while a page is open."""
    if step.state == "done":
        return 1.0
    if step.state != "running":
        share = 0.0
    elif not _has_estimate(step):
        return min(step.done / step.total, 1.0) if step.total else 0.0
    elif step.started_at is None or step.remaining_seconds is None:
        share = 0.0
    else:
        elapsed = max(time.time() - step.started_at, 0.0)
        share = elapsed / (elapsed + step.remaining_seconds) if elapsed + step.remaining_seconds else 0.0
    seen: dict[tuple[str, str, float | None], float] = st.session_state.setdefault("bars", {})
    key = (step.run_id, step.strategy, step.started_at)
    seen[key] = max(seen.get(key, 0.0), share)
    return seen[key]


def _time_left(run: StoredRun) -> str | None:
    """How long the whole run has taken and still takes; None if this machine wasn't timed."""
    times, steps = read_times(frame.store().run_folder(run.id)), frame.store().steps(run.id)
    if run.started_at is None or not all(step.strategy in times for step in steps):
        return None
    low = high = 0.0
    for step in steps:
        one, left = times[step.strategy], 1 - _filled(step)
        if step.state == "running" and step.remaining_seconds is not None:
            low += step.remaining_seconds * one.low / one.likely
            high += step.remaining_seconds * one.high / one.likely
        elif step.state in ("waiting", "running", "interrupted"):
            low, high = low + one.low * left, high + one.high * left
    elapsed = duration_text(time.time() - run.started_at).removeprefix("about ")
    return f"Running for {elapsed}. Time left: {duration_range_text(low, high)}."


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
