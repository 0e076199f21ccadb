"""What the checks of the data found."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.schema import Report
from advisor.sections.blocks import Bullets, Section
from advisor.wording import count_text

TITLE = "Your data"
_LONGEST = 90  # characters of a note that its heading quotes


def section(report: Report) -> Section | None:
    if not report.warnings:
        return None
    how = (
        "The checks count all rows of your upload, also those that the split leaves out (task.json). They ignore case "
        "and punctuation when they compare inputs."
    )
    return Section("data", TITLE, report.warnings[0], (Bullets(report.warnings),), how, _heading(report.warnings))


def _heading(warnings: Sequence[str]) -> str:
    if len(warnings) == 1 and len(warnings[0]) <= _LONGEST:
        return f"{TITLE}: {warnings[0].removesuffix('.')}"
    return f"{TITLE}: {count_text(len(warnings), 'note')} on how we read it"
