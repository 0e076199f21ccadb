"""Every type of network runs as plain transformers does, on our engine or on the code of transformers. What can't work
at all is refused before a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFWriter
from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto import modeling_auto

from strategies.engine.architectures import _types
from strategies.engine.models import check_model
from tests.benchmarks.architectures import tried
from tests.tiny_networks import TESTED, WINDOW, tiny_config
from tests.tiny_strategies import tiny_model

PLAIN = {"bloom", "deepseek_v3", "falcon_h1", "granitemoehybrid", "lfm2", "mamba", "mpt", "qwen3_next", "rwkv"}
OFFER = "Choose another, or the embedded SmolLM2-135M-Instruct."


def described(folder: Path, config: PreTrainedConfig | dict[str, Any]) -> str:
    """A folder that passes for a model with this config, as long as nobody loads it."""
    tiny_model(folder)
    content = config if isinstance(config, dict) else config.to_dict()
    (folder / "config.json").write_text(json.dumps(content, default=str))
    return str(folder)


@pytest.mark.parametrize("kind", TESTED)
def test_a_network_scores_writes_trains_and_merges_as_transformers_does(tmp_path: Path, kind: str) -> None:
    found = tried(kind, tmp_path / "model")
    assert found.longest_prompt > 4 * WINDOW
    assert found.is_right, found
    assert bool(found.slow_because) == (kind in PLAIN), found.slow_because


def test_the_windows_of_the_tested_networks_are_short() -> None:
    windows = {kind: getattr(tiny_config(kind), "sliding_window", None) for kind in TESTED}
    windowed = ("cohere2", "exaone4", "gemma2", "gemma3_text", "gpt_oss", "mistral", "mixtral", "olmo3", "qwen2")
    assert {windows[kind] for kind in windowed} == {WINDOW}


@pytest.mark.parametrize("task", ["CAUSAL_LM", "MASKED_LM", "SEQ_TO_SEQ_CAUSAL_LM"])
def test_the_types_of_network_are_those_of_transformers(task: str) -> None:
    assert _types(task) == set(getattr(modeling_auto, f"MODEL_FOR_{task}_MAPPING_NAMES"))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (AutoConfig.for_model("bart"), " is an encoder-decoder (type “bart”), and Threeways needs a model that"),
        (AutoConfig.for_model("t5"), " is an encoder-decoder (type “t5”), and Threeways needs a model that"),
        (AutoConfig.for_model("bert"), " reads a text in both directions (type “bert”), and Threeways needs a model"),
        (  # as EmbeddingGemma
            AutoConfig.for_model("gemma3_text", use_bidirectional_attention=True),
            " reads a text in both directions (type “gemma3_text”), and Threeways needs a model",
        ),
        (
            AutoConfig.for_model("vit"),
            " is of the type “vit”, which transformers doesn't load as a model that continues",
        ),
        (
            {"model_type": "new"},
            " is of the type “new”, which transformers doesn't load as a model that continues a text.",
        ),
        (
            {"model_type": "new", "auto_map": {"AutoConfig": "own.Config"}},
            " needs Python code from its own folder, and",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_a_run(
    tmp_path: Path, config: PreTrainedConfig | dict[str, Any], said: str
) -> None:
    name = described(tmp_path / "model", config)
    refusal = check_model(name) or ""
    assert refusal.startswith(f"{name}{said}") and refusal.endswith(OFFER)


@pytest.mark.parametrize(
    "config",
    [
        AutoConfig.for_model("bert", is_decoder=True),
        AutoConfig.for_model("gemma2"),
        AutoConfig.for_model("mistral"),
        AutoConfig.for_model("mamba"),
        {"model_type": "llama", "layer_types": 7},  # up to transformers when it is loaded
        {"model_type": "qwen3", "auto_map": {"AutoConfig": "own.Config"}},  # transformers doesn't need that code
    ],
)
def test_everything_else_may_run(tmp_path: Path, config: PreTrainedConfig | dict[str, Any]) -> None:
    assert check_model(described(tmp_path / "model", config)) is None


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        *((kind, None) for kind in ("llama", "qwen3moe", "phi3", "gemma3", "mamba")),
        ("t5", "is an encoder-decoder (type “t5”)"),
    ],
)
def test_the_header_of_a_gguf_file_is_enough(tmp_path: Path, architecture: str, said: str | None) -> None:
    file = tmp_path / "model.gguf"
    writer = GGUFWriter(file, architecture)
    writer.add_context_length(4096)
    writer.add_tags(["chat", "small"])
    writer.add_token_list(["<s>"] * 200_000)  # more than is read
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    refusal = check_model(str(file))
    assert refusal is None if said is None else said in (refusal or "")


def test_a_config_of_the_wrong_shape_is_a_sentence(tmp_path: Path) -> None:
    name = described(tmp_path / "model", {"model_type": ["llama"]})
    assert (check_model(name) or "").startswith(f"The description of the model in {name} cannot be read")


@pytest.mark.parametrize("content", [b"", b"GGUF" + b"\xff" * 60, b"no GGUF file, but long enough to be taken for one"])
def test_a_damaged_description_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    assert (check_model(str(file)) or "").startswith(f"The description of the model in {file} cannot be read")
    folder = Path(tiny_model(tmp_path / "model"))
    (folder / "config.json").write_bytes(content)
    assert (check_model(str(folder)) or "").startswith(f"The description of the model in {folder} cannot be read")
