"""Where an answer's time goes: the strategy names its current phase, and the runner records the seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LOOKING_UP, READING, WRITING = "looking up", "reading the prompt", "writing the answer"
PHASES = (LOOKING_UP, READING, WRITING)

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


@contextmanager
def listening() -> Iterator[dict[str, float]]:
    """Record the seconds of each phase within the block."""
    spent: dict[str, float] = {}
    token = _spent.set(spent)
    try:
        yield spent
    finally:
        _spent.reset(token)
