"""How much of the processor other programs use during a timing. If it is much, the times are too long."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

MATERIAL_SHARE = 0.25  # of the processor: a larger share, or a change this large since the last timing, affects speed

_LEAST_SECONDS = 0.5


class OtherPrograms:
    """What other programs use of this process's cores, in the blocks that are `watched`."""

    def __init__(self) -> None:
        self._seconds = self._used = 0.0  # of all cores together

    @contextmanager
    def watched(self) -> Iterator[None]:
        started, idle, own = time.perf_counter(), _idle_seconds(), time.process_time()
        yield
        seconds, own = time.perf_counter() - started, time.process_time() - own
        were_idle = [now - then for now, then in zip(_idle_seconds(), idle, strict=True)]
        self._seconds += seconds * len(were_idle)
        self._used += seconds * len(were_idle) - sum(were_idle) - own

    def share(self) -> float | None:
        """The share of those cores' time, in [0, 1]. None for less than half a second, because a core's time is counted
        in hundredths of a second."""
        enough = self._seconds >= _LEAST_SECONDS * len(_idle_seconds())
        return min(1.0, max(0.0, self._used / self._seconds)) if enough else None


def cores_in_use(seconds: float = 0.25) -> float:
    """How many of this process's cores are in use while it waits for `seconds`."""
    started, idle = time.perf_counter(), _idle_seconds()
    time.sleep(seconds)
    passed = time.perf_counter() - started
    were_idle = [now - then for now, then in zip(_idle_seconds(), idle, strict=True)]
    return max(0.0, len(were_idle) - sum(were_idle) / passed)


def _idle_seconds() -> list[float]:
    """Idle seconds since the machine started, for each core this process may run on."""
    cores = psutil.cpu_times(percpu=True)
    allowed = psutil.Process().cpu_affinity() if sys.platform == "linux" else []
    chosen = [cores[core] for core in allowed if core < len(cores)] or cores
    return [core.idle + getattr(core, "iowait", 0.0) for core in chosen]
