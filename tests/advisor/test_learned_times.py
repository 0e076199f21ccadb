"""Estimates learn from finished runs on the same machine with the same model, under the same load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from advisor.estimate import Speed
from advisor.learned_times import PastStep, correction, estimate_times
from advisor.plan import Plan, Setup
from advisor.runs.timing import estimate_run, past_steps, read_estimate, read_times
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import task_to_json
from advisor.wording import duration_range_text
from tests.tiny_strategies import SPEED, tiny_task

QUIET = replace(SPEED, busy=0.0)
# Estimated and actual time of a step, in seconds or minutes: docs/benchmarks.md, without the prompting on banking77 for
# which the estimate was changed; then two quick runs on the handbook sample.
MEASURED = (
    (28, 37), (104, 154), (184, 186), (287, 177), (457, 448), (592, 408), (115, 49), (179, 78), (386, 245), (128, 59),
    (347, 408), (311, 224), (43, 37), (169, 142), (306, 287), (194, 166), (321, 294), (35, 42), (140, 130), (232, 222),
    (1.5, 1.1), (1.8, 1.6), (9.8, 15), (21, 17), (2.2, 1.4), (3.0, 2.0), (11, 13), (15, 11), (17, 19), (3.2, 2.7),
    (4.0, 2.8), (10, 6.6), (21, 17),
    (18, 24), (55, 56), (71, 66), (212, 286), (211, 223), (22, 27), (54, 58), (68, 64), (196, 292), (208, 228),
)  # fmt: skip
TABLE = b"message,label\nmy parcel,late\nmy money,refund\n"


def add_run(store: Store, model: str = "embedded") -> str:
    dataset = store.add_dataset("tickets.csv", TABLE)
    plan = Plan(dataset.id, Setup("message", "label"), strategies=("prompting", "finetuning"), model=model)
    return store.add_run(plan, task_to_json(*tiny_task())).id


def finish(store: Store, run_id: str, times_as_long: float) -> None:
    """Ends a run whose steps all took that many times the timed seconds."""
    for step, one in read_times(store.run_folder(run_id)).items():
        store.save_step(
            StoredStep(run_id, step, "done", started_at=1000.0, ended_at=1000.0 + times_as_long * one.timed)
        )
    store.end_run(run_id, "done")


def test_the_next_run_takes_as_long_as_the_ones_before_did(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save_speed("embedded", QUIET)
    first = add_run(store)
    before = estimate_run(store, first)
    for times in (2.0, 2.2, 9.0):  # the last one beside something else: a median doesn't follow it
        run_id = add_run(store)
        estimate_run(store, run_id)
        finish(store, run_id, times)
    then = add_run(store)
    after = estimate_run(store, then)
    assert {step: after[step] / before[step] for step in after} == pytest.approx(dict.fromkeys(after, 2.2))
    assert read_estimate(store.run_folder(then)) == after
    # The ratio is of the timing, not of an estimate that was corrected already.
    assert read_times(store.run_folder(then))["prompting"].timed == pytest.approx(before["prompting"])


@pytest.mark.parametrize(
    ("speed", "model", "count"),
    [
        (QUIET, "embedded", 3),
        (QUIET, "other", 0),
        (replace(QUIET, device="another machine"), "embedded", 0),
        (replace(QUIET, busy=0.9), "embedded", 0),
        (replace(QUIET, busy=None), "embedded", 0),
    ],
)
def test_only_runs_of_this_model_on_this_machine_under_this_load_count(
    tmp_path: Path, speed: Speed, model: str, count: int
) -> None:
    store = Store(tmp_path)
    store.save_speed("embedded", QUIET)
    run_id = add_run(store)
    estimate_run(store, run_id)
    finish(store, run_id, 3.0)
    assert len(past_steps(store, model, speed)) == count


def test_steps_without_a_result_and_other_work_teach_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save_speed("embedded", QUIET)
    run_id = add_run(store)
    estimate_run(store, run_id)
    store.save_step(StoredStep(run_id, "prompting", "failed", started_at=0.0, ended_at=900.0))
    assert past_steps(store, "embedded", QUIET) == []
    trained = estimate_times({"prompting": 10.0, "finetuning": 10.0}, [PastStep("finetuning", 10.0, 40.0)])
    assert trained["prompting"].likely == 10.0 and trained["finetuning"].likely == 40.0


def test_a_first_estimate_holds_as_often_as_it_says() -> None:
    unknown = correction([])
    held = [unknown.low <= actual / estimated <= unknown.high for estimated, actual in MEASURED]
    assert 0.75 <= sum(held) / len(held) <= 0.9  # it says 80 %


def test_the_range_narrows_as_runs_agree_and_widens_as_they_differ() -> None:
    unknown, agreeing, differing = correction([]), correction([1.5] * 5), correction([0.5, 1.5, 4.5, 0.4, 5.0])
    assert unknown.low < 1 < unknown.high
    assert agreeing.high / agreeing.low < unknown.high / unknown.low < differing.high / differing.low


def test_an_estimate_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    (tmp_path / "estimate.json").write_text('{"prompting": 12.5}')
    assert read_estimate(tmp_path) == {"prompting": 12.5}


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (240, 420, "4 to 7 minutes"),
        (20, 40, "20 to 40 seconds"),
        (40, 130, "40 seconds to 2 minutes"),
        (60, 130, "1 to 2 minutes"),
        (290, 310, "about 5 minutes"),
        (5400, 9000, "1.5 to 2.5 hours"),
    ],
)
def test_a_range_of_time_is_said_in_one_unit_where_it_can(low: float, high: float, text: str) -> None:
    assert duration_range_text(low, high) == text
