"""Loading a network: what a folder may do, and what it may not."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from gguf import GGUFWriter
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoTokenizer

from eval.task import BadInput
from strategies.engine.language_model import Message
from strategies.engine.plain import PlainModel
from strategies.engine.transformer import Transformer
from strategies.engine.weights import Loader, load_language_model, load_network
from tests.tiny_model import save_tiny_model
from tests.tiny_networks import save_tiny_network


@pytest.mark.parametrize(
    ("file", "changed", "load"),
    [
        (
            "config.json",
            {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}},
            load_network,
        ),
        (
            "tokenizer_config.json",
            {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}},
            lambda folder: load_language_model(str(folder)),
        ),
    ],
)
def test_python_code_in_a_model_folder_is_refused_and_never_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    changed: dict[str, object],
    load: Callable[[Path], object],
) -> None:
    folder, marker = save_tiny_model(tmp_path / "model"), tmp_path / "it_ran"
    (folder / "own.py").write_text(f"open({str(marker)!r}, 'w').close()")
    (folder / file).write_text(json.dumps({**json.loads((folder / file).read_text()), **changed}))
    willing = io.StringIO("y\n" * 9)
    monkeypatch.setattr("sys.stdin", willing)
    with pytest.raises(BadInput) as refused:
        load(folder)
    assert str(refused.value) == (
        f"The model in {folder} needs Python code from its own folder, and Threeways never runs such code: "
        "choose a model that transformers supports by itself."
    )
    assert willing.tell() == 0 and not marker.exists()


def test_whoever_loads_a_model_knows_why_it_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load = Loader(str(save_tiny_network("mpt", tmp_path / "mpt")))
    assert load.slow_because is None
    assert isinstance(load(), PlainModel)
    assert (load.slow_because or "").startswith("Our engine's numbers for this network differ from those of transf")
    assert len(list((tmp_path / "cache" / "threeways" / "checks").iterdir())) == 1
    fast = Loader(str(save_tiny_network("mistral", tmp_path / "mistral")))
    assert isinstance(fast(), Transformer) and fast.slow_because is None


def _without_head(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight for name, weight in weights.items() if name != "lm_head.weight"}


def _without_a_matrix(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight for name, weight in weights.items() if "layers.1.mlp.up_proj" not in name}


def _narrower(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight[:, :9].contiguous() if "up_proj" in name else weight for name, weight in weights.items()}


def _overflown(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight * torch.inf if "layers.1.mlp.up_proj" in name else weight for name, weight in weights.items()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            _without_head,
            "The weights of the model in {} lack lm_head.weight: fetch or copy it again, or choose a model ",
        ),
        (_without_a_matrix, "The weights of the model in {} lack model.layers.1.mlp.up_proj.weight: fetch or copy it "),
        (_narrower, "The sizes of model.layers.0.mlp.up_proj.weight and 1 more in the model in {} aren't those that "),
        (_overflown, "The weights model.layers.1.mlp.up_proj.weight of the model in {} aren't all finite numbers: "),
    ],
)
def test_weights_that_are_not_whole_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]], said: str
) -> None:
    """transformers would fill what is missing with random numbers."""
    folder = save_tiny_model(tmp_path / "model")
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInput) as refused:
        load_network(folder)
    assert str(refused.value).startswith(said.format(folder))


@pytest.mark.parametrize(
    ("file", "changed", "said"),
    [
        ("config.json", {"hidden_act": "nonsense"}, "KeyError: 'nonsense'"),
        (
            "config.json",
            {"num_attention_heads": 5},
            "The hidden size (48) is not a multiple of the number of attention",
        ),
        ("tokenizer.json", {"version": "none", "model": 7}, ""),
    ],
)
def test_whatever_cannot_be_read_is_a_sentence(
    tmp_path: Path, file: str, changed: dict[str, object], said: str
) -> None:
    folder = save_tiny_model(tmp_path / "model")
    (folder / file).write_text(json.dumps({**json.loads((folder / file).read_text()), **changed}))
    with pytest.raises(BadInput) as refused:
        load_language_model(str(folder))
    sentence = str(refused.value)
    assert (
        sentence.startswith(f"The model in {folder} could not be read: ") and said in sentence and "\n" not in sentence
    )


def test_a_gguf_file_that_was_cut_off_is_a_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "model.gguf"
    writer = GGUFWriter(file, "llama")
    writer.add_context_length(4096)
    writer.add_token_list(["<s>"] * 1000)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(BadInput) as refused:
        load_language_model(str(file))
    assert str(refused.value).startswith(f"The model in {file} could not be read: ")
    assert not list(tmp_path.glob("cache/threeways/models/*"))


def test_a_model_that_reads_both_ways_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its config doesn't say so."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = save_tiny_network("bert-generation", tmp_path / "model", is_decoder=False)
    for _ in range(2):
        with pytest.raises(BadInput) as refused:
            load_language_model(str(folder))
        assert str(refused.value).startswith(f"The model in {folder} reads a text in both directions, and Threeways ")


def test_a_model_that_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = save_tiny_model(tmp_path / "model")
    (folder / "chat_template.jinja").unlink()
    for file in ("config.json", "generation_config.json", "tokenizer_config.json"):
        content = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps({**content, "eos_token_id": None, "eos_token": None}))
    with pytest.raises(BadInput) as refused:
        load_language_model(str(folder))
    assert str(refused.value) == (
        f"The model in {folder} names no token that ends a text: set eos_token_id in its config.json."
    )


def test_a_tokenizer_that_knows_more_than_the_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens for chats are sometimes added without widening the network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = save_tiny_model(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<|turn|>"])
    tokenizer.chat_template = "{% for turn in messages %}<|turn|>{{ turn.content }}{% endfor %}<|turn|>"
    tokenizer.save_pretrained(folder)
    with pytest.raises(BadInput) as refused:
        load_language_model(str(folder))
    assert str(refused.value).startswith(f"The tokenizer of the model in {folder} writes a prompt with token ")


def test_a_network_that_turns_positions_with_complex_numbers_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can't go on with the transposed results that make few rows fast."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = load_language_model(str(save_tiny_network("llama4_text", tmp_path / "llama4")))
    assert isinstance(model, PlainModel)
    asked = [(Message("user", "where is it"),), (Message("user", "where is he"),)]
    assert model.score(asked, ("refund", "delivery")).log_probabilities.max() < 0
    assert len(model.write(asked, 3)) == 2


@pytest.mark.parametrize("spare", [0, 1])
def test_layers_that_the_config_does_not_count_are_refused_unless_they_are_spare(tmp_path: Path, spare: int) -> None:
    """transformers would leave them out, and answer with fewer layers."""
    folder = save_tiny_model(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(config | {"num_hidden_layers": 1, "num_nextn_predict_layers": spare, "layer_types": None})
    )
    if spare:
        load_network(folder)
    else:
        with pytest.raises(BadInput, match=r"have more layers than the 1 of its config\.json: fetch or copy it again"):
            load_network(folder)
