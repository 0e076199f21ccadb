"""Last layers: what is trained, kept and put back, and a whole run with its report, pages and answers."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from advisor.command_line.commands import main
from advisor.plan import DEFAULT_STRATEGIES
from eval.task import Brief, Kind, Split
from strategies.last_layers import TRAINING_COST, LastLayers, last_parts
from strategies.training_rows import Encoded, TrainingRows
from strategies.workload import foresee
from tests.app import open_page, own_home
from tests.strategies.test_full_finetuning import BUDGET, INPUTS, LABELS, ROWS, SPLIT, fitted
from tests.tiny_model import save_tiny_model, tiny_network, tiny_transformer
from tests.tiny_networks import KINDS, tiny_network_of
from tests.tiny_strategies import SPEED

WITHOUT_NORM_WEIGHTS = {"olmo", "openai-gpt"}


def test_the_last_layer_and_the_final_norm_alone_are_trained_and_kept(tmp_path: Path) -> None:
    strategy = fitted(LastLayers)
    rates = [choice["learning_rate"] for choice in strategy.choices if "learning_rate" in choice]
    assert rates[:2] == [1e-4, 3e-4]
    strategy.save(tmp_path)
    base = tiny_transformer().network.state_dict()
    with safe_open(tmp_path / "layers" / "model.safetensors", "pt") as kept:
        names = set(kept.keys())
    assert names == {name for name in base if name.startswith(("model.layers.1.", "model.norm."))}
    served = strategy.trained_model.network.state_dict()
    assert {name for name in base if not torch.equal(served[name], base[name])} == names
    again = LastLayers(strategy.brief, tiny_transformer, BUDGET)
    again.load(tmp_path)
    assert again.predict(INPUTS) == strategy.predict(INPUTS)


def test_every_training_starts_from_the_base_model() -> None:
    strategy = LastLayers(Brief("tiny", Kind.CLASSIFICATION, "", LABELS), tiny_transformer, BUDGET)
    model = tiny_transformer()
    asked = strategy._ask([row.input for row in SPLIT.train], model).prompts
    pairs = TrainingRows(model, 4).of_answers(SPLIT.train, asked)
    first, second = (
        strategy._train(model, Encoded(pairs, pairs[:4]), 1e-3, 600, 1, lambda read: None) for _ in range(2)
    )
    assert first == second
    base = tiny_transformer().network.state_dict()
    assert all(torch.equal(weight, base[name]) for name, weight in model.network.state_dict().items())


def test_it_trains_the_same_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    plenty = fitted(LastLayers)
    monkeypatch.setattr("strategies.engine.training.free_bytes", lambda device: 0.0)
    short = fitted(LastLayers)
    losses = [[choice["dev_loss"] for choice in one.choices if "dev_loss" in choice] for one in (plenty, short)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-3) and losses[0][-1] < losses[0][0]


def test_a_sixth_of_the_layers_is_trained_and_at_least_one() -> None:
    for layers, trained in ((1, 1), (2, 1), (12, 2), (30, 5)):
        names = last_parts(tiny_network(layers))
        numbers = {int(name.split(".")[2]) for name in names if ".layers." in name}
        assert numbers == set(range(layers - trained, layers)) and "model.norm.weight" in names


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_of_network_has_last_layers(kind: str) -> None:
    network = tiny_network_of(kind)
    numbered = {name: re.search(r"\.(\d+)\.", name) for name in last_parts(network)}
    layers = {int(number.group(1)) for number in numbered.values() if number}
    assert layers == {network.config.get_text_config().num_hidden_layers - 1}
    rest = [name for name, number in numbered.items() if not number]
    assert bool(rest) == (kind not in WITHOUT_NORM_WEIGHTS)
    assert all("norm" in name or "ln_" in name or "layernorm" in name for name in rest)


def test_its_training_is_estimated_as_cheaper_than_an_adapters() -> None:
    split = Split(ROWS[:24], ROWS[24:30], ROWS[30:])
    adapter, last = (
        foresee(name, Brief("tiny", Kind.CLASSIFICATION, "", LABELS), split, (), BUDGET)
        for name in ("finetuning", "last_layers")
    )
    assert TRAINING_COST < 1 and last == replace(adapter, train=TRAINING_COST * adapter.train)
    assert "last_layers" not in DEFAULT_STRATEGIES


def test_a_run_measures_it_and_its_report_its_pages_and_predict_know_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    model = str(save_tiny_model(tmp_path / "model"))
    with Path("task.csv").open("w", newline="") as file:
        rows = [(f"{('my money', 'the parcel')[at % 2]} number {at}", LABELS[1 - at % 2]) for at in range(60)]
        csv.writer(file).writerows([("message", "label"), *rows])
    with own_home(tmp_path / "home", monkeypatch) as store:
        store.save_speed(model, SPEED)
        asked = ["--strategies", "prompting,last_layers", "--preset", "standard", "--model", model, "--out", "out"]
        assert main(["compare", "task.csv", *asked]) == 0
        report = json.loads(Path("out/report.json").read_text())
        trained = next(one for one in report["candidates"] if one["strategy"] == "last_layers")
        assert trained["status"] == "done" and 0 <= trained["score"]["mean"] <= 1
        assert trained["robustness"] and trained["side_effects"]
        for name in ("report.html", "report.md"):
            assert "Last-layer fine-tuning" in Path("out", name).read_text()
        (run,) = store.runs()
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"my money is gone\n")))
        assert main(["predict", run.id, "--strategy", "last_layers"]) == 0
        assert capsys.readouterr().out.strip() in LABELS
        for page in ("Report", "Compare"):
            shown = open_page(page, run=run.id, dataset=run.dataset_id)
            assert "Last-layer fine-tuning" in " ".join(element.proto.body for element in shown.get("html"))
