"""A finished run in one line of the history. The line stands in a small file beside the report, because reading all
reports of a long history takes seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from advisor.as_json import AsJson
from advisor.candidates import judged, preferred_baseline
from advisor.schema import SCHEMA, Confidence, Report
from advisor.storage.files import write_whole
from advisor.storage.run_files import REPORT_FILE
from advisor.storage.store import Store
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


@dataclass(frozen=True, slots=True)
class _Kept:
    """`report` is the state of the report's file that it was made from: its version, size and time of change."""

    report: tuple[int, int, int]
    summary: RunSummary


_FILE = "summary.json"
_KEPT = AsJson[_Kept](_Kept)


def write_summary(folder: Path, report: Report) -> None:
    """Of the report that was just written to this folder."""
    write_whole(folder / _FILE, _KEPT.write(_Kept(_state(folder), summary_of(report))))


def summary_in(store: Store, run_id: str) -> RunSummary | None:
    """None if there is no report that this version can read, or if it was damaged."""
    folder = store.run_folder(run_id)
    try:
        kept = _KEPT.read((folder / _FILE).read_bytes())
        if kept.report == _state(folder):
            return kept.summary
    except (OSError, ValueError):  # of another version, which wrote none or another one
        pass
    report = store.report(run_id)
    return None if report is None else summary_of(report)


def _state(folder: Path) -> tuple[int, int, int]:
    found = (folder / REPORT_FILE).stat()
    return SCHEMA, found.st_size, found.st_mtime_ns


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
