"""Where the time of one answer goes: whoever answers names what it is doing, and the runner listens."""

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
    """What happens in here is this phase; phases do not hold one another. Costs nothing while nobody listens."""
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
    """The seconds by phase of what happens in here."""
    spent: dict[str, float] = {}
    token = _spent.set(spent)
    try:
        yield spent
    finally:
        _spent.reset(token)
