"""An export answers as the run did, without Threeways, and says what it is."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from advisor.command_line.commands import main
from advisor.render.model_card import Base, Parts, model_card
from advisor.runs.exporting import Wanted, export
from advisor.runs.order import BUILD_STRATEGY
from advisor.schema import Report
from advisor.storage.seals import write_sealed
from advisor.storage.task_file import read_task
from eval.task import Kind
from strategies.engine.exported import modelfile
from strategies.engine.gguf_vocabulary import UnwritableError
from strategies.engine.sealed_folder import DamagedError, check_folder
from strategies.engine.weights import load_language_model
from tests.fitted_runs import Measured, measured_run
from tests.servers.tiny_server import TinyServer
from tests.tiny_model import save_tiny_model
from tests.tiny_networks import save_tiny_network

STRATEGIES = ("prompting_examples", "retrieval", "finetuning", "last_layers")
KINDS = (Kind.CLASSIFICATION, Kind.MULTI_LABEL, Kind.NUMBER, Kind.EXTRACTION, Kind.ANSWERING)
# Each folder's own example, in a process that can't import this project: one for all, as torch loads slowly.
EVERY_EXAMPLE = """
import os, runpy, sys
for folder in sys.argv[1].split(os.pathsep):
    os.chdir(folder)
    sys.path[0], before = folder, set(sys.modules)
    sys.argv = ["example.py", *OPTIONS]
    runpy.run_path("example.py", run_name="__main__")
    for module in set(sys.modules) - before:
        if (getattr(sys.modules[module], "__file__", None) or "").startswith(folder):
            del sys.modules[module]  # the next one brings its own
assert not {"strategies", "advisor", "eval"} & sys.modules.keys()
"""


def every_example(folders: list[Path], *options: str, model: str = "") -> list[str]:
    program = EVERY_EXAMPLE.replace("OPTIONS", repr([*options, *(["--model", model] if model else [])]))
    answered = subprocess.run(
        [sys.executable, "-c", program, os.pathsep.join(map(str, folders))],
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        cwd=folders[0],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answered.returncode == 0, answered.stderr
    return answered.stdout.splitlines()


def exported(measured: Measured, strategy: str, folder: Path, gguf: str | None = "f32") -> dict[str, Any]:
    """The request and the settings of the export, whose models all held to the answers of the run."""
    store, run = measured.store, measured.run
    held = export(store, run, strategy, folder, Wanted(gguf), BUILD_STRATEGY, lambda _: None)
    assert [(one.same, one.rows) for one in held] == [(6, 6)] * len(held)
    assert len(held) == (0 if strategy in ("prompting", "prompting_examples", "retrieval") else 2)
    check_folder(folder)
    assert all(file.stat().st_mode & 0o044 == 0o044 for file in folder.rglob("*"))
    texts = [file.read_text() for file in folder.rglob("*") if file.suffix in (".json", ".jsonl", ".md", ".py", ".txt")]
    assert not any(str(Path(run.plan.model).parent) in text for text in texts)  # nor another path of this machine
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in ("request", "settings")}


@pytest.fixture(scope="module", params=KINDS)
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measured_run(tmp_path_factory.mktemp("exported"), request.param, STRATEGIES)


def test_exports_answer_as_the_run_did_without_threeways(measured: Measured, tmp_path: Path) -> None:
    for name in STRATEGIES:
        found = exported(measured, name, tmp_path / name)
        is_trained = name in ("finetuning", "last_layers")
        assert (tmp_path / name / "model" / "model.safetensors").exists() == is_trained
        assert (tmp_path / name / "model-f32.gguf").exists() == is_trained
        assert (tmp_path / name / "Modelfile").exists() == is_trained
        assert not (tmp_path / name / "layers").exists()  # they are merged
        assert found["settings"]["trained_part"] is None
    trained = [tmp_path / name for name in ("finetuning", "last_layers")]
    others = [tmp_path / name for name in ("prompting_examples", "retrieval")]
    same = "6 of 6 answers are those of the run."
    assert every_example(trained, "--check") == [same, same]
    assert every_example(others, "--check", model=measured.run.plan.model) == [same, same]
    text = next(iter(measured.outcomes["finetuning"]))
    assert every_example(trained[:1], text) == measured.outcomes["finetuning"][text].splitlines()


def test_the_request_is_what_the_run_asked(measured: Measured, tmp_path: Path) -> None:
    request = exported(measured, "prompting_examples", tmp_path / "prompting_examples")["request"]
    assert request["temperature"] == 0 and request["max_tokens"] > 0
    first, *shown, last = request["messages"]
    assert first["role"] == "system" and last == {"role": "user", "content": "{{input}}"} and len(shown) % 2 == 0
    has_schema = measured.kind is Kind.EXTRACTION
    assert ("response_format" in request) == has_schema
    if has_schema:
        held = request["response_format"]["json_schema"]
        assert held["strict"] and set(held["schema"]["properties"]) == {"goods", "count"}
    filled = json.loads((tmp_path / "prompting_examples" / "request_example.json").read_text())
    assert filled["messages"][-1]["content"] in measured.outcomes["prompting_examples"]
    looked_up = exported(measured, "retrieval", tmp_path / "retrieval")["request"]["messages"]
    assert looked_up[-1]["content"].endswith("{{input}}")
    assert len(looked_up) == 2 or looked_up[-3]["content"] == "{{example 1: input}}"
    filled = json.loads((tmp_path / "retrieval" / "request_example.json").read_text())["messages"]
    assert len(filled) <= len(looked_up) and "{{" not in json.dumps(filled)


def test_every_strategy_that_trains_can_be_exported(tmp_path: Path) -> None:
    names = ("full_finetuning", "preference_tuning", "retrieval_finetuning")
    measured = measured_run(tmp_path, Kind.ANSWERING, names)
    for name in names:
        exported(measured, name, tmp_path / name)
        assert (tmp_path / name / "adapter").exists() == (name != "full_finetuning")
        assert (tmp_path / name / "search.py").exists() == (name == "retrieval_finetuning")
    same = "6 of 6 answers are those of the run."
    assert every_example([tmp_path / name for name in names], "--check") == [same] * 3
    by_gguf = every_example([tmp_path / "retrieval_finetuning"], "--check", model="model-f32.gguf")
    assert by_gguf == [same]


@pytest.mark.skipif(importlib.util.find_spec("llama_cpp") is None, reason="llama-cpp-python isn't installed")
def test_the_gguf_file_answers_with_llama_cpp(measured: Measured, tmp_path: Path) -> None:
    exported(measured, "finetuning", tmp_path)
    if not (tmp_path / "example_gguf.py").exists():
        assert measured.kind is Kind.EXTRACTION  # held to a schema by answer.py
        assert every_example([tmp_path], "--check", model="model-f32.gguf") == ["6 of 6 answers are those of the run."]
        return
    (tmp_path / "example.py").write_text((tmp_path / "example_gguf.py").read_text())
    # A random network writes bytes that are no text, which llama-cpp-python leaves out.
    rows = (tmp_path / "check.jsonl").read_text().replace("\N{REPLACEMENT CHARACTER}", "")
    (tmp_path / "check.jsonl").write_text(rows)
    (said,) = every_example([tmp_path], "--check")
    # llama.cpp keeps keys and values in 16 bits, and 32 tokens of a random network make much of that.
    assert said.startswith(("6", "5", "4") if measured.kind is Kind.ANSWERING else "6"), said


def test_the_command_prints_its_own_sentences_alone(tickets: Measured, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = subprocess.run(
        [sys.executable, "-m", "advisor", "export", tickets.run.id, "--strategy", "finetuning", "--out", out],
        env={**os.environ, "THREEWAYS_HOME": str(tickets.store.home), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
    )
    said = (ended.stdout + ended.stderr).splitlines()
    assert ended.returncode == 0
    assert [line.partition(" ")[0] for line in said] == ["Writing", "Writing", "Loading", "The", "The", "Adapter"], said


@pytest.fixture(scope="module")
def tickets(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measured_run(tmp_path_factory.mktemp("tickets"), Kind.CLASSIFICATION, ("prompting", "finetuning"))


def test_the_card_says_what_was_measured_and_what_was_not(
    tickets: Measured, synthetic_report: Callable[..., Report], tmp_path: Path
) -> None:
    from advisor.render.json_file import render_json

    exported(tickets, "finetuning", tmp_path / "without")
    card = (tmp_path / "without" / "README.md").read_text()
    assert "The report of this run has no figures" in card and "24 training rows" in card
    folder = tickets.store.run_folder(tickets.run.id)
    try:
        write_sealed(folder / "report.json", render_json(synthetic_report()))
        exported(tickets, "finetuning", tmp_path / "with")
        export(tickets.store, tickets.run, "prompting", tmp_path / "prompt", Wanted(), BUILD_STRATEGY, lambda _: None)
    finally:
        (folder / "report.json").unlink()
    card = (tmp_path / "with" / "README.md").read_text()
    for said in (
        "Score (accuracy): ", "95 % CI", "test rows.", "Latency: median", "per 1,000 requests",
        "The merged model gave the same answers as the run, on 6 test rows", "(model-f32.gguf), read by transformers",
        "A quick run leaves out robustness, forgetting", "Attacks were not tested",
        "unknown to Threeways", "They have learned from your", "ollama create finetuning -f Modelfile",
        "A server writes its answer.",
    ):  # fmt: skip
        assert said in card, said
    assert "{{" not in card.replace("{{input}}", "") and "None" not in card and "\n\n\n" not in card
    assert "ollama" not in (tmp_path / "prompt" / "README.md").read_text()


def test_a_changed_file_is_noticed_and_other_weights_are_refused(tickets: Measured, tmp_path: Path) -> None:
    exported(tickets, "finetuning", tmp_path)
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(DamagedError, match=r"model\.safetensors was changed"):
        check_folder(tmp_path)
    command = [sys.executable, "answer.py", "a parcel"]
    answered = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answered.returncode == 1 and "other weights than the strategy was fitted with" in answered.stderr


def test_a_model_that_gguf_can_not_hold_is_exported_without(tmp_path: Path) -> None:
    model = str(save_tiny_network("mistral", tmp_path / "model"))
    measured = measured_run(tmp_path, Kind.CLASSIFICATION, ["finetuning"], model=model)
    held = export(
        measured.store, measured.run, "finetuning", tmp_path / "out", Wanted(), BUILD_STRATEGY, lambda _: None
    )
    assert [one.what for one in held] == ["The merged model"] and held[0].same == 6
    assert not list((tmp_path / "out").glob("*.gguf")) and not (tmp_path / "out" / "Modelfile").exists()
    assert "- The model has sliding windows, which Threeways" in (tmp_path / "out" / "README.md").read_text()


def test_a_prompt_that_a_modelfile_can_not_hold_is_refused(tmp_path: Path) -> None:
    model = load_language_model(str(save_tiny_model(tmp_path)))

    def written(instruction: str) -> str:
        return modelfile(model, "model-f16.gguf", [("system", instruction)], 8, 512, None)

    assert 'SYSTEM """Say "yes" or "no"."""\n' in written('Say "yes" or "no".')
    for instruction in ('Say "yes" or "no"', 'Say """yes""" or no.'):
        with pytest.raises(UnwritableError, match="quotation mark"):
            written(instruction)


def test_a_served_model_is_exported_as_its_prompt(tmp_path: Path) -> None:
    with TinyServer() as server:
        measured = measured_run(tmp_path, Kind.ANSWERING, ["prompting", "retrieval"], model=server.name)
        for name in ("prompting", "retrieval"):
            export(measured.store, measured.run, name, tmp_path / name, Wanted(), BUILD_STRATEGY, lambda _: None)
        request = json.loads((tmp_path / "prompting" / "request.json").read_text())
        assert request["model"] == "tiny" and request["messages"][-1]["content"] == "{{input}}"
        shown = json.loads((tmp_path / "prompting" / "request_example.json").read_text())
        assert shown in [body for path, body in server.answered if path.endswith("/chat/completions")]
        text, answer = next(iter(measured.outcomes["prompting"].items()))
        answered = subprocess.run(
            [sys.executable, "-I", "example.py", text],
            cwd=tmp_path / "prompting",
            env={"OPENAI_BASE_URL": server.url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert answered.stdout.strip() == answer, answered.stderr
    files = {file.name for file in (tmp_path / "retrieval").iterdir()}
    assert files == {"README.md", "SHA256SUMS", "request.json", "request_example.json"}
    assert "The search of the run isn't part of an export" in (tmp_path / "retrieval" / "README.md").read_text()


def test_what_a_file_is_called_is_no_markdown_in_the_model_card(tickets: Measured) -> None:
    task, split = read_task(tickets.store.run_folder(tickets.run.id))
    called = 'x"\nshown: <img src=x> [here](there)'
    base = Base(called, "base", called, None)
    card = model_card(tickets.run, "prompting", replace(task, name=called), split, None, base, Parts(), ())
    _, facts, body = card.split("---\n", 2)
    assert f"license: {json.dumps(called.lower())}".split("<")[0] in facts and "\nshown" not in facts
    assert body.count("\\<img src=x\\> \\[here\\](there)") == 3
    assert body.count("<img") == 3


def test_what_can_not_be_exported_is_refused_in_a_sentence(
    tickets: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREEWAYS_HOME", str(tickets.store.home))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")

    def refusal(strategy: str, folder: str) -> str:
        assert main(["export", tickets.run.id, "--strategy", strategy, "--out", str(tmp_path / folder)]) == 2
        return capsys.readouterr().err

    assert "did not compare 'guessing'" in refusal("guessing", "new")
    for taken in ("full", "file"):
        assert f"{tmp_path / taken} exists already" in refusal("finetuning", taken)
    assert "take it with 'download' instead" in refusal("majority_label", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full"]
    assert (
        main(["export", tickets.run.id, "--strategy", "prompting", "--out", str(tmp_path / "new"), "--rows", "2"]) == 0
    )
    assert "Its README.md says how to use it" in capsys.readouterr().out
    assert len((tmp_path / "new" / "check.jsonl").read_text().splitlines()) == 2
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o755
