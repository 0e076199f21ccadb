"""Steps of a run that are measured without a pause: baselines, points of learning curves, repeated trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Event

from advisor.runs.at_once import all_at_once
from advisor.runs.child import SECONDS_TO_END, Deaths, death_sentence
from advisor.runs.order import StepOrder
from advisor.runs.pace import Pace
from advisor.runs.place import HERE, Place, nearest
from advisor.runs.step import DiskFailed, KeyNeeded, Stopped, run_step
from advisor.runs.timing import read_estimate
from advisor.storage.trial_files import read_trial, write_trial
from eval.outcomes import Trial
from eval.task import BadInput
from strategies.contract import Progress
from strategies.served.keys import KeyNeededError, forget, handed_over

_SECONDS_BETWEEN_LOOKS = 0.2

Tell = Callable[[Progress, float | None], None]  # with the seconds that it will still take, if they are known


class CancelledError(Exception):
    """The person asked the run to stop."""


class StoppedError(Exception):
    """The run has spent what it may. The message is a sentence for the person."""


def finished(order: StepOrder) -> list[Trial] | None:
    """The trials of all the order's parts; None if one is missing."""
    trials = [read_trial(part.folder) for part in order.parts]
    there = [trial for trial in trials if trial is not None]
    return there if len(there) == len(trials) else None


def measure(
    order: StepOrder,
    tell: Tell,
    cancelled: Callable[[], bool],
    place: Place,
    held_up: Callable[[], None] = lambda: None,
) -> list[Trial]:
    """Runs the step in a child to its end. If a child ends without a result, it leaves a failed trial. Raises
    CancelledError, StoppedError, `KeyNeededError` if a server wants a key, or BadInput if the disk is full."""
    order.folder.mkdir(parents=True, exist_ok=True)
    pace = Pace(read_estimate(order.run_folder).get(order.strategy))
    deaths = Deaths(order.folder)
    exit_code = _run_child(order, pace, tell, cancelled, place, held_up)
    while finished(order) is None and deaths.may_go_on(exit_code):
        exit_code = _run_child(order, pace, tell, cancelled, place, held_up)
    for part in order.parts:
        if read_trial(part.folder) is None:
            part.folder.mkdir(parents=True, exist_ok=True)
            write_trial(part.folder, Trial(part.strategy, "failed", death_sentence(exit_code)))
    return finished(order) or []


def measure_at_once(
    orders: Sequence[StepOrder],
    tell: Callable[[int], object],
    cancelled: Callable[[], bool],
    place: Place,
    held_up: Callable[[], None] = lambda: None,
) -> None:
    """Measures each in a child of its own. Those on this machine take turns. `tell` hears how many have ended."""
    given_up = Event()
    ended = 0

    def measure_in_turn(some: Sequence[StepOrder]) -> None:
        for one in some:
            measure(one, lambda progress, left: None, lambda: given_up.is_set() or cancelled(), place, held_up)

    def count() -> None:
        nonlocal ended
        ended += 1
        tell(ended)

    tell(0)
    here = [one for one in orders if nearest(one, place) is HERE]
    works = [partial(measure_in_turn, [one]) for one in orders if one not in here]
    all_at_once([*works, *([partial(measure_in_turn, here)] if here else [])], count, given_up.set)


def _run_child(
    order: StepOrder,
    pace: Pace,
    tell: Tell,
    cancelled: Callable[[], bool],
    place: Place,
    held_up: Callable[[], None],
) -> int | None:
    """Its exit code; None if it hasn't ended."""
    keys = handed_over(order.models)
    with nearest(order, place).child(run_step, order, keys, held_up) as (child, reports):
        while not cancelled():
            if reports.poll(_SECONDS_BETWEEN_LOOKS):
                try:
                    progress = reports.recv()
                except (EOFError, OSError):  # the child finished and closed its end, or died
                    break
                if isinstance(progress, Stopped):
                    raise StoppedError(progress.reason)
                if isinstance(progress, DiskFailed):
                    raise BadInput(progress.reason)
                if isinstance(progress, KeyNeeded):
                    forget(progress.host, keys.get(progress.host.lower()))
                    raise KeyNeededError(progress.sentence, progress.host)
                tell(progress, pace.remaining_seconds(progress))
        else:
            raise CancelledError
        child.join(SECONDS_TO_END)
        return child.exitcode
