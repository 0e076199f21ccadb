from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from advisor.palette import LIGHT
from advisor.plan import Priorities
from advisor.report.compared import (
    Compared,
    FinishedRun,
    compare_runs,
    differences,
    differing_settings,
    flipped_rows,
    moved_by_seed,
    scored_otherwise,
)
from advisor.schema import SCORE_VERSION, Candidate, Report
from advisor.sections.blocks import Chart, Table, Text
from advisor.sections.run_comparison import blocks_of, flip_filters, lead_of, left_out, nothing_to_compare, rows_of
from advisor.wording import name_of
from eval.outcomes import Outcome, Trial
from eval.scoring.metric import VERSION
from eval.task import Example, Kind, Metric, Split, Task
from tests.reports import candidate_of

MakeReport = Callable[..., Report]
MakeRun = Callable[..., FinishedRun]


@pytest.fixture
def make_run(
    synthetic_report: MakeReport,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> MakeRun:
    """`make_run(id, kind, seed, **overrides of the report)`: what a run over the synthetic task of a kind left."""

    def make(run_id: str, kind: Kind = Kind.CLASSIFICATION, seed: int = 0, **overrides: object) -> FinishedRun:
        report = synthetic_report(kind, seed=seed, **overrides)
        return FinishedRun.of(
            run_id, report, synthetic_split(synthetic_task(kind)).test, synthetic_trials(kind, seed=seed)
        )

    return make


def with_answers(run: FinishedRun, strategy: str, wrong: set[str]) -> FinishedRun:
    """With this strategy right on every row except these."""

    def answer(example: Example) -> Outcome:
        is_right = example.id not in wrong
        text = example.target if is_right else "nonsense"
        return replace(run.answers[strategy][example.id], text=text, score=float(is_right))

    return replace(run, answers={**run.answers, strategy: {one.id: answer(one) for one in run.test}})


def test_a_difference_is_paired_on_the_rows_that_runs_share(make_run: MakeRun) -> None:
    """3 rows of 80 better and none worse: 3.75 points; Agresti and Min's interval adds half a row to each cell."""
    ids = [example.id for example in make_run("a").test]
    before = with_answers(make_run("a"), "prompting", set(ids[:5]))
    after = with_answers(make_run("b"), "prompting", set(ids[:2]))
    (change,) = differences(compare_runs([before, after]), "prompting")
    assert change is not None and change.n == 80 and change.difference == pytest.approx(3 / 80)
    assert change.p_value == pytest.approx(0.25) and change.low < 0 < change.high  # 2 x 0.5^3


def test_rows_that_flipped_are_found_with_their_answers(make_run: MakeRun) -> None:
    ids = [example.id for example in make_run("a").test]
    before = with_answers(make_run("a"), "prompting", {ids[0], ids[1]})
    after = with_answers(make_run("b"), "prompting", {ids[1], ids[2], ids[3]})
    flips = flipped_rows(compare_runs([before, after]), "prompting")
    assert [row.example.id for row in flips] == [ids[0], ids[2], ids[3]]
    assert flips[0].right == {"a": False, "b": True} and flips[0].outcomes["a"].text == "nonsense"
    assert {label: len(rows) for label, rows in flip_filters(flips, {"a": "A", "b": "B"}).items()} == {
        "All": 3,
        "Right in A": 2,
        "Right in B": 1,
    }


def test_of_three_runs_only_rows_on_which_one_stands_alone_have_a_filter(make_run: MakeRun) -> None:
    ids = [example.id for example in make_run("a").test]
    wrong = {"a": {ids[0], ids[1]}, "b": {ids[0], ids[2], ids[3]}, "c": {ids[4]}}
    runs = [with_answers(make_run(name), "prompting", rows) for name, rows in wrong.items()]
    found = flip_filters(flipped_rows(compare_runs(runs), "prompting"), {"a": "A", "b": "B", "c": "C"})
    assert {label: [row.example.id for row in rows] for label, rows in found.items()} == {
        "All": ids[:5],
        "Only A is wrong": [ids[1]],
        "Only B is wrong": ids[2:4],
        "Only C is right": [ids[0]],
        "Only C is wrong": [ids[4]],
    }


def test_free_text_has_no_right_or_wrong_and_shows_the_largest_spread_first(make_run: MakeRun) -> None:
    compared = compare_runs([make_run("a", Kind.WRITING), make_run("b", Kind.WRITING, seed=1)])
    flips = flipped_rows(compared, "retrieval")
    assert flips and all(not row.right for row in flips)
    assert [row.spread for row in flips] == sorted((row.spread for row in flips), reverse=True)


def test_changed_data_is_compared_on_the_rows_that_stayed(make_run: MakeRun) -> None:
    before, after = make_run("a"), make_run("b", seed=1)
    changed = replace(after.test[0], target="something else")
    after = replace(after, test=(changed, *after.test[2:], *after.test[:2][1:]))
    compared = compare_runs([before, after])
    assert len(compared.rows) == 79 and changed.input not in {row.example.input for row in compared.rows}
    assert rows_of(compared) == "Each difference is on the test rows shared with A (79)."


def test_repeated_rows_keep_their_own_places(make_run: MakeRun) -> None:
    run = make_run("a")
    twice = tuple(replace(example, input="the same", target="refund") for example in run.test[:2])
    compared = compare_runs([replace(run, test=twice), replace(run, id="b", test=twice)])
    assert [row.ids for row in compared.rows] == [(one.id, one.id) for one in twice]


def test_runs_on_other_data_by_another_metric_or_version_are_left_out(
    make_run: MakeRun, synthetic_task: Callable[..., Task]
) -> None:
    first, second = make_run("a", Kind.ANSWERING), make_run("b", Kind.ANSWERING, seed=1)
    later = make_run("c", Kind.ANSWERING)
    later = replace(later, report=replace(later.report, versions={SCORE_VERSION: VERSION}))
    other = make_run("d", Kind.EXTRACTION)
    compared = compare_runs([first, later, other, second])
    assert [run.id for run in compared.runs] == ["a", "b"]
    assert [(run.id, reason) for run, reason in compared.left_out] == [("c", "version of the score"), ("d", "rows")]
    said = [left_out(run, run.id, reason, first) for run, reason in compared.left_out]
    assert said[1] == "We left out d: it is on other data, with no test rows in common."
    assert "different data" in nothing_to_compare(compare_runs([first, other]))
    assert "Different versions" in nothing_to_compare(compare_runs([first, later]))
    labels = make_run("e")
    macro = make_run("f", task=replace(synthetic_task(), metric=Metric("macro-F1")))
    assert "different metrics" in nothing_to_compare(compare_runs([labels, macro]))


def test_labels_are_compared_across_versions_of_the_score(make_run: MakeRun) -> None:
    first, later = make_run("a"), make_run("b")
    later = replace(later, report=replace(later.report, versions={SCORE_VERSION: VERSION}))
    assert len(compare_runs([first, later]).runs) == 2


def test_equal_answers_with_another_score_betray_another_version(make_run: MakeRun) -> None:
    first = make_run("a", Kind.ANSWERING)
    rescored = {
        name: {row: replace(one, score=one.score / 2) for row, one in answers.items()}
        for name, answers in first.answers.items()
    }
    later = replace(first, id="b", answers=rescored)
    assert scored_otherwise([first, later]) > 0
    assert [reason for _, reason in compare_runs([first, later]).left_out] == ["version of the score"]
    fewer = replace(later, report=replace(later.report, task=replace(later.report.task, train=10)))
    compared = compare_runs([first, fewer])  # what the score learns from changed, so its weights may have
    assert len(compared.runs) == 2 and any("than the same answer in A" in str(block) for block in blocks_of(compared))


def test_only_settings_that_differ_are_named(make_run: MakeRun) -> None:
    before = make_run("a").report
    after = make_run("b", seed=7, model="another/model", priorities=Priorities(margin=0.05), preset="thorough").report
    assert differing_settings([before, before]) == []
    assert {one.name: one.values for one in differing_settings([before, after])} == {
        "Model": ("SmolLM2-135M-Instruct", "another/model"),
        "Effort": ("quick", "thorough"),
        "Seed": ("0", "7"),
        "Margin in points": ("2", "5"),
    }


def test_another_instruction_or_meaning_of_a_label_is_named(make_run: MakeRun) -> None:
    before = make_run("a").report
    task = replace(before.task, instruction="Sort it.", meanings=(("refund", "money back"),))
    assert {one.name: one.values for one in differing_settings([before, replace(before, task=task)])} == {
        "Instruction": ("drafted from the training answers", "Sort it."),
        "Meanings of labels": ("none", "refund: money back"),
    }


def test_prompting_that_once_showed_examples_is_named(make_run: MakeRun) -> None:
    before = make_run("a").report
    prompting = candidate_of(before, "prompting")
    after = replace(before, candidates=(replace(prompting, settings={"normalisation": "sum"}),))
    assert [(one.name, one.values) for one in differing_settings([before, after])] == [
        ("Examples in the prompt", ("4", "0"))
    ]


def test_what_is_more_than_chance_comes_first_in_words(make_run: MakeRun) -> None:
    ids = [example.id for example in make_run("a").test]
    before = with_answers(make_run("a"), "prompting", set(ids[:40]))
    after = with_answers(make_run("b"), "prompting", set())
    assert lead_of(compare_runs([before, after])).startswith(
        "Prompting scores 50 points higher in B than in A (95 % CI "
    )
    assert lead_of(compare_runs([before, replace(before, id="b")])) == (
        "Each strategy scores the same in all these runs."
    )


def test_each_run_has_its_column_and_a_missing_strategy_says_so(make_run: MakeRun) -> None:
    runs = [make_run(name) for name in "abcde"]
    table = first_table(compare_runs(runs))
    assert [head.text for head in table.heads] == ["A", "B", "C", "D", "E"]
    assert [row.heading for row in table.rows][:2] == ["Verdict", "Test rows"]
    without = replace(
        runs[1],
        report=replace(runs[1].report, candidates=runs[1].report.candidates[1:]),
        answers={name: answers for name, answers in runs[1].answers.items() if name != "prompting"},
    )
    row = next(row for row in first_table(compare_runs([runs[0], without])).rows if row.heading == "Prompting")
    assert row.cells[1].text == "not measured" and not row.cells[1].note


def first_table(compared: Compared) -> Table:
    return next(block for block in blocks_of(compared) if isinstance(block, Table))


def test_three_runs_have_a_chart_from_run_to_run_and_two_have_none(make_run: MakeRun) -> None:
    runs = [make_run(name, seed=seed) for seed, name in enumerate("abc")]
    (chart,) = (block for block in blocks_of(compare_runs(runs)) if isinstance(block, Chart))
    drawn = chart.draw(LIGHT)
    assert drawn is not None
    points = [row for rows in drawn.to_dict()["datasets"].values() for row in rows if "low" in row]
    for name in ("prompting", "retrieval", "finetuning"):
        means = [candidate_of(run.report, name).score.mean for run in runs]
        found = sorted(row["run"] for row in points if row["strategy"] == name_of(name) and row["mean"] in means)
        assert [round(each) for each in dict.fromkeys(found)] == [0, 1, 2]
    assert not [block for block in blocks_of(compare_runs(runs[:2])) if isinstance(block, Chart)]


def test_how_far_another_seed_moves_a_score_is_said_where_it_was_measured(make_run: MakeRun) -> None:
    first, other = make_run("a"), make_run("b", seed=1)
    moved = replace(other, report=replace(other.report, seed=5))
    means = [candidate_of(run.report, "prompting").score.mean for run in (first, moved)]
    assert moved_by_seed(compare_runs([first, moved]))["prompting"] == pytest.approx(abs(means[0] - means[1]))
    renamed = replace(moved, report=replace(moved.report, preset="thorough"))
    assert not moved_by_seed(compare_runs([first, renamed]))
    said = [block.text for block in blocks_of(compare_runs([first, renamed])) if isinstance(block, Text)]
    assert any("another seed alone" in text and "wasn't measured" in text for text in said)
    again = (means[0], means[0] - 0.04, means[0] + 0.01)
    candidates = [
        replace(one, score_of_each_training=again) if one.id == "prompting" and isinstance(one, Candidate) else one
        for one in first.report.candidates
    ]
    trained = replace(first, report=replace(first.report, candidates=tuple(candidates)))
    assert moved_by_seed(compare_runs([trained, renamed])) == {"prompting": pytest.approx(0.05)}
