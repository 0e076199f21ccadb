"""A fine-tuning that is killed goes on from its last evaluation and ends as if nothing had happened."""

from __future__ import annotations

import json
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from advisor.plan import BASELINES_STEP, Plan, Setup
from advisor.runs.experiment import prepare, run_experiment
from advisor.runs.order import BUILD_STRATEGY
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.trial_files import read_trial, write_trial
from eval.outcomes import Trial
from eval.task import Kind
from strategies.contract import CHOOSING_TRAINING, TRAINING
from strategies.registry import baselines_for
from tests.tiny_model import save_tiny_model
from tests.tiny_strategies import serve, wait_until

TABLE = "message,label\n" + "".join(
    f"my {word} {at} {('is late', 'was wrong')[at % 2]},{('delivery', 'refund')[at % 2]}\n"
    for at in range(60)
    for word in ("parcel", "invoice", "lamp", "ticket", "bottle")
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def add_run(store: Store) -> str:
    """Of fine-tuning alone. Its baselines are done: they would load models."""
    model = store.home.with_name("model")
    if not model.exists():
        save_tiny_model(model)
    dataset = store.add_dataset("tickets.csv", TABLE.encode())
    plan = Plan(dataset.id, Setup("message", "label"), strategies=("finetuning",), model=str(model), reuses=False)
    run = prepare(store, plan)
    for baseline in baselines_for(Kind.CLASSIFICATION, has_documents=False):
        folder = store.run_folder(run.id) / BASELINES_STEP / baseline
        folder.mkdir(parents=True)
        write_trial(folder, Trial(baseline, "excluded", "Not in this test."))
    return run.id


def finish(store: Store, run_id: str) -> tuple[Trial, list[StoredStep]]:
    told: list[StoredStep] = []
    run_experiment(store, run_id, told.append, lambda: False)
    trial = read_trial(store.run_folder(run_id) / "finetuning")
    assert trial is not None and trial.status == "done", (store.run(run_id), trial)
    return trial, told


def measured(trial: Trial) -> list[object]:
    """Without times and memory."""
    answers = [(one.example_id, one.text, one.score) for one in trial.outcomes]
    return [answers, trial.settings, trial.choices, trial.losses, trial.notes, replace(trial.effort, seconds=0.0)]


@pytest.mark.parametrize("part", ["trial 1", "adapter"])
def test_a_killed_training_goes_on_and_ends_the_same(part: str, store: Store) -> None:
    whole, _ = finish(store, add_run(store))
    run_id = add_run(store)
    training = store.run_folder(run_id) / "finetuning" / "training"
    worker = get_context("spawn").Process(target=serve, args=(store.home, BUILD_STRATEGY))
    worker.start()
    try:
        wait_until((training / part / "checkpoint.json").exists, worker)
    finally:
        worker.kill()
        worker.join()
    assert store.run(run_id).state == "interrupted"
    reached = json.loads((training / part / "checkpoint.json").read_bytes())["reached"]["read"]
    again, told = finish(store, run_id)
    assert measured(again) == measured(whole)
    first = next(step for step in told if step.stage == (TRAINING if part == "adapter" else CHOOSING_TRAINING))
    assert first.done > reached > 0
    assert again.stage_seconds[CHOOSING_TRAINING] > 0 and again.effort.seconds > 0
    assert not training.exists()
