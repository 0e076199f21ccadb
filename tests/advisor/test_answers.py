from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from advisor.pages.side_by_side import card
from advisor.schema import Report
from advisor.sections.answers import AnsweredRow, answered_rows, filters
from eval.outcomes import Outcome, Trial
from eval.task import Example, Kind, Split, Task

MakeReport = Callable[..., Report]
MakeTask = Callable[..., Task]
MakeSplit = Callable[[Task], Split]
MakeTrials = Callable[..., tuple[Trial, ...]]


def rows_of(
    make: MakeReport, trials: Sequence[Trial], split: Split, kind: Kind = Kind.CLASSIFICATION
) -> list[AnsweredRow]:
    return answered_rows(make(kind, trials=trials), trials, split.test)


def test_every_test_row_has_the_answers_of_all(
    synthetic_report: MakeReport, synthetic_task: MakeTask, synthetic_split: MakeSplit, synthetic_trials: MakeTrials
) -> None:
    split = synthetic_split(synthetic_task())
    rows = rows_of(synthetic_report, synthetic_trials(), split)
    assert [row.example for row in rows] == list(split.test)
    assert all(set(row.outcomes) == set(row.right) == {"prompting", "retrieval", "finetuning"} for row in rows)


def test_a_filter_holds_exactly_its_rows(
    synthetic_report: MakeReport, synthetic_task: MakeTask, synthetic_split: MakeSplit, synthetic_trials: MakeTrials
) -> None:
    rows = rows_of(synthetic_report, synthetic_trials(), synthetic_split(synthetic_task()))
    found = {one.label: one.rows for one in filters(rows)}
    assert found["All"] == tuple(rows)
    only = found["Only adapter fine-tuning right"]
    assert only and all(row.right == {"prompting": False, "retrieval": False, "finetuning": True} for row in only)
    assert all(not any(row.right.values()) for row in found["All wrong"])
    assert set(map(id, only)).isdisjoint(map(id, found["All right"]))


def test_written_answers_are_neither_right_nor_wrong(
    synthetic_report: MakeReport, synthetic_task: MakeTask, synthetic_split: MakeSplit, synthetic_trials: MakeTrials
) -> None:
    split = synthetic_split(synthetic_task(Kind.WRITING))
    rows = rows_of(synthetic_report, synthetic_trials(Kind.WRITING), split, Kind.WRITING)
    assert [one.label for one in filters(rows)] == ["All"]


def test_code_compared_exactly_is_right_or_wrong(
    synthetic_report: MakeReport, synthetic_task: MakeTask, synthetic_split: MakeSplit, synthetic_trials: MakeTrials
) -> None:
    split = synthetic_split(synthetic_task(Kind.WRITING))
    exact = tuple(
        replace(
            trial,
            metric="exact match",
            outcomes=tuple(replace(one, score=float(at % 2)) for at, one in enumerate(trial.outcomes)),
        )
        for trial in synthetic_trials(Kind.WRITING)
    )
    rows = rows_of(synthetic_report, exact, split, Kind.WRITING)
    assert all(mark == (row.outcomes[name].score == 1) for row in rows for name, mark in row.right.items())
    assert {"All right", "All wrong"} <= {one.label for one in filters(rows)}


def test_a_strategy_that_failed_has_no_answers(
    synthetic_report: MakeReport, synthetic_task: MakeTask, synthetic_split: MakeSplit, synthetic_trials: MakeTrials
) -> None:
    prompting, *_ = synthetic_trials()
    trials = (prompting, Trial("retrieval", "failed", reason="It stopped."))
    rows = rows_of(synthetic_report, trials, synthetic_split(synthetic_task()))
    assert all(set(row.outcomes) == {"prompting"} for row in rows)


def test_the_baseline_that_the_headline_prefers_answers_too(
    synthetic_report: MakeReport, synthetic_task: MakeTask, synthetic_split: MakeSplit, synthetic_trials: MakeTrials
) -> None:
    trials = synthetic_trials()
    best, worst = (replace(trials[at], strategy=name) for at, name in ((2, "embedding_linear"), (0, "majority_label")))
    report = synthetic_report(trials=trials[:1], baselines=[best, worst])
    assert report.recommendation.level_baseline == "embedding_linear"
    rows = answered_rows(report, [trials[0], best, worst], synthetic_split(synthetic_task()).test)
    assert all(set(row.outcomes) == {"prompting", "embedding_linear"} for row in rows)


def test_right_answers_are_shown_up_to_three_and_code_as_code() -> None:
    example = Example("1", "List a", "SELECT a\n  FROM t", also_right=tuple(f"SELECT {one} FROM t" for one in "bcde"))
    given = '[{"item": "lamp", "amount": 2}, {"item": "<vase>", "amount": 1}, {"item": "cup", "amount": 3}]'
    outcomes = {"prompting": Outcome("1", "prompting", given, 0.0, {}, 0, 0)}
    shown = card(AnsweredRow(example, outcomes, {}), {})
    assert '<pre class="code">SELECT a\n  FROM t</pre>' in shown and "or any of 2 more" in shown
    assert "\n    &quot;item&quot;: &quot;&lt;vase&gt;&quot;,\n" in shown
