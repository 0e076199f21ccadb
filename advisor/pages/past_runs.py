"""What can be read of a run there already is; another version of Threeways may have left it."""

from __future__ import annotations

from typing import Any

from advisor.pages.frame import store
from advisor.report.contents import SCHEMA
from advisor.storage.stored import StoredRun
from eval.task import BadInput

_KEYS = {"task", "model", "preset", "seed", "priorities", "candidates", "comparisons", "recommendation", "versions"}


def report_of(run: StoredRun) -> dict[str, Any] | None:
    """The report of a run; None where there is none, or another version wrote it."""
    report = store().report(run.id)
    return report if report is not None and report.get("schema") == SCHEMA and report.keys() >= _KEYS else None


def followed_by(run: StoredRun) -> str | None:
    """The run whose data was changed for this one."""
    try:
        return run.plan.follows
    except BadInput:
        return None
