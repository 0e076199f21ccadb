"""A run that has not ended: how far each strategy is, how long it still takes, and the results as they come."""

from __future__ import annotations

import time
from collections.abc import Mapping
from html import escape

import streamlit as st

from advisor.estimate import busy_sentence
from advisor.learned_times import StepTime
from advisor.pages import frame
from advisor.pages.first_answers import best_of, show_expectation, show_first_answers
from advisor.pages.key_field import ask_for_key
from advisor.pages.marks import marked_name
from advisor.pages.sharing import show_sharing, title_for_all
from advisor.pages.silent_worker import show_silent_worker
from advisor.palette import colour_variable
from advisor.plan import BASELINES_STEP
from advisor.runs.so_far import read_so_far
from advisor.runs.time_left import Queued, TimeLeft, queued, time_left
from advisor.runs.timing import expected_times, skip_timings, speeds_of
from advisor.runs.worker import start_worker
from advisor.storage.stored import StoredRun, StoredStep
from advisor.wording import (
    count_text,
    duration_range_text,
    duration_text,
    in_sentence,
    list_text,
    name_of,
    score_text,
)
from eval.statistics.inference import Interval
from strategies.contract import unit_of

_SECONDS_BETWEEN_LOOKS = 2
_SECONDS_TIMES_STAND = 60  # of a run that has not started: other runs may end meanwhile, from which they are learned
WAITING_STATES = ("queued", "running", "interrupted")
_STATE_WORDS = {"interrupted": "Interrupted.", "cancelled": "Cancelled."}
_SKIPPED = "The run then starts without an estimate of how long it takes."
_STAYS = "You can close this page. The run continues, and this address brings you back to it."


def show_running(run: StoredRun) -> None:
    """Looks again every moment until the run has ended, then shows the whole page anew."""
    show_sharing(run)

    @st.fragment(run_every=_SECONDS_BETWEEN_LOOKS)
    def look() -> None:
        now = frame.store().run(run.id)
        if now.state not in WAITING_STATES:
            st.rerun()
        st.html(f'<p class="lead" role="status">{escape(_standing(now))}</p>')
        if now.awaits_key and frame.store().owns(now.id):
            frame.small(now.reason or "")
            ask_for_key(now.awaits_key)
        show_silent_worker()
        _show_verdict_so_far(now)
        show_steps(now)
        _show_caveat(now)
        _show_actions(now)
        show_expectation(now)
        show_first_answers(now, frame.store().steps(now.id))

    look()


def _standing(run: StoredRun) -> str:
    """Where the run stands, in a sentence or two."""
    if run.cancel_requested:
        return "We're stopping the run."
    if run.awaits_key:
        return f"This run waits for the key of {run.awaits_key}. Finished results are kept, and other runs go on."
    if run.state == "running":
        steps = frame.store().steps(run.id)
        if all(step.state == "waiting" for step in steps):
            return "We're timing this machine and checking the score before the first strategy starts."
        left = time_left(steps, _times_of(run.id))
        return f"{_running_words(run, left)} {_STAYS}" if left and run.started_at else _STAYS
    if not frame.store().worker_alive():
        if run.state == "interrupted":
            return (
                "The run was interrupted, because the program that executes runs (the worker) has stopped. "
                "Finished results are kept."
            )
        return "The run is waiting, because the program that executes runs (the worker) has stopped."
    place = queued(frame.store().machine, run, _times_of)
    if place is None:  # taken up, or ended, since it was read
        return "The run starts in a moment."
    return f"{_queue_words(place)} {_STAYS}"


def _running_words(run: StoredRun, left: TimeLeft) -> str:
    elapsed = duration_text(max(time.time() - (run.started_at or 0.0), 0.0)).removeprefix("about ")
    return f"Running for {elapsed}. Time left: {duration_range_text(left.low, left.high)}."


def _queue_words(place: Queued) -> str:
    """What a run in the queue waits for, and how long."""
    when = place.starts_in and duration_range_text(place.starts_in.low, place.starts_in.high)
    if place.running is not None and place.before:
        title, others = title_for_all(place.running), count_text(place.before, "queued run")
        waits = f"It waits for {title}, which is running, and for {others}."
    elif place.running is not None:
        waits = f"It waits for {title_for_all(place.running)}, which is running."
    elif place.before:
        waits = f"It waits for {count_text(place.before, 'queued run')}."
    elif frame.store().requested_speed() is not None:
        return (
            "This run is next. It starts when we have timed this machine. That takes about ten seconds, or a minute if "
            "a model has never run here."
        )
    else:
        return "This run is next. It starts in a moment."
    if when is None:
        return f"This run is number {place.before + 1} in the queue. {waits}"
    return f"This run is number {place.before + 1} in the queue. {waits} It starts in {when}."


def _times_of(run_id: str) -> Mapping[str, StepTime]:
    """The expected time of each step, by name; empty if this machine wasn't timed."""
    machine = frame.store().machine  # another run may be ahead in the queue
    return _times(machine.home.as_posix(), run_id, machine.run(run_id).started_at)


@st.cache_data(ttl=_SECONDS_TIMES_STAND, show_spinner=False, max_entries=20)
def _times(home: str, run_id: str, started_at: float | None) -> dict[str, StepTime]:
    """The arguments are the key. They are kept because every look asks for them, and a task may have many rows."""
    return expected_times(frame.store().machine, run_id)


def _show_caveat(run: StoredRun) -> None:
    """What makes the estimates of a run that waits too long. One that starts is timed again if the load has changed."""
    speeds = speeds_of(frame.store(), run.plan) if run.state == "queued" and not run.awaits_key else {}
    if caveat := next(filter(None, map(busy_sentence, speeds.values())), None):
        frame.small(caveat)


def _show_verdict_so_far(run: StoredRun) -> None:
    """The verdict on what is measured, which grows firmer while one watches, and what isn't measured yet."""
    found = read_so_far(frame.store().run_folder(run.id))
    if found is None:
        return
    rows = max(score.n for score in found.scores.values())
    frame.section("Verdict so far", f"From {rows:,} of {count_text(found.rows, 'test row')}. It may still change.")
    missing = list_text([in_sentence(name) for name in found.missing])
    said = [found.evidence, found.baseline or "", f"Not measured yet: {missing}." if missing else ""]
    reasons = "".join(f'<p class="confidence">{escape(sentence)}</p>' for sentence in said if sentence)
    st.html(
        f'<section class="rejudged" style="--mark:{colour_variable(found.choice)}" role="status">'
        f'<p class="then">{escape(found.headline)}</p>{reasons}</section>'
    )


def _show_actions(run: StoredRun) -> None:
    if not frame.store().owns(run.id):
        return
    with st.container(horizontal=True, key="actions"):
        stands_still = run.state != "running" and not run.awaits_key and not frame.store().worker_alive()
        if stands_still and st.button("Start the worker", type="primary", icon=":material/play_arrow:"):
            start_worker(frame.store())
            st.rerun(scope="fragment")
        # For a team there is no such button: it would also take the estimates of the others.
        is_alone = frame.store().person is None
        waits_for_timing = is_alone and run.state == "queued" and frame.store().requested_speed() is not None
        if waits_for_timing and st.button("Skip the timing", key="skip-timing", help=_SKIPPED):
            skip_timings(frame.store())
            st.rerun(scope="fragment")
        if st.button("Cancel this run", key="cancel", disabled=run.cancel_requested):
            frame.store().cancel(run.id)
            st.rerun(scope="fragment")


def show_steps(run: StoredRun) -> None:
    times = _times_of(run.id) if run.state in WAITING_STATES else {}
    so_far = read_so_far(frame.store().run_folder(run.id)) if run.state in WAITING_STATES else None
    scores = so_far.scores if so_far else {}
    items = "".join(
        _step(run, step, times.get(step.strategy), scores.get(step.strategy)) for step in frame.store().steps(run.id)
    )
    st.html(f'<ul class="steps">{items}</ul>')


def _step(run: StoredRun, step: StoredStep, expected: StepTime | None, so_far: Interval | None) -> str:
    share = _filled(step, expected)
    colour = colour_variable(step.strategy)
    bar = (
        f'<div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{100 * share:.0f}"'
        f' aria-label="{escape(name_of(step.strategy))}"><i style="width:{share:.1%};--mark:{colour}"></i></div>'
    )
    words = _words(run, step, expected)
    if so_far is not None and step.state == "running":
        words = f"{words} Scores {_score(so_far)} so far."
    return (
        f'<li class="{step.state}"><div>{marked_name(step.strategy)}</div>{bar}'
        f'<div class="quiet small">{escape(words)}</div></li>'
    )


def _words(run: StoredRun, step: StoredStep, expected: StepTime | None) -> str:
    if step.state == "done":
        return _result(run, step)
    if step.state == "failed":
        return f"Failed. {step.reason or ''}"
    if step.state == "excluded":
        return f"Not run. {step.reason or ''}"
    if step.state == "waiting":
        return (
            f"Waiting. Estimated time: {duration_range_text(expected.low, expected.high)}." if expected else "Waiting."
        )
    if step.state == "cancelled" and run.state == "stopped":
        return "Not finished. The answers that are here already are kept."
    if step.state != "running":
        return _STATE_WORDS[step.state]
    elapsed = step.elapsed_seconds(time.time())
    if expected is not None and elapsed is not None and elapsed > expected.high:
        return f"{_stage(step)}. This takes longer than estimated ({duration_range_text(expected.low, expected.high)})."
    if step.remaining_seconds is None:
        return f"{_stage(step)}."
    words = duration_text(step.remaining_seconds)
    if expected is None:
        return f"{_stage(step)}. This stage has {words} left."
    return f"{_stage(step)}. {words[:1].upper()}{words[1:]} left."


def _stage(step: StoredStep) -> str:
    stage = f"{step.stage[:1].upper()}{step.stage[1:]}" if step.stage else "Starting"
    return stage if step.total <= 1 else f"{stage}: {step.done:,} of {step.total:,} {unit_of(step.stage)}"


def _filled(step: StoredStep, expected: StepTime | None) -> float:
    """The part of a strategy's time that has passed, from 0 to 1. It never shrinks while a page is open."""
    if step.state == "done":
        return 1.0
    if step.state != "running":
        return 0.0
    if expected is None:
        return min(step.done / step.total, 1.0) if step.total else 0.0
    elapsed = step.elapsed_seconds(time.time())
    if elapsed is None or step.remaining_seconds is None:
        share = 0.0
    else:
        share = elapsed / (elapsed + step.remaining_seconds) if elapsed + step.remaining_seconds else 0.0
    seen: dict[tuple[str, str, float | None], float] = st.session_state.setdefault("bars", {})
    key = (step.run_id, step.strategy, step.started_at)
    seen[key] = max(seen.get(key, 0.0), share)
    return seen[key]


def _result(run: StoredRun, step: StoredStep) -> str:
    """The score of a finished strategy, while the others still run."""
    best = best_of(run, step)
    if best is None:
        return "Done."
    score = _score(best.score)
    if step.strategy == BASELINES_STEP:
        return f"Done. The best baseline ({in_sentence(best.strategy)}) scores {score}."
    return f"Done. Scores {score}."


def _score(score: Interval) -> str:
    return f"{score_text(score.mean)} (95 % CI {score_text(score.low)} to {score_text(score.high)})"
