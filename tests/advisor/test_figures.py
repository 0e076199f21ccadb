"""The table of all figures, the terms that explain them, and the differences between strategies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from advisor.candidates import judged
from advisor.plan import Priorities
from advisor.schema import Comparison, Report
from advisor.sections.blocks import Bullets
from advisor.sections.differences import differences_of
from advisor.sections.figures import P95, figures_of
from advisor.sections.glossary import terms_of
from advisor.wording import RANGE_MEANING
from eval.outcomes import Trial
from eval.task import Kind
from tests.reports import changed, section_names, section_of

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]


def test_every_judged_strategy_has_a_cell_in_every_row(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    shown = judged(report)
    figures = dict(figures_of(report))
    assert all(len(cells) == len(shown) == 3 for cells in figures.values())
    assert "not measured" not in str(figures)
    assert figures["Peak memory"] == ["1.2 GB"] * 3
    assert figures["Setup time"][0] == "400 s"


def test_what_a_verdict_speaks_of_is_explained(synthetic_report: MakeReport) -> None:
    report = synthetic_report(Kind.ANSWERING, priorities=Priorities(hosted="a model", read_per_million=1.0))
    words = dict(terms_of(report))
    strategies = ["Adapter fine-tuning", "Retrieval", "Prompting"]
    facts, rows = ["Facts", "Distorted", "Invented"], ["Training rows", "Dev rows", "Test rows"]
    assert list(words) == ["Strategy", *strategies, *facts, "Point", *rows, "95 % CI", P95, "Cost"]
    assert words["95 % CI"] == RANGE_MEANING
    assert "$0.10 an hour" in words["Cost"] and "by the token, like a model" in words["Cost"]
    assert section_of(report, "glossary").summary == "14 terms."
    assert "glossary" not in section_names(replace(report, candidates=()))


def test_two_that_score_the_same_are_level(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    trials = [replace(trial, outcomes=synthetic_trials()[0].outcomes) for trial in synthetic_trials()[:2]]
    report = synthetic_report(trials=trials)
    assert differences_of(report).of_choice == [
        "Prompting and retrieval score the same (95 % CI −2 to 2, p = 1.00, 80 rows)."
    ]
    assert section_of(report, "differences").summary == "The difference may be chance."


def test_what_was_not_measured_is_said_to_be_so(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    trial = synthetic_trials()[0]
    bare = replace(
        trial,
        fit_seconds=None,
        requests_per_second=None,
        peak_memory_bytes=None,
        outcomes=tuple(replace(outcome, seconds=None) for outcome in trial.outcomes),
    )
    unknown = [heading for heading, cells in figures_of(synthetic_report(trials=(bare,))) if cells == ["not measured"]]
    assert unknown == [
        "Median latency",
        "95th percentile latency",
        "Throughput (answers per second)",
        "Setup time",
        "Peak memory",
    ]
    priced = dict(figures_of(synthetic_report(trials=(bare,))))
    assert priced["Cost per 1,000 requests"] == priced["Setup cost"] == ["unknown"]


def test_the_pairs_of_the_strategy_taken_come_first(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    assert report.recommendation.choice == "finetuning"
    said, section = differences_of(report), section_of(report, "differences")
    assert ["ine-tuning" in sentence for sentence in said.of_choice] == [True, True]
    assert ["ine-tuning" in sentence for sentence in said.others] == [False]
    assert section.blocks[0] == Bullets(tuple(said.of_choice), tuple(said.others), "Other pairs")
    assert section.summary == "All 3 differences are more than chance."


def test_a_difference_names_the_better_one_first_with_its_interval(synthetic_report: MakeReport) -> None:
    worse = Comparison("prompting", "finetuning", -0.28, -0.38, -0.18, 0.00002, 80)
    close = Comparison("retrieval", "prompting", 0.04, -0.02, 0.1, 0.21, 80)
    report = changed(synthetic_report(), recommendation={"choice": None})
    assert differences_of(replace(report, comparisons=(worse, close))).of_choice == [
        "Adapter fine-tuning is 28 points ahead of prompting (95 % CI 18 to 38, p < .001, 80 rows).",
        "Retrieval is 4 points ahead of prompting (95 % CI −2 to 10, p = .21, 80 rows).",
    ]
