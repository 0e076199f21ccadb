"""One strategy of one run, from fitting to measuring, in a child process.

Results go to its folder; progress goes through a pipe.
"""

from __future__ import annotations

import json
import platform
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from advisor.pairing import Pairing, model_in, strategy_of
from advisor.plan import BASELINES_STEP, CURVES_STEP
from advisor.runs.apart import timed_apart
from advisor.runs.child import failure_sentence, settle_in
from advisor.runs.preferred import preference_notes
from advisor.runs.probes import probed
from advisor.storage.files import write_whole
from advisor.storage.first_answers import write_first_answers
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import curve_folder, read_trial, write_trial
from advisor.wording import SERVER, name_of
from eval.measuring.processor_time import Spell, Stopwatch
from eval.measuring.runner import measure
from eval.money.tokens import Spent
from eval.outcomes import TRAINED_AGAIN, Outcome, Trial
from eval.scoring import scorer_for
from eval.statistics.learning_curve import fewer_rows, sizes_of
from eval.task import BadInput, Brief, Example, LearningSplit, Split, Task
from strategies.base_models import check_model, is_here
from strategies.contract import (
    AsksModel,
    CountsTokens,
    KnowsPath,
    Progress,
    Searches,
    Strategy,
    Trained,
    TrainedByService,
)
from strategies.presets import PRESETS, Preset
from strategies.registry import BASELINES, BY_SERVICE, LEARNS_FROM_NO_ROWS, baselines_for
from strategies.search.embedder import phrase_encoder
from strategies.served.address import is_served
from strategies.served.budget import NO_LIMIT, Allowance, LimitReachedError
from strategies.served.keys import Key, KeyNeededError, accept

BUILD_STRATEGY = "strategies.registry:build_strategy"
_SECONDS_BETWEEN_REPORTS = 0.2


@dataclass(frozen=True, slots=True)
class StepOrder:
    """What a child should do. `strategy` is the name of a step or a candidate, and `model` the one it asks.
    `build_strategy` is the "module:function" that makes the strategy. Only the child imports it, so that the parent
    never loads what the strategy needs. `pairings` are all candidates of the run, for its learning curves. `rows` is
    the number of training rows, for a point of a curve. `allowance` is what may be spent on served models."""

    run_folder: Path
    strategy: str
    preset: str
    model: str
    seed: int
    build_strategy: str = BUILD_STRATEGY
    pairings: tuple[Pairing, ...] = ()
    rows: int | None = None
    allowance: Allowance = NO_LIMIT

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that the step may ask."""
        return (self.model, *(one.model for one in self.pairings)) if self.strategy == CURVES_STEP else (self.model,)

    @property
    def folder(self) -> Path:
        if self.rows is not None:
            return curve_folder(self.run_folder, self.strategy, self.rows)
        return self.run_folder / (BASELINES_STEP if self.strategy in BASELINES else "") / self.strategy

    @property
    def asks_server(self) -> bool:
        return is_served(self.model) and self.strategy not in BASELINES

    @property
    def parts(self) -> list[StepOrder]:
        """The trials this step leaves: usually one; one per baseline that fits the task; or, for learning curves, one
        per measured strategy and number of rows."""
        if self.strategy not in (BASELINES_STEP, CURVES_STEP):
            return [self]
        task, split = read_task(self.run_folder)
        if self.strategy == BASELINES_STEP:
            return [replace(self, strategy=name) for name in baselines_for(task.kind, bool(task.documents))]
        measured = [
            replace(self, strategy=one.name, model=one.model)
            for one in self.pairings
            if one.strategy not in (*LEARNS_FROM_NO_ROWS, *BY_SERVICE)
        ]
        sizes = sizes_of(len(split.train), PRESETS[self.preset].curve_shares)
        return [one.on_fewer(rows) for one in measured if _is_done(one.folder) for rows in sizes]

    def on_fewer(self, rows: int) -> StepOrder:
        """The order for a point of this candidate's learning curve, which is counted apart in what the run spends."""
        return replace(self, rows=rows, allowance=replace(self.allowance, step=f"{CURVES_STEP}/{self.strategy}/{rows}"))


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a child reports if the run may spend no more: why, in a sentence. Its unfinished part leaves no trial."""

    reason: str


@dataclass(frozen=True, slots=True)
class KeyNeeded:
    """The last report of a child whose server wants a key, or another one, as the sentence says."""

    host: str
    sentence: str


def run_step(order: StepOrder, keys: Mapping[str, Key], reports: Connection) -> None:
    """Leaves a finished trial in the folder of each of the order's parts that has none yet; a failed one if it
    raised. `keys` are those of the servers that it asks, by host; they come through the pipe that started the child.
    Reports `Stopped` and ends if the run may spend no more, `KeyNeeded` if a server wants a key."""
    settle_in(order.folder / "log.txt")
    accept(keys)
    progress = _ProgressPipe(reports)
    task, split = read_task(order.run_folder)
    for part in order.parts:
        if read_trial(part.folder) is not None:
            continue
        part.folder.mkdir(parents=True, exist_ok=True)
        try:
            measure_part = _fit_and_measure if part.rows is None else _learn_from_fewer
            trial = measure_part(part, task, split, progress.report)
        except LimitReachedError as reached:
            reports.send(Stopped(str(reached)))
            break
        except KeyNeededError as wrong:
            reports.send(KeyNeeded(wrong.host, str(wrong)))
            return
        except Exception as wrong:
            traceback.print_exc()
            trial = Trial(part.strategy, "failed", failure_sentence(wrong, progress.stage))
        trial = replace(trial, peak_memory_bytes=_peak_memory_bytes(), paid=_paid(part))
        write_trial(part.folder, _named_as(trial, part.strategy))
    reports.close()


def _paid(order: StepOrder) -> Spent | None:
    if not order.asks_server:
        return None
    from strategies.served.serving import spent_in  # its HTTP client takes a second to import

    return spent_in(order.allowance)


def _named_as(trial: Trial, name: str) -> Trial:
    """With the candidate's name on every outcome, where a strategy only knows its own."""

    def named(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
        return tuple(one if one.strategy == name else replace(one, strategy=name) for one in outcomes)

    if model_in(name) is None:
        return trial
    probes = {probe: named(each) for probe, each in trial.probes.items()}
    return replace(trial, outcomes=named(trial.outcomes), probes=probes)


def load_fitted(order: StepOrder, share_model: Callable[[Callable[[], Any]], Any] | None = None) -> Strategy:
    """The strategy as a run fitted it. Raises BadInput if that run didn't finish it, or if its files or its model are
    gone.

    `share_model` gets what loads the model before any training, if the strategy answers with that, and returns it.
    """
    if not _is_done(order.folder) or not (order.folder / "fitted").is_dir():  # a packed run has no fitted strategies
        raise BadInput(f"Run {order.run_folder.name} has no fitted {order.strategy} to answer with.")
    if order.strategy not in BASELINES and not is_here(order.model) and (problem := check_model(order.model)):
        raise BadInput(problem)
    task, _ = read_task(order.run_folder)
    strategy = _build(order, task.brief, PRESETS[order.preset])
    if share_model is not None and isinstance(strategy, AsksModel) and not strategy.declaration.changes_weights:
        strategy.load_model = partial(share_model, strategy.load_model)
    strategy.load(order.folder / "fitted")
    return strategy


def _fit_and_measure(order: StepOrder, task: Task, split: Split, report_progress: Callable[[Progress], None]) -> Trial:
    report_progress(Progress("setting up", 0, 1))
    strategy = _build(order, task.brief, PRESETS[order.preset])
    clock = _StageClock(report_progress)
    strategy.fit(split.without_test, task.documents, clock.report)
    stage_seconds = clock.stop()
    load = strategy.load_model if isinstance(strategy, AsksModel) else None
    fit_tokens = load.used if isinstance(load, CountsTokens) else None
    fitted = order.folder / "fitted"
    fitted.mkdir()
    strategy.save(fitted)
    budget = PRESETS[order.preset].budget(task.kind)
    scorer = scorer_for(task, split, phrase_encoder())
    measured = measure(
        strategy,
        split.test,
        scorer,
        budget.latency_rows,
        lambda *rows: report_progress(Progress(*rows)),
        partial(write_first_answers, order.folder),
    )
    write_whole(order.folder / "machine.json", json.dumps({"device": _device(order)}))
    trial = Trial(
        order.strategy,
        "done",
        outcomes=measured.outcomes,
        fit_seconds=sum(stage_seconds.values()),
        stage_seconds=stage_seconds,
        undisturbed_stage_seconds=clock.undisturbed(),
        changes_weights=strategy.declaration.changes_weights,
        on_server=order.asks_server,
        fit_tokens=fit_tokens,
        trained_tokens=strategy.trained_tokens if isinstance(strategy, TrainedByService) else None,
        rows_learned=len(split.dev)
        + (len(split.train) if strategy.declaration.learns_from_rows else strategy.effort.training_rows),
        requests_per_second=measured.requests_per_second,
        undisturbed_requests_per_second=measured.undisturbed_requests_per_second,
        settings=strategy.settings,
        choices=tuple(strategy.choices),
        effort=strategy.effort,
        notes=tuple(strategy.notes),
        metric=scorer.metric.name,
        busy=measured.busy,
        losses=strategy.losses if isinstance(strategy, Trained) else (),
        instruction=measured.prompts.instruction if measured.prompts else None,
        slow_because=_slow_because(strategy),
        search=strategy.search_quality if isinstance(strategy, Searches) else None,
        prompts=measured.prompts,
    )
    rows = 0 if order.strategy in BASELINES else budget.probe_rows
    trial = timed_apart(trial, strategy, split.test, rows > 0, report_progress)
    trial = replace(trial, notes=(*trial.notes, *preference_notes(strategy, split.test)))
    trial = probed(trial, strategy, split, scorer, rows, order.seed, report_progress, task.documents)
    is_trained_here = strategy.declaration.trains is not None  # what a service trains is paid for each time
    del strategy  # one model in memory at a time
    return _train_again(order, trial, task, split, report_progress) if is_trained_here else trial


def _slow_because(strategy: Strategy) -> str | None:
    load = strategy.load_model if isinstance(strategy, AsksModel) else None
    return load.slow_because if isinstance(load, KnowsPath) else None


def _train_again(
    order: StepOrder, trial: Trial, task: Task, split: Split, report_progress: Callable[[Progress], None]
) -> Trial:
    """The trial with the outcomes of its repeated trainings, if the preset has them. If one fails, everything measured
    before stays valid, and a note says so."""
    for again in range(1, PRESETS[order.preset].trainings if trial.changes_weights else 1):
        anew = replace(order, seed=order.seed + again, rows=len(split.train))
        try:
            told = f"training {again + 1}"
            outcomes = _learn_anew(anew, told, trial.settings, task, split, split.test, report_progress).outcomes
        except Exception as wrong:
            traceback.print_exc()
            return replace(trial, notes=(*trial.notes, failure_sentence(wrong, told)))
        trial = replace(trial, probes={**trial.probes, f"{TRAINED_AGAIN}{again}": outcomes})
    return trial


def _learn_from_fewer(order: StepOrder, task: Task, split: Split, report_progress: Callable[[Progress], None]) -> Trial:
    """One point of a learning curve, on some of the test rows."""
    chosen = read_trial(replace(order, rows=None).folder)
    asked = split.test[: PRESETS[order.preset].curve_test_rows(task.kind)]
    told = f"{name_of(order.strategy)} on {order.rows:,} rows"
    return _learn_anew(order, told, chosen.settings if chosen else {}, task, split, asked, report_progress)


def _learn_anew(
    order: StepOrder,
    told: str,
    settings: dict[str, Any],
    task: Task,
    split: Split,
    asked: Sequence[Example],
    report_progress: Callable[[Progress], None],
) -> Trial:
    """What the strategy answers after training on `order.rows` of the training rows, with the settings chosen on all of
    them. Only the outcomes are kept."""

    def report(progress: Progress) -> None:
        report_progress(replace(progress, stage=f"{told}: {progress.stage}"))

    rows = order.rows or 0
    settled = PRESETS[order.preset].for_fewer(task.kind, rows / len(split.train), settings)
    report(Progress("setting up", 0, 1))
    strategy = _build(order, task.brief, settled)
    clock = _StageClock(report)
    train = fewer_rows(split.train, rows, task.kind, order.seed)
    strategy.fit(LearningSplit(train, split.dev), task.documents, clock.report)
    stage_seconds = clock.stop()
    scorer = scorer_for(task, split, phrase_encoder())
    measured = measure(strategy, asked, scorer, 0, lambda *rows: report(Progress(*rows)))
    return Trial(
        order.strategy,
        "done",
        outcomes=measured.outcomes,
        fit_seconds=sum(stage_seconds.values()),
        stage_seconds=stage_seconds,
        settings=strategy.settings,
        effort=strategy.effort,
        metric=scorer.metric.name,
    )


def _is_done(folder: Path) -> bool:
    trial = read_trial(folder)
    return trial is not None and trial.status == "done"


def _build(order: StepOrder, brief: Brief, preset: Preset) -> Strategy:
    module, _, function = order.build_strategy.partition(":")
    build: Callable[..., Strategy] = getattr(import_module(module), function)
    return build(strategy_of(order.strategy), brief, order.model, preset, order.seed, order.allowance)


class _StageClock:
    """Times the stages of setup. The time before the first stage has a name too."""

    def __init__(self, report: Callable[[Progress], None]) -> None:
        self._report = report
        self._stage, self._watch = "getting ready", Stopwatch()
        self._spells: dict[str, list[Spell]] = {}

    def report(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self.stop()
            self._stage = progress.stage
        self._report(progress)

    def stop(self) -> dict[str, float]:
        """The seconds of each stage so far."""
        self._spells.setdefault(self._stage, []).append(self._watch.read())
        self._watch = Stopwatch()
        return {stage: sum(spell.seconds for spell in spells) for stage, spells in self._spells.items()}

    def undisturbed(self) -> dict[str, float]:
        """The same on a quiet machine; empty if that isn't known."""
        known = {stage: [spell.undisturbed_seconds for spell in spells] for stage, spells in self._spells.items()}
        if any(seconds is None for spells in known.values() for seconds in spells):
            return {}
        return {stage: sum(seconds for seconds in spells if seconds) for stage, spells in known.items()}


class _ProgressPipe:
    """Reports every new stage to the parent at once, and progress within a stage a few times a second."""

    def __init__(self, reports: Connection) -> None:
        self.stage = "starting"
        self._reports = reports
        self._told_at = 0.0

    def report(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage != self.stage or now - self._told_at >= _SECONDS_BETWEEN_REPORTS:
            self.stage, self._told_at = progress.stage, now
            self._reports.send(progress)


def _peak_memory_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _device(order: StepOrder) -> str:
    """The hardware in words, as torch reports it. A strategy that never imported torch ran on the processor."""
    if order.asks_server:
        return SERVER
    if "torch" not in sys.modules:
        return f"CPU ({platform.machine()})"
    from strategies.engine.weights import device_name

    return device_name()
