"""How much of the processor other programs use during a timing. If it is much, the times are too long."""

from __future__ import annotations

import sys
import time

import psutil

MATERIAL_SHARE = 0.25  # of the processor: a larger share, or a change this large since the last timing, affects speed

_LEAST_SECONDS = 0.5


class OtherPrograms:
    """What other programs use of this process's cores, from the moment it is created."""

    def __init__(self) -> None:
        self._started, self._idle, self._own = time.perf_counter(), _idle_seconds(), time.process_time()

    def share(self) -> float | None:
        """The share of those cores' time so far, in [0, 1]. None within the first half second, because a core's time is
        counted in hundredths of a second."""
        seconds, own = time.perf_counter() - self._started, time.process_time() - self._own
        idle = [now - then for now, then in zip(_idle_seconds(), self._idle, strict=True)]
        whole = seconds * len(idle)
        return min(1.0, max(0.0, (whole - sum(idle) - own) / whole)) if seconds >= _LEAST_SECONDS else None


def _idle_seconds() -> list[float]:
    """Idle seconds since the machine started, for each core this process may run on."""
    cores = psutil.cpu_times(percpu=True)
    allowed = psutil.Process().cpu_affinity() if sys.platform == "linux" else []
    chosen = [cores[core] for core in allowed if core < len(cores)] or cores
    return [core.idle + getattr(core, "iowait", 0.0) for core in chosen]
