"""Training again with the settings that were chosen: with another seed, or with fewer rows for a learning curve."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from advisor.runs.child import failure_sentence
from advisor.runs.order import StepOrder, build_for
from advisor.runs.stage_clock import StageClock
from advisor.storage.trial_files import read_trial
from advisor.wording import name_of
from eval.measuring.runner import measure
from eval.outcomes import TRAINED_AGAIN, Trial
from eval.scoring import scorer_for
from eval.statistics.learning_curve import fewer_rows
from eval.task import BadInput, Example, LearningSplit, Split, Task
from strategies.contract import KeepsCheckpoints, Progress
from strategies.engine.checkpoints import Checkpoints
from strategies.presets import PRESETS
from strategies.search.embedder import phrase_encoder


def train_again(
    order: StepOrder, trial: Trial, task: Task, split: Split, report_progress: Callable[[Progress], None]
) -> Trial:
    """The trial with the outcomes of its repeated trainings, if the preset has them; from where another process left
    them, if it did. If one fails, everything measured before stays valid, and a note says so."""
    for again in range(1, PRESETS[order.preset].trainings if trial.changes_weights else 1):
        found, kept = read_trial(replace(order, again=again).folder), order.training / str(again)
        try:
            found = found or _train_with_seed(order, again, kept, trial, task, split, report_progress)
        except Exception as wrong:
            traceback.print_exc()
            return replace(trial, notes=(*trial.notes, failure_sentence(wrong, _told(again))))
        if found.reason is not None:
            return replace(trial, notes=(*trial.notes, found.reason))
        trial = replace(trial, probes={**trial.probes, f"{TRAINED_AGAIN}{again}": found.outcomes})
    return trial


def learn_again(order: StepOrder, task: Task, split: Split, report_progress: Callable[[Progress], None]) -> Trial:
    """One repeated training of a candidate that has answered its test rows."""
    begun = read_trial(replace(order, again=0).begun)
    if begun is None:
        raise BadInput("What it chose on the dev rows is gone; start the comparison again.")
    answered = replace(split, test=split.test[: len(begun.outcomes)])
    return _train_with_seed(order, order.again, order.training, begun, task, answered, report_progress)


def _train_with_seed(
    order: StepOrder,
    again: int,
    kept: Path,
    trial: Trial,
    task: Task,
    split: Split,
    report_progress: Callable[[Progress], None],
) -> Trial:
    anew = replace(order, again=0, seed=order.seed + again, rows=len(split.train))
    return _learn_anew(anew, _told(again), kept, trial.settings, task, split, split.test, report_progress)


def _told(again: int) -> str:
    return f"training {again + 1}"


def learn_from_fewer(order: StepOrder, task: Task, split: Split, report_progress: Callable[[Progress], None]) -> Trial:
    """One point of a learning curve, on some of the test rows that it answered with all training rows."""
    chosen = read_trial(replace(order, rows=None).folder)
    asked = split.test[: PRESETS[order.preset].curve_test_rows(task.kind)]
    if chosen is not None:
        asked = asked[: len(chosen.outcomes)]
    told = f"{name_of(order.strategy)} on {order.rows:,} rows"
    return _learn_anew(
        order, told, order.training, chosen.settings if chosen else {}, task, split, asked, report_progress
    )


def _learn_anew(
    order: StepOrder,
    told: str,
    kept: Path,
    settings: dict[str, Any],
    task: Task,
    split: Split,
    asked: Sequence[Example],
    report_progress: Callable[[Progress], None],
) -> Trial:
    """What the strategy answers after training on `order.rows` of the training rows, with the settings chosen on all of
    them. Only the outcomes are kept, and in the folder `kept` what its training has done so far."""

    def report(progress: Progress) -> None:
        report_progress(replace(progress, stage=f"{told}: {progress.stage}"))

    rows = order.rows or 0
    settled = PRESETS[order.preset].for_fewer(task.kind, rows / len(split.train), settings)
    report(Progress("setting up", 0, 1))
    strategy = build_for(order, task.brief, settled)
    clock = StageClock(report, kept)
    if isinstance(strategy, KeepsCheckpoints):
        strategy.checkpoints = Checkpoints(kept, clock.keep)
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
