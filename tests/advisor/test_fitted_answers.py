"""Fitted strategies outside their run: tried on test inputs, and downloaded and used without Threeways."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from advisor.render.fitted_zip import can_download, write_fitted_zip
from advisor.runs.answering import LABELS_SHOWN, Fitted
from advisor.runs.trying import order_to_answer, strategies_to_try, with_adapter
from advisor.storage.task_file import read_task
from advisor.storage.tries import TriedAnswer
from eval.task import BadInput, Kind
from strategies.answerer import Answerer
from strategies.engine.weights import load_language_model
from strategies.registry import BASELINES, LOCAL, STRATEGIES, class_at
from tests.fitted_runs import BUDGET, TARGETS, Measured, measured_run
from tests.tiny_strategies import tiny_model

EVERY_README = """
import json, os, sys
names, texts = map(json.loads, sys.argv[1:])
start, answers = os.getcwd(), {}
for name in names:
    os.chdir(os.path.join(start, name))
    sys.path[0] = os.getcwd()
    there = {"__name__": "readme"}
    exec(open("readme.py").read(), there)
    answers[name] = [there["strategy"].answer(text) for text in texts]
    for module in [key for key, one in sys.modules.items() if (getattr(one, "__file__", None) or "").startswith(start)]:
        del sys.modules[module]  # the next one brings its own
assert not {"strategies", "advisor", "eval"} & sys.modules.keys()
print(json.dumps(answers))
"""


@pytest.fixture(scope="module", params=list(TARGETS))
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """A run of every strategy and baseline on a tiny network, as its steps leave it."""
    return measured_run(tmp_path_factory.mktemp("measured"), request.param, tuple(LOCAL))


def tried(measured: Measured, text: str, fitted: Fitted) -> list[TriedAnswer]:
    store, run = measured.store, measured.run
    names = strategies_to_try(store, run)
    return [fitted.answer(order_to_answer(store, run, name), text, lambda _: None) for name in names]


def test_a_test_input_that_is_tried_gets_the_recorded_answer_of_each_strategy(measured: Measured) -> None:
    fitted, recorded = Fitted(), measured.outcomes
    for text in next(iter(recorded.values())):
        answers = tried(measured, text, fitted)
        assert {answer.strategy for answer in answers} == recorded.keys() and len(answers) > len(LOCAL)
        for answer in answers:
            assert answer.problem is None and answer.text == recorded[answer.strategy][text], answer
            assert (answer.prompt is None) == (answer.strategy in BASELINES)
            if answer.prompt is not None:
                assert text in "".join(piece.text for piece in answer.prompt)
                assert answer.tokens_in == sum(len(piece.ids) for piece in answer.prompt)
            if measured.kind is Kind.CLASSIFICATION and answer.likely:
                assert answer.likely[0].label == answer.text  # whatever it compares, its probabilities agree
            if answer.likely and (answer.strategy in LOCAL or measured.kind is Kind.CLASSIFICATION):
                assert answer.labels == len(answer.likely) <= LABELS_SHOWN
                assert sum(one.share for one in answer.likely) == pytest.approx(1)
        with_labels = {answer.strategy for answer in answers if answer.likely}
        is_written = measured.kind in (Kind.ANSWERING, Kind.EXTRACTION)
        assert not with_labels if is_written else with_labels >= set(LOCAL)
        if measured.kind is Kind.EXTRACTION:
            assert all(isinstance(json.loads(answer.text), dict) for answer in answers if answer.strategy in LOCAL)


def test_with_its_adapter_switched_off_a_strategy_answers_as_the_base_model_does(measured: Measured) -> None:
    """The same prompt, compared or written in the same way, by a fresh base model; and its own answer afterwards."""
    store, run, fitted, text = measured.store, measured.run, Fitted(), "the parcel number 40"
    task, _ = read_task(store.run_folder(run.id))
    with_adapters = with_adapter(LOCAL)
    assert with_adapters == ("finetuning", "retrieval_finetuning", "preference_tuning")
    for name in LOCAL:
        order = order_to_answer(store, run, name)
        own = fitted.answer(order, text, lambda _: None)
        off = fitted.answer(order, text, lambda _: None, adapter_off=True)
        assert off.adapter_off and not own.adapter_off
        if name not in with_adapters:
            assert off.text == "" and "no adapter" in (off.problem or "")
            continue
        folder = store.run_folder(run.id) / name / "fitted"
        strategy = class_at(STRATEGIES[name])(task.brief, lambda: load_language_model(run.plan.model), BUDGET, 0)
        strategy.load(folder)
        stored = json.loads((folder / "finetuning.json").read_text())["answerer"]
        base = Answerer.from_json(load_language_model(run.plan.model), task.brief, stored)
        asking = strategy._ask([text], base.model)  # type: ignore[attr-defined]
        (expected,) = base.answer(asking.prompts, votes=asking.votes)
        assert (off.problem, off.text, off.tokens_in) == (None, expected.text, expected.tokens_in)
        assert fitted.answer(order, text, lambda _: None).text == own.text
        assert off.prompt == own.prompt


def test_an_input_that_is_too_long_is_a_sentence_for_each_strategy_with_a_model(measured: Measured) -> None:
    for answer in tried(measured, "a very long parcel " * 2000, Fitted()):
        if answer.strategy in LOCAL:
            assert answer.text == "" and "longer than the" in (answer.problem or "")


def test_the_model_that_is_gone_is_named(measured: Measured) -> None:
    store, run = measured.store, measured.run
    model = Path(run.plan.model)
    aside = model.rename(model.with_name("aside"))
    try:
        answer = Fitted().answer(order_to_answer(store, run, "prompting"), "a parcel", lambda _: None)
        assert (answer.problem or "").startswith(f"There is no folder {model}.")
        with pytest.raises(BadInput, match="no longer on this machine"):
            write_fitted_zip(store, run, "prompting", model.with_name("nothing.zip"))
    finally:
        aside.rename(model)


def test_downloaded_strategies_give_the_recorded_answers_without_threeways(measured: Measured, tmp_path: Path) -> None:
    """The code of each README, in a process that can't import this project: one for all, as torch loads slowly."""
    model, recorded = measured.run.plan.model, measured.outcomes
    if measured.kind is Kind.CLASSIFICATION:
        fitted = measured.store.run_folder(measured.run.id) / "retrieval" / "fitted"
        assert json.loads((fitted / "retrieval.json").read_text())["answerer"]["choice"]["votes"]  # so they are tried
    for name in LOCAL:
        write_fitted_zip(measured.store, measured.run, name, tmp_path / "fitted.zip")
        with zipfile.ZipFile(tmp_path / "fitted.zip") as archive:
            archive.extractall(tmp_path / name)
        kept = (file for file in (tmp_path / name).rglob("*.*") if file.suffix != ".safetensors")
        assert str(Path(model).parent).encode() not in b"".join(file.read_bytes() for file in kept)  # nor another path
        readme = (tmp_path / name / "README.md").read_text()
        settings = json.loads((tmp_path / name / "settings.json").read_text())
        assert ("also vote" in readme) == bool(settings["choice"]["votes"])
        code = readme.split("```python\n")[1].split("```")[0].replace('model="model"', f"model={model!r}")
        (tmp_path / name / "readme.py").write_text(code.replace('print(strategy.answer("a new input"))', ""))
    texts = list(recorded["prompting"])[:3]
    answered = subprocess.run(
        [sys.executable, "-c", EVERY_README, json.dumps(list(LOCAL)), json.dumps(texts)],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answered.returncode == 0, answered.stderr
    assert json.loads(answered.stdout.splitlines()[-1]) == {
        name: [recorded[name][text] for text in texts] for name in LOCAL
    }


def test_other_weights_are_refused(measured: Measured, tmp_path: Path) -> None:
    write_fitted_zip(measured.store, measured.run, "prompting", tmp_path / "fitted.zip")
    with zipfile.ZipFile(tmp_path / "fitted.zip") as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, "answer.py", "--model", tiny_model(tmp_path / "other"), "a parcel"]
    answered = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answered.returncode == 1 and "other weights than the strategy was fitted with" in answered.stderr


def test_what_a_run_does_not_have_cannot_be_downloaded(measured: Measured, tmp_path: Path) -> None:
    assert not can_download(measured.store, measured.run, "majority_label")
    with pytest.raises(BadInput, match="Most common label always gives the same answer"):
        write_fitted_zip(measured.store, measured.run, "majority_label", tmp_path / "fitted.zip")
    with pytest.raises(BadInput, match="has no fitted 'guessing' to download"):
        write_fitted_zip(measured.store, measured.run, "guessing", tmp_path / "fitted.zip")
