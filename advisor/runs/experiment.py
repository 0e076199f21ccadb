"""One run: baselines, the candidates in turns, and learning curves, all in child processes; then the report on them."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from statistics import median
from threading import RLock

from filelock import Timeout

from advisor.hosted_training import check_consent, end_jobs
from advisor.pairing import MOST_CANDIDATES, lacks, refusal_of
from advisor.plan import BASELINES_STEP, CURVES_STEP, Plan
from advisor.runs.at_once import one_at_a_time
from advisor.runs.child import failure_sentence
from advisor.runs.foreseen import foresee_run
from advisor.runs.kept_split import kept_split
from advisor.runs.order import BUILD_STRATEGY, StepOrder
from advisor.runs.place import HERE, Place, place_of
from advisor.runs.race import Racer, race
from advisor.runs.reuse import take_over
from advisor.runs.score_check import take_score_check
from advisor.runs.timing import estimate_run, read_estimate
from advisor.runs.tuning_again import with_start
from advisor.runs.whole_step import CancelledError, StoppedError, finished, measure, measure_at_once
from advisor.schema import Report
from advisor.spending import allowance_of, check_limit, count_probes, probing
from advisor.storage.files import write_whole
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun, StoredStep
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import measured_bytes, read_trial
from advisor.wording import name_of
from eval.outcomes import Trial
from eval.reading.table import Table
from eval.splitting.split import split_task
from eval.task import BadInput, Document, Example, Split, Task
from eval.words import about_tokens
from strategies.base_models import check_model, context_tokens
from strategies.contract import Progress
from strategies.drafting import with_meanings
from strategies.model_files import on_disk
from strategies.presets import PRESETS
from strategies.registry import STRATEGIES
from strategies.served.address import is_served
from strategies.served.budget import Allowance
from strategies.served.keys import KeyNeededError, was_handed_over

REPORT_FILES = ("report.html", "report.md", "report.json", "outcomes.csv")
_SECONDS_BETWEEN_LOOKS = 0.2
_POINTS = "measuring points of the learning curves"

Listen = Callable[[StoredStep], None]


def prepare(store: Store, plan: Plan) -> StoredRun:
    """Queues a run of a stored dataset. Raises BadInput, before anything runs, if the plan can't be carried out."""
    table, documents = store.read_upload(plan.dataset_id)
    probes = probing(plan)
    task_json = draft_task(plan, store.dataset(plan.dataset_id).name, table, documents, probes, store)
    run = store.add_run(plan, with_start(store, plan, task_json))
    count_probes(probes, run.id, plan)
    return run


def draft_task(
    plan: Plan,
    name: str,
    table: Table,
    documents: list[Document],
    probes: Allowance | None = None,
    store: Store | None = None,
) -> str:
    """The content of task.json: the task as the plan reads the table, split within the preset's limits, or as an
    earlier run in the `store` split it. Servers are asked what they can do, and `probes` is what that may spend, a new
    account of the plan unless given.

    Raises BadInput if the table gives no task, or if the plan names an unknown preset, strategy or model.
    """
    if plan.preset not in PRESETS:
        raise BadInput(f"There is no preset {plan.preset!r}; choose {_or(list(PRESETS))}.")
    for one in plan.pairings:
        if one.strategy not in STRATEGIES:
            raise BadInput(f"There is no strategy {one.strategy!r}; choose from {_or(list(STRATEGIES))}.")
    if not all(strategies for _, strategies in plan.chosen):
        raise BadInput(f"Choose at least one strategy: {_or(list(STRATEGIES))}.")
    if len(set(plan.models)) < len(plan.models):
        raise BadInput("A model is named twice in this comparison; name each once, with all its strategies.")
    if len(plan.pairings) > MOST_CANDIDATES:
        raise BadInput(
            f"This comparison has {len(plan.pairings)} candidates, and a report shows at most {MOST_CANDIDATES}: leave "
            "out a model or some strategies."
        )
    if plan.cluster and plan.setup.own_metric:
        raise BadInput("Your own metric runs on this machine only: compare without a cluster, or with another metric.")
    check_limit(plan)
    if store is not None and store.person is not None:
        _check_elsewhere(plan, store)
    built = plan.setup.build(table, name, documents)
    task, split = divided(plan, built.task, store)
    for model in plan.models:
        _check_instruction(task, split.train, context_tokens(model))
    # Each node looks at its models itself.
    on_node = [model for model in plan.models if plan.cluster and not is_served(model)]
    refusals = [refusal_of(one.strategy, one.model, ask_hub=True) for one in plan.pairings if one.model not in on_node]
    refusals += [lacks(one.strategy, split.train) for one in plan.pairings]
    if not any(refusals):
        check_consent(plan, task.brief, split)  # before a server is asked anything that costs
    probes = probes or probing(plan)
    problems = (check_model(model, probes) for model in plan.models if model not in on_node)
    if problem := next(filter(None, [*refusals, *problems]), None):
        raise BadInput(problem)
    return task_to_json(task, replace(split, notes=(*built.left_out, *split.notes, built.columns_used)))


def divided(plan: Plan, task: Task, store: Store | None = None) -> tuple[Task, Split]:
    """The task as the plan's run measures it, with its metric, and the split within the preset's limits; with the rows
    that an earlier run in the `store` learned from, if only others changed."""
    preset = PRESETS[plan.preset]
    budget = preset.budget(task.kind)
    split = split_task(task, plan.seed, budget.test_rows, budget.dev_rows, preset.train_rows)
    if store is not None:
        split = kept_split(store, plan, task, split)
    return plan.setup.settle_metric(task, split.train), split


def _check_elsewhere(plan: Plan, store: Store) -> None:
    """Raises BadInput if a model is a folder below the home, where the trained models of others are."""
    for model in plan.models:
        if (here := on_disk(model)) and here.resolve().is_relative_to(store.home.resolve()):
            raise BadInput(f"The model {model} is in the folder where Threeways keeps runs; name one elsewhere.")


def _check_instruction(task: Task, train: Sequence[Example], context: int | None) -> None:
    """Raises BadInput if the instruction leaves no room for a usual input. `context` is None if it isn't known."""
    own = with_meanings(task.instruction, task.kind, task.meanings)
    if context is None or not own:
        return
    needed = about_tokens(own)
    if needed + median(about_tokens(row.input) + about_tokens(row.target) for row in train) > context:
        raise BadInput(_too_long(needed, context, bool(task.meanings)))


def _too_long(needed: float, context: int, with_meanings: bool) -> str:
    if with_meanings:
        return (
            f"The instruction and the meanings of the labels need about {needed:,.0f} tokens, and the model reads at "
            f"most {context:,} with the input and the answer; shorten them, or choose a model that reads more."
        )
    return (
        f"The instruction needs about {needed:,.0f} tokens, and the model reads at most {context:,} with the input and "
        "the answer; shorten it, or choose a model that reads more."
    )


def run_experiment(
    store: Store,
    run_id: str,
    listen: Listen,
    cancelled: Callable[[], bool],
    build_strategy: str = BUILD_STRATEGY,
) -> Report | None:
    """Waits until the machine is free, measures what the run still lacks, and returns the report.

    None if there is no report: the run's state says whether it was cancelled or failed, stopped at its limit or waits
    for a key. If a strategy fails, the others continue. Trials that an interrupted attempt finished are kept. However
    this process ends, the run can be continued. After three attempts that got no further than the one before, it fails.
    """
    try:
        lock = store.device_lock.acquire(poll_interval=_SECONDS_BETWEEN_LOOKS, cancel_check=cancelled)
    except Timeout:
        return None
    with lock:
        try:
            if not store.start_run(run_id, measured_bytes(store.run_folder(run_id))):
                return None
            return _carry_out(store, run_id, listen, cancelled, build_strategy)
        except SystemExit:  # asked to end, which says nothing about the run
            _try(lambda: store.excuse_attempt(run_id))
            raise
        except Exception as wrong:
            _fail(store, run_id, wrong)
            return None


def _carry_out(
    store: Store, run_id: str, listen: Listen, cancelled: Callable[[], bool], build_strategy: str
) -> Report | None:
    """What `run_experiment` does once it has the machine and the run was started."""
    with place_of(store.run(run_id).plan, build_strategy, store.run_folder(run_id)) as place:
        return _carry_out_at(place, store, run_id, listen, cancelled, build_strategy)


def _carry_out_at(
    place: Place, store: Store, run_id: str, listen: Listen, cancelled: Callable[[], bool], build_strategy: str
) -> Report | None:
    folder = store.run_folder(run_id)

    def save_and_listen(changed: StoredStep) -> None:
        store.save_step(changed)
        listen(changed)

    tell: Listen = save_and_listen
    if place is not HERE:  # then threads tell and ask
        lock = RLock()
        tell, cancelled = one_at_a_time(tell, lock), one_at_a_time(cancelled, lock)
    try:
        take_over(store, run_id, build_strategy, place.hardware)
        estimate_run(store, run_id, build_strategy, cancelled)
        foresee_run(folder, store.run(run_id).plan)
        take_score_check(folder, store.run(run_id).plan.seed, cancelled)
        if cancelled():
            raise CancelledError
        left: dict[str, list[Trial]] = {}
        steps = {step.strategy: step for step in store.steps(run_id)}
        if BASELINES_STEP in steps:
            left[BASELINES_STEP] = _trials(store, steps[BASELINES_STEP], tell, cancelled, build_strategy, place)
        left |= _race(store, run_id, left.get(BASELINES_STEP, []), tell, cancelled, build_strategy, place)
        if CURVES_STEP in steps:
            _report(store, run_id, left)  # the verdict stands, however they end
            left[CURVES_STEP] = _trials(store, steps[CURVES_STEP], tell, cancelled, build_strategy, place)
        report = _report(store, run_id, left)
    except CancelledError:
        store.end_run(run_id, "cancelled", end_jobs(run_id, store.run(run_id).plan))
        return None
    except StoppedError as stopped:
        store.end_run(run_id, "stopped", str(stopped))
        return None
    except KeyNeededError as wrong:
        if cancelled():
            store.end_run(run_id, "cancelled")
            return None
        store.await_key(run_id, wrong.host, str(wrong))
        if was_handed_over(wrong.host):  # another one has come meanwhile
            store.key_came(wrong.host)
        return None
    if any(trial.status == "done" for trial in _of_strategies(left)):
        store.end_run(run_id, "done")
    else:
        store.end_run(run_id, "failed", "None of the strategies could be measured.")
    return report


def _fail(store: Store, run_id: str, wrong: Exception) -> None:
    """Never raises: that would end the worker, and each one that takes the run up again. Without a database or a disk,
    the run stays interrupted, and its attempts are counted."""
    folder = store.run_folder(run_id)
    reason = failure_sentence(wrong, "the comparison")
    if not folder.exists():
        reason = f"The folder of this run is gone ({folder}); start the comparison again."
    said = "".join(traceback.format_exception(wrong))
    _try(lambda: write_whole(folder / "log.txt", said))
    _try(lambda: store.end_run(run_id, "failed", reason))


def _try(action: Callable[[], None]) -> None:
    """Prints what went wrong, in a sentence unless nobody foresaw it: into the worker's log, if this is the worker."""
    try:
        action()
    except Exception as wrong:
        foreseen = isinstance(wrong, BadInput | OSError)
        with suppress(OSError):
            sys.stderr.write(f"{failure_sentence(wrong, 'the comparison')}\n" if foreseen else traceback.format_exc())


def _report(store: Store, run_id: str, left: dict[str, list[Trial]]) -> Report:
    """Writes the report on the trials that the steps have left so far."""
    # Statistics and drawing take seconds to import, so wait until there is something to report.
    from advisor.runs.report_files import write_report

    baselines = left.get(BASELINES_STEP, [])  # runs of earlier versions have none
    return write_report(
        store.run_folder(run_id), store.run(run_id), _of_strategies(left), store.steps(run_id), baselines
    )


def _of_strategies(left: dict[str, list[Trial]]) -> list[Trial]:
    return [trial for step, each in left.items() if step not in (BASELINES_STEP, CURVES_STEP) for trial in each]


def _race(
    store: Store,
    run_id: str,
    baselines: Sequence[Trial],
    tell: Listen,
    cancelled: Callable[[], bool],
    build_strategy: str,
    place: Place,
) -> dict[str, list[Trial]]:
    """The trials of the candidates by name, from disk where an earlier attempt finished them."""
    # Statistics take a second to import, so wait until there is something to judge.
    from advisor.runs.so_far import Verdicts, read_so_far

    run = store.run(run_id)
    verdicts = Verdicts(store.run_folder(run_id), run.plan, baselines, run.started_at or time.time())
    if read_so_far(store.run_folder(run_id)) is None:
        verdicts.judge([])
    expected = read_estimate(store.run_folder(run_id))
    racers = [
        Racer(
            _order(store, run_id, one.name, build_strategy),
            expected.get(one.name),
            verdicts.rows,
            tell,
            cancelled,
            place,
        )
        for one in run.plan.pairings
    ]
    finished = {one.order.strategy: one.trial for one in racers if one.trial is not None and not one.is_running}
    for step in store.steps(run_id):
        trial = finished.get(step.strategy)
        if trial is not None and step.state != trial.status:  # it finished just when the earlier attempt was ended
            tell(replace(step, state=trial.status, stage="", done=0, total=0, reason=trial.reason))
    timed = PRESETS[run.plan.preset].budget(verdicts.kind).latency_rows
    race(racers, verdicts.rows, timed, verdicts.judge, run.plan.stops_early)
    return {one.order.strategy: [one.trial] for one in racers if one.trial is not None}


def _order(store: Store, run_id: str, step: str, build_strategy: str) -> StepOrder:
    plan = store.run(run_id).plan
    model = plan.pairing(step).model
    order = StepOrder(store.run_folder(run_id), step, plan.preset, model, plan.seed, build_strategy, plan.pairings)
    return replace(order, allowance=allowance_of(run_id, plan, step))


def _trials(
    store: Store, step: StoredStep, tell: Listen, cancelled: Callable[[], bool], build_strategy: str, place: Place
) -> list[Trial]:
    """The trials of the baselines or the learning curves, from disk if an earlier attempt finished them. Tells every
    change of the step's state."""
    order = _order(store, step.run_id, step.strategy, build_strategy)
    trials = finished(order)
    if trials is None:
        began = time.monotonic()
        step = StoredStep(step.run_id, step.strategy, "running", stage="starting", started_at=time.time())
        tell(step)
        said = partial(_say, step, tell)
        if place is HERE or step.strategy == BASELINES_STEP:
            trials = measure(order, said, cancelled, place)
        else:
            points = [point for point in order.parts if read_trial(point.folder) is None]
            measure_at_once(points, lambda done: said(Progress(_POINTS, done, len(points)), None), cancelled, place)
            trials = finished(order) or []
        step = replace(step, ended_at=time.time(), worked_seconds=time.monotonic() - began)
    if not trials:
        tell(replace(step, state="excluded", reason="There are too few training rows for a learning curve."))
        return []
    worst = next((trial for trial in trials if trial.status != "done"), trials[0])
    reason = worst.reason
    if reason is not None and worst.strategy != step.strategy:
        reason = f"{name_of(worst.strategy)}: {reason}"
    tell(replace(step, state=worst.status, stage="", done=0, total=0, remaining_seconds=None, reason=reason))
    return trials


def _say(step: StoredStep, tell: Callable[[StoredStep], None], progress: Progress, left: float | None) -> None:
    tell(replace(step, **asdict(progress), remaining_seconds=left))


def _or(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1]
