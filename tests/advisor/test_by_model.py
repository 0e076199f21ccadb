"""Reports on several models: what they say of each model, and that twelve candidates fit everywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from altair import LayerChart

from advisor.advice.agreement import hold_against
from advisor.charts.ends import in_lines
from advisor.charts.score import cost_chart, frontier_sentence, score_chart
from advisor.command_line.terminal import Screen, print_report
from advisor.palette import LIGHT
from advisor.plan import Priorities
from advisor.render.export import outcomes_csv
from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.report.build import under_priorities
from advisor.report.compared import FinishedRun, compare_runs, differences, strategies_of
from advisor.schema import REPORT, ByModel, OfModel, Report
from advisor.sections.contents import sections_of
from advisor.sections.run_comparison import blocks_of
from advisor.wording import score_text
from eval.outcomes import Trial
from eval.task import Kind, Split, Task
from tests.reports import section_of, sentences_of

MODELS = {
    "SmolLM2-135M-Instruct": 0.135e9,
    "HuggingFaceTB/SmolLM2-360M-Instruct": 0.362e9,
    "Qwen/Qwen3-0.6B": 0.6e9,
    "Qwen/Qwen2.5-1.5B-Instruct": 1.54e9,
}
Trials = Callable[..., tuple[Trial, ...]]
ROWS = 40


def with_models(make: Trials, count: int) -> tuple[list[Trial], dict[str, str]]:
    """Three strategies with each of so many models, and the model of each. Each model is slower than the one before,
    and every other one is no better."""
    trials, models = [], {}
    for at, model in enumerate(list(MODELS)[:count]):
        for trial in make(Kind.CLASSIFICATION, ROWS, at // 2):
            name = f"{trial.strategy}@{model.rpartition('/')[2]}"
            slower = [replace(one, strategy=name, seconds=(one.seconds or 0) * (1 + at)) for one in trial.outcomes]
            trials.append(replace(trial, strategy=name, outcomes=tuple(slower)))
            models[name] = model
    return trials, models


@pytest.fixture
def report_on(synthetic_report: Callable[..., Report], synthetic_trials: Trials) -> Callable[..., Report]:
    def make(count: int, **overrides: Any) -> Report:
        trials, models = with_models(synthetic_trials, count)
        return synthetic_report(**{"n": ROWS, "trials": trials, "models": models, "sizes": MODELS, **overrides})

    return make


def test_a_report_on_one_model_says_nothing_of_models(synthetic_report: Callable[..., Report]) -> None:
    report = synthetic_report()
    assert report.by_model is None and "models" not in [section.id for section in sections_of(report)]


def test_the_verdict_by_model_is_that_of_each_model_alone(
    report_on: Callable[..., Report], synthetic_report: Callable[..., Report], synthetic_trials: Trials
) -> None:
    report = report_on(2)
    assert report.by_model is not None
    for one in report.by_model.of_each:
        alone = synthetic_report(n=ROWS, trials=synthetic_trials(Kind.CLASSIFICATION, ROWS)).recommendation
        assert one.choice == f"{alone.choice}@{one.name}" and one.confidence == alone.confidence
    said = sentences_of(section_of(report, "models"))
    assert said[0] == (
        "The verdict holds with the larger model: with SmolLM2-360M-Instruct we would also choose adapter fine-tuning."
    )
    (other,) = [one for one in said if one.startswith("With SmolLM2-360M-Instruct alone")]
    assert "That is the same score as adapter fine-tuning with SmolLM2-135M-Instruct (95 % CI " in other


@pytest.mark.parametrize(
    ("choice", "sizes", "largest", "said"),
    [
        ("prompting", MODELS, "SmolLM2-360M-Instruct", "The verdict doesn't hold with the larger model"),
        ("prompting", {"SmolLM2-135M-Instruct": 1e8}, None, "Which strategy we would choose depends on the model."),
        (None, MODELS, "SmolLM2-360M-Instruct", "Not every model has a strategy that could be chosen."),
    ],
)
def test_a_larger_model_is_only_spoken_of_where_it_is_known_and_has_a_choice(
    report_on: Callable[..., Report], choice: str | None, sizes: dict[str, float], largest: str | None, said: str
) -> None:
    report = report_on(2)
    assert report.by_model is not None
    first, second = (replace(one, parameters=sizes.get(one.model)) for one in report.by_model.of_each)
    second = replace(second, choice=choice and f"{choice}@{second.name}")
    report = replace(report, by_model=ByModel((first, second)))
    assert report.by_model is not None
    assert (report.by_model.largest and report.by_model.largest.name) == largest
    assert section_of(report, "models").summary.startswith(said)


def test_nothing_is_said_of_a_larger_model_with_other_strategies(
    report_on: Callable[..., Report], synthetic_trials: Trials
) -> None:
    trials, _ = with_models(synthetic_trials, 2)
    names = ("finetuning@SmolLM2-135M-Instruct", "prompting@SmolLM2-360M-Instruct")
    kept = [one for one in trials if one.strategy in names]
    section = section_of(report_on(2, trials=kept), "models")
    assert section.full_heading == "The verdict by model: 2 models, measured with different strategies"
    said = sentences_of(section)
    assert said[:3] == [
        "We don't know whether the verdict holds with the larger model: adapter fine-tuning wasn't measured with "
        "SmolLM2-360M-Instruct.",
        "Not every model was measured with the same strategies, so strategy and model can't be told apart.",
        f"With SmolLM2-135M-Instruct, we measured only adapter fine-tuning, which scores {_score(kept[0])}.",
    ]
    assert said[3].startswith("With SmolLM2-360M-Instruct, we measured only prompting") and "less than" in said[3]


def test_one_strategy_with_every_model_compares_models(
    report_on: Callable[..., Report], synthetic_trials: Trials
) -> None:
    trials, _ = with_models(synthetic_trials, 2)
    kept = [one for one in trials if one.strategy.startswith("prompting@")]
    section = section_of(report_on(2, trials=kept), "models")
    assert section.full_heading == "The verdict by model: only prompting, with each of 2 models"
    assert any("measured with prompting alone, so this run compares models" in one for one in sentences_of(section))


def test_a_run_with_one_model_is_compared_with_one_of_several_by_strategy_and_model(
    report_on: Callable[..., Report],
    synthetic_report: Callable[..., Report],
    synthetic_trials: Trials,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
) -> None:
    test = synthetic_split(synthetic_task(Kind.CLASSIFICATION, ROWS)).test
    one = FinishedRun.of("one", synthetic_report(n=ROWS), test, synthetic_trials(Kind.CLASSIFICATION, ROWS))
    several = FinishedRun.of("several", report_on(2), test, with_models(synthetic_trials, 2)[0])
    compared = compare_runs([one, several])
    assert len(compared.runs) == 2 and strategies_of(compared)[:3] == list(several.answers)[:3]
    (difference,) = differences(compared, "prompting@SmolLM2-135M-Instruct")
    assert difference is not None and difference.difference == 0
    assert differences(compared, "prompting@SmolLM2-360M-Instruct") == [None]
    assert blocks_of(compared) and compare_runs([one]).runs[0].report.candidates[0].id == "prompting"


def test_models_of_one_size_have_no_largest() -> None:
    one = OfModel("a", "a", 1e8, None, "none")
    assert ByModel((one, replace(one, model="b"))).largest is None


def test_a_rule_of_thumb_compares_strategies_of_one_model(report_on: Callable[..., Report]) -> None:
    for rule in hold_against(report_on(2)):
        names = {model for model in ("SmolLM2-135M-Instruct", "SmolLM2-360M-Instruct") if model in rule.measured}
        assert len(names) <= 1


def test_other_priorities_change_the_verdict_by_model_too(
    report_on: Callable[..., Report],
    synthetic_trials: Trials,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
) -> None:
    trials, _ = with_models(synthetic_trials, 2)
    split = synthetic_split(synthetic_task(Kind.CLASSIFICATION, ROWS))
    changed = under_priorities(report_on(2), Priorities(max_seconds=0.5), trials, (), split)
    assert changed.by_model is not None
    assert [one.choice is None for one in changed.by_model.of_each] == [False, True]
    assert [one.parameters for one in changed.by_model.of_each] == list(MODELS.values())[:2]


@pytest.fixture(scope="module")
def twelve(request: pytest.FixtureRequest) -> tuple[list[Trial], dict[str, str]]:
    return with_models(request.getfixturevalue("synthetic_trials"), 4)


def test_twelve_candidates_fit_every_section_and_export(
    report_on: Callable[..., Report],
    twelve: tuple[list[Trial], dict[str, str]],
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
) -> None:
    trials, models = twelve
    report = report_on(4)
    test = synthetic_split(synthetic_task(Kind.CLASSIFICATION, ROWS)).test
    assert [one.id for one in report.candidates] == list(models)
    assert [one.model for one in report.candidates] == list(models.values())
    assert len(report.comparisons) == 66
    assert REPORT.of(json.loads(REPORT.write(report))) == report
    html, markdown = render_html(report, trials, test), render_markdown(report, trials=trials, examples=test)
    for name in ("Prompting with Qwen3-0.6B", "Adapter fine-tuning with SmolLM2-360M-Instruct"):
        assert name in html and name in markdown
    assert max(map(len, _rows_of_tables(html))) <= 8 and 'id="answers" class="long"' in html
    assert "--prompting@" not in html and outcomes_csv(trials, test).count("prompting@Qwen3-0.6B") == len(test)
    screen = StringIO()
    print_report(Screen(file=screen, width=80), report)
    assert max(map(len, screen.getvalue().splitlines())) <= 80 and "…" not in screen.getvalue().partition("Use ")[0]


def test_charts_tell_models_apart_by_name_and_by_what_is_inside_the_marks(report_on: Callable[..., Report]) -> None:
    report = report_on(4)
    rows = _rows(score_chart(report, LIGHT))
    assert len({row["strategy"] for row in rows}) == 12
    assert {row["inside"] for row in rows if "135M" in row["strategy"]} == {1}
    assert {row["inside"] for row in rows if "360M" in row["strategy"]} == {0}
    assert in_lines("Adapter fine-tuning\nSmolLM2-135M-Instruct") == ["Adapter fine-tuning", "SmolLM2-135M-Instr…"]
    assert frontier_sentence(report) == (
        "Only adapter fine-tuning with SmolLM2-135M-Instruct is named, because none of the others scores higher or "
        "costs less."
    )
    assert cost_chart(report, LIGHT) is not None


def test_marks_of_one_model_are_drawn_as_ever(synthetic_report: Callable[..., Report]) -> None:
    drawn = score_chart(synthetic_report(), LIGHT)
    assert all("inside" not in row for row in _rows(drawn)) and "fillOpacity" not in drawn.to_json()


def _rows_of_tables(html: str) -> list[list[str]]:
    """The cells of each row, but for the answers, which stand one below another."""
    return [re.findall(r"<t[dh][ >]", row) for row in re.findall(r"<tr>.*?</tr>", html.partition('id="answers"')[0])]


def _score(trial: Trial) -> str:
    return score_text(sum(one.score for one in trial.outcomes) / len(trial.outcomes))


def _rows(chart: LayerChart) -> list[dict[str, Any]]:
    found = next(each for each in chart.to_dict()["datasets"].values() if "strategy" in each[0])
    return list(found)
