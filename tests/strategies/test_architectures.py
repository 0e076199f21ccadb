"""The types of network that may run give what transformers' own computation gives; all others are refused before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFWriter
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, MistralConfig, PreTrainedConfig

from eval.task import BadInput
from strategies.engine.architectures import EXACT
from strategies.engine.language_model import Message
from strategies.engine.models import check_model
from strategies.engine.training import Pair, mean_loss
from strategies.engine.transformer import Transformer
from strategies.engine.weights import load_network
from tests.tiny_model import TOKENIZER, save_tiny_model
from tests.tiny_strategies import tiny_model

# Every name that some type of network has for a size; a config takes those that it knows.
SIZES = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 512, "n_embd": 32, "n_layer": 2,
    "n_head": 4, "n_positions": 512, "dff": 48, "ffn_dim": 48, "word_embed_proj_dim": 32, "rotary_dim": 4,
    "num_local_experts": 4, "num_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 16, "moe_num_experts": 4, "moe_k": 2, "shared_expert_intermediate_size": 16,
    "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "initializer_range": 0.3, "init_std": 0.3,
    "mamba_n_heads": 4, "sliding_window": None, "layer_types": ["full_attention"] * 2,
}  # fmt: skip
LABELS = ("refund", "refund_late", "delivery", "account")


def tiny_config(kind: str, **changed: Any) -> PreTrainedConfig:
    """A config of this type with small sizes and, unless `changed`, full attention in all layers."""
    known = AutoConfig.for_model(kind)
    given = {name: size for name, size in SIZES.items() if hasattr(known, name)}
    for name, alias in getattr(type(known), "attribute_map", {}).items():
        if name in given and alias in given:
            del given[name]
    if "layer_types" in given:
        given.pop("sliding_window", None)  # which the types of the layers make idle
    if kind == "falcon":
        del given["head_dim"]  # follows from the others there
    tokens = AutoTokenizer.from_pretrained(TOKENIZER)
    ids = {"vocab_size": len(tokens), "eos_token_id": tokens.eos_token_id, "pad_token_id": tokens.pad_token_id}
    return AutoConfig.for_model(kind, **{**given, **ids, **changed})


def described(folder: Path, config: PreTrainedConfig | dict[str, Any]) -> str:
    """A folder that passes for a model with this config, as long as nobody loads it."""
    tiny_model(folder)
    content = config if isinstance(config, dict) else config.to_dict()
    (folder / "config.json").write_text(json.dumps(content, default=str))
    return str(folder)


@pytest.mark.parametrize("kind", sorted(EXACT))
def test_a_type_that_may_run_is_computed_as_transformers_does(kind: str) -> None:
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_config(tiny_config(kind), attn_implementation="sdpa").eval()
    plain = AutoModelForCausalLM.from_config(tiny_config(kind), attn_implementation="eager").eval()
    plain.load_state_dict(network.state_dict())
    model = Transformer(network, AutoTokenizer.from_pretrained(TOKENIZER))
    texts = ("where is my parcel", "I want my money back, please, and soon", "no")
    asked = [(Message("system", "Sort the message."), Message("user", text)) for text in texts]

    def alone(prompt: list[int], answer: list[int]) -> float:
        """The answer's log-probability, without a cache, a mask or other rows."""
        with torch.inference_mode():
            steps = plain(input_ids=torch.tensor([prompt + answer]), use_cache=False).logits[0].log_softmax(-1)
        return sum(float(steps[len(prompt) - 1 + at, token]) for at, token in enumerate(answer))

    answers = [[*model.encode_answer(label), model.end] for label in LABELS]
    pairs = [[Pair(model.encode(prompt), answer) for answer in answers] for prompt in asked]
    expected = np.array([[alone(pair.prompt, pair.answer) for pair in row] for row in pairs])
    assert expected.std() > 0.1
    assert model.score(asked, LABELS).log_probabilities == pytest.approx(expected, abs=1e-3)
    rows = [row[0] for row in pairs]
    tokens = sum(len(pair.answer) for pair in rows)
    assert mean_loss(network, rows) * tokens == pytest.approx(-expected[:, 0].sum(), abs=1e-3)


@pytest.mark.parametrize(
    "kind",
    [
        *("bloom", "mpt"),  # ALiBi
        *("gemma2", "gpt_oss", "gemma3_text", "cohere2", "llama4_text"),  # soft caps, sinks, windows, chunks
        *("mamba", "rwkv", "recurrent_gemma", "jamba", "zamba", "lfm2", "falcon_h1", "qwen3_next"),  # recurrent state
        *("t5", "bart", "diffllama"),  # encoders and decoders; attention of another form
    ],
)
def test_a_type_that_is_not_known_to_come_out_right_is_refused_before_a_run(tmp_path: Path, kind: str) -> None:
    name = described(tmp_path / "model", AutoConfig.for_model(kind))
    assert check_model(name) == (
        f"{name} is a network of the type “{kind}”, and Threeways cannot compute that type exactly yet. "
        "Choose another, or the embedded SmolLM2-135M-Instruct."
    )


WINDOW = {"use_sliding_window": True, "sliding_window": 128, "max_position_embeddings": 512}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (MistralConfig(), "only attends to the last 4,096 tokens (a sliding window)"),
        ({"model_type": "qwen2", **WINDOW}, "only attends to the last 128 tokens (a sliding window)"),
        (
            {"model_type": "phi3", "sliding_window": 2047, "max_position_embeddings": 4096},
            "the last 2,047 tokens (a sliding",
        ),
        (AutoConfig.for_model("qwen2", **WINDOW, max_window_layers=1), "has layers of the type “sliding_attention”"),
        (AutoConfig.for_model("olmo3"), "has layers of the type “sliding_attention”"),
        (AutoConfig.for_model("granitemoehybrid"), "has layers of the type “linear_attention”"),
        (AutoConfig.for_model("falcon", alibi=True), "encodes positions with ALiBi"),
    ],
)
def test_what_a_known_type_can_have_besides_is_refused_before_a_run(
    tmp_path: Path, config: PreTrainedConfig | dict[str, Any], said: str
) -> None:
    assert said in (check_model(described(tmp_path / "model", config)) or "")


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "llama"},
        {"model_type": "mistral", "sliding_window": None},
        {"model_type": "qwen2", **WINDOW, "use_sliding_window": False},  # as Qwen2.5 has it
        {"model_type": "phi3", "sliding_window": 262144, "max_position_embeddings": 131072},  # as Phi-3.5 has it
        {"model_type": "granitemoehybrid", "layer_types": ["attention"] * 28},
        AutoConfig.for_model("qwen2"),
        AutoConfig.for_model("qwen3"),
        AutoConfig.for_model("smollm3"),
        AutoConfig.for_model("gemma"),
    ],
)
def test_a_window_that_is_off_or_never_reached_is_no_reason(
    tmp_path: Path, config: PreTrainedConfig | dict[str, Any]
) -> None:
    assert check_model(described(tmp_path / "model", config)) is None


def test_what_a_config_leaves_to_its_type_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    (folder / "config.json").write_text(json.dumps({"model_type": "mistral"}))  # whose window is 4,096 by default
    assert check_model(str(folder)) is None
    with pytest.raises(BadInput, match=f"^The model in {folder} only attends to the last 4,096 tokens"):
        load_network(folder)


@pytest.mark.parametrize(
    ("architecture", "window", "said"),
    [
        ("llama", None, None),
        ("qwen3moe", None, None),
        ("phi3", 2047, "only attends to the last 2,047 tokens"),
        ("gemma3", 512, "is a network of the type “gemma3”"),
        ("mamba", None, "is a network of the type “mamba”"),
    ],
)
def test_the_header_of_a_gguf_file_is_enough(
    tmp_path: Path, architecture: str, window: int | None, said: str | None
) -> None:
    file = tmp_path / "model.gguf"
    writer = GGUFWriter(file, architecture)
    writer.add_context_length(4096)
    writer.add_tags(["chat", "small"])
    if window:
        writer.add_sliding_window(window)
    writer.add_token_list(["<s>"] * 200_000)  # more than is read
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    refusal = check_model(str(file))
    assert refusal is None if said is None else said in (refusal or "")


def test_a_config_of_the_wrong_shape_is_a_sentence(tmp_path: Path) -> None:
    name = described(tmp_path / "model", {"model_type": "llama", "layer_types": 7})
    assert (check_model(name) or "").startswith(f"The description of the model in {name} cannot be read")


@pytest.mark.parametrize("content", [b"", b"GGUF" + b"\xff" * 60, b"no GGUF file, but long enough to be taken for one"])
def test_a_damaged_description_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    assert (check_model(str(file)) or "").startswith(f"The description of the model in {file} cannot be read")
    folder = Path(tiny_model(tmp_path / "model"))
    (folder / "config.json").write_bytes(content)
    assert (check_model(str(folder)) or "").startswith(f"The description of the model in {folder} cannot be read")
