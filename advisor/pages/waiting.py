"""How long a comparison will take: the worker times the machine for each model, and again when that no longer holds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

import streamlit as st

from advisor.estimate import OTHERS_SERVED, UNTIMED_CLUSTER, Speed, busy_sentence, busy_share
from advisor.learned_times import PastStep, StepTime
from advisor.pages import frame
from advisor.pages.draft import draft_of, split_within
from advisor.pages.marks import marked_name
from advisor.pages.silent_worker import show_silent_worker
from advisor.pairing import lacks
from advisor.plan import Plan, Priorities
from advisor.runs.experiment import divided
from advisor.runs.reuse import Reuse, reusable, sentences_on
from advisor.runs.timing import is_outdated, past_steps, speeds_of, times_of, without_reused
from advisor.runs.worker import start_worker
from advisor.storage.stored import StoredSpeed
from advisor.wording import duration_range_text, duration_text, in_sentence
from strategies.presets import PRESETS
from strategies.registry import LOCAL
from strategies.served.address import is_served
from strategies.served.budget import Limit

_SECONDS_BETWEEN_LOOKS = 2
_SECONDS_A_PROBLEM_STANDS = 60
_SECONDS_A_LOAD_STANDS = 60


def show_estimate(plan: Plan, name: str) -> None:
    """The time of each strategy. While the machine is being timed, it says so and looks again."""
    store = frame.store()
    for model in plan.models if not plan.cluster else ():
        stored = store.speed(model)
        if stored is None or _is_stale(stored):
            store.request_speed(model)
    if _are_known(plan):
        _show(plan, name)
        return
    start_worker(store)

    @st.fragment(run_every=_SECONDS_BETWEEN_LOOKS)
    def look_again() -> None:
        _show(plan, name)
        show_silent_worker()
        if _are_known(plan):
            st.rerun()

    look_again()


def show_total(plan: Plan, name: str) -> None:
    """The time of the whole run, as a range."""
    speeds = speeds_of(frame.store(), plan)
    if not speeds:
        frame.small(_why_unknown(plan))
        return
    found = _times(plan, name, speeds)
    total = duration_range_text(sum(one.low for one in found.values()), sum(one.high for one in found.values()))
    without = ", without the models on servers" if any(map(is_served, plan.models)) else ""
    st.html(f'<p role="status">Estimated time: <b>{escape(total)}</b>{without}</p>')


def show_reuse(plan: Plan, name: str) -> None:
    """What an earlier run has of it, and why something is measured again."""
    for said in sentences_on(_reused(plan, name)):
        frame.small(said)


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
    return stored.problem is None or abs(time.time() - stored.made_at) > _SECONDS_A_PROBLEM_STANDS


@st.cache_data(ttl=_SECONDS_A_LOAD_STANDS, show_spinner=False)
def _busy_now() -> float:
    """Asked once a minute at most: it waits for a second."""
    return busy_share()


def _is_running() -> bool:
    return any(run.state == "running" for run in frame.store().machine.runs())


def _are_known(plan: Plan) -> bool:
    """Whether every model was timed, or can't be."""
    if plan.cluster:
        return True
    found = [frame.store().speed(model) for model in plan.models]
    return all(one is not None and (one.problem is not None or one.speed is not None) for one in found)


def _why_unknown(plan: Plan) -> str:
    if plan.cluster:
        return UNTIMED_CLUSTER
    here = [model for model in plan.models if not is_served(model)]
    if not here:
        return OTHERS_SERVED
    found = [frame.store().speed(model) for model in here]
    return next((one.problem for one in found if one is not None and one.problem), None) or _waiting_words()


def _show(plan: Plan, name: str) -> None:
    speeds = speeds_of(frame.store(), plan)
    if not speeds:
        if not plan.cluster and not all(map(is_served, plan.models)):  # beside the button it is said once already
            frame.small(_why_unknown(plan))
        return
    split = split_within(plan.dataset_id, name, plan.setup, plan.preset)
    possible = [strategy for strategy in LOCAL if not lacks(strategy, split.train)]
    left_out = [] if plan.further else [strategy for strategy in possible if strategy not in plan.strategies]
    found = _times(plan, name, speeds, left_out)
    each = "".join(
        f"<li>{marked_name(step)} <span>{escape(duration_range_text(found[step].low, found[step].high))}</span></li>"
        for step in plan.steps
        if step in found
    )
    st.html(f'<p class="quiet small">Estimated time</p><ul class="estimate">{each}</ul>')
    if any(map(is_served, plan.models)):
        frame.small(OTHERS_SERVED)
    if caveat := next(filter(None, map(busy_sentence, speeds.values())), None):
        frame.small(caveat)
    if len(split.train) == PRESETS[plan.preset].train_rows:
        frame.small(f"The {plan.preset} preset learns from {len(split.train):,} training rows, chosen at random.")
    if left_out:
        besides = ", ".join(f"{in_sentence(one)} ({duration_text(found[one].likely)})" for one in left_out)
        frame.small(f"Not included: {besides}.")


def _times(plan: Plan, name: str, speeds: Mapping[str, Speed], also: Sequence[str] = ()) -> dict[str, StepTime]:
    task = draft_of(plan.dataset_id, name, plan.setup).task
    split = split_within(plan.dataset_id, name, plan.setup, plan.preset)
    runs = len(frame.store().machine.runs())
    times = times_of(task, split, plan, speeds, lambda model, speed: _past_steps(model, speed, runs), also)
    return without_reused(times, _reused(plan, name))


def _reused(plan: Plan, name: str) -> dict[str, Reuse]:
    store = frame.store()
    ended = sum(run.ended_at is not None for run in store.runs())
    return _reused_by(store.home.as_posix(), ended, replace(plan, priorities=Priorities(), limit=Limit()), name)


@st.cache_data(show_spinner=False, max_entries=20)
def _reused_by(home: str, ended: int, plan: Plan, name: str) -> dict[str, Reuse]:
    """Remembered until another run has ended. The first two arguments are only for the key."""
    store = frame.store()
    task, split = divided(plan, draft_of(plan.dataset_id, name, plan.setup).task, store)
    return reusable(store, plan, task, split, store.machine.run_folder("new"), store.owner)


@st.cache_data(ttl=_SECONDS_A_LOAD_STANDS, show_spinner=False)
def _past_steps(model: str, speed: Speed, runs: int) -> list[PastStep]:
    """Remembered for a minute, or until there is another run: each is read from its folder."""
    return past_steps(frame.store().machine, model, speed)


def _waiting_words() -> str:
    if _is_running():
        return "We can't estimate the time yet. We'll time this machine when the current run has ended."
    return "We're timing this model on this machine, to estimate how long the run takes."
