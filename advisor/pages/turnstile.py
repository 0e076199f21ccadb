"""Visitors' scripts take turns. They share one interpreter, and Streamlit takes a lock for each element, so twenty
scripts at once need three times as long as one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST_WAIT = 2.0  # seconds; then a script goes on beside the one that has the turn
_turn = threading.Lock()
_here = threading.local()


@contextmanager
def turn() -> Iterator[None]:
    _take()
    try:
        yield
    finally:
        _leave()


@contextmanager
def others_first() -> Iterator[None]:
    """While this script waits for another process or a server. Nothing changes where it has no turn."""
    if not _leave():
        yield
        return
    try:
        yield
    finally:
        _take()


def _take() -> None:
    _here.has_turn = _turn.acquire(timeout=_LONGEST_WAIT)


def _leave() -> bool:
    """Whether it had the turn."""
    had = getattr(_here, "has_turn", False)
    if had:
        _here.has_turn = False
        _turn.release()
    return had
