"""How long a step still takes: from its estimate, and from the pace of its present stage."""

from __future__ import annotations

import time

from strategies.contract import Progress

_LEAST_LEFT = 0.05  # of the time so far, for a step that takes longer than estimated: a stage may still follow


class Pace:
    """`expected` are the estimated seconds of the whole step; None if this machine wasn't timed. `worked` are those of
    them that an earlier attempt has taken.

    Stages of a step share one bar: it is filled by the part of the step's time that has passed, and it never shrinks.
    """

    def __init__(self, expected: float | None, worked: float = 0.0) -> None:
        self._expected = expected
        self._started = time.monotonic() - worked
        self._paused: float | None = None
        self._filled = 0.0
        self._first: tuple[Progress, float] | None = None

    def pause(self) -> None:
        """It is another step's turn."""
        self._paused = time.monotonic()

    def go_on(self) -> None:
        if self._paused is not None:
            self._started += time.monotonic() - self._paused
        self._paused = self._first = None

    def remaining_seconds(self, progress: Progress, now: float | None = None) -> float | None:
        """Seconds until the end of the step, without others' turns; of the stage if the step has no estimate. None
        until there is a rate."""
        now = self._paused or time.monotonic() if now is None else now
        of_stage = self._of_stage(progress, now)
        if self._expected is None:
            return of_stage
        elapsed = max(now - self._started, 1e-3)
        left = max(self._expected - elapsed, of_stage or 0.0, _LEAST_LEFT * elapsed)
        self._filled = max(self._filled, elapsed / (elapsed + left))
        return elapsed * (1 - self._filled) / self._filled

    def _of_stage(self, progress: Progress, now: float) -> float | None:
        if self._first is None or self._first[0].stage != progress.stage or progress.done < self._first[0].done:
            self._first = progress, now
        first, since = self._first
        if progress.done == first.done:
            return None
        return (now - since) / (progress.done - first.done) * (progress.total - progress.done)
