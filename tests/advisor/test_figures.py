from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape

from advisor.candidates import judged
from advisor.plan import Priorities
from advisor.render.html import render_html
from advisor.render.markdown import escaped, render_markdown
from advisor.schema import Comparison, Report
from advisor.sections.figures import differences_of, figures_of, reading_of, subject_of
from advisor.wording import RANGE_MEANING
from eval.outcomes import Trial
from eval.task import Kind
from tests.reports import changed

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]


def test_every_judged_strategy_has_a_cell_in_every_row(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    shown = judged(report)
    figures = dict(figures_of(report))
    assert all(len(cells) == len(shown) == 3 for cells in figures.values())
    assert "not measured" not in str(figures)
    assert figures["Peak memory"] == ["1.2 GB"] * 3
    assert figures["Getting ready"][0] == "about 7 minutes"


def test_what_a_verdict_speaks_of_is_explained_under_it_in_every_form(synthetic_report: MakeReport) -> None:
    report = synthetic_report(Kind.ANSWERING, priorities=Priorities(hosted="a model", read_per_million=1.0))
    words = dict(reading_of(report))
    strategies = ["Fine-tuning", "Retrieval", "Prompting"]
    assert list(words) == [
        "Strategy",
        *strategies,
        "Facts",
        "Distorted",
        "Invented",
        "A point",
        "Test rows",
        "95 % range",
        "Cost",
    ]
    assert words["95 % range"] == RANGE_MEANING
    assert words["Cost"] == (
        "Machine time to get ready, $0.10 an hour; answers by the token, as those of a model. The work of people is "
        "not counted."
    )
    page, text = render_html(report), render_markdown(report)
    assert all(f"<dt>{word}</dt><dd>{meaning}</dd>" in page for word, meaning in words.items())
    assert all(escaped(f"{word}: {meaning}") in text for word, meaning in words.items())
    assert subject_of(report) in page and escaped(subject_of(report)) in text
    assert reading_of(replace(report, candidates=())) == []


def test_two_that_score_the_same_are_level(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    trials = [replace(trial, outcomes=synthetic_trials()[0].outcomes) for trial in synthetic_trials()[:2]]
    assert differences_of(synthetic_report(trials=trials)).of_choice == [
        "Prompting is level with retrieval (between 2 points behind and 2 points ahead) on 80 rows that both answered. "
        "p = 1.000."
    ]


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
        "Getting ready",
        "Peak memory",
    ]
    priced = dict(figures_of(synthetic_report(trials=(bare,))))
    assert priced["Cost per 1,000 answers"] == priced["Cost of getting ready, once"] == ["unknown"]


def test_the_pairs_of_the_strategy_taken_come_first(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    assert report.recommendation.choice == "finetuning"
    said = differences_of(report)
    assert ["ine-tuning" in sentence for sentence in said.of_choice] == [True, True]
    assert ["ine-tuning" in sentence for sentence in said.others] == [False]
    folded = f'<summary class="quiet">Other pairs</summary><ul><li>{escape(said.others[0])}</li></ul>'
    assert folded in render_html(report)


def test_a_difference_names_the_better_one_first_with_its_range(synthetic_report: MakeReport) -> None:
    worse = Comparison("prompting", "finetuning", -0.28, -0.38, -0.18, 0.00002, 80)
    close = Comparison("retrieval", "prompting", 0.04, -0.02, 0.1, 0.21, 80)
    report = changed(synthetic_report(), recommendation={"choice": None})
    assert differences_of(replace(report, comparisons=(worse, close))).of_choice == [
        "Fine-tuning is 28 points ahead of prompting (18 to 38 ahead) on 80 rows that both answered. p < .001.",
        "Retrieval is 4 points ahead of prompting (between 2 behind and 10 ahead) on 80 rows that both answered. "
        "p = .210.",
    ]
