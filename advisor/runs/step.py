"""A child process of a run: one that measures a whole step, or one that takes turns with others.

Results go to the step's folder; progress goes through a pipe.
"""

from __future__ import annotations

import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection

import psutil

from advisor.pairing import model_in
from advisor.runs.child import failure_sentence, settle_in, spare_others
from advisor.runs.contestant import Contestant, peak_memory_bytes
from advisor.runs.order import StepOrder
from advisor.runs.retraining import learn_again, learn_from_fewer
from advisor.storage.files import disk_problem
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trial, remove_replaced, write_trial
from eval.measuring.runner import MOST_ROUNDS, is_timed, spread
from eval.money.tokens import Spent
from eval.outcomes import EarlyStop, Outcome, Trial
from eval.task import Split, Task
from strategies.contract import Progress
from strategies.presets import PRESETS
from strategies.served.budget import LimitReachedError
from strategies.served.keys import Key, KeyNeededError, accept

_SECONDS_BETWEEN_REPORTS = 0.2


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a child reports if the run may spend no more: why, in a sentence. Its unfinished part leaves no trial."""

    reason: str


@dataclass(frozen=True, slots=True)
class DiskFailed:
    """The last report of a child that could not write, in a sentence. What it kept before stays."""

    reason: str


@dataclass(frozen=True, slots=True)
class KeyNeeded:
    """The last report of a child whose server wants a key, or another one, as the sentence says."""

    host: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A turn: answer the test rows up to this one."""

    end: int


@dataclass(frozen=True, slots=True)
class Time:
    """A turn: time the answer to one row, of so many."""

    row: int
    of: int


@dataclass(frozen=True, slots=True)
class EndRound:
    """A turn: keep what was timed since the round before."""


@dataclass(frozen=True, slots=True)
class End:
    """The last turn: measure what comes after the test rows and leave the trial; less of it for one that stopped."""

    stopped: EarlyStop | None


Turn = Answer | Time | EndRound | End


@dataclass(frozen=True, slots=True)
class Standing:
    """The reply once it is fitted, and to a turn: the trial so far, without its prompts; None if the turn left it as it
    was. `is_noisy` says whether other programs were busy in the round that it ends. `has_room` says whether the memory
    has room for another child like this one."""

    trial: Trial | None = None
    is_noisy: bool = False
    has_room: bool = True


def run_step(order: StepOrder, keys: Mapping[str, Key], parent: Connection) -> None:
    """Leaves a finished trial in the folder of each of the order's parts that has none yet; a failed one if it
    raised. `keys` are those of the servers that it asks, by host; they come through the pipe that started the child.
    Reports `Stopped` and ends if the run may spend no more, `KeyNeeded` if a server wants a key, `DiskFailed` if it
    can't write."""
    progress = _begin(order, keys, parent)
    task, split = read_task(order.run_folder)
    for part in order.parts:
        if read_trial(part.folder) is not None:
            continue
        part.folder.mkdir(parents=True, exist_ok=True)
        measure_part = learn_from_fewer if part.rows is not None else learn_again if part.again else _measure_at_once
        if not _leave(part, partial(measure_part, part, task, split, progress.report), progress, parent):
            return
    parent.close()


def run_in_turns(order: StepOrder, keys: Mapping[str, Key], parent: Connection) -> None:
    """Fits the order's strategy, takes turns as the parent sends them, and leaves the trial, as `run_step` does."""
    progress = _begin(order, keys, parent)
    task, split = read_task(order.run_folder)
    if _leave(order, lambda: _take_turns(Contestant(order, task, split, progress.report), parent), progress, parent):
        remove_replaced(order.begun)
        parent.close()


def _begin(order: StepOrder, keys: Mapping[str, Key], parent: Connection) -> _ProgressPipe:
    settle_in(order.folder / "log.txt")
    spare_others()
    accept(keys)
    return _ProgressPipe(parent)


def _leave(order: StepOrder, measured: Callable[[], Trial], progress: _ProgressPipe, parent: Connection) -> bool:
    """Writes the trial; a failed one if it raises. False if it has to go on later, and the parent was told why."""
    try:
        trial = _finished(order, measured, progress)
        trial = replace(trial, peak_memory_bytes=peak_memory_bytes(trial), paid=_paid(order))
        write_trial(order.folder, _named_as(trial, order.strategy))
    except LimitReachedError as reached:
        parent.send(Stopped(str(reached)))
        return False
    except KeyNeededError as wrong:
        parent.send(KeyNeeded(wrong.host, str(wrong)))
        return False
    except Exception as wrong:
        if (problem := disk_problem(wrong, f" during “{progress.stage}”")) is None:
            raise
        parent.send(DiskFailed(problem))
        return False
    for folder in (order.training, order.repeated):
        shutil.rmtree(folder, ignore_errors=True)
    return True


def _finished(order: StepOrder, measured: Callable[[], Trial], progress: _ProgressPipe) -> Trial:
    """A failed trial if it raises anything but what only keeps it from going on now."""
    try:
        return measured()
    except (LimitReachedError, KeyNeededError):
        raise
    except Exception as wrong:
        with suppress(OSError):  # the log may be on the full disk
            traceback.print_exc()
        if disk_problem(wrong):
            raise
        return Trial(order.strategy, "failed", failure_sentence(wrong, progress.stage))


def _measure_at_once(order: StepOrder, task: Task, split: Split, report_progress: Callable[[Progress], None]) -> Trial:
    """All test rows without a pause."""
    contestant = Contestant(order, task, split, report_progress)
    contestant.answer(len(split.test))
    timed = spread(len(split.test), PRESETS[order.preset].budget(task.kind).latency_rows)
    for _ in range(0 if is_timed(contestant.trial.outcomes, len(timed)) else MOST_ROUNDS):
        for row in timed:
            contestant.time(row, len(timed))
        if not contestant.end_round():
            break
    remove_replaced(order.begun)
    return contestant.end(None)


def _take_turns(contestant: Contestant, parent: Connection) -> Trial:
    """The finished trial."""
    parent.send(Standing(contestant.trial, has_room=_has_room()))
    while True:
        turn: Turn = parent.recv()
        match turn:
            case Answer(end):
                contestant.answer(end)
                parent.send(Standing(contestant.trial, has_room=_has_room()))
            case Time(row, of):
                contestant.time(row, of)
                parent.send(Standing())
            case EndRound():
                is_noisy = contestant.end_round()
                parent.send(Standing(contestant.trial, is_noisy))
            case End(stopped):
                return contestant.end(stopped)


def _has_room() -> bool:
    """Whether another child that needs as much memory as this one fits beside it."""
    if psutil.virtual_memory().available < psutil.Process().memory_info().rss:
        return False
    if "torch" not in sys.modules:
        return True
    from strategies.engine.weights import device_has_room

    return device_has_room()


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
