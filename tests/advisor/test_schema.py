"""The published schema of a report is that of its types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest

from advisor.plan import Priorities
from advisor.schema import JUDGEMENT, REPORT, Candidate, Report, json_schema
from eval.task import Kind
from tests.app import ROOT

MakeReport = Callable[..., Report]


def test_the_published_schema_is_current() -> None:
    published = (ROOT / "docs" / "report.schema.json").read_text("utf-8")
    assert published == json_schema() + "\n", "run: make schema"


@pytest.mark.parametrize("kind", Kind)
def test_a_report_is_read_as_it_was_written(synthetic_report: MakeReport, kind: Kind) -> None:
    report = synthetic_report(kind, priorities=Priorities(max_seconds=0.001, wrong_answer=2.0))
    assert REPORT.read(REPORT.write(report)) == report
    judged = JUDGEMENT.read(JUDGEMENT.write(report))
    assert judged.candidates == report.candidates


def test_half_a_surrogate_pair_is_kept(synthetic_report: MakeReport) -> None:
    report = synthetic_report(warnings=["\ud83d stands in row 7"])
    assert REPORT.read(REPORT.write(report)) == report


def test_every_field_of_a_candidate_is_published() -> None:
    names = {field.name for field in fields(Candidate)}
    published = REPORT.schema()["$defs"]["Candidate"]["properties"]
    assert set(published) == names
