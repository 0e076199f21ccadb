"""Where an answer's time goes: the strategy names its current phase, and the runner records the seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LOOKING_UP, READING, WRITING = "looking up", "reading the prompt", "writing the answer"
PHASES = (LOOKING_UP, READING, WRITING)

_CORRECTION = "correction"  # of the whole time, not a phase

_spent: ContextVar[dict[str, float] | None] = ContextVar("spent", default=None)


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Mark the block as this phase. Phases can't be nested. Costs nothing unless `listening`."""
    spent = _spent.get()
    if spent is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        spent[name] = spent.get(name, 0.0) + time.perf_counter() - began


def is_listening() -> bool:
    """Whether the seconds of this answer are being recorded."""
    return _spent.get() is not None


def took(name: str, seconds: float) -> None:
    """A phase that was timed elsewhere took so long. Costs nothing unless `listening`."""
    spent = _spent.get()
    if spent is not None:
        spent[name] = spent.get(name, 0.0) + seconds


def took_instead(seconds: float, of: float) -> None:
    """The part of this answer that took `of` seconds here really took `seconds`, for example because an answer was
    asked for earlier and kept."""
    took(_CORRECTION, seconds - of)


def correction(spent: dict[str, float]) -> float:
    """Takes the seconds to add to an answer's wall time out of what was recorded."""
    return spent.pop(_CORRECTION, 0.0)


@contextmanager
def listening() -> Iterator[dict[str, float]]:
    """Record the seconds of each phase within the block."""
    spent: dict[str, float] = {}
    token = _spent.set(spent)
    try:
        yield spent
    finally:
        _spent.reset(token)
