"""The clock of both sides of the comparison with llama.cpp. Imports nothing heavy: one side runs without torch."""

from __future__ import annotations

import time
from collections.abc import Callable


def clock(threads: int) -> Callable[[], float]:
    """The time of day in seconds; with one thread, the seconds that this process had the processor."""
    return time.perf_counter if threads > 1 else time.process_time
