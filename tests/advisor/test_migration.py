"""Reports of earlier versions are read as they were, in the one place that knows their shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from advisor.candidates import baselines, judged
from advisor.migration import read_report
from advisor.render.html import render_html
from advisor.render.markdown import escaped, render_markdown
from advisor.schema import REPORT, Curve, NoCurve, NotMeasured, Report
from tests.reports import section_names

STORED = Path(__file__).parents[1] / "fixtures" / "report_schema_1.json"  # one strategy and one point of a curve failed
# What came to schema 1 as it grew.
_OF_THE_REPORT = ("floors", "crossings", "curves", "circumstances", "rules", "score_check", "score_doubt", "person")
_OF_A_CANDIDATE = (
    "failures", "robustness", "side_effects", "freshness", "without_documents", "refusals", "labels", "apart_seconds",
    "phase_seconds", "first_word_seconds", "per_1000_range", "score_of_each_training", "effort", "notes", "seconds",
)  # fmt: skip


@pytest.fixture
def stored() -> dict[str, Any]:
    report: dict[str, Any] = json.loads(STORED.read_text())
    return report


def migrated(stored: dict[str, Any]) -> Report:
    report = read_report(json.dumps(stored).encode())
    assert report is not None
    return report


def test_every_figure_of_schema_1_is_kept(stored: dict[str, Any]) -> None:
    report = migrated(stored)
    first = report.candidates[0]
    assert (first.id, first.strategy, first.model) == (
        "prompting",
        "prompting",
        report.model,
    )
    for old, new in zip(stored["candidates"][:3], report.candidates, strict=False):
        assert not isinstance(new, NotMeasured)
        assert (new.score.mean, new.score.low, new.score.high) == tuple(
            old["score"][end] for end in ("mean", "low", "high")
        )
        assert new.latency_seconds is not None and new.latency_seconds.p95 == old["latency_seconds"]["p95"]
        assert new.cost.per_1000 == old["cost"]["per_1000"] and new.fit_seconds == old["fit_seconds"]
        assert new.settings == old["settings"] and new.seconds == 40
        assert new.failures is not None and new.failures.wrong == old["failures"]["wrong"]
    assert report.candidates[3] == NotMeasured(
        "retrieval_finetuning", "retrieval_finetuning", report.model, "failed", "It ran out of memory.", (), 40, 60
    )
    assert [one.id for one in baselines(report)] == ["nearest_example"]
    drawn, undrawn = ([one.id for one in report.curves or () if isinstance(one, kind)] for kind in (Curve, NoCurve))
    assert (drawn, undrawn) == (["prompting", "retrieval"], ["finetuning"])
    told, verdict = stored["recommendation"], report.recommendation
    assert (verdict.choice, verdict.odds) == (told["choice"], told["odds"])
    assert verdict.probabilities == told["probabilities"]
    assert (verdict.baseline_line, verdict.level_baseline) == (told["floor_line"], told["floor"])
    assert REPORT.read(REPORT.write(report)) == report


@pytest.mark.parametrize("is_chosen", [True, False])
def test_a_report_from_before_most_was_measured_is_still_read_and_told(stored: dict[str, Any], is_chosen: bool) -> None:
    for name in _OF_THE_REPORT:
        del stored[name]
    for candidate in stored["candidates"]:
        for name in _OF_A_CANDIDATE:
            candidate.pop(name, None)
    for pair in stored["comparisons"]:
        del pair["p_value_holm"], pair["detectable"]
    verdict = stored["recommendation"]
    del verdict["baseline"], verdict["floor"], verdict["turns"], verdict["probabilities"], verdict["runner_up"]
    verdict["floor_line"] = "The nearest example scores the same."
    if not is_chosen:
        verdict["choice"] = None
    report = migrated(stored)
    assert len(judged(report)) == 3 and baselines(report) == []
    assert report.recommendation.caveats[0] == "The nearest example scores the same."
    assert not {"learning-curve", "failures", "own-clicks", "score-check", "labels", "rules"} & set(
        section_names(report)
    )
    page, text = render_html(report), render_markdown(report)
    for told in (report.recommendation.headline, *report.recommendation.caveats):
        assert told in page and escaped(told) in text
    assert "Probability of being" not in page + text


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"report"', b"{}", b'{"schema": 1}', b'{"schema": 2}', b'{"schema": 99}', b"\xff"],
)
def test_what_is_no_report_is_none(content: bytes) -> None:
    assert read_report(content) is None
