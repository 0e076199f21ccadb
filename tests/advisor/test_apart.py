"""Answers timed with the adapter apart: which rows, how many, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.runs.apart import timed_apart
from advisor.schema import Report
from advisor.storage.trial_files import read_trial, write_trial
from eval.outcomes import Outcome, Prediction, Trial
from strategies.contract import Progress
from tests.reports import candidate_of, section_of, sentences_of
from tests.tiny_strategies import CommonestAnswer, tiny_task

_, SPLIT = tiny_task(test=40)


class WithAdapter(CommonestAnswer):
    """Notes what is asked of it, and how."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = {"answer": "billing"}
        self.asked: list[str] = []

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        self.asked += inputs
        return super().predict(inputs)

    def take_apart(self) -> None:
        self.asked.append("apart")

    def switch_off(self) -> None:
        self.asked.append("off")

    def put_together(self) -> None:
        self.asked.append("together")


class Torn(WithAdapter):
    def take_apart(self) -> None:
        raise MemoryError("no room")


def timed(seconds: float, rows: int = 20) -> Trial:
    outcomes = (Outcome(row.id, "finetuning", "billing", 1.0, {}, 5, 1) for row in SPLIT.test)
    taken = (replace(one, seconds=seconds if at < rows else None) for at, one in enumerate(outcomes))
    return Trial("finetuning", "done", outcomes=tuple(taken))


def test_a_few_of_the_timed_rows_are_asked_again_apart() -> None:
    strategy, told = WithAdapter(), list[Progress]()
    found = timed_apart(timed(0.2), strategy, SPLIT.test, is_asked_again=True, report_progress=told.append)
    inputs = {row.id: row.input for row in SPLIT.test[:20]}
    assert len(found.apart_seconds) == 8 and all(seconds > 0 for seconds in found.apart_seconds.values())
    apart, warm_up, *asked, together = strategy.asked
    assert (apart, together, warm_up) == ("apart", "together", asked[-1])
    assert asked == [inputs[row] for row in found.apart_seconds]
    assert (told[0].done, told[-1].done, told[-1].total) == (0, 8, 8)


def test_it_is_left_apart_where_nothing_more_is_asked() -> None:
    strategy = WithAdapter()
    timed_apart(timed(0.2), strategy, SPLIT.test, is_asked_again=False, report_progress=lambda progress: None)
    assert "together" not in strategy.asked


@pytest.mark.parametrize(
    ("seconds", "is_quick", "rows"), [(0.2, True, 8), (1.0, True, 3), (1.7, True, 0), (9.0, False, 6)]
)
def test_slow_answers_are_asked_less_often(seconds: float, is_quick: bool, rows: int) -> None:
    found = timed_apart(timed(seconds), WithAdapter(), SPLIT.test, not is_quick, lambda progress: None)
    assert len(found.apart_seconds) == rows


@pytest.mark.parametrize(
    ("trial", "strategy"),
    [
        (timed(0.2), CommonestAnswer()),  # no adapter
        (timed(0.2, rows=0), WithAdapter()),  # none was timed
        (timed(10.0, rows=2), WithAdapter()),  # would take too long
        (timed(0.2), Torn()),
    ],
)
def test_elsewhere_nothing_is_measured_and_what_was_stands(trial: Trial, strategy: CommonestAnswer) -> None:
    assert timed_apart(trial, strategy, SPLIT.test, True, lambda progress: None) == trial


def test_what_it_costs_to_keep_it_apart_is_told_with_its_interval(
    synthetic_report: Callable[..., Report], synthetic_trials: Callable[..., tuple[Trial, ...]], tmp_path: Path
) -> None:
    prompting, retrieval, finetuning = synthetic_trials()
    own = [replace(one, seconds=0.2 + 0.001 * at) for at, one in enumerate(finetuning.outcomes)]
    seconds = {one.example_id: 0.3 + 0.02 * at for at, one in enumerate(own[:8])}
    finetuning = replace(finetuning, outcomes=tuple(own), apart_seconds=seconds)
    report = synthetic_report(trials=(prompting, retrieval, finetuning))
    apart = candidate_of(report, "finetuning").apart_seconds
    assert apart is not None and apart.n == 8 and apart.merged_p50 == pytest.approx(0.2035)
    assert candidate_of(report, "prompting").apart_seconds is None
    latency = section_of(report, "latency")
    assert sentences_of(latency) == [
        "If one model serves many tasks, adapter fine-tuning keeps its adapter separate. On 8 answers the median "
        "latency was then 0.37 s (0.30 to 0.44), against 0.20 s with the adapter merged, as in all other figures."
    ]
    assert "apart_seconds in trial.json" in (latency.how or "")
    write_trial(tmp_path, finetuning)
    assert read_trial(tmp_path) == finetuning
