from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from advisor.plan import Plan, Setup
from advisor.runs.child import failure_sentence
from advisor.runs.experiment import draft_task, prepare, run_experiment
from advisor.runs.timing import read_estimate
from advisor.schema import REPORT, Candidate, NotMeasured, OtherStep
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import read_task, task_to_json
from advisor.storage.trial_files import read_trial
from advisor.wording import taken_text
from eval.mapping.steps import Fix
from eval.reading.table import read_table
from eval.scoring.own_metric import own_metric
from eval.task import BadInput, Kind, Metric, normalised
from tests.reports import candidate_of, section_of
from tests.tiny_strategies import CROWDED, ENDLESS, FRAGILE, KILLED, SPEED, STEADY, tiny_model, tiny_task

TABLE = b"message,label\n" + b"".join(
    b"%s number %d,%s\n" % ((b"cake", b"parcel", b"bill")[row % 3], row, (b"yes", b"no")[row % 2]) for row in range(60)
)
PLAN = Plan("", Setup("message", "label"), reuses=False)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def add_run(store: Store, *strategies: str) -> str:
    dataset = store.add_dataset("tickets.csv", TABLE)
    return store.add_run(replace(PLAN, dataset_id=dataset.id, strategies=strategies), task_to_json(*tiny_task())).id


def run(store: Store, run_id: str, build_strategy: str) -> list[StoredStep]:
    """The run's steps as it told them, to its end."""
    told: list[StoredStep] = []
    run_experiment(store, run_id, told.append, lambda: store.cancel_requested(run_id), build_strategy)
    return told


def states(store: Store, run_id: str) -> list[str]:
    return [step.state for step in store.steps(run_id)]


def test_a_plan_becomes_a_queued_run_with_its_task_split(store: Store, tmp_path: Path) -> None:
    dataset = store.add_dataset("tickets.csv", TABLE)
    queued = prepare(store, replace(PLAN, dataset_id=dataset.id, model=tiny_model(tmp_path / "model")))
    task, split = read_task(store.run_folder(queued.id))
    assert (queued.state, task.name, task.kind) == ("queued", "tickets", Kind.CLASSIFICATION)
    sides = [{normalised(example.input) for example in side} for side in (split.train, split.dev, split.test)]
    assert all(sides) and not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]


def test_a_preset_bounds_the_training_rows_of_a_large_file_and_says_so(store: Store, tmp_path: Path) -> None:
    rows = (f"order {row}: {row * 7919 % 10_007} {row * 104_729 % 9_973},{'ab'[row % 2]}\n" for row in range(16_000))
    dataset = store.add_dataset("many.csv", "".join(["message,label\n", *rows]).encode())
    plan = replace(PLAN, dataset_id=dataset.id, model=tiny_model(tmp_path / "model"), preset="quick")
    _, split = read_task(store.run_folder(prepare(store, plan).id))
    assert (len(split.train), len(split.test)) == (10_000, 200)
    assert any(
        re.fullmatch(r"10,000 of 1\d,\d{3} training rows are used, chosen at random.", one) for one in split.notes
    )


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (replace(PLAN, preset="slow"), "There is no preset 'slow'; choose quick, standard or thorough."),
        (replace(PLAN, strategies=("guessing",)), "There is no strategy 'guessing'"),
        (replace(PLAN, strategies=()), "Choose at least one strategy"),
        (replace(PLAN, setup=Setup("message", "answer")), "There is no column 'answer'"),
        (replace(PLAN, setup=Setup("message", "label", steps=(Fix("magic"),))), "There is no fix called 'magic'"),
        (replace(PLAN, model="/no/such/folder"), "There is no folder /no/such/folder"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused_before_anything_runs(plan: Plan, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        draft_task(plan, "tickets.csv", read_table("tickets.csv", TABLE), [])


def test_a_run_measures_each_strategy_and_leaves_its_report_in_every_form(store: Store) -> None:
    run_id = add_run(store, "prompting", "finetuning")
    told = run(store, run_id, STEADY)
    assert store.run(run_id).state == "done"
    assert [step.strategy for step in told if step.state == "done"] == ["baselines", "prompting", "finetuning"]
    assert {"counting", "answering the test rows"} <= {step.stage for step in told}
    folder = store.run_folder(run_id)
    trial = read_trial(folder / "prompting")
    assert trial is not None and trial.peak_memory_bytes is not None and trial.peak_memory_bytes > 10_000_000
    right = sum(example.target == "billing" for example in tiny_task()[1].test)
    assert sum(outcome.score for outcome in trial.outcomes) == right
    report = store.report(run_id)
    assert report is not None and report == REPORT.read((folder / "report.json").read_bytes())
    assert (report.run_id, report.model) == (run_id, "SmolLM2-135M-Instruct")
    assert "A note of the split." in report.warnings
    assert "CPU" in report.device
    assert (folder / "report.html").read_text().lstrip().lower().startswith("<!doctype html>")
    assert (folder / "report.md").read_text().startswith("# ")
    assert [one.id for one in report.candidates] == ["prompting", "finetuning"]
    baselines = [one.id for one in report.baselines]
    assert baselines == [
        "majority_label",
        "nearest_example",
        "tfidf_linear",
        "char_linear",
        "embedding_linear",
        "tuned_encoder",
    ]
    assert all(isinstance(one, Candidate) and one.score.mean == right / 10 for one in report.baselines)
    assert report.recommendation.level_baseline is None  # ten rows cannot show that one is as good
    assert len((folder / "outcomes.csv").read_text("utf-8-sig").splitlines()) == 1 + (2 + 6) * 10


def test_the_estimate_is_kept_beside_the_seconds_it_took(store: Store) -> None:
    store.save_speed("embedded", SPEED)
    run_id = add_run(store, "prompting", "retrieval")
    run(store, run_id, STEADY)
    kept = read_estimate(store.run_folder(run_id))
    report = store.report(run_id)
    assert report is not None and list(kept) == ["baselines", "prompting", "retrieval"]
    assert 5 < kept["baselines"] < 60
    baselines, *steps = store.steps(run_id)
    assert report.other_steps == (OtherStep("baselines", baselines.seconds, kept["baselines"]),)
    for candidate, step in zip(report.candidates, steps, strict=True):
        assert isinstance(candidate, Candidate)
        assert candidate.estimated_seconds == kept[step.strategy] > SPEED.load_seconds
        assert candidate.seconds == step.seconds
        assert candidate.seconds is not None and candidate.fit_seconds is not None
        assert candidate.seconds > candidate.fit_seconds
        took, estimated = (taken_text(each) for each in (candidate.seconds, kept[step.strategy]))
        assert f"Total time: {took} (estimate: about {estimated})." in str(section_of(report, "method"))


def test_a_machine_that_was_not_timed_gives_no_estimate(store: Store) -> None:
    run_id = add_run(store, "prompting")
    run(store, run_id, STEADY)
    report = store.report(run_id)
    assert report is not None and report.candidates[0].estimated_seconds is None
    assert not (store.run_folder(run_id) / "estimate.json").exists()


def test_a_strategy_that_fails_is_recorded_the_others_report_and_it_can_be_tried_again(store: Store) -> None:
    run_id = add_run(store, "prompting", "retrieval", "finetuning")
    run(store, run_id, FRAGILE)
    assert (store.run(run_id).state, states(store, run_id)) == ("done", ["done", "done", "failed", "done"])
    reason = "It stopped with an error during “looking things up” (ZeroDivisionError: nothing to divide by)."
    assert store.steps(run_id)[2].reason == reason
    report = store.report(run_id)
    assert report is not None
    assert report.candidates[1] == NotMeasured(
        "retrieval", "retrieval", report.model, "failed", reason, seconds=report.candidates[1].seconds
    )
    assert "Traceback" in (store.run_folder(run_id) / "retrieval" / "log.txt").read_text()

    kept = store.run_folder(run_id) / "prompting" / "manifest.json"
    written_at = kept.stat().st_mtime_ns
    store.retry_step(run_id, "retrieval")
    run(store, run_id, STEADY)
    assert (store.run(run_id).state, states(store, run_id)) == ("done", ["done", "done", "done", "done"])
    assert kept.stat().st_mtime_ns == written_at


def test_a_strategy_whose_process_is_killed_says_that_memory_ran_out(store: Store) -> None:
    run_id = add_run(store, "retrieval", "prompting")
    run(store, run_id, KILLED)
    assert (store.run(run_id).state, states(store, run_id)) == ("done", ["done", "failed", "done"])
    assert "memory ran out" in (store.steps(run_id)[1].reason or "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_said_to_be_full() -> None:
    with pytest.raises(OSError) as wrong:
        Path("/dev/full").write_text("weights")
    assert failure_sentence(wrong.value, "training") == (
        "The disk was full during “training”; free some space and try again."
    )


def test_a_run_on_a_full_disk_goes_on_once_there_is_room(store: Store) -> None:
    run_id = add_run(store, "prompting", "retrieval", "finetuning")
    (store.home / "full").touch()
    assert run_experiment(store, run_id, lambda _: None, lambda: False, CROWDED) is None
    failed = store.run(run_id)
    assert (failed.state, states(store, run_id)) == ("failed", ["done", "cancelled", "cancelled", "cancelled"])
    assert failed.reason == "The disk was full during “counting”; free some space and try again."
    fitted = store.run_folder(run_id) / "prompting" / "fitted"
    fitted_at = fitted.stat().st_mtime_ns

    (store.home / "full").unlink()
    store.retry_step(run_id, "retrieval")
    run(store, run_id, CROWDED)
    assert (store.run(run_id).state, states(store, run_id)) == ("done", ["done"] * 4)
    assert fitted.stat().st_mtime_ns == fitted_at


def test_a_run_in_which_all_fail_has_failed_and_still_reports(store: Store) -> None:
    run_id = add_run(store, "retrieval")
    run(store, run_id, FRAGILE)
    report = store.report(run_id)
    assert store.run(run_id).state == "failed"
    assert report is not None and report.recommendation.choice is None


def test_a_run_whose_folder_goes_while_it_runs_has_failed(store: Store) -> None:
    run_id = add_run(store, "prompting", "retrieval")

    def remove_once_prompting_is_done(step: StoredStep) -> None:
        if (step.strategy, step.state) == ("prompting", "done"):
            shutil.rmtree(store.run_folder(run_id))

    report = run_experiment(store, run_id, remove_once_prompting_is_done, lambda: False, STEADY)
    failed = store.run(run_id)
    assert (report, failed.state, states(store, run_id)) == (None, "failed", ["done", "done", "cancelled"])
    assert (failed.reason or "").startswith("The folder of this run is gone")


def test_cancelling_ends_the_child_that_computes(store: Store) -> None:
    run_id = add_run(store, "prompting", "retrieval", "finetuning")
    seen: list[StoredStep] = []

    def cancel_once_its_pace_is_known(step: StoredStep) -> None:
        if step.remaining_seconds is not None and "process" in step.stage:
            seen.append(step)
            store.cancel(run_id)

    told = run_experiment(store, run_id, cancel_once_its_pace_is_known, lambda: store.cancel_requested(run_id), ENDLESS)
    assert told is None and store.report(run_id) is None
    assert (seen[0].total, store.run(run_id).state) == (10**9, "cancelled")
    assert not psutil.pid_exists(int(seen[0].stage.rsplit(maxsplit=1)[1]))
    assert states(store, run_id) == ["done", "cancelled", "cancelled", "cancelled"]


def test_a_run_that_no_longer_waits_is_left_alone(store: Store) -> None:
    run_id = add_run(store, "prompting")
    store.cancel(run_id)
    assert run(store, run_id, STEADY) == []
    assert not (store.run_folder(run_id) / "prompting").exists()


OWN_METRIC = """
import os
from pathlib import Path

with Path(__file__).with_name("loaded_in").open("a") as log:
    log.write(f"{os.getpid()}\\n")


def half(output, expected, input):
    return 0.5 if output == expected else 0.25


def broken(output, expected, input):
    return float("nan") if output == expected else 0.25
"""


def run_with_own_metric(store: Store, file: Path, function: str) -> str:
    """A run scored by a function of this file."""
    file.write_text(OWN_METRIC)
    task, split = tiny_task()
    scored = replace(task, metric=own_metric(f"{file}:{function}"))
    dataset = store.add_dataset("tickets.csv", TABLE)
    plan = replace(PLAN, dataset_id=dataset.id, strategies=("prompting",))
    run_id = store.add_run(plan, task_to_json(scored, split)).id
    run(store, run_id, STEADY)
    return run_id


def test_a_persons_own_metric_scores_in_the_children_alone(store: Store, tmp_path: Path) -> None:
    run_id = run_with_own_metric(store, tmp_path / "mine.py", "half")
    report = store.report(run_id)
    assert report is not None and report.task.metric.startswith("mine.py:half (")
    right = sum(example.target == "billing" for example in tiny_task()[1].test)
    expected = (0.5 * right + 0.25 * (10 - right)) / 10
    assert candidate_of(report, "prompting").score.mean == pytest.approx(expected)
    assert {one.status for one in report.baselines} == {"done"}
    loaded_in = (tmp_path / "loaded_in").read_text().split()
    assert len(set(loaded_in)) == 3  # the check of the score, the baselines, and the strategy
    assert str(os.getpid()) not in loaded_in


def test_an_own_metric_that_returns_no_number_fails_what_it_scores_with_one_sentence(
    store: Store, tmp_path: Path
) -> None:
    run_id = run_with_own_metric(store, tmp_path / "mine.py", "broken")
    assert (store.run(run_id).state, states(store, run_id)) == ("failed", ["failed", "failed"])
    reason = store.steps(run_id)[1].reason or ""
    assert reason.startswith(f"Your metric broken in {tmp_path / 'mine.py'} returned nan for the input ")
    assert reason.endswith("it must return a number from 0 to 1.")
    assert str(os.getpid()) not in (tmp_path / "loaded_in").read_text()


def test_an_own_metric_that_was_changed_after_the_run_was_planned_is_refused(store: Store, tmp_path: Path) -> None:
    run_id = run_with_own_metric(store, tmp_path / "mine.py", "half")
    (tmp_path / "mine.py").write_text(OWN_METRIC + "\n# changed")
    store.retry_step(run_id, "prompting")
    run(store, run_id, STEADY)
    said = f"Your metric {tmp_path / 'mine.py'} is gone or has changed since the run was planned: start the comparison"
    assert store.steps(run_id)[1].reason == f"{said} again."


@pytest.mark.parametrize("metric", ["macro-F1", "balanced accuracy"])
def test_a_run_is_scored_by_the_metric_of_its_plan(store: Store, metric: str) -> None:
    task, split = tiny_task()
    dataset = store.add_dataset("tickets.csv", TABLE)
    plan = replace(PLAN, dataset_id=dataset.id, strategies=("prompting",))
    run_id = store.add_run(plan, task_to_json(replace(task, metric=Metric(metric)), split)).id
    run(store, run_id, STEADY)
    trial, report = read_trial(store.run_folder(run_id) / "prompting"), store.report(run_id)
    assert trial is not None and trial.metric == metric and report is not None
    assert [outcome.expected for outcome in trial.outcomes] == [example.target for example in split.test]
    right = sum(example.target == "billing" for example in split.test)
    f1 = 2 * right / (right + 10)
    assert candidate_of(report, "prompting").score.mean == pytest.approx(f1 / 2 if metric == "macro-F1" else 0.5)
    assert report.recommendation.caveats
