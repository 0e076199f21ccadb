"""How long work would have taken on a machine that nothing else uses.

Other programs make wall seconds longer, but hardly change the seconds that the processor works for this process. Linux
also says how long its threads were ready to run and had to wait for a core. Without them, and without the seconds that
the processor needs at least, nothing is left but chance.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

_TASKS = Path("/proc/self/task")
_NANOSECONDS = 1e-9


@dataclass(frozen=True, slots=True)
class Spell:
    """`seconds` on the clock; `processor_seconds`, of all threads of this process together; `undisturbed_seconds`, an
    estimate of what the clock would have shown on a quiet machine. The last is None where the system doesn't say how
    long threads wait."""

    seconds: float
    processor_seconds: float
    undisturbed_seconds: float | None

    def longer_by(self, seconds: float) -> Spell:
        """The same, with a part that took longer elsewhere, or shorter."""
        if not seconds:
            return self
        return replace(
            self,
            seconds=max(0.0, self.seconds + seconds),
            undisturbed_seconds=(
                None if self.undisturbed_seconds is None else max(0.0, self.undisturbed_seconds + seconds)
            ),
        )


@dataclass(frozen=True, slots=True)
class _Thread:
    """Seconds that a thread has worked, and has waited for a core, since it began."""

    worked: float
    waited: float


class Stopwatch:
    """Runs from the moment it is created."""

    def __init__(self) -> None:
        self._threads, self._processor, self._started = _threads(), time.process_time(), time.perf_counter()

    def read(self) -> Spell:
        seconds, processor = time.perf_counter() - self._started, time.process_time() - self._processor
        if not self._threads or not (threads := _threads()):
            return Spell(seconds, processor, None)
        before = {id: self._threads.get(id, _Thread(0.0, 0.0)) for id in threads}
        waited = sum(thread.waited - before[id].waited for id, thread in threads.items())
        longest = max(thread.worked - before[id].worked for id, thread in threads.items())
        # Threads wait for each other, so what one has to wait delays all. Where several wait at once, the sum is too
        # much, but no thread can be faster than its own work, nor all of them than the cores.
        undisturbed = max(seconds - waited, longest, processor / _cores())
        return Spell(seconds, processor, min(seconds, undisturbed))


def _threads() -> dict[str, _Thread]:
    """All threads of this process by their id; none if the system doesn't say how long they waited."""
    found: dict[str, _Thread] = {}
    if sys.platform == "linux":
        for task in _TASKS.iterdir():
            with suppress(OSError, ValueError):  # a thread that ends meanwhile, a system that doesn't count
                worked, waited, _ = map(int, (task / "schedstat").read_text().split())
                found[task.name] = _Thread(worked * _NANOSECONDS, waited * _NANOSECONDS)
    return found


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
