"""What the checks of the data found."""

from __future__ import annotations

from advisor.schema import Report
from advisor.sections.blocks import Bullets, Section


def section(report: Report) -> Section | None:
    if not report.warnings:
        return None
    how = (
        "The checks count rows of the whole upload and compare inputs without capitals and signs. Rows left out of the "
        "split count too: task.json."
    )
    return Section("data", "Data cleaning", report.warnings[0], (Bullets(report.warnings),), how)
