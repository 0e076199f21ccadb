"""How long a comparison will take: the worker times the machine for each model, and again when that no longer holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape

import streamlit as st

from advisor.estimate import Speed, busy_sentence, busy_share, estimate_seconds
from advisor.learned_times import PastStep, StepTime, estimate_times
from advisor.pages import frame
from advisor.pages.draft import draft_of, split_within
from advisor.pages.marks import marked_name
from advisor.plan import STRATEGIES, Plan
from advisor.runs.timing import is_outdated, past_steps
from advisor.runs.worker import start_worker
from advisor.storage.stored import StoredSpeed
from advisor.wording import duration_range_text, duration_text, in_sentence
from strategies.presets import PRESETS

_SECONDS_BETWEEN_LOOKS = 2
_SECONDS_A_PROBLEM_STANDS = 60
_SECONDS_A_LOAD_STANDS = 60


def show_estimate(plan: Plan, name: str) -> None:
    """The time of each strategy. While the machine is being timed, it says so and looks again."""
    store = frame.store()
    stored = store.speed(plan.model)
    if stored is None or _is_stale(stored):
        store.request_speed(plan.model)
        stored = store.speed(plan.model)
    if _is_known(stored):
        _show(plan, name, stored)
        return
    start_worker(store)

    @st.fragment(run_every=_SECONDS_BETWEEN_LOOKS)
    def look_again() -> None:
        found = store.speed(plan.model)
        _show(plan, name, found)
        if _is_known(found):
            st.rerun()

    look_again()


def show_total(plan: Plan, name: str) -> None:
    """The time of the whole run, as a range."""
    stored = frame.store().speed(plan.model)
    if stored is None or stored.speed is None:
        frame.small((stored.problem if stored is not None else None) or _waiting_words())
        return
    found = _times(plan, name, stored.speed, plan.steps)
    total = duration_range_text(sum(one.low for one in found.values()), sum(one.high for one in found.values()))
    st.html(f'<p role="status">Estimated time: <b>{escape(total)}</b></p>')


def ask_again(model: str) -> None:
    """What kept a model from being timed may be mended by now."""
    stored = frame.store().speed(model)
    if stored is not None and stored.problem is not None:
        frame.store().request_speed(model)


def _is_stale(stored: StoredSpeed) -> bool:
    """Whether to time again: the timing no longer holds, is that of another version, or failed for a problem that may
    be fixed by now. While a run has the machine, its load says nothing of the load of the next one."""
    if stored.made_at is None:
        return False
    if stored.speed is not None:
        return not _is_running() and is_outdated(stored, _busy_now)
    return stored.problem is None or time.time() - stored.made_at > _SECONDS_A_PROBLEM_STANDS


@st.cache_data(ttl=_SECONDS_A_LOAD_STANDS, show_spinner=False)
def _busy_now() -> float:
    """Asked once a minute at most: it waits for a second."""
    return busy_share()


def _is_running() -> bool:
    return any(run.state == "running" for run in frame.store().runs())


def _is_known(stored: StoredSpeed | None) -> bool:
    return stored is not None and (stored.problem is not None or stored.speed is not None)


def _show(plan: Plan, name: str, stored: StoredSpeed | None) -> None:
    if stored is None or stored.speed is None:
        frame.small((stored.problem if stored is not None else None) or _waiting_words())
        return
    left_out = [strategy for strategy in STRATEGIES if strategy not in plan.strategies]
    found = _times(plan, name, stored.speed, (*plan.steps, *left_out))
    each = "".join(
        f"<li>{marked_name(step)} <span>{escape(duration_range_text(found[step].low, found[step].high))}</span></li>"
        for step in plan.steps
    )
    st.html(f'<p class="quiet small">Estimated time</p><ul class="estimate">{each}</ul>')
    if caveat := busy_sentence(stored.speed):
        frame.small(caveat)
    split = split_within(plan.dataset_id, name, plan.setup, plan.preset)
    if len(split.train) == PRESETS[plan.preset].train_rows:
        frame.small(f"The {plan.preset} preset learns from {len(split.train):,} training rows, chosen at random.")
    if left_out:
        besides = ", ".join(f"{in_sentence(one)} ({duration_text(found[one].likely)})" for one in left_out)
        frame.small(f"Not included: {besides}.")


def _times(plan: Plan, name: str, speed: Speed, steps: Sequence[str]) -> dict[str, StepTime]:
    task = draft_of(plan.dataset_id, name, plan.setup).task
    split = split_within(plan.dataset_id, name, plan.setup, plan.preset)
    timed = estimate_seconds(task, split, PRESETS[plan.preset], steps, speed)
    return estimate_times(timed, _past_steps(plan.model, speed, len(frame.store().runs())))


@st.cache_data(ttl=_SECONDS_A_LOAD_STANDS, show_spinner=False)
def _past_steps(model: str, speed: Speed, runs: int) -> list[PastStep]:
    """Remembered for a minute, or until there is another run: each is read from its folder."""
    return past_steps(frame.store(), model, speed)


def _waiting_words() -> str:
    if _is_running():
        return "We can't estimate the time yet. We'll time this machine when the current run has ended."
    return "We're timing this model on this machine, to estimate how long the run takes."
