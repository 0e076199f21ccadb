"""One candidate of a run: fitted, asked block by block, timed, and at last asked what comes after the test rows.

After each block its folder holds what was measured so far. A candidate that was left goes on from there, with the
strategy as it was fitted.
"""

from __future__ import annotations

import platform
import resource
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from advisor.runs.apart import timed_apart
from advisor.runs.fit_key import FitKey, Rows, write_key
from advisor.runs.machine_file import write_machine
from advisor.runs.order import FITTED, StepOrder, build_for, fitted_problem, load_as_fitted
from advisor.runs.probes import probed, with_preferences
from advisor.runs.retraining import train_again
from advisor.runs.stage_clock import StageClock
from advisor.storage.first_answers import write_first_answers
from advisor.storage.trial_files import read_prompts, read_replaced, read_trial, remove_replaced, replace_trial
from advisor.wording import SERVER
from eval.measuring.runner import Measured, Measuring
from eval.outcomes import EarlyStop, Trial
from eval.scoring import scorer_for
from eval.task import Split, Task
from strategies.contract import (
    AsksModel,
    CountsTokens,
    KeepsCheckpoints,
    KnowsPath,
    Progress,
    Searches,
    Strategy,
    Trained,
    TrainedByService,
)
from strategies.engine.checkpoints import Checkpoints
from strategies.engine.sealed_folder import seal_folder
from strategies.presets import PRESETS
from strategies.registry import BASELINES
from strategies.search.embedder import phrase_encoder


class Contestant:
    """Fits its strategy, or loads it where an earlier process left it. `trial` is what was measured so far."""

    def __init__(self, order: StepOrder, task: Task, split: Split, report_progress: Callable[[Progress], None]) -> None:
        self._order, self._task, self._split = order, task, split
        self._report_progress = report_progress
        self._scorer = scorer_for(task, split, phrase_encoder())
        begun = read_replaced(order.begun)
        if begun is None or fitted_problem(order) is not None:
            remove_replaced(order.begun)
            for folder in (order.folder / FITTED, order.kept):
                shutil.rmtree(folder, ignore_errors=True)
            self._strategy, self.trial = self._fit()
            earlier = None
        else:
            self._strategy, self.trial = load_as_fitted(order), begun
            earlier = _measured(begun, order.begun) if begun.outcomes else None
        self._measuring = Measuring(
            self._strategy,
            split.test,
            self._scorer,
            lambda *rows: report_progress(Progress(*rows)),
            partial(write_first_answers, order.folder),
            earlier,
            _measured(kept, order.kept) if begun is not None and (kept := read_trial(order.kept)) else None,
            may_repeat=order.strategy in BASELINES,
        )

    def _fit(self) -> tuple[Strategy, Trial]:
        order, split = self._order, self._split
        self._report_progress(Progress("setting up", 0, 1))
        strategy = build_for(order, self._task.brief, PRESETS[order.preset])
        clock = StageClock(self._report_progress, order.training)
        if isinstance(strategy, KeepsCheckpoints):
            strategy.checkpoints = Checkpoints(order.training, clock.keep)
        strategy.fit(split.without_test, self._task.documents, clock.report)
        stage_seconds = clock.stop()
        load = strategy.load_model if isinstance(strategy, AsksModel) else None
        fitted = order.folder / FITTED
        fitted.mkdir()
        strategy.save(fitted)
        seal_folder(fitted)
        write_key(order.folder, FitKey.of(order, Rows.of(self._task, split)))
        trial = Trial(
            order.strategy,
            "done",
            fit_seconds=sum(stage_seconds.values()),
            stage_seconds=stage_seconds,
            undisturbed_stage_seconds=clock.undisturbed(),
            changes_weights=strategy.declaration.changes_weights,
            on_server=order.asks_server,
            fit_tokens=load.used if isinstance(load, CountsTokens) else None,
            trained_tokens=strategy.trained_tokens if isinstance(strategy, TrainedByService) else None,
            rows_learned=len(split.dev)
            + (len(split.train) if strategy.declaration.learns_from_rows else strategy.effort.training_rows),
            settings=strategy.settings,
            choices=tuple(strategy.choices),
            effort=strategy.effort,
            notes=tuple(strategy.notes),
            metric=self._scorer.metric.name,
            losses=strategy.losses if isinstance(strategy, Trained) else (),
            search=strategy.search_quality if isinstance(strategy, Searches) else None,
        )
        trial = replace(trial, peak_memory_bytes=peak_memory_bytes(trial))
        replace_trial(order.begun, trial)
        shutil.rmtree(order.training, ignore_errors=True)
        return strategy, trial

    def answer(self, end: int) -> None:
        """The test rows up to this one."""
        self._measuring.answer(end)
        write_machine(self._order.folder, _device(self._order))
        self._keep()

    def time(self, row: int, of: int) -> None:
        """One answer, of so many to time."""
        self._measuring.time(row, of)

    def end_round(self) -> bool:
        """Of timing. Whether other programs were so busy that another round is worthwhile."""
        is_noisy = self._measuring.end_round()
        self._keep()
        return is_noisy

    def _keep(self) -> None:
        """What was measured so far, in the folder of what has begun; in memory, without the prompts."""
        measured = self._measuring.measured
        load = self._strategy.load_model if isinstance(self._strategy, AsksModel) else None
        self.trial = replace(
            self.trial,
            outcomes=measured.outcomes,
            requests_per_second=measured.requests_per_second,
            undisturbed_requests_per_second=measured.undisturbed_requests_per_second,
            busy=measured.busy,
            instruction=measured.prompts.instruction if measured.prompts else None,
            slow_because=load.slow_because if isinstance(load, KnowsPath) else None,
            peak_memory_bytes=peak_memory_bytes(self.trial),
            reused=self.trial.reused and replace(self.trial.reused, answers=self._measuring.kept_answers),
        )
        replace_trial(self._order.begun, replace(self.trial, prompts=measured.prompts))

    def end(self, stopped: EarlyStop | None) -> Trial:
        """What comes after the test rows, on those that were answered. One that others beat is spared what only the
        choice is asked for."""
        order, task = self._order, self._task
        trial = replace(self.trial, stopped=stopped, prompts=self._measuring.measured.prompts)
        strategy = self._strategy
        is_beaten = stopped is not None and stopped.why != "settled"
        split = replace(self._split, test=self._split.test[: len(trial.outcomes)])
        rows = 0 if is_beaten or order.strategy in BASELINES else PRESETS[order.preset].budget(task.kind).probe_rows
        trial = timed_apart(trial, strategy, split.test, rows > 0, self._report_progress)
        trial = with_preferences(trial, strategy, split.test)
        trial = probed(trial, strategy, split, self._scorer, rows, order.seed, self._report_progress, task.documents)
        is_trained_here = strategy.declaration.trains is not None  # what a service trains is paid for each time
        del strategy, self._strategy, self._measuring  # one model in memory at a time
        if is_beaten or not is_trained_here:
            return trial
        return train_again(order, trial, task, split, self._report_progress)


def _measured(trial: Trial, folder: Path) -> Measured:
    """With the prompts that are kept beside it."""
    return Measured.of(replace(trial, prompts=read_prompts(folder)))


def _device(order: StepOrder) -> str:
    """The hardware in words, as torch reports it, with the kind of node if it is in a cluster. A strategy that never
    imported torch ran on the processor."""
    if order.asks_server:
        return SERVER
    if order.hardware is not None:
        return order.hardware.words
    if "torch" not in sys.modules:
        return f"CPU ({platform.machine()})"
    from strategies.engine.weights import device_name

    return device_name()


def peak_memory_bytes(trial: Trial) -> int:
    """The most that this process held, or an earlier one that began the trial."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(peak if sys.platform == "darwin" else peak * 1024, trial.peak_memory_bytes or 0)
