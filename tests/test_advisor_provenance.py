"""Every figure of a report says how it was computed, and the computation named gives the figure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from advisor.report.export import outcomes_csv
from advisor.report.figures import figures_of
from advisor.report.html import render_html
from advisor.report.markdown import render_markdown
from advisor.report.provenance import computed_of, how_computed
from eval.outcomes import Trial
from eval.task import Kind, Task

MakeReport = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("kind", Kind)
def test_no_figure_of_the_table_is_left_unexplained(synthetic_report: MakeReport, kind: Kind) -> None:
    report = synthetic_report(kind)
    assert [heading for heading, _ in figures_of(report) if not how_computed(report, heading)] == []


def test_what_was_asked_for_is_explained_and_nothing_else(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    assert not any("Wrong answers" in heading for heading, _ in computed_of(report))
    report["priorities"]["wrong_answer"] = 0.5
    assert how_computed(report, "Wrong answers among 1,000, their cost")


def test_the_formulas_give_the_figures_from_the_raw_file(
    synthetic_report: MakeReport, synthetic_trials: Callable[..., Sequence[Trial]], synthetic_task: Callable[..., Task]
) -> None:
    trials, examples = synthetic_trials(), synthetic_task().examples
    report = synthetic_report()
    rows = list(csv.DictReader(io.StringIO(outcomes_csv(trials, examples))))
    for candidate in report["candidates"]:
        own = [row for row in rows if row["strategy"] == candidate["name"]]
        seconds = [float(row["seconds"]) for row in own if row["seconds"]]
        assert fmean(float(row["score"]) for row in own) == pytest.approx(candidate["score"]["mean"])
        assert np.percentile(seconds, 95) == pytest.approx(candidate["latency_seconds"]["p95"])
        price = report["priorities"]["machine_per_hour"] / 3600
        assert 1000 * fmean(seconds) * price == pytest.approx(candidate["cost"]["per_1000"])
        assert candidate["fit_seconds"] * price == pytest.approx(candidate["cost"]["one_off"])
        assert fmean(float(row["tokens_in"]) for row in own) == pytest.approx(candidate["tokens_in_mean"])


def test_page_and_text_carry_it_too(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    for said in (render_html(report), render_markdown(report)):
        assert "How each figure is computed" in said and "column score of outcomes" in said
