"""What a score costs, and what each strategy costs as the volume grows."""

from __future__ import annotations

from functools import partial

from advisor import charts
from advisor.candidates import judged
from advisor.schema import Report
from advisor.sections.blocks import Chart, Section
from advisor.sections.score import pairs


def section(report: Report) -> Section | None:
    if not judged(report):
        return None
    chart = Chart(charts.cost_chart_sentence(report), partial(charts.cost_chart, report))
    return Section("cost", "Score against cost", (chart,))


def volume_section(report: Report) -> Section | None:
    if not judged(report):
        return None
    chart = Chart(charts.volume_sentence(report), partial(charts.volume_chart, report))
    return Section("volume", "Cost as volume grows", (chart, pairs(charts.crossing_sentences(report))))
