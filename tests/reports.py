"""Reports made for a test: one that was measured with some of its figures changed."""

from __future__ import annotations

from typing import Any, TypeVar

from advisor.schema import JUDGEMENT, REPORT, Judgement, Report

EVERY = "every"  # item of a list
Kept = TypeVar("Kept", bound=Judgement)


def changed(report: Kept, **changes: Any) -> Kept:
    """With these figures in place of its own. A dict changes only what it names: fields by their name, items of a list
    by their place, or `EVERY` one of them."""
    stored = REPORT.plain(report) if isinstance(report, Report) else JUDGEMENT.plain(report)
    _change(stored, changes)
    read = REPORT.of(stored) if isinstance(report, Report) else JUDGEMENT.of(stored)
    assert type(read) is type(report)
    return read


def _change(stored: Any, changes: dict[Any, Any]) -> None:
    for name, change in changes.items():
        for place in range(len(stored)) if name == EVERY else [name]:
            old = stored[place]
            if isinstance(change, dict) and isinstance(old, dict | list | tuple) and change:
                if isinstance(old, tuple):
                    old = stored[place] = list(old)
                _change(old, change)
            else:
                stored[place] = change
