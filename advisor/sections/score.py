"""What each strategy scores, and which differences are more than chance."""

from __future__ import annotations

from functools import partial

from advisor import charts
from advisor.candidates import Sentences, judged
from advisor.schema import Report
from advisor.sections.blocks import Bullets, Chart, Section, small
from advisor.sections.figures import P_VALUE_MEANING, detectable_of, differences_of


def section(report: Report) -> Section | None:
    if not judged(report):
        return None
    chart = Chart(charts.score_sentence(report), partial(charts.score_chart, report))
    if not report.comparisons:
        return Section("score", "Score", (chart,))
    meaning = f"{P_VALUE_MEANING} {detectable_of(report) or ''}".strip()
    return Section("score", "Score", (chart, pairs(differences_of(report)), *small(meaning)))


def pairs(sentences: Sentences) -> Bullets:
    """One for each pair of strategies; those without the strategy taken are needed by few."""
    return Bullets(tuple(sentences.of_choice), tuple(sentences.others), "Other pairs")
