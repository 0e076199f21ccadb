"""How long an answer takes."""

from __future__ import annotations

from functools import partial

from advisor import charts
from advisor.candidates import judged
from advisor.schema import Report
from advisor.sections.blocks import Chart, Section, small
from advisor.sections.figures import apart_of


def section(report: Report) -> Section | None:
    if not judged(report):
        return None
    chart = Chart(charts.latency_sentence(report), partial(charts.latency_chart, report))
    return Section("latency", "Time per answer", (chart, *small(*apart_of(report))))
