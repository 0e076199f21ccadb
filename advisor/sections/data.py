"""What the checks of the data found."""

from __future__ import annotations

from advisor.schema import Report
from advisor.sections.blocks import Bullets, Section
from advisor.wording import count_text


def section(report: Report) -> Section | None:
    if not report.warnings:
        return None
    how = (
        "The checks count all rows of your upload, also those that the split leaves out (task.json). They ignore case "
        "and punctuation when they compare inputs."
    )
    heading = f"Your data: {count_text(len(report.warnings), 'note')} on how we read it"
    return Section("data", "Your data", report.warnings[0], (Bullets(report.warnings),), how, heading)
