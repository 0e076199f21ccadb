"""A run with two models, from the command line to every file it writes."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

from advisor.command_line.commands import main
from advisor.pairing import MOST_CANDIDATES, model_in, paired, short_names, strategy_of, words_of
from advisor.plan import PLAN, FurtherModel, Plan, Setup
from advisor.runs.experiment import draft_task
from advisor.runs.timing import expected_times, past_steps, speeds_of, times_of
from advisor.runs.trying import order_to_answer, strategies_to_try
from advisor.storage.packed import pack, unpack
from advisor.storage.store import Store
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_curves, read_trial
from advisor.wording import in_sentence, name_of
from eval.reading.table import read_table
from eval.task import BadInput
from tests.bad_uploads import TABLE
from tests.tiny_strategies import SPEED, STEADY, tiny_model

NAMES = ["prompting@small", "finetuning@small", "prompting@large", "finetuning@large"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of two strategies with two models, its home and its results."""
    folder = tmp_path_factory.mktemp("several")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setenv("THREEWAYS_HOME", str(folder / "home"))
        (folder / "task.csv").write_bytes(TABLE)
        models = [tiny_model(folder / name) for name in ("small", "large")]
        for model in models:
            Store().save_speed(model, SPEED)
        options = ["--strategies", "prompting,finetuning", "--preset", "standard", "--out", "out"]
        assert main(["compare", "task.csv", "--model", "small", "--model", "large", *options], STEADY) == 0
    return folder


@pytest.fixture
def store(measured: Path) -> Store:
    return Store(measured / "home")


def test_every_strategy_is_measured_with_every_model(measured: Path, store: Store) -> None:
    (run,) = store.runs()
    report = store.report(run.id)
    assert report is not None and run.state == "done"
    assert [one.id for one in report.candidates] == NAMES
    assert [one.strategy for one in report.candidates] == ["prompting", "finetuning"] * 2
    assert [Path(one.model).name for one in report.candidates] == ["small", "small", "large", "large"]
    assert len(report.comparisons) == 6 and report.recommendation.choice in NAMES
    assert "with small" in report.recommendation.headline or "with large" in report.recommendation.headline
    for name in NAMES:
        trial = read_trial(store.run_folder(run.id) / name)
        assert trial is not None and {one.strategy for one in trial.outcomes} == {name}
    assert set(read_curves(store.run_folder(run.id))) == {"finetuning@small", "finetuning@large"}
    for form in ("report.html", "report.md", "outcomes.csv"):
        text = (measured / "out" / form).read_text()
        assert ("finetuning@large" if form == "outcomes.csv" else "Adapter fine-tuning with large") in text


def test_each_candidate_answers_new_inputs_with_its_own_model(store: Store) -> None:
    (run,) = store.runs()
    assert strategies_to_try(store, run)[:4] == tuple(NAMES)
    assert [Path(order_to_answer(store, run, name).model).name for name in NAMES] == [
        "small",
        "small",
        "large",
        "large",
    ]


def test_the_command_line_predicts_with_a_candidate_and_names_those_there_are(
    measured: Path, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREEWAYS_HOME", str(measured / "home"))
    (run,) = store.runs()
    assert main(["predict", run.id, "--strategy", "finetuning"], STEADY) == 2
    assert f"choose {' or '.join(NAMES)}." in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", type("Input", (), {"buffer": StringIO(), "isatty": lambda: False}))
    assert main(["predict", run.id, "--strategy", "finetuning@large"], STEADY) == 0


def test_times_are_estimated_by_model_and_learned_from_again(measured: Path, store: Store) -> None:
    (run,) = store.runs()
    assert set(expected_times(store, run.id)) == {"baselines", *NAMES, "curves"}
    past = past_steps(store, str(measured / "large"), SPEED)
    assert {one.step for one in past} == {"prompting@large", "finetuning@large"}


def test_beside_a_served_model_what_runs_here_has_an_estimate(measured: Path, store: Store, tmp_path: Path) -> None:
    (run,) = store.runs()
    served = "served:theirs@http://127.0.0.1:1/v1"
    for first, second in ((str(measured / "large"), served), (served, str(measured / "large"))):
        plan = run.plan.with_chosen([(first, ("prompting",)), (second, ("prompting",))])
        assert speeds_of(store, plan).keys() == {str(measured / "large")}
        task, split = read_task(store.run_folder(run.id))
        found = times_of(task, split, plan, speeds_of(store, plan), lambda model, speed: ())
        assert set(found) == {"baselines", "prompting@large"}
    assert speeds_of(Store(tmp_path), plan) == {}


def test_a_packed_run_of_two_models_opens_elsewhere(store: Store, tmp_path: Path) -> None:
    (run,) = store.runs()
    elsewhere = Store(tmp_path / "elsewhere")
    again = unpack(elsewhere, "run.zip", pack(store, run.id), "shared")
    assert again.plan == run.plan and elsewhere.report(again.id) is not None
    assert all(read_trial(elsewhere.run_folder(again.id) / name) for name in NAMES)


def test_a_plan_with_one_model_is_named_as_ever_and_a_plan_of_an_earlier_version_opens() -> None:
    plan = Plan("data", Setup("message", "label"), strategies=("prompting", "finetuning"))
    stored = json.loads(PLAN.write(plan))
    del stored["further"]
    assert PLAN.of(stored) == plan
    assert plan.steps == ("baselines", "prompting", "finetuning") and plan.pairing("finetuning").model == "embedded"


def test_a_model_is_named_without_the_way_to_it_unless_two_would_be_alike() -> None:
    named = {
        "/home/anna/models/ours": "ours",
        "C:\\models\\theirs.gguf": "theirs.gguf",
        "org/model": "org/model",
        "served:/data/llama@http://127.0.0.1:8000/v1": "llama at 127.0.0.1:8000",
        "served:org/model@http://127.0.0.1:8000/v1": "org/model at 127.0.0.1:8000",
    }
    assert words_of(list(named)) == named
    alike = ["/first/ours", "/second/ours", "org/model"]
    assert words_of(alike) == {name: name for name in alike}


def test_short_names_differ_in_any_spelling_and_fit_a_folder() -> None:
    names = ["embedded", "Qwen/Qwen3-0.6B", "/a/qwen3-0.6b/", "/b/../x y.gguf", "served:org/big@http://127.0.0.1:80/v1"]
    assert list(short_names(names).values()) == [
        "SmolLM2-135M-Instruct",
        "Qwen3-0.6B",
        "qwen3-0.6b-2",
        "x-y",
        "big",
    ]


def test_a_strategy_is_not_paired_with_a_model_that_it_cannot_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [tiny_model(tmp_path / "whole"), tiny_model(tmp_path / "packed")]
    config = tmp_path / "packed" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"quantization_config": {"quant_method": "fp8"}}))
    chosen, left_out = paired(models, ("prompting", "full_finetuning"))
    assert chosen == [(models[0], ("prompting", "full_finetuning")), (models[1], ("prompting",))]
    (sentence,) = left_out
    assert sentence.startswith("With packed we leave out full fine-tuning. The weights of")
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    (tmp_path / "task.csv").write_bytes(TABLE)
    (tmp_path / "whole" / "config.json").write_text(config.read_text())
    options = [option for model in models for option in ("--model", model)]
    assert main(["compare", str(tmp_path / "task.csv"), "--strategies", "full_finetuning", *options], STEADY) == 2
    assert "With whole we leave out full fine-tuning." in capsys.readouterr().err and not Store().runs()


def test_a_candidate_is_named_with_its_model_and_a_strategy_from_elsewhere_as_it_is() -> None:
    assert name_of("prompting@Qwen3-0.6B") == "Prompting with Qwen3-0.6B"
    assert in_sentence("prompting_examples@Qwen3-0.6B") == "prompting with examples on Qwen3-0.6B"
    assert (strategy_of("gpt-4@noon"), model_in("gpt-4@noon"), name_of("gpt-4@noon")) == (
        "gpt-4@noon",
        None,
        "gpt-4@noon",
    )


@pytest.mark.parametrize(
    ("further", "problem"),
    [
        ((FurtherModel("embedded", ("prompting",)),), "A model is named twice"),
        ((FurtherModel("/none", ()),), "Choose at least one strategy"),
        (
            tuple(FurtherModel(f"/m{at}", ("prompting", "retrieval", "finetuning")) for at in range(4)),
            f"at most {MOST_CANDIDATES}",
        ),
    ],
)
def test_a_plan_that_cannot_be_shown_is_refused(further: tuple[FurtherModel, ...], problem: str) -> None:
    plan = Plan("", Setup("message", "label"), strategies=("prompting",), further=further)
    with pytest.raises(BadInput, match=problem):
        draft_task(plan, "task.csv", read_table("task.csv", TABLE), [])
