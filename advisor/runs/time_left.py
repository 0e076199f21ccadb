"""How long a run still takes, and what a run that waits its turn waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from advisor.learned_times import StepTime
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun, StoredStep

Times = Mapping[str, StepTime]


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Seconds, as a range like that of a `StepTime`."""

    low: float = 0.0
    high: float = 0.0

    def __add__(self, other: TimeLeft) -> TimeLeft:
        return TimeLeft(self.low + other.low, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Queued:
    """A waiting run: the run that is `running` now, None if none is; how many wait `before` this one; and in how many
    seconds it starts, None if that isn't known."""

    running: StoredRun | None
    before: int
    starts_in: TimeLeft | None


def time_left(steps: Sequence[StoredStep], times: Times) -> TimeLeft | None:
    """Of all steps that haven't ended; None if one of the steps has no estimate."""
    if not steps or any(step.strategy not in times for step in steps):
        return None
    return sum((_of_step(step, times[step.strategy]) for step in steps), TimeLeft())


def _of_step(step: StoredStep, expected: StepTime) -> TimeLeft:
    """A running step says how long it needs, and keeps the relative range of its estimate."""
    if step.state == "running" and step.remaining_seconds is not None:
        relative = step.remaining_seconds / expected.likely if expected.likely else 0.0
        return TimeLeft(relative * expected.low, relative * expected.high)
    if step.state in ("waiting", "running", "interrupted"):
        return TimeLeft(expected.low, expected.high)
    return TimeLeft()


def queued(store: Store, run: StoredRun, times_of: Callable[[str], Times]) -> Queued | None:
    """None if the run isn't waiting. `times_of` gives the expected times of a run by its id."""
    position = store.queue_position(run.id)
    if position is None:
        return None
    runs = store.runs()
    running = next((one for one in runs if one.state == "running"), None)
    waiting = [one for one in reversed(runs) if one.state in ("queued", "interrupted") and not one.awaits_key]
    ahead = [*([running] if running else []), *waiting[: position - 1]]
    parts = [time_left(store.steps(one.id), times_of(one.id)) for one in ahead]
    known = [part for part in parts if part is not None]
    return Queued(running, position - 1, sum(known, TimeLeft()) if len(known) == len(parts) else None)
