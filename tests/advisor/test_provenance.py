"""Every figure of a report says how it was computed, and the computation named gives the figure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import unescape
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from advisor.sections.provenance import computed_of, how_computed

from advisor.render.export import outcomes_csv
from advisor.render.html import render_html
from advisor.render.markdown import escaped, render_markdown
from advisor.schema import Report
from advisor.sections.figures import READING, figures_of
from advisor.sections.robustness import LESS_TIDY
from advisor.sections.side_effects import SIDE_EFFECTS
from eval.outcomes import TRAINED_ON, Knowledge, Trial
from eval.task import Kind, Task
from eval.variants import VARIANTS
from tests.reports import EVERY, changed

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., Sequence[Trial]]
EXPLAINS_ITSELF = ("All figures", READING, "How each figure is computed")  # row by row, or it is what explains


@pytest.mark.parametrize("kind", Kind)
def test_no_figure_of_the_table_is_left_unexplained(synthetic_report: MakeReport, kind: Kind) -> None:
    report = synthetic_report(kind)
    assert [heading for heading, _ in figures_of(report) if not how_computed(report, heading)] == []


@pytest.fixture
def whole_report(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> Report:
    """A report in which everything was measured, and one strategy failed."""
    prompting, retrieval, finetuning = synthetic_trials(n=200)
    some = prompting.outcomes[:40]
    knowledge = (Knowledge((3.0, 3.2, 3.1), (1.0, 1.0, 0.0)), Knowledge((3.4, 3.5, 3.6), (1.0, 0.0, 0.0)))
    trained = replace(
        finetuning,
        knowledge=knowledge,
        probes={TRAINED_ON: some, **dict.fromkeys(VARIANTS, some)},
        rows_learned=300,
    )
    spoilt = replace(retrieval, outcomes=tuple(replace(one, score=0.0) for one in retrieval.outcomes))
    report = synthetic_report(
        n=200,
        preset="standard",
        trials=(prompting, retrieval, trained, Trial("retrieval_finetuning", "failed", "It ran out of 4 GB.")),
        baselines=[
            replace(prompting, strategy="nearest_example"),
            Trial("word_classifier", "failed", "It has one label only."),
        ],
        fewer={"retrieval": {75: spoilt, 150: spoilt}, "finetuning": {75: spoilt, 150: replace(retrieval)}},
    )
    return changed(report, candidates={EVERY: {"seconds": 40.0, "estimated_seconds": 60.0}})


def test_every_section_with_a_number_says_how_it_was_computed(whole_report: dict[str, Any]) -> None:
    """On the page its sections are those of the HTML."""
    written, page = render_markdown(whole_report), unescape(render_html(whole_report))
    sections = dict(section.split("\n", 1) for section in written.split("\n## ")[1:])
    in_html = dict(re.findall(r"<h2[^>]*>([^<]+)</h2>(.*?)(?=<h2|</main>)", page, re.DOTALL))
    assert {LESS_TIDY, SIDE_EFFECTS, "Not measured", "About the data"} <= sections.keys() & in_html.keys()
    for title, said in [*sections.items(), *in_html.items()]:
        if re.search(r"\d", re.sub(r"<[^>]+>|95 %", "", said)) and title not in EXPLAINS_ITSELF:
            assert how_computed(whole_report, title), f"{title} has numbers and does not say where they come from"
    for title, how in computed_of(whole_report):
        assert f"{escaped(title)}: {escaped(how)}" in written
        assert title not in in_html or f'title="{how}">{title}</h2>' in page


def test_an_entry_names_the_rows_and_the_raw_file(whole_report: dict[str, Any]) -> None:
    for title, rows, file in (
        (LESS_TIDY, "up to 40", "probes.jsonl"),
        (SIDE_EFFECTS, "40 rows trained on", "probes.jsonl"),
        (SIDE_EFFECTS, "3 texts", "trial.json"),
        ("Would more data help?", "200 test rows", "curves/"),
        ("Where answers go wrong", "200 test rows", "outcomes.csv"),
        ("Without a language model", "200 test rows", "outcomes.csv"),
        ("How it was measured", "before the run", "estimate.json"),
    ):
        how = how_computed(whole_report, title) or ""
        assert rows in how and file in how, (title, how)


def test_a_report_without_probes_or_curves_says_nothing_of_them(synthetic_report: MakeReport) -> None:
    told = dict(computed_of(synthetic_report()))
    assert not {LESS_TIDY, SIDE_EFFECTS, "Would more data help?", "Not measured", "Without a language model"} & set(
        told
    )


def test_the_rows_that_would_tell_are_explained_where_they_are_told(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    prompting, alike = synthetic_trials()[0], synthetic_trials(seed=1)[0]
    settled, open_yet = synthetic_report(), synthetic_report(trials=[prompting, replace(alike, strategy="retrieval")])
    assert not settled.recommendation.rows_needed and "Test rows needed" not in str(computed_of(settled))
    assert open_yet.recommendation.rows_needed
    told = dict(computed_of(open_yet))
    assert "2 points" in told["Test rows needed"] and "“Test rows needed”" in told["What would change this"]


def test_why_a_strategy_has_no_result_is_told_once(synthetic_report: MakeReport) -> None:
    failed = [Trial(name, "failed", f"It ran out of {size} GB.") for name, size in (("prompting", 4), ("retrieval", 9))]
    report = synthetic_report(trials=failed)
    for written in (render_markdown(report), render_html(report)):
        assert written.count("It ran out of 4 GB") == written.count("It ran out of 9 GB") == 1


def test_what_was_asked_for_is_explained_and_nothing_else(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    assert not any("Wrong answers" in heading for heading, _ in computed_of(report))
    report = changed(report, priorities={"wrong_answer": 0.5})
    assert how_computed(report, "Cost of the wrong among 1,000 answers")


def test_the_formulas_give_the_figures_from_the_raw_file(
    synthetic_report: MakeReport, synthetic_trials: Callable[..., Sequence[Trial]], synthetic_task: Callable[..., Task]
) -> None:
    trials, examples = synthetic_trials(), synthetic_task().examples
    report = synthetic_report()
    rows = list(csv.DictReader(io.StringIO(outcomes_csv(trials, examples))))
    for candidate in report.candidates:
        own = [row for row in rows if row["strategy"] == candidate.id]
        seconds = [float(row["seconds"]) for row in own if row["seconds"]]
        assert fmean(float(row["score"]) for row in own) == pytest.approx(candidate.score.mean)
        assert np.percentile(seconds, 95) == pytest.approx(candidate.latency_seconds.p95)
        price = report.priorities.machine_per_hour / 3600
        assert 1000 * fmean(seconds) * price == pytest.approx(candidate.cost.per_1000)
        assert candidate.fit_seconds * price == pytest.approx(candidate.cost.one_off)
        assert fmean(float(row["tokens_in"]) for row in own) == pytest.approx(candidate.tokens_in_mean)


def test_page_and_text_carry_it_too(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    for said in (render_html(report), render_markdown(report)):
        assert "How each figure is computed" in said and "column score of outcomes" in said
