"""What a report says of strategies that answered only some of the test rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from advisor.decision.recommendation import recommend
from advisor.plan import Priorities
from advisor.schema import Report
from advisor.sections import early_stops
from advisor.sections.figures import SCORE, how_computed
from eval.outcomes import EarlyStop, Trial
from eval.task import Kind

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]
BEHIND, LIMIT, SETTLED = EarlyStop("behind", 0.001), EarlyStop("limit"), EarlyStop("settled")


def stopped(trial: Trial, rows: int, why: EarlyStop) -> Trial:
    return replace(trial, outcomes=trial.outcomes[:rows], stopped=why)


@pytest.fixture
def report_of(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> Callable[..., Report]:
    """A report on 200 test rows, given the rows that each strategy answered and why it stopped."""

    def make(*stops: tuple[int, EarlyStop | None], margin: float = 0.02) -> Report:
        trials = [
            trial if why is None else stopped(trial, rows, why)
            for trial, (rows, why) in zip(synthetic_trials(n=200), stops, strict=True)
        ]
        return synthetic_report(n=200, trials=trials, priorities=Priorities(margin=margin))

    return make


def test_nothing_is_said_where_all_answered_all_rows(report_of: Callable[..., Report]) -> None:
    report = report_of((200, None), (200, None), (200, None))
    assert early_stops.sentences(report) == [] and early_stops.rows_told(report) == "200 test rows"
    assert "The mean score of 200 test rows:" in how_computed(report)[SCORE]


def test_who_stopped_is_told_with_its_rows_and_why(report_of: Callable[..., Report]) -> None:
    report = report_of((50, BEHIND), (100, LIMIT), (200, None))
    assert early_stops.sentences(report) == [
        "Prompting stopped after 50 of 200 test rows: by then the probability of being within 2 points of the best was "
        "under 0.5 %.",
        "Retrieval stopped after 100 of 200 test rows, because your limits rule it out.",
    ]
    assert early_stops.rows_told(report) == "200 test rows"
    assert "The mean score of 50 to 200 test rows:" in how_computed(report)[SCORE]
    both = early_stops.sentences(report_of((50, BEHIND), (50, BEHIND), (200, None), margin=0.0))
    assert both == [
        "Retrieval and prompting stopped after 50 of 200 test rows: by then the probability of being the best was "
        "under 0.5 %."
    ]


def test_a_clear_verdict_is_told_with_the_rows_that_it_took(report_of: Callable[..., Report]) -> None:
    report = report_of((50, BEHIND), (100, SETTLED), (100, SETTLED))
    assert early_stops.sentences(report)[1:] == [
        "After 100 of 200 test rows the verdict was clear, so no strategy answered more."
    ]
    assert early_stops.rows_told(report) == "100 of 200 test rows"
    assert "The mean score of 50 to 100 test rows:" in how_computed(report)[SCORE]
    at_once = report_of((100, BEHIND), (100, SETTLED), (100, SETTLED))  # nothing sets it apart
    assert len(early_stops.sentences(at_once)) == 1


@pytest.mark.parametrize("others", [0.5, 1.0])
def test_what_a_limit_stopped_is_told_as_the_best_where_the_limit_is_lifted(
    others: float, synthetic_trials: MakeTrials
) -> None:
    """Its score is of fewer rows than those of the others, which a baseline is compared with."""
    right = [round(others * 200), round(others * 200), 200]
    trials = [
        replace(
            trial,
            outcomes=tuple(replace(one, score=float(at * 7 % 200 < count)) for at, one in enumerate(trial.outcomes)),
        )
        for trial, count in zip(synthetic_trials(n=200), right, strict=True)
    ]
    baseline = replace(trials[0], strategy="nearest_example")
    trials[2] = stopped(trials[2], 50, LIMIT)
    verdict = recommend(trials, Priorities(), Kind.CLASSIFICATION, baselines=[baseline])
    assert verdict.choice == "finetuning"
    assert not any("points more" in reason for reason in verdict.reasons)
    assert verdict.baseline is not None and "scores the same as" in verdict.baseline.line
