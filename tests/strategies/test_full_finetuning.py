"""Full fine-tuning: what is trained and kept, and where it is refused; an adapter kept apart from the weights."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import safe_open

from eval.task import Brief, Example, Kind, LearningSplit, Split
from strategies.contract import Adapted
from strategies.engine.local_model import LocalModel
from strategies.engine.models import EMBEDDED, EMBEDDED_PARAMETERS, check_model, check_training, memory_to_train
from strategies.engine.plain import PlainModel
from strategies.engine.transformer import Transformer
from strategies.finetuning import Finetuning
from strategies.full_finetuning import TRAINING_COST, FullFinetuning
from strategies.presets import Budget
from strategies.prompting import PromptingWithExamples
from strategies.training import Training
from strategies.workload import foresee
from tests.tiny_model import tiny_transformer
from tests.tiny_networks import tiny_network_of
from tests.tiny_strategies import tiny_model

BUDGET = Budget(test_rows=8, dev_rows=6, latency_rows=2, settings=3, training_tokens=3000, epochs=4, answer_tokens=0)
LABELS = ("delivery", "refund")
ROWS = tuple(
    Example(str(at), f"{('my money', 'the parcel')[at % 2]} number {at}", LABELS[1 - at % 2]) for at in range(40)
)
SPLIT = LearningSplit(ROWS[:30], ROWS[30:])
INPUTS = [row.input for row in ROWS[30:]]


def fitted(strategy_class: type[Training]) -> Training:
    strategy = strategy_class(Brief("tiny", Kind.CLASSIFICATION, "", LABELS), tiny_transformer, BUDGET)
    strategy.fit(SPLIT, (), lambda progress: None)
    return strategy


def test_every_weight_is_trained_and_kept_and_the_base_model_is_loaded_anew(tmp_path: Path) -> None:
    strategy = fitted(FullFinetuning)
    rates = [choice["learning_rate"] for choice in strategy.choices if "learning_rate" in choice]
    assert rates[:2] == [3e-5, 1e-4] and "rank" not in strategy.settings
    strategy.save(tmp_path)
    base = dict(tiny_transformer().network.named_parameters())
    with safe_open(tmp_path / "weights" / "model.safetensors", "pt") as kept:
        assert set(kept.keys()) == set(base)
        assert not [name for name, weight in base.items() if torch.equal(kept.get_tensor(name), weight)]
    again = FullFinetuning(strategy.brief, tiny_transformer, BUDGET)
    again.load(tmp_path)
    assert again.predict(INPUTS) == strategy.predict(INPUTS)


def test_weights_that_come_back_otherwise_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FullFinetuning, "learning_rates", (3e-3,))  # far enough from the base model
    monkeypatch.setattr("safetensors.torch.load_model", lambda network, file: None)
    with pytest.raises(RuntimeError, match="The dev loss of the reloaded weights is"):
        fitted(FullFinetuning)


def test_one_network_is_in_memory_at_a_time() -> None:
    loaded: weakref.WeakSet[torch.nn.Module] = weakref.WeakSet()
    there_already: list[int] = []

    def load() -> Transformer:
        gc.collect()
        there_already.append(len(loaded))
        model = tiny_transformer()
        loaded.add(model.network)
        return model

    strategy = FullFinetuning(Brief("tiny", Kind.CLASSIFICATION, "", LABELS), load, BUDGET)
    strategy.fit(SPLIT, (), lambda progress: None)
    assert there_already == [0, 0, 0, 0]  # for two rates, the training, and what is served


def test_a_model_too_large_to_train_is_refused_with_what_it_needs_and_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 4.5e9 < memory_to_train(EMBEDDED_PARAMETERS) < 5.5e9
    free = SimpleNamespace(available=3.2e9)
    monkeypatch.setattr("strategies.engine.models.psutil", SimpleNamespace(virtual_memory=lambda: free))
    assert check_model(EMBEDDED) is None
    assert check_training(EMBEDDED, "all weights") == (
        "Full fine-tuning of SmolLM2-135M-Instruct needs about 4.9 GB of memory, and 3.2 GB are free. "
        "Fine-tuning with an adapter needs less."
    )
    assert "Qwen3-0.6B needs about 15" in (check_training("Qwen/Qwen3-0.6B", "all weights") or "")
    assert check_training(tiny_model(tmp_path / "model"), "all weights") is None
    assert check_training("owner/never-fetched", "all weights") is None  # the hub is not asked
    free.available = 6e9
    assert check_training(EMBEDDED, "all weights") is None


def test_its_training_is_foreseen_as_the_dearer_of_the_two() -> None:
    split = Split(ROWS[:24], ROWS[24:30], ROWS[30:])
    plain, full = (
        foresee(name, Brief("tiny", Kind.CLASSIFICATION, "", LABELS), split, (), BUDGET)
        for name in ("finetuning", "full_finetuning")
    )
    assert full == replace(plain, train=TRAINING_COST * plain.train)


def test_an_adapter_kept_apart_answers_with_the_same_weights_and_can_be_merged_again() -> None:
    strategy = fitted(Finetuning)
    assert isinstance(strategy, Finetuning)
    answers, model = strategy.predict(INPUTS), strategy.trained_model
    labels, prompts = strategy.brief.labels, strategy._ask(INPUTS, model).prompts
    merged = model.score(prompts, labels).log_probabilities
    del model
    strategy.take_apart()
    parts = [name for name, _ in strategy.trained_model.network.named_modules() if name.endswith("lora_A.default")]
    assert parts and strategy._answerer.model is strategy.trained_model
    assert abs(strategy.trained_model.score(prompts, labels).log_probabilities - merged).max() < 1e-4
    assert strategy.predict(INPUTS) == answers
    strategy.switch_off()
    base = tiny_transformer().score(prompts, labels).log_probabilities
    assert abs(base - merged).max() > 0.01  # training did something
    assert (strategy.trained_model.score(prompts, labels).log_probabilities == base).all()
    strategy.put_together()
    assert not [name for name, _ in strategy.trained_model.network.named_modules() if "lora" in name]
    assert strategy.predict(INPUTS) == answers


def test_a_training_says_whether_a_rate_beat_the_default_if_it_tried_others() -> None:
    found = set()
    for rates in ((1e-9, 3e-3), (3e-3, 1e-9)):  # the first one is the default
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Finetuning, "learning_rates", rates)
            strategy = fitted(Finetuning)
        assert strategy.settings["learning_rate"] == 3e-3
        found.add((rates[0], strategy.effort.found_better))
    assert found == {(1e-9, True), (3e-3, False)}
    settled = replace(BUDGET, settled={"learning_rate": 3e-3})
    for budget in (settled, replace(BUDGET, settings=1)):
        strategy = Finetuning(Brief("tiny", Kind.CLASSIFICATION, "", LABELS), tiny_transformer, budget)
        strategy.fit(SPLIT, (), lambda progress: None)
        assert strategy.effort.found_better is None


def test_only_what_trains_an_adapter_can_keep_it_apart() -> None:
    assert [issubclass(one, Adapted) for one in (Finetuning, FullFinetuning)] == [True, False]


@pytest.mark.parametrize("given", [{"kind": "gpt2", "n_positions": 60}, {"kind": "mpt", "max_seq_len": 60}])
def test_rows_longer_than_the_context_are_cut_to_it(given: dict[str, Any]) -> None:
    """Positions beyond the context have no weights in some networks."""

    def load() -> LocalModel:
        network = tiny_network_of(**given)
        model = PlainModel if given["kind"] == "mpt" else Transformer
        return model(network, tiny_transformer().tokenizer)

    strategy = Finetuning(Brief("tiny", Kind.CLASSIFICATION, "", LABELS), load, BUDGET)
    rows = [replace(row, input=row.input + " and so on" * (at % 20)) for at, row in enumerate(ROWS)]
    strategy.fit(LearningSplit(tuple(rows[:30]), tuple(rows[30:])), (), lambda progress: None)
    assert any(note.endswith("Their last 60 tokens were used.") for note in strategy.notes)


def test_examples_that_leave_no_room_in_the_context_are_no_crash() -> None:
    """Even the prompt with an empty input, which is scored to compare with, is too long here."""

    def load() -> LocalModel:
        return Transformer(tiny_network_of("gpt2", n_positions=60), tiny_transformer().tokenizer)

    strategy = PromptingWithExamples(Brief("tiny", Kind.CLASSIFICATION, "", LABELS), load, BUDGET)
    strategy.fit(SPLIT, (), lambda progress: None)
    assert all("longer than the" in (answer.error or "") for answer in strategy.predict(INPUTS))
