"""Networks written as GGUF are those that were trained when they are read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from tokenizers import Regex, normalizers, pre_tokenizers
from transformers import (
    AutoTokenizer,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from strategies.engine.gguf_file import About, Precision, write_gguf
from strategies.engine.gguf_vocabulary import UnwritableError, vocabulary_keys
from strategies.engine.weights import load_network, unpack
from tests.tiny_model import TOKENIZER, tiny_network
from tests.tiny_networks import save_tiny_network

TEXT = "My lamp broke in 2024, and I'd like my 12 € back.\n\n  Grüße <|im_end|>"
CLOSE = {Precision.F32: 1e-4, Precision.F16: 0.03, Precision.BF16: 0.25, Precision.Q8_0: 0.6}  # of logits up to 7


def network_of(kind: str, **more: Any) -> PreTrainedModel:
    if kind == "llama":
        return tiny_network()
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    types: dict[str, tuple[Any, Any]] = {
        "mistral": (MistralConfig, MistralForCausalLM),
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    }
    config, network = types[kind]
    torch.manual_seed(0)
    sizes = {
        "vocab_size": len(tokenizer) + 4,  # some networks have more places than tokens
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "head_dim": 128 if kind == "qwen3" else 16,
        "initializer_range": 0.2,
        "tie_word_embeddings": kind == "qwen3",
        "eos_token_id": tokenizer.eos_token_id,
    }
    made: PreTrainedModel = network(config(**{**sizes, "sliding_window": None, **more})).eval()
    return made


def logits(network: PreTrainedModel, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = network(input_ids=torch.tensor([ids])).logits
    return found


@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen2", "qwen3"])
@pytest.mark.parametrize("precision", Precision)
def test_a_network_is_read_again_as_it_was(kind: str, precision: Precision, tmp_path: Path) -> None:
    network, tokenizer = network_of(kind), AutoTokenizer.from_pretrained(TOKENIZER)
    about = About("Tiny tickets", "Apache-2.0", "{{ messages[0].content }}", tokenizer.eos_token_id)
    write_gguf(network, tokenizer, tmp_path / "tiny.gguf", precision, about)
    (tmp_path / "read").mkdir()
    unpack(tmp_path / "tiny.gguf", tmp_path / "read")
    again, ids = load_network(tmp_path / "read"), tokenizer(TEXT)["input_ids"]
    assert (logits(network, ids) - logits(again, ids)).abs().max() < CLOSE[precision]
    read = AutoTokenizer.from_pretrained(tmp_path / "read")
    assert read.chat_template == "{{ messages[0].content }}" and read.eos_token_id == tokenizer.eos_token_id
    if kind in ("llama", "mistral"):  # of Qwen's, transformers reads no other way of splitting texts than Qwen's own
        assert read(TEXT)["input_ids"] == ids
    fields = gguf.GGUFReader(tmp_path / "tiny.gguf").fields
    told = {name: fields[f"general.{name}"].contents() for name in ("name", "license", "architecture")}
    assert told == {"name": "Tiny tickets", "license": "apache-2.0", "architecture": kind.replace("mistral", "llama")}


def test_the_metadata_of_the_file_that_the_base_came_from_is_kept(tmp_path: Path) -> None:
    network, tokenizer = tiny_network(), AutoTokenizer.from_pretrained(TOKENIZER)
    base, tuned = tmp_path / "base.gguf", tmp_path / "tuned.gguf"
    write_gguf(network, tokenizer, base, Precision.F16, About("Base", "MIT", "base", 2))
    changed = tmp_path / "changed.gguf"
    reader, writer = gguf.GGUFReader(base), gguf.GGUFWriter(changed, "llama")
    for name, field in reader.fields.items():
        if not name.startswith(("GGUF.", "general.architecture")):
            items = field.types[-1] if len(field.types) > 1 else None
            value = "smollm" if name == "tokenizer.ggml.pre" else field.contents()
            writer.add_key_value(name, value, field.types[0], items)
    writer.add_string("general.organization", "Tiny & Co")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with torch.no_grad():
        network.lm_head.weight += 1
    write_gguf(network, tokenizer, tuned, Precision.F32, About("Tuned", None, "tuned", 2), changed)
    fields = gguf.GGUFReader(tuned).fields
    found = {name: fields[name].contents() for name in fields if not name.startswith("GGUF.")}
    assert found["general.organization"] == "Tiny & Co" and found["tokenizer.ggml.pre"] == "smollm"
    assert found["general.license"] == "mit" and found["general.name"] == "Tuned"
    assert found["general.file_type"] == gguf.LlamaFileType.ALL_F32 and found["tokenizer.chat_template"] == "tuned"
    assert found["tokenizer.ggml.tokens"] == reader.fields["tokenizer.ggml.tokens"].contents()
    (tmp_path / "read").mkdir()
    unpack(tuned, tmp_path / "read")
    ids = tokenizer(TEXT)["input_ids"]
    assert (logits(network, ids) - logits(load_network(tmp_path / "read"), ids)).abs().max() < 1e-4


def test_weights_too_large_for_float16_become_bfloat16(tmp_path: Path) -> None:
    network, tokenizer = tiny_network(), AutoTokenizer.from_pretrained(TOKENIZER)
    with torch.no_grad():
        network.lm_head.weight[0, 0] = 70_000
    write_gguf(network, tokenizer, tmp_path / "tiny.gguf", Precision.F16, About("Tiny", None, "", 2))
    types = {tensor.name: tensor.tensor_type.name for tensor in gguf.GGUFReader(tmp_path / "tiny.gguf").tensors}
    assert types["output.weight"] == "BF16" and types["output_norm.weight"] == "F32"


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (lambda folder: load_network(save_tiny_network("mamba", folder)), "of type mamba, and Threeways writes only"),
        (lambda folder: network_of("mistral", sliding_window=64), "has sliding windows"),
        (
            lambda folder: network_of(
                "qwen2", rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}
            ),
            "has positions of type linear",
        ),
        (lambda folder: network_of("qwen3", hidden_act="gelu"), "has the activation gelu"),
    ],
)
def test_what_llama_cpp_would_compute_in_another_way_is_refused(network: Any, said: str, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    with pytest.raises(UnwritableError, match=said) as refused:
        write_gguf(network(tmp_path / "m"), tokenizer, tmp_path / "t.gguf", Precision.F16, About("T", None, "", 2))
    assert str(refused.value).endswith(("Qwen3.", "py.")) and not (tmp_path / "t.gguf").exists()


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ([pre_tokenizers.ByteLevel(add_prefix_space=False)], "gpt-2"),
        ([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)], "smollm"),
        ([pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.ByteLevel(add_prefix_space=False)], None),
        ([pre_tokenizers.ByteLevel(add_prefix_space=True)], None),
        ([pre_tokenizers.Metaspace()], None),
        (
            [
                pre_tokenizers.Split(
                    Regex(
                        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
                    ),
                    "isolated",
                ),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ],
            "qwen2",
        ),
    ],
)
def test_a_way_of_splitting_texts_has_its_name_or_is_refused(parts: list[Any], named: str | None) -> None:
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    tokenizer.backend_tokenizer.pre_tokenizer = parts[0] if len(parts) == 1 else pre_tokenizers.Sequence(parts)
    config = tiny_network().config
    if named is None:
        with pytest.raises(UnwritableError, match="splits texts in a way"):
            vocabulary_keys(tokenizer, config)
        return
    assert vocabulary_keys(tokenizer, config)["tokenizer.ggml.pre"][0] == named
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(UnwritableError, match="splits texts in a way"):
        vocabulary_keys(tokenizer, config)
