"""The report as JSON, as Markdown and as CSV, from synthetic trials scored for real."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from advisor.candidates import judged
from advisor.migration import read_report
from advisor.plan import Priorities
from advisor.render.export import outcomes_csv
from advisor.render.html import render_html
from advisor.render.markdown import escaped, render_markdown
from advisor.report.build import under_priorities
from advisor.schema import REPORT, NotMeasured, Report
from advisor.sections.figures import baselines_of, figures_of
from advisor.sections.glossary import terms_of
from advisor.sections.opening import opening_of
from advisor.wording import score_text
from eval.outcomes import Outcome, Trial
from eval.task import Example, Kind, Split, Task
from tests.reports import candidate_of, changed, heads_of, section_of

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]

# The keys that others read. More may be added, none may go.
_KEYS = {
    "": "schema run_id created_at seed device model task candidates comparisons recommendation warnings",
    "task": "name kind metric train dev test documents",
    "candidate": "id strategy model status score latency_seconds requests_per_second tokens_in_mean tokens_out_mean "
    "fit_seconds cost settings effort",
    "score": "mean low high n",
    "latency_seconds": "p50 p95",
    "cost": "one_off per_1000 per_month currency",
    "comparison": "a b difference low high p_value",
    "recommendation": "choice confidence reasons caveats",
}


def holds(part: dict[str, Any], keys: str) -> bool:
    return set(_KEYS[keys].split()) <= part.keys()


@pytest.mark.parametrize("kind", Kind)
def test_a_report_has_every_key_and_is_strict_json(synthetic_report: MakeReport, kind: Kind) -> None:
    report = synthetic_report(kind)
    written = REPORT.write(report)
    assert read_report(written.encode()) == report and "NaN" not in written
    stored = json.loads(written)
    assert stored["schema"] == 2 and holds(stored, "")
    assert holds(stored["task"], "task") and holds(stored["recommendation"], "recommendation")
    for candidate in stored["candidates"]:
        assert holds(candidate, "candidate")
        assert all(holds(candidate[part], part) for part in ("score", "latency_seconds", "cost"))
    assert all(holds(comparison, "comparison") for comparison in stored["comparisons"])
    assert [candidate.id for candidate in report.candidates] == ["prompting", "retrieval", "finetuning"]
    for candidate in judged(report):
        assert candidate.score.low < candidate.score.mean < candidate.score.high
    assert [(c.a, c.b) for c in report.comparisons] == [
        ("prompting", "retrieval"),
        ("prompting", "finetuning"),
        ("retrieval", "finetuning"),
    ]
    for comparison in report.comparisons:
        assert comparison.p_value_holm is not None and comparison.p_value <= comparison.p_value_holm
    assert report.recommendation.choice == "finetuning"


def test_rows_are_those_that_were_used(synthetic_report: MakeReport) -> None:
    task = synthetic_report(Kind.CLASSIFICATION, n=80).task
    assert (task.rows, task.train, task.dev, task.test) == (240, 120, 40, 80)


def test_what_was_not_measured_is_null(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    prompting, _, finetuning = synthetic_trials()
    untimed = replace(
        prompting,
        fit_seconds=None,
        outcomes=tuple(replace(outcome, seconds=None) for outcome in prompting.outcomes),
        choices=({"rate": 0.1, "loss": float("nan")},),
    )
    failed = Trial("retrieval", "failed", reason="The index could not be read.", fit_seconds=3.0)
    report = synthetic_report(trials=[untimed, failed, finetuning])
    first, second = candidate_of(report, "prompting"), report.candidates[1]
    assert first.latency_seconds is None
    assert (first.cost.one_off, first.cost.per_1000, first.cost.per_month) == (None, None, None)
    assert second == NotMeasured("retrieval", "retrieval", report.model, "failed", "The index could not be read.")
    assert json.loads(REPORT.write(report))["candidates"][0]["choices"][0]["loss"] is None
    assert len(report.comparisons) == 1


def test_a_hit_rate_counts_only_rows_with_a_known_document(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    prompting, retrieval, _ = synthetic_trials()
    found = [True, True, True, False, *([None] * 76)]
    outcomes = tuple(replace(o, found_gold=f) for o, f in zip(retrieval.outcomes, found, strict=True))
    report = synthetic_report(trials=[prompting, replace(retrieval, outcomes=outcomes)])
    assert [candidate_of(report, name).hit_rate for name in ("prompting", "retrieval")] == [None, 0.75]


def test_no_words_of_a_report_are_markdown() -> None:
    """Between two $, many programs would write mathematics."""
    words = "$1 or $2, [a](b), <b>, **c**, `d`, #1, x_y_z | ~~e~~ &amp;"
    shown = escaped(words)
    assert shown.replace("\\", "") == words
    assert not re.search(r"(?<!\\)[$\[\]<>*`#_|~&]", shown)
    assert escaped("a\x1b]0;b\x07\x9b2J\x00") == r"a\]0;b2J"


def test_markdown_tells_all_of_the_report(synthetic_report: MakeReport) -> None:
    report = synthetic_report(n=12)
    text = render_markdown(report)
    assert text.startswith(f"# {report.recommendation.headline}\n")
    verdict = report.recommendation
    for sentences in (verdict.reasons, verdict.changes, verdict.caveats):
        assert sentences and all(escaped(sentence) in text for sentence in sentences)
    assert "\n|  | Adapter fine-tuning | Retrieval | Prompting |\n" in text
    for heading, cells in figures_of(report):
        assert f"\n| {heading} | {' | '.join(map(escaped, cells))} |\n" in text
    assert "2 rows appear twice." in text


def test_markdown_shows_foreign_text_as_it_stands(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    failed = Trial("retrieval", "failed", reason="Bad | cell\n<script>alert(1)</script> `x`")
    report = synthetic_report(trials=[synthetic_trials()[0], failed], model="my_model*")
    text = render_markdown(report)
    assert "Bad \\| cell \\<script\\>alert(1)\\</script\\> \\`x\\`" in text and "<script>" not in text
    assert "my\\_model\\*" in text


def test_a_report_without_a_choice_can_be_read(synthetic_report: MakeReport) -> None:
    report = synthetic_report(trials=[Trial("prompting", "failed", reason="It ran out of memory.")])
    assert report.recommendation.choice is None and report.comparisons == ()
    assert "It ran out of memory" in render_markdown(report)


def test_baselines_are_told(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    fitted = replace(synthetic_trials()[2], strategy="tfidf_linear")
    broken = Trial("embedding_linear", "failed", reason="It ran out of memory.")
    report = synthetic_report(baselines=[fitted, broken])
    score = judged(report)[0].score.mean
    assert baselines_of(report) == f"Baselines: word classifier {score_text(score)}."
    assert "It ran out of memory" in str(section_of(report, "not-measured").blocks)
    for text in (render_markdown(report), render_html(report)):
        assert "linear classifier" in text and "Baselines: word classifier" in text


def test_figures_are_those_of_the_baseline_that_the_headline_prefers(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    prompting, _, finetuning = synthetic_trials()
    report = synthetic_report(trials=[prompting], baselines=[replace(finetuning, strategy="tfidf_linear")])
    best, own = candidate_of(report, "prompting").score.mean, finetuning
    assert report.recommendation.level_baseline == "tfidf_linear" and own.outcomes
    opening, table = opening_of(report), dict(figures_of(report))
    assert opening.shown == "tfidf_linear" and opening.figures[0].value == ".96"
    assert f"Prompting: {score_text(best)}" in opening.figures[0].under
    assert table["Score"] == [score_text(best), ".96"]
    assert heads_of(section_of(report, "figures")) == ["Prompting", "Word classifier"]
    assert "Baseline" in dict(terms_of(report)) and "Word classifier" in dict(terms_of(report))


def test_markdown_shows_some_answers_cut_and_escaped(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials, synthetic_task: Callable[..., Task]
) -> None:
    trials, rows = synthetic_trials(n=12), synthetic_task(n=12).examples
    long = [replace(row, input=f"<b>| {'long ' * 60}") for row in rows]
    text = render_markdown(synthetic_report(n=12), trials=trials, examples=long)
    answers = text.split("## Answers side by side")[1]
    assert answers.count("\n| \\<b\\>\\| long") == 10 and "10 of 12 test rows" in answers
    assert "…" in answers and max(map(len, answers.splitlines())) < 500
    assert "Answers side by side" not in render_markdown(synthetic_report(n=12))


def test_a_report_of_an_earlier_version_has_no_probabilities(synthetic_report: MakeReport) -> None:
    report = changed(synthetic_report(), recommendation={"probabilities": {}, "baseline": None})
    assert "Probability of being" not in render_markdown(report) and "Confidence:" not in render_markdown(report)
    assert "<h1>" in render_html(report)
    assert "Probability of being within 2 points of the best" in render_markdown(synthetic_report())


def test_outcomes_are_a_row_for_each_example_and_strategy(
    synthetic_trials: MakeTrials, synthetic_task: Callable[..., Task]
) -> None:
    written = outcomes_csv(synthetic_trials(Kind.EXTRACTION, 20), synthetic_task(Kind.EXTRACTION, 20).examples)
    header, *_ = written.splitlines()
    assert header == (
        "example,strategy,input,expected,answer,score,exact,valid,seconds,undisturbed_seconds,processor_seconds,tokens_in,tokens_out,sources,found_gold,group,"
        "error,cut_off"
    )
    rows = list(csv.DictReader(io.StringIO(written, newline="")))
    assert len(rows) == 60
    right = [row for row in rows if row["answer"] == row["expected"]]
    assert right and all(float(row["score"]) == 1 for row in right)
    assert {row["sources"] for row in rows if row["strategy"] == "retrieval"} == {"row-0; row-1"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", '=HYPERLINK("x")'])
def test_a_cell_that_a_spreadsheet_would_run_is_made_inert(text: str) -> None:
    outcome = Outcome("=id", "prompting", text, 0.0, {}, 1, 1, sources=(text,), error=text)
    written = outcomes_csv([Trial("prompting", "done", outcomes=(outcome,))], [Example("=id", text, text)])
    (row,) = csv.DictReader(io.StringIO(written, newline=""))
    for column in ("input", "expected", "answer", "sources", "error"):
        assert row[column] == f"'{text}"
    assert row["example"] == "'=id"
    assert (row["score"], row["seconds"], row["tokens_in"]) == ("0.0", "", "1")


def test_no_name_of_a_secondary_score_is_a_formula() -> None:
    outcome = Outcome("1", "prompting", "a", 0.0, {"=1+1": 1.0}, 1, 1)
    written = outcomes_csv([Trial("prompting", "done", outcomes=(outcome,))], [Example("1", "b;=1", "c")])
    assert "score,'=1+1,seconds" in written and "b;'=1" in written


def test_every_right_answer_stands_in_the_exported_outcomes() -> None:
    outcome = Outcome("1", "prompting", "M. Voss", 1.0, {}, 0, 0)
    row = Example("1", "Who?", "Mira Voss", also_right=("M. Voss",))
    written = outcomes_csv([Trial("prompting", "done", outcomes=(outcome,))], [row])
    assert next(csv.DictReader(io.StringIO(written)))["expected"] == "Mira Voss || M. Voss"


@pytest.mark.parametrize("kind", list(Kind))
def test_other_priorities_give_what_a_run_under_them_would_have_given(
    kind: Kind,
    synthetic_report: MakeReport,
    synthetic_trials: MakeTrials,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
) -> None:
    dear = Priorities(monthly_volume=500, margin=0.3, machine_per_hour=2.0, max_seconds=0.7)
    hosted = Priorities(hosted="a model", read_per_million=30.0, written_per_million=900.0, tuned_factor=2.0)
    trials, split = synthetic_trials(kind), synthetic_split(synthetic_task(kind))
    baselines = [replace(trials[0], strategy="nearest_example")]
    report = synthetic_report(kind, baselines=baselines)
    for other in (dear, hosted):
        changed = under_priorities(report, other, trials, baselines, split)
        assert changed == synthetic_report(kind, baselines=baselines, priorities=other)
        assert changed.recommendation != report.recommendation


def test_the_default_price_of_a_machine_is_doubted_on_a_gpu(synthetic_report: MakeReport) -> None:
    def doubts(device: str, priorities: Priorities) -> list[str]:
        caveats = synthetic_report(device=device, priorities=priorities).recommendation.caveats
        return [one for one in caveats if "too low for a GPU" in one]

    assert len(doubts("NVIDIA H200", Priorities())) == 1
    assert doubts("NVIDIA H200", Priorities(machine_per_hour=3.0)) == doubts("CPU, 2 threads", Priorities()) == []
