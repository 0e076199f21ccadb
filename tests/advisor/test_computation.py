"""Every figure of a report says how it was computed, and the computation named gives the figure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest

from advisor.candidates import judged
from advisor.render.export import outcomes_csv
from advisor.render.html import render_html
from advisor.render.markdown import escaped, render_markdown
from advisor.schema import Report
from advisor.sections.blocks import Bullets, Chart, Section, Table, Text
from advisor.sections.contents import sections_of
from advisor.sections.figures import figures_of, how_computed
from eval.measuring.robustness import VARIANTS
from eval.outcomes import TRAINED_ON, Knowledge, Trial
from eval.task import Kind, Task
from tests.reports import EVERY, changed, section_names, section_of

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]
# The table says how each row was computed; the others' numbers are rules, terms and rows of the data, not results.
EXPLAINS_ITSELF = ("figures", "rules", "glossary", "data")


@pytest.mark.parametrize("kind", Kind)
def test_no_figure_of_the_table_is_left_unexplained(synthetic_report: MakeReport, kind: Kind) -> None:
    report = synthetic_report(kind)
    assert [heading for heading, _ in figures_of(report) if not how_computed(report).get(heading)] == []


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


def words_of(section: Section) -> list[str]:
    found = [section.summary]
    for block in section.blocks:
        match block:
            case Text(text) | Chart(text):
                found.append(text)
            case Bullets(sentences, further):
                found += [*sentences, *further]
            case Table(_, rows):
                found += [cell.text for row in rows for cell in row.cells]
    return found


def test_every_section_with_a_number_says_how_it_was_computed(whole_report: Report) -> None:
    found, page, text = sections_of(whole_report), render_html(whole_report), render_markdown(whole_report)
    assert {"robustness", "side-effects", "learning-curve", "not-measured", "method"} <= {one.id for one in found}
    for section in found:
        has_numbers = re.search(r"\d", " ".join(words_of(section)).replace("95 %", ""))
        if has_numbers and section.id not in EXPLAINS_ITSELF:
            assert section.how, f"{section.title} has numbers and does not say where they come from"
        assert section.how is None or escaped(section.how) in text
    told = [section for section in found if section.how and section.place != "beside the chart"]
    assert page.count("How we computed this") == len(told)


@pytest.mark.parametrize(
    ("name", "rows", "file"),
    [
        ("robustness", "up to 40", "probes.jsonl"),
        ("side-effects", "40 training rows", "probes.jsonl"),
        ("side-effects", "3 texts", "trial.json"),
        ("learning-curve", "200 test rows", "curves/"),
        ("failures", "Each wrong answer", "outcomes.csv"),
        ("method", "before the run", "estimate.json"),
    ],
)
def test_a_computation_names_the_rows_and_the_raw_file(whole_report: Report, name: str, rows: str, file: str) -> None:
    how = section_of(whole_report, name).how or ""
    assert rows in how and file in how


def test_a_report_without_probes_or_curves_says_nothing_of_them(synthetic_report: MakeReport) -> None:
    assert not {"robustness", "side-effects", "learning-curve"} & set(section_names(synthetic_report()))


def test_the_rows_that_would_tell_are_explained_where_they_are_told(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    prompting, alike = synthetic_trials()[0], synthetic_trials(seed=1)[0]
    settled, open_yet = synthetic_report(), synthetic_report(trials=[prompting, replace(alike, strategy="retrieval")])
    how = [section_of(report, "differences").how or "" for report in (settled, open_yet)]
    assert settled.recommendation.rows_needed is None and "Test rows needed" not in how[0]
    assert open_yet.recommendation.rows_needed is not None and "2 points" in how[1].split("Test rows needed")[1]
    assert "Differences between strategies" in (section_of(open_yet, "changes").how or "")


def test_why_a_strategy_has_no_result_is_told_once(synthetic_report: MakeReport) -> None:
    failed = [Trial(name, "failed", f"It ran out of {size} GB.") for name, size in (("prompting", 4), ("retrieval", 9))]
    report = synthetic_report(trials=failed)
    for written in (render_markdown(report), render_html(report)):
        assert written.count("It ran out of 4 GB") == written.count("It ran out of 9 GB") == 1


def test_what_was_asked_for_is_explained_and_nothing_else(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    assert not [heading for heading in how_computed(report) if "wrong answers" in heading]
    dear = changed(report, priorities={"wrong_answer": 0.5})
    assert how_computed(dear)["Cost of wrong answers per 1,000 requests"]


def test_the_formulas_give_the_figures_from_the_raw_file(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials, synthetic_task: Callable[..., Task]
) -> None:
    trials, examples = synthetic_trials(), synthetic_task().examples
    report = synthetic_report()
    rows = list(csv.DictReader(io.StringIO(outcomes_csv(trials, examples))))
    for candidate in judged(report):
        own = [row for row in rows if row["strategy"] == candidate.id]
        seconds = [float(row["seconds"]) for row in own if row["seconds"]]
        assert fmean(float(row["score"]) for row in own) == pytest.approx(candidate.score.mean)
        assert candidate.latency_seconds is not None and candidate.fit_seconds is not None
        assert np.percentile(seconds, 95) == pytest.approx(candidate.latency_seconds.p95)
        price = report.priorities.machine_per_hour / 3600
        assert 1000 * fmean(seconds) * price == pytest.approx(candidate.cost.per_1000)
        assert candidate.fit_seconds * price == pytest.approx(candidate.cost.one_off)
        assert fmean(float(row["tokens_in"]) for row in own) == pytest.approx(candidate.tokens_in_mean)
