from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from advisor.plan import Priorities
from advisor.report.changes import compare_data, compare_documents, compare_measuring, compare_results
from advisor.schema import SCORE_VERSION, Candidate, NotMeasured, Report
from eval.money.costs import Cost
from eval.scoring.metric import VERSION
from eval.statistics.inference import Interval
from eval.task import Document, Example, Kind, Metric, Task
from tests.reports import candidate_of

MakeReport = Callable[..., Report]


def rows(*pairs: tuple[str, str]) -> list[Example]:
    return [Example(f"r{number}", source, target) for number, (source, target) in enumerate(pairs)]


def test_rows_are_matched_by_their_normalised_input() -> None:
    before = rows(("Where is it?", "a"), ("How much is it", "b"), ("gone", "c"))
    after = rows(("new", "d"), ("how  MUCH is it?", "changed"), ("where is it", "a"))
    change = compare_data(before, after)
    assert [example.input for example in change.added] == ["new"]
    assert [example.input for example in change.removed] == ["gone"]
    assert [(old.target, new.target) for old, new in change.changed] == [("b", "changed")]
    assert change.unchanged == 1


def test_repeated_inputs_are_matched_with_equal_answers_first() -> None:
    change = compare_data(rows(("x", "a"), ("x", "b")), rows(("x", "b"), ("x", "a"), ("x", "c")))
    assert change.unchanged == 2 and not change.changed and not change.removed
    assert [example.target for example in change.added] == ["c"]


def test_equal_data_has_no_change() -> None:
    same = rows(("x", "a"), ("y", "b"))
    change = compare_data(same, same)
    assert (change.added, change.removed, change.changed, change.unchanged) == ((), (), (), 2)


def test_the_range_of_a_difference_is_that_of_newcombe(synthetic_report: MakeReport) -> None:
    """The example of Newcombe (1998), table II: 56/70 against 48/80 by Wilson's intervals is .2 (.0524 to .3339)."""
    before = report_of(synthetic_report(), prompting=Interval(0.6, 0.4905, 0.7003, 80))
    after = report_of(synthetic_report(), prompting=Interval(0.8, 0.6917, 0.8769, 70))
    (change,) = compare_results(before, after)
    assert change.difference == pytest.approx(0.2)
    assert change.low == pytest.approx(0.0524, abs=2e-4) and change.high == pytest.approx(0.3339, abs=2e-4)


def test_a_strategy_without_a_result_has_no_difference(synthetic_report: MakeReport) -> None:
    made = synthetic_report()
    changes = compare_results(report_of(made, prompting=None), report_of(made, prompting=None, retrieval=None))
    assert [change.strategy for change in changes] == ["prompting", "retrieval"]
    assert all(change.difference is None for change in changes)


def test_prompting_that_once_showed_examples_is_named(synthetic_report: MakeReport) -> None:
    before = synthetic_report()
    prompting = candidate_of(before, "prompting")
    after = replace(before, candidates=(replace(prompting, settings={"normalisation": "sum"}),))
    assert compare_measuring(before, after) == ["examples in the prompt 4 before, 0 after"]
    after = replace(before, candidates=(replace(prompting, settings={}),))  # it failed
    assert compare_measuring(before, after) == []


def test_two_reports_of_one_run_do_not_differ(synthetic_report: MakeReport) -> None:
    changes = compare_results(synthetic_report(), synthetic_report())
    assert len(changes) == 3
    for change in changes:
        assert change.difference == 0 and change.low is not None and change.high is not None
        assert change.low < 0 < change.high and math.isfinite(change.low)


def test_scores_of_another_metric_have_no_difference(synthetic_report: MakeReport) -> None:
    before, after = synthetic_report(Kind.CLASSIFICATION), synthetic_report(Kind.WRITING)
    for change in compare_results(before, after):
        assert None not in change.scores and change.difference is None
    assert "metric accuracy before, facts after" in compare_measuring(before, after)


def test_scores_of_another_version_have_no_difference(synthetic_report: MakeReport) -> None:
    before = synthetic_report(Kind.WRITING)
    after = replace(before, versions={SCORE_VERSION: VERSION})
    assert all(change.difference is None for change in compare_results(before, after))
    assert compare_measuring(before, after) == [f"version of the score 1 before, {VERSION} after"]
    of_labels = synthetic_report(Kind.CLASSIFICATION)
    later = replace(of_labels, versions={SCORE_VERSION: VERSION})
    assert all(change.difference == 0 for change in compare_results(of_labels, later))


def test_labels_scored_by_another_metric_have_no_difference(
    synthetic_report: MakeReport, synthetic_task: Callable[..., Task]
) -> None:
    before, after = (
        synthetic_report(task=replace(synthetic_task(), metric=Metric(name))) for name in ("accuracy", "macro-F1")
    )
    assert all(change.difference is None for change in compare_results(before, after))
    assert compare_measuring(before, after) == ["metric accuracy before, macro-F1 after"]


def test_what_was_measured_otherwise_is_named(synthetic_report: MakeReport) -> None:
    before = synthetic_report()
    after = synthetic_report(seed=7, model="another/model", priorities=Priorities(margin=0.05), preset="thorough")
    assert compare_measuring(before, before) == []
    assert compare_measuring(before, after) == [
        "model SmolLM2-135M-Instruct before, another/model after",
        "effort quick before, thorough after",
        "seed 0 before, 7 after",
        "margin in points 2 before, 5 after",
    ]


def test_documents_are_matched_by_their_id() -> None:
    before = [Document("a", "A", "same"), Document("b", "B", "old"), Document("c", "", "gone")]
    after = [Document("a", "A", "same"), Document("b", "B", "new"), Document("d", "D", "come")]
    change = compare_documents(before, after)
    assert (change.added, change.removed, change.changed) == (("D",), ("c",), ("B",))


def report_of(made: Report, **scores: Interval | None) -> Report:
    """With these strategies alone; one without a score failed."""
    candidates = tuple(
        Candidate(name, name, "", score, Cost(None, None, None, "USD"))
        if score
        else NotMeasured(name, name, "", "failed", "It stopped.")
        for name, score in scores.items()
    )
    return replace(made, candidates=candidates)
