"""What a child process is asked to do for a run, and how it finds or builds the strategy for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from advisor.pairing import Pairing, strategy_of
from advisor.plan import BASELINES_STEP, CURVES_STEP
from advisor.storage.start import earlier_adapter
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import curve_folder, read_trial
from advisor.wording import name_of
from eval.outcomes import EarlyStop, Trial
from eval.statistics.learning_curve import sizes_of
from eval.task import BadInput, Brief
from strategies.base_models import check_model, is_here
from strategies.contract import AsksModel, GoesOn, Strategy, TrainsOnPrompt
from strategies.engine.sealed_folder import DamagedError, check_folder
from strategies.presets import PRESETS, Preset
from strategies.prompting import Prompting
from strategies.registry import BASELINES, BY_SERVICE, DECLARATIONS, LEARNS_FROM_NO_ROWS, baselines_for
from strategies.served.address import is_served
from strategies.served.budget import NO_LIMIT, Allowance

BUILD_STRATEGY = "strategies.registry:build_strategy"
FITTED = "fitted"  # the folder of a fitted strategy, in that of its trial
_BEGUN = "begun"  # the folder of a trial that isn't finished, likewise
_KEPT = "kept"  # and that of the answers that an earlier run gave, fitted in the same way
_REPEATED = "again"  # and that of the trainings that are repeated with other seeds
_TRAINING = "training"  # and that of what its training has done so far


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a step computes on if that isn't this machine: in `words`, and all that its times depend on."""

    words: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepOrder:
    """What a child should do. `strategy` is the name of a step or a candidate, and `model` the one it asks.
    `build_strategy` is the "module:function" that makes the strategy. Only the child imports it, so that the parent
    never loads what the strategy needs. `pairings` are all candidates of the run, for its learning curves. `rows` is
    the number of training rows, for a point of a curve. `allowance` is what may be spent on served models.
    `hardware` is what it computes on, None for this machine. `again` is 1 for the first training that is repeated with
    another seed, and so on; 0 for the candidate itself."""

    run_folder: Path
    strategy: str
    preset: str
    model: str
    seed: int
    build_strategy: str = BUILD_STRATEGY
    pairings: tuple[Pairing, ...] = ()
    rows: int | None = None
    allowance: Allowance = NO_LIMIT
    hardware: Hardware | None = None
    again: int = 0

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that the step may ask."""
        return (self.model, *(one.model for one in self.pairings)) if self.strategy == CURVES_STEP else (self.model,)

    @property
    def folder(self) -> Path:
        if self.rows is not None:
            return curve_folder(self.run_folder, self.strategy, self.rows)
        if self.again:
            return replace(self, again=0).repeated / str(self.again)
        return self.run_folder / (BASELINES_STEP if self.strategy in BASELINES else "") / self.strategy

    @property
    def begun(self) -> Path:
        """The folder of what was measured before the trial is finished."""
        return self.folder / _BEGUN

    @property
    def kept(self) -> Path:
        """The folder of an earlier run's trial, with its answers to test rows of this run."""
        return self.folder / _KEPT

    @property
    def training(self) -> Path:
        """The folder of what a training has done before the strategy is fitted. Repeated trainings have their own."""
        return self.folder / _TRAINING

    @property
    def repeated(self) -> Path:
        """The folder of the trials of repeated trainings, until the candidate's own trial has what they found."""
        return self.folder / _REPEATED

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
        return [one.on_fewer(rows) for one in measured if is_done(one.folder) for rows in sizes]

    def trained_again(self, trial: Trial, stopped: EarlyStop | None) -> list[StepOrder]:
        """The orders for the trainings that are repeated with other seeds, if its preset has them: of what changes
        weights here, and wasn't beaten."""
        declared = DECLARATIONS.get(strategy_of(self.strategy))
        is_beaten = stopped is not None and stopped.why != "settled"
        if is_beaten or not trial.changes_weights or declared is None or declared.trains is None:
            return []
        return [replace(self, again=again) for again in range(1, PRESETS[self.preset].trainings)]

    def on_fewer(self, rows: int) -> StepOrder:
        """The order for a point of this candidate's learning curve, which is counted apart in what the run spends."""
        return replace(self, rows=rows, allowance=replace(self.allowance, step=f"{CURVES_STEP}/{self.strategy}/{rows}"))


def load_fitted(order: StepOrder, share_model: Callable[[Callable[[], Any]], Any] | None = None) -> Strategy:
    """The strategy as a run fitted it. Raises BadInput if that run didn't finish it, if its files or its model are
    gone, or if its files were changed since.

    `share_model` gets what loads the model before any training, if the strategy answers with that, and returns it.
    """
    if not is_done(order.folder) or not (order.folder / FITTED).is_dir():  # a packed run has no fitted strategies
        raise BadInput(f"Run {order.run_folder.name} has no fitted {order.strategy} to answer with.")
    if problem := fitted_problem(order):
        raise BadInput(problem)
    if order.strategy not in BASELINES and not is_here(order.model) and (problem := check_model(order.model)):
        raise BadInput(problem)
    return load_as_fitted(order, share_model)


def fitted_problem(order: StepOrder) -> str | None:
    """What happened to the files of a fitted strategy since they were written, in a sentence; None if nothing did."""
    try:
        check_folder(order.folder / FITTED)
    except DamagedError as wrong:
        return f"The fitted files of {name_of(order.strategy)} can't be used: {wrong} Compare the strategies again."
    return None


def load_as_fitted(order: StepOrder, share_model: Callable[[Callable[[], Any]], Any] | None = None) -> Strategy:
    """The strategy from the folder where a run saved it, whether that run has finished or not."""
    task, _ = read_task(order.run_folder)
    strategy = build_for(order, task.brief, PRESETS[order.preset])
    if share_model is not None and isinstance(strategy, AsksModel) and not strategy.declaration.changes_weights:
        strategy.load_model = partial(share_model, strategy.load_model)
    strategy.load(order.folder / FITTED)
    return strategy


def is_done(folder: Path) -> bool:
    trial = read_trial(folder)
    return trial is not None and trial.status == "done"


def build_for(order: StepOrder, brief: Brief, preset: Preset) -> Strategy:
    module, _, function = order.build_strategy.partition(":")
    build: Callable[..., Strategy] = getattr(import_module(module), function)
    strategy = build(strategy_of(order.strategy), brief, order.model, preset, order.seed, order.allowance)
    if isinstance(strategy, GoesOn):
        strategy.earlier = earlier_adapter(order.run_folder, order.strategy)
    if isinstance(strategy, TrainsOnPrompt):
        strategy.found = Prompting.chosen_in(_beside(order, Prompting.name) / FITTED)
    return strategy


def sibling_of(order: StepOrder) -> str | None:
    """The candidate whose prompt this one may be trained on; None if it isn't trained."""
    declared = DECLARATIONS.get(strategy_of(order.strategy))
    if declared is None or declared.trains is None or order.asks_server:
        return None
    return _beside(order, Prompting.name).name


def _beside(order: StepOrder, strategy: str) -> Path:
    """The folder of another strategy with the same model, in the same run."""
    return order.run_folder / order.strategy.replace(strategy_of(order.strategy), strategy, 1)
