"""What the checks of the data found."""

from __future__ import annotations

from advisor.schema import Report
from advisor.sections.blocks import Bullets, Section


def section(report: Report) -> Section | None:
    if not report.warnings:
        return None
    how = (
        "The checks count all rows of your upload, also those that the split leaves out (task.json). They ignore case "
        "and punctuation when they compare inputs."
    )
    return Section("data", "Your data", report.warnings[0], (Bullets(report.warnings),), how)
