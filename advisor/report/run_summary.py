"""A finished run in one line of the history."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.candidates import judged, preferred_baseline
from advisor.schema import Confidence, Report
from eval.statistics.inference import Interval
from eval.task import Kind


@dataclass(frozen=True, slots=True)
class RunSummary:
    """`strategy` is the name of the recommended candidate, or of the one with the best score if none is; None if none
    was measured. `score` is its score on the `test` rows. `baseline` is the score of the baseline that the headline
    prefers, if any."""

    kind: Kind
    metric: str
    test: int
    strategy: str | None
    score: Interval | None
    model: str
    preset: str | None
    headline: str
    confidence: Confidence
    baseline: float | None


def summary_of(report: Report) -> RunSummary:
    verdict, ranked = report.recommendation, judged(report)
    baseline = preferred_baseline(report)
    shown = next((one for one in ranked if one.id == verdict.choice), ranked[0] if ranked else None)
    return RunSummary(
        report.task.kind,
        report.task.metric,
        report.task.test,
        shown.id if shown else None,
        shown.score if shown else None,
        report.model,
        report.preset,
        verdict.headline,
        verdict.confidence,
        baseline.score.mean if baseline else None,
    )
