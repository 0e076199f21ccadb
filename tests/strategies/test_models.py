"""Whether a model is here, whole, and fits: said without loading it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from strategies.engine.models import EMBEDDED, check_model, check_training, context_tokens, is_here, local_folder
from tests.tiny_strategies import tiny_model

NAME = "owner/model"


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the hub's cache keeps the model once it was fetched; nothing is there yet."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    entry = tmp_path / "models--owner--model"
    (entry / "refs").mkdir(parents=True)
    (entry / "refs" / "main").write_text("0" * 40)
    (entry / "snapshots").mkdir()
    return entry / "snapshots" / ("0" * 40)


def test_a_model_of_the_hub_is_here_once_it_was_fetched_whole(cached: Path) -> None:
    assert not is_here(NAME)
    tiny_model(cached)
    index = cached / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}))
    assert not is_here(NAME)  # one of its files was not fetched yet
    index.unlink()
    assert is_here(NAME)
    assert local_folder(NAME) == cached
    assert check_model(NAME) is None
    (cached / "config.json").write_text('{"model_type": "t5"}')
    assert (check_model(NAME) or "").startswith(f"{NAME} is an encoder-decoder (type “t5”)")


def test_what_is_no_model_is_not_here(tmp_path: Path) -> None:
    assert is_here(EMBEDDED)
    assert is_here(tiny_model(tmp_path / "model"))
    assert not is_here(str(tmp_path / "nowhere"))


def test_a_model_that_does_not_fit_in_memory_is_refused(
    cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_model(cached)
    folder = tiny_model(tmp_path / "model")
    monkeypatch.setattr("strategies.engine.models.WORKING_BYTES", 1e18)
    for name in (NAME, folder):
        refusal = check_model(name) or ""
        assert refusal.startswith(f"{name} needs about 1000000000.0 GB") and "or the embedded" in refusal
    monkeypatch.setattr("strategies.engine.models.embedded_gguf", lambda: tmp_path)  # as if its package were installed
    own = check_model(EMBEDDED) or ""
    assert own.startswith("SmolLM2-135M-Instruct needs") and "or the embedded" not in own


def test_a_damaged_folder_says_which_file(tmp_path: Path) -> None:
    folder = Path(tiny_model(tmp_path / "model"))
    (folder / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    assert f"The file {folder / 'model.safetensors'} is damaged" in (check_model(str(folder)) or "")


@pytest.mark.parametrize("method", ["bitsandbytes", "fp8"])
def test_quantised_weights_need_what_reads_them_and_only_an_adapter_can_be_trained(tmp_path: Path, method: str) -> None:
    folder = tiny_model(tmp_path / "model")
    config = json.loads((Path(folder) / "config.json").read_text())
    (Path(folder) / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": method}}))
    refusal = check_model(folder)
    if method == "bitsandbytes":
        assert refusal and "which need the package bitsandbytes: install it" in refusal
    else:
        assert refusal is None  # transformers says while loading what it lacks
    assert check_training(folder, "adapter") is None
    for trained in ("some weights", "all weights"):
        assert f"leave out strategies that train {trained}" in (check_training(folder, trained) or "")


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"weight_map": ["a"]}'])
def test_a_damaged_list_of_parts_is_named(tmp_path: Path, content: str) -> None:
    folder = Path(tiny_model(tmp_path / "model"))
    index = folder / "model.safetensors.index.json"
    index.write_text(content)
    assert (check_model(str(folder)) or "").startswith(f"The file {index} is damaged: fetch or copy it again.")


def test_a_link_to_nothing_is_a_damaged_file(tmp_path: Path) -> None:
    folder = Path(tiny_model(tmp_path / "model"))
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to(tmp_path / "nowhere")
    assert (check_model(str(folder)) or "").startswith(f"The file {folder / 'model.safetensors'} is damaged")


def test_an_adapter_is_not_taken_for_a_model(tmp_path: Path) -> None:
    """transformers would load the base model that the adapter names, wherever that is."""
    folder = Path(tiny_model(tmp_path / "model"))
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/other"}')
    assert (check_model(str(folder)) or "").startswith(f"The folder {folder} contains an adapter: merge it into its ")


@pytest.mark.parametrize("file", ["config.json", "model.safetensors.index.json"])
def test_a_file_nested_too_deeply_is_damaged(tmp_path: Path, file: str) -> None:
    folder = tiny_model(tmp_path / "model")
    (Path(folder) / file).write_text("[" * 100_000)
    refusal = check_model(folder) or ""
    assert ("nested too deeply" in refusal or "is damaged" in refusal) and refusal.endswith("SmolLM2-135M-Instruct.")
    assert context_tokens(folder) is None or file != "config.json"
    assert check_training(folder, "some weights") is None


@pytest.mark.parametrize("name", ["", "~nobody-has-this-name/model", "a\0b", "x" * 5000])
def test_odd_names_are_no_models(name: str) -> None:
    refusal = check_model(name) or ""
    assert refusal.startswith(("There is no folder", "“")) and refusal.endswith("the embedded SmolLM2-135M-Instruct.")
    assert not is_here(name) and context_tokens(name) is None and check_training(name, "all weights") is None
