"""Estimate how long a run takes, from a timing of this machine with the model. The timing is kept while it is valid."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

from filelock import Timeout

from advisor.as_json import AsJson
from advisor.estimate import SERVED, SPEED, Speed, busy_share, estimate_seconds, measure_speed, read_speed
from advisor.learned_times import RECENT, PastStep, StepTime, estimate_times
from advisor.plan import BASELINES_STEP, CURVES_STEP, Plan
from advisor.runs.child import failure_sentence, result_of, settle_in, spare_others, spawned
from advisor.runs.order import BUILD_STRATEGY
from advisor.runs.reuse import Reuse, is_all_taken_over, reusable, takes_over
from advisor.storage.files import write_whole
from advisor.storage.store import Store
from advisor.storage.stored import StoredSpeed
from advisor.storage.task_file import read_task
from advisor.wording import duration_text
from eval.measuring.other_programs import MATERIAL_SHARE
from eval.task import BadInput, Split, Task
from strategies.base_models import check_model, is_here
from strategies.engine.models import known_parameters
from strategies.presets import PRESETS
from strategies.registry import BASELINES
from strategies.served.address import is_served

ESTIMATE_FILE, SPEED_FILE = "estimate.json", "speed.json"
_SECONDS_A_TIMING_STANDS = 24 * 3600
_SECONDS_FOR_ANY, _SECONDS_A_BILLION = 300.0, 300.0  # a timing takes ten seconds, and up to a minute for a new model
_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_BEFORE_ANOTHER = 300  # so that a varying load doesn't cause one timing after another
_ESTIMATE = AsJson[dict[str, StepTime | float]](dict[str, StepTime | float])  # earlier versions kept seconds alone
_RUNS_LOOKED_AT = 5 * RECENT
_SECONDS_TO_LOAD = 8.0  # a process starts, and what was fitted is read
_NOT_FETCHED = "The first run fetches this model. Its speed is measured after that."


def is_outdated(stored: StoredSpeed, busy_now: Callable[[], float] = busy_share, now: float | None = None) -> bool:
    """Whether a timing is no longer valid: it is older than a day, its time is still to come, or the share of the
    processor that other programs use changed by more than a quarter. `busy_now` is called only if it matters. `now` is
    in seconds since 1970."""
    if stored.speed is None or stored.made_at is None:
        return False
    age = (time.time() if now is None else now) - stored.made_at
    if age < 0:  # the clock was set back, and the timing would stand until it catches up
        return True
    if stored.speed.busy is None or not _SECONDS_BEFORE_ANOTHER < age <= _SECONDS_A_TIMING_STANDS:
        return age > _SECONDS_A_TIMING_STANDS
    return abs(busy_now() - stored.speed.busy) > MATERIAL_SHARE


def take_speed(store: Store, model: str, cancelled: Callable[[], bool] = lambda: False) -> None:
    """Times this machine with a model in a child process, in about ten seconds, and stores the timing or the problem,
    unless it is cancelled.

    Waits until the machine is free. A model that must first be fetched isn't timed, and neither is a served one. One
    that doesn't end in time, perhaps because its chat template never does, has no timing.
    """
    most = _SECONDS_FOR_ANY
    try:
        problem = _untimed(model)
        most += _SECONDS_A_BILLION * (known_parameters(model) or 0) / 1e9
    except Exception as wrong:  # an exception here would end every worker that takes the timing up again
        traceback.print_exc()
        problem = failure_sentence(wrong, "timing this machine")
    if problem is not None:
        store.save_speed(model, None, problem)
        return
    try:
        lock = store.device_lock.acquire(poll_interval=_SECONDS_BETWEEN_LOOKS, cancel_check=cancelled)
    except Timeout:
        return
    with lock, spawned(_time_machine, model, store.home / "timing.log") as (child, results):
        deadline = time.monotonic() + most
        found = result_of(child, results, lambda: cancelled() or time.monotonic() > deadline)
    if found is not None:
        store.save_speed(model, *found)
    elif not cancelled():
        store.save_speed(model, None, _endless(most))


def skip_timings(store: Store) -> None:
    """Runs that wait for a timing start without it. The worker ends the one that it is taking."""
    while model := store.requested_speed():
        store.save_speed(model, None, "You skipped the timing of this machine, so there is no estimate.")


def _endless(seconds: float) -> str:
    return (
        f"Timing this machine with this model didn't end within {duration_text(seconds).removeprefix('about ')}, so "
        "there is no estimate. If a run with it hangs, too, its chat template may never end: choose another model."
    )


def _untimed(model: str) -> str | None:
    """Why a model isn't timed, in a sentence; None if it is."""
    if is_served(model):
        return SERVED
    return None if is_here(model) else check_model(model) or _NOT_FETCHED


def estimate_run(
    store: Store, run_id: str, build_strategy: str = BUILD_STRATEGY, cancelled: Callable[[], bool] = lambda: False
) -> dict[str, float]:
    """Estimated seconds of each step of a run that asks no server, by name; empty if this machine was not timed with
    all models that run on it, or if a cluster computes.

    The first estimate is kept in the run's folder with its timing, to compare it with the actual time. An outdated
    timing is repeated first if anything is left to measure.
    """
    folder, plan = store.run_folder(run_id), store.run(run_id).plan
    if kept := read_estimate(folder):
        return kept
    if plan.cluster:
        return {}
    task, split = read_task(folder)
    reused = reusable(store, plan, task, split, folder, store.run(run_id).owner, build_strategy)
    for model in plan.models if not is_all_taken_over(plan, task, reused) else ():
        if (stored := store.speed(model)) is not None and is_outdated(stored):
            take_speed(store, model, cancelled)
    speeds = speeds_of(store, plan)
    if not speeds:
        return {}
    found = _estimated(store, task, split, plan, speeds, reused)
    for place, model in enumerate(plan.models):
        if model in speeds:
            write_whole(folder / _speed_file(place), SPEED.write(speeds[model], indent=2))
    write_whole(folder / ESTIMATE_FILE, json.dumps({step: asdict(one) for step, one in found.items()}, indent=2))
    return _likely(found)


def expected_times(store: Store, run_id: str) -> dict[str, StepTime]:
    """The times of a run's steps: the kept ones if it was started, otherwise from the present timing. Empty if there is
    no timing, or if the run's task can't be read."""
    folder = store.run_folder(run_id)
    with suppress(BadInput, OSError, ValueError):  # of another version, or deleted meanwhile
        if kept := read_times(folder):
            return kept
        plan = store.run(run_id).plan
        if speeds := speeds_of(store, plan):
            task, split = read_task(folder)
            reused = reusable(store, plan, task, split, folder, store.run(run_id).owner)
            return _estimated(store, task, split, plan, speeds, reused)
    return {}


def speeds_of(store: Store, plan: Plan) -> dict[str, Speed]:
    """The timing of this machine with each model of a plan that runs on it; empty if one is missing, or if a cluster
    computes, whose speed we don't know."""
    if plan.cluster:
        return {}
    here = [model for model in plan.models if not is_served(model)]
    timed = {model: stored.speed for model in here if (stored := store.speed(model)) and stored.speed}
    return timed if len(timed) == len(here) else {}


def _estimated(
    store: Store, task: Task, split: Split, plan: Plan, speeds: Mapping[str, Speed], reused: Mapping[str, Reuse]
) -> dict[str, StepTime]:
    times = times_of(task, split, plan, speeds, lambda model, speed: past_steps(store, model, speed))
    return without_reused(times, reused)


def times_of(
    task: Task,
    split: Split,
    plan: Plan,
    speeds: Mapping[str, Speed],
    past: Callable[[str, Speed], Sequence[PastStep]],
    also: Sequence[str] = (),
) -> dict[str, StepTime]:
    """The time of each step of a plan that asks no server, and of `also`, further strategies with its first model.
    `past` gives the finished steps of a model. The learning curves of several models run one after the other."""
    found: dict[str, StepTime] = {}
    for model in speeds:
        alone = plan.with_model(model)
        steps = (*alone.steps, *also) if model == plan.model else alone.steps
        timed = estimate_seconds(task, split, PRESETS[plan.preset], steps, speeds[model])
        times = estimate_times(timed, past(model, speeds[model]))
        names = {one.strategy: one.name for one in plan.pairings if one.model == model}
        for step, time_of_step in times.items():
            name = names.get(step, step)
            if step == CURVES_STEP and name in found:
                found[name] = found[name].followed_by(time_of_step)
            elif name not in found:  # the baselines ask no model
                found[name] = time_of_step
    if any(map(is_served, plan.models)):
        found.pop(CURVES_STEP, None)  # a part of it is on a server
    return found


def without_reused(times: Mapping[str, StepTime], reused: Mapping[str, Reuse]) -> dict[str, StepTime]:
    """The times of what is left to do where an earlier run has a part of it."""
    left = {name: one.share_left for name, one in reused.items()}
    baselines = [share for name, share in left.items() if name in BASELINES]
    if baselines:
        left[BASELINES_STEP] = max(baselines)
    return {
        name: one.scaled(left[name], _SECONDS_TO_LOAD if left[name] else 0.0) if left.get(name, 1.0) < 1 else one
        for name, one in times.items()
    }


def past_steps(store: Store, model: str, speed: Speed) -> list[PastStep]:
    """The finished steps of recent runs of this model on this machine, the newest first. Only runs count whose timing
    was taken under about the load of `speed`: the ratio of another load would be wrong by as much."""
    found = []
    for run in store.runs()[:_RUNS_LOOKED_AT]:
        folder = store.run_folder(run.id)
        with suppress(BadInput, OSError, ValueError):  # of another version, or deleted meanwhile
            if not run.is_own or model not in run.plan.models:
                continue
            place = run.plan.models.index(model)
            if not _is_alike(read_speed((folder / _speed_file(place)).read_bytes()), speed):
                continue
            times = read_times(folder)
            of_others = {one.name for one in run.plan.pairings if one.model != model}
            if of_others:
                of_others |= {BASELINES_STEP, CURVES_STEP}  # steps of all models, or of none
            found += [
                PastStep(step.strategy, times[step.strategy].timed, step.seconds)
                for step in store.steps(run.id)
                if step.state == "done"
                and step.seconds
                and step.strategy in times
                and step.strategy not in of_others
                and not takes_over(folder, step.strategy)
            ]
    return found


def _speed_file(place: int) -> str:
    """The timing that a run used of its first, second, … model."""
    return SPEED_FILE if place == 0 else f"speed_{place + 1}.json"


def _is_alike(then: Speed | None, now: Speed) -> bool:
    if then is None or then.device != now.device:
        return False
    if then.busy is None or now.busy is None:
        return then.busy is now.busy
    return abs(then.busy - now.busy) <= MATERIAL_SHARE


def read_estimate(run_folder: Path) -> dict[str, float]:
    """The likely seconds that `estimate_run` kept, by step; empty if there is none."""
    return _likely(read_times(run_folder))


def read_times(run_folder: Path) -> dict[str, StepTime]:
    """The estimate that `estimate_run` kept, with its range; empty if there is none that can be read."""
    try:
        kept = _ESTIMATE.read((run_folder / ESTIMATE_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    of_earlier = estimate_times({step: one for step, one in kept.items() if isinstance(one, float)}, ())
    return {step: one if isinstance(one, StepTime) else of_earlier[step] for step, one in kept.items()}


def _likely(times: Mapping[str, StepTime]) -> dict[str, float]:
    return {step: one.likely for step, one in times.items()}


def _time_machine(model: str, log: Path, results: Connection) -> None:
    """The child's part."""
    settle_in(log)
    spare_others()
    try:
        results.send((measure_speed(model), None))
    except Exception as wrong:
        traceback.print_exc()
        results.send((None, failure_sentence(wrong, "timing this machine")))
