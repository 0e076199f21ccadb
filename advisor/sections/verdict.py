"""Why, what would change the verdict, what to know before acting, and the words that its figures are told in."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.candidates import baselines, judged
from advisor.schema import Candidate, Report
from advisor.sections.blocks import Bullets, Definitions, Folded, Section
from advisor.sections.figures import READING, reading_of
from advisor.sections.provenance import how_computed
from advisor.wording import count_text, in_sentence, money_text, score_text, seconds_text


def why_section(report: Report) -> Section | None:
    return _listed("why", "Why", report.recommendation.reasons)


def changes_section(report: Report) -> Section | None:
    return _listed("changes", "What would change this", report.recommendation.changes)


def caveats_section(report: Report) -> Section | None:
    return _listed("caveats", "Before you act", report.recommendation.caveats)


def words_section(report: Report) -> Section | None:
    words = tuple(reading_of(report))
    if not words:
        return None
    return Section("words", READING, (Folded(count_text(len(words), "term"), (Definitions(words),)),))


def _listed(id: str, title: str, sentences: tuple[str, ...]) -> Section | None:
    return Section(id, title, (Bullets(sentences),)) if sentences else None


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the three figures that stand under the headline, with what is said under it."""

    label: str
    value: str
    under: str
    how: str | None


def first_figures(report: Report) -> tuple[Figure, ...]:
    """The score, time and cost of the strategy taken, and those of the baseline that the headline speaks of."""
    verdict = report.recommendation
    choice = next((one for one in judged(report) if one.id == verdict.choice), None)
    if choice is None:
        return ()
    beside = next((one for one in baselines(report) if one.id == verdict.level_baseline), None)
    name = f"{in_sentence(beside.strategy)} " if beside else ""
    score, latency, cost = choice.score, choice.latency_seconds, choice.cost
    instead = (
        (score_text(beside.score.mean), seconds_text(_p50(beside)), money_text(beside.cost.per_1000, cost.currency))
        if beside
        else ("", "", "")
    )
    volume = f"{report.priorities.monthly_volume:,} answers"
    found = (
        (
            f"Score ({report.task.metric})",
            score_text(score.mean),
            f"{score_text(score.low)} to {score_text(score.high)}, the 95 % range",
            "Score",
        ),
        (
            "Time per answer",
            seconds_text(_p50(choice)),
            f"half within this, 95 of 100 within {seconds_text(latency.p95 if latency else None)}",
            "Median latency",
        ),
        (
            "Cost per 1,000 answers",
            money_text(cost.per_1000, cost.currency),
            f"{money_text(cost.per_month, cost.currency)} a month at {volume}, "
            f"{money_text(cost.one_off, cost.currency)} once, to get ready",
            "Cost per 1,000 answers",
        ),
    )
    return tuple(
        Figure(label, value, f"{under}; {name}{other}" if beside else under, how_computed(report, heading))
        for (label, value, under, heading), other in zip(found, instead, strict=True)
    )


def _p50(one: Candidate) -> float | None:
    return one.latency_seconds.p50 if one.latency_seconds else None
