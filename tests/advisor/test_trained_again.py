"""Trainings with other seeds: measured in the thorough preset, allowed for by the verdict, and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.estimate import estimate_seconds
from advisor.measurement import score_of_each_training
from advisor.plan import BASELINES_STEP, Plan, Setup
from advisor.runs.experiment import run_experiment
from advisor.runs.order import StepOrder
from advisor.runs.retraining import train_again
from advisor.schema import Report
from advisor.sections.figures import figures_of, how_computed
from advisor.storage.store import Store
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import read_trial, write_trial
from advisor.wording import score_text
from eval.outcomes import TRAINED_AGAIN, EarlyStop, Outcome, Trial
from eval.task import Kind
from strategies.presets import PRESETS
from strategies.registry import baselines_for
from tests.tiny_strategies import SPEED, TORN, WAVERING, tiny_task

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]
TABLE = b"message,label\n" + b"".join(b"text %d,%s\n" % (row, (b"yes", b"no")[row % 2]) for row in range(30))


def trial_of(home: Path, build_strategy: str, preset: str) -> Trial:
    """What such a run leaves of fine-tuning. Its baselines are done: they would load models."""
    store = Store(home)
    plan = Plan(store.add_dataset("tickets.csv", TABLE).id, Setup("message", "label"), preset, ("finetuning",))
    folder = store.run_folder(run_id := store.add_run(plan, task_to_json(*tiny_task(20, 100))).id)
    for baseline in baselines_for(Kind.CLASSIFICATION, has_documents=False):
        (folder / BASELINES_STEP / baseline).mkdir(parents=True)
        write_trial(folder / BASELINES_STEP / baseline, Trial(baseline, "excluded", "Not in this test."))
    run_experiment(store, run_id, lambda step: None, lambda: False, build_strategy)
    trial = read_trial(folder / "finetuning")
    assert trial is not None and store.run(run_id).state == "done"
    return trial


def test_the_thorough_preset_trains_three_times_and_the_others_once(tmp_path: Path) -> None:
    thorough = trial_of(tmp_path / "thorough", WAVERING, "thorough")
    assert score_of_each_training(thorough) == (1.0, 0.9, 0.8)
    assert score_of_each_training(trial_of(tmp_path / "quick", WAVERING, "quick")) is None


def test_a_further_training_that_fails_leaves_what_was_measured_and_a_note(tmp_path: Path) -> None:
    trial = trial_of(tmp_path, TORN, "thorough")
    assert trial.status == "done" and len(trial.outcomes) == 100 and score_of_each_training(trial) is None
    assert trial.notes == ("It stopped with an error during “training 2” (ValueError: once is enough).",)


def test_what_another_process_has_trained_again_is_read(tmp_path: Path) -> None:
    """Or why it couldn't."""
    order = StepOrder(tmp_path, "finetuning", "thorough", "embedded", 0)
    first = Trial("finetuning", "done", changes_weights=True)
    again = order.trained_again(first, None)
    assert [one.folder.name for one in again] == ["1", "2"]
    assert order.trained_again(first, EarlyStop("behind", 0.001)) == []
    outcomes = (Outcome("r0", "finetuning", "yes", 1.0, {}, 1, 1),)
    trials = (Trial("finetuning", "done", outcomes=outcomes), Trial("finetuning", "failed", "Memory ran out."))
    for one, trial in zip(again, trials, strict=True):
        one.folder.mkdir(parents=True)
        write_trial(one.folder, trial)
    found = train_again(order, first, *tiny_task(), lambda _: None)
    assert found.probes == {f"{TRAINED_AGAIN}1": outcomes} and found.notes == ("Memory ran out.",)


def test_a_verdict_allows_for_what_another_training_would_score(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    prompting, retrieval, trained = synthetic_trials()
    worse = tuple(replace(outcome, score=0.0) if at % 3 else outcome for at, outcome in enumerate(trained.outcomes))
    probes = {f"{TRAINED_AGAIN}{again}": worse for again in (1, 2)}
    several = (prompting, retrieval, replace(trained, probes=probes))
    once, again = (synthetic_report(trials=trials) for trials in ((prompting, retrieval, trained), several))
    chance, allowed = (report.recommendation.probabilities["finetuning"] for report in (once, again))
    assert allowed < chance - 0.3
    assert "Score of each training" not in dict(figures_of(once))
    means = (sum(one.score for one in rows) / len(rows) for rows in (trained.outcomes, worse, worse))
    each_training = ", ".join(map(score_text, means))
    assert each_training in dict(figures_of(again))["Score of each training"]
    assert "trained_again of probes.jsonl" in how_computed(again)["Score of each training"]


def test_a_close_verdict_on_one_training_says_so(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    prompting, retrieval, trained = synthetic_trials()
    close = replace(retrieval, outcomes=tuple(replace(one, strategy="retrieval") for one in trained.outcomes))
    probes = {f"{TRAINED_AGAIN}1": trained.outcomes}

    def is_told(*trials: Trial) -> bool:
        return any("trained only once" in one for one in synthetic_report(trials=trials).recommendation.caveats)

    assert is_told(prompting, close, replace(trained, changes_weights=True))
    assert not is_told(prompting, close, replace(trained, changes_weights=True, probes=probes))
    assert not is_told(prompting, replace(trained, changes_weights=True))


@pytest.mark.parametrize(
    ("losses", "kept", "is_told"),
    [
        ((0.9, 0.5, 0.3), 300, True),
        ((0.9, 0.31, 0.3), 300, False),  # hardly any better
        ((0.9, 0.5, 0.6), 200, False),  # the look before was the best
        ((0.9, 0.05, 0.03), 300, False),  # nothing left to learn
    ],
)
def test_training_that_ended_while_it_was_getting_better_says_so_where_it_was_not_taken(
    synthetic_report: MakeReport,
    synthetic_trials: MakeTrials,
    losses: tuple[float, ...],
    kept: int,
    is_told: bool,
) -> None:
    prompting, retrieval, _ = synthetic_trials()
    looks = tuple({"learning_rate": 0.1, "tokens": 100 * (at + 1), "dev_loss": loss} for at, loss in enumerate(losses))
    trained = replace(
        prompting,
        strategy="finetuning",
        changes_weights=True,
        choices=(*looks, {"normalisation": "sum", "dev_score": 0.5}),
        settings={"training_tokens": kept},
    )

    def is_in(*trials: Trial) -> bool:
        caveats = synthetic_report(trials=trials).recommendation.caveats
        return any("still improving when" in one for one in caveats)

    assert is_in(retrieval, trained) is is_told
    assert not is_in(trained)


@pytest.mark.parametrize("strategy", ["finetuning", "retrieval"])
def test_further_trainings_are_in_the_estimate(strategy: str) -> None:
    task, split = tiny_task(96, 100)
    three = PRESETS["thorough"]
    seconds = {
        times: estimate_seconds(task, split, replace(three, trainings=times), [strategy], SPEED)[strategy]
        for times in (1, 3)
    }
    assert (seconds[3] > 1.5 * seconds[1]) == (strategy == "finetuning")
    assert (seconds[3] == seconds[1]) == (strategy == "retrieval")
