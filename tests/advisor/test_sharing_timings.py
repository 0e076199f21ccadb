"""Strategies that train and retrieve nothing put the same prompts through networks of one size: none of them can cost
less per request, however their timed requests came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.decision.recommendation import recommend
from advisor.measurement import derive, sharing_timings
from advisor.plan import Priorities
from advisor.schema import Candidate, Report
from advisor.storage.trial_files import read_trial, write_trial
from eval.outcomes import Trial

MakeTrials = Callable[..., tuple[Trial, ...]]


def timed(trial: Trial, strategy: str, seconds: float) -> Trial:
    outcomes = tuple(replace(one, seconds=seconds * (1 + at % 3 / 10)) for at, one in enumerate(trial.outcomes))
    return replace(trial, strategy=strategy, outcomes=outcomes, fit_seconds=60.0)


@pytest.fixture
def trials(synthetic_trials: MakeTrials) -> list[Trial]:
    prompting, _, finetuning = synthetic_trials()
    return [
        prompting,
        timed(finetuning, "finetuning", 0.3),
        timed(finetuning, "full_finetuning", 0.2),
        timed(finetuning, "retrieval_finetuning", 0.1),
    ]


def test_what_takes_the_same_work_costs_the_same(trials: list[Trial]) -> None:
    costs = {one.strategy: derive(one, Priorities()).cost.per_1000 or 0.0 for one in sharing_timings(trials)}
    apart = {one.strategy: derive(one, Priorities()).cost.per_1000 or 0.0 for one in trials}
    assert costs["finetuning"] == pytest.approx(costs["full_finetuning"])
    assert costs["finetuning"] == pytest.approx((apart["finetuning"] + apart["full_finetuning"]) / 2)
    assert {name: costs[name] == apart[name] for name in ("prompting", "retrieval_finetuning")} == {
        "prompting": True,
        "retrieval_finetuning": True,
    }


def test_the_simpler_is_taken_where_only_the_clock_differs(trials: list[Trial]) -> None:
    assert recommend(trials[:3], Priorities(), None).choice == "full_finetuning"
    assert recommend(sharing_timings(trials[:3]), Priorities(), None).choice == "finetuning"


def test_the_report_says_so_and_latency_stays_as_measured(
    trials: list[Trial], synthetic_report: Callable[..., Report]
) -> None:
    report = synthetic_report(trials=sharing_timings(trials))
    by_name = {one.id: one for one in report.candidates if isinstance(one, Candidate)}
    rows = len(trials[1].outcomes)
    assert [by_name[name].timed_alike for name in ("prompting", "finetuning", "full_finetuning")] == [0, rows, rows]
    latencies = [by_name[name].latency_seconds for name in ("finetuning", "full_finetuning")]
    assert [one.n for one in latencies if one] == [rows, rows]
    assert len({one.p50 for one in latencies if one}) == 2


def test_shared_timings_are_not_stored(trials: list[Trial], tmp_path: Path) -> None:
    write_trial(tmp_path, sharing_timings(trials)[1])
    assert read_trial(tmp_path) == trials[1]
