"""Write a network and its tokenizer as one GGUF file, for llama.cpp, Ollama and what else reads that.

Only networks that llama.cpp computes with its code for Llama, Qwen2 or Qwen3, and whose vocabulary has a name there: a
file that is read in another way gives other answers, without an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from strategies.engine.gguf_vocabulary import UnwritableError, vocabulary_keys

Key = tuple[Any, gguf.GGUFValueType, gguf.GGUFValueType | None]  # a value, its type, and that of its items


class Precision(StrEnum):
    """Of the matrices. Everything else stays in float32."""

    F32 = "f32"
    F16 = "f16"
    BF16 = "bf16"
    Q8_0 = "q8_0"


_TYPES = {
    Precision.F32: (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    Precision.F16: (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    Precision.BF16: (gguf.GGMLQuantizationType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
    Precision.Q8_0: (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}
_BLOCK = 32  # weights of a row that Q8_0 scales together
_LARGEST_F16 = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True)
class _Architecture:
    """`turns_pairs`: whether llama.cpp rotates neighbouring numbers of queries and keys instead of halves of a head."""

    name: str
    id: gguf.MODEL_ARCH
    turns_pairs: bool = False


_LLAMA = _Architecture("llama", gguf.MODEL_ARCH.LLAMA, turns_pairs=True)
_ARCHITECTURES = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _Architecture("qwen2", gguf.MODEL_ARCH.QWEN2),
    "qwen3": _Architecture("qwen3", gguf.MODEL_ARCH.QWEN3),
}
_OF_THE_FILE = ("GGUF.", "split.")  # keys that say nothing about the model


@dataclass(frozen=True, slots=True)
class About:
    """What the file says of itself: a name, the licence, the chat template; and the token that ends an answer."""

    name: str
    licence: str | None
    template: str
    end: int


def write_gguf(
    network: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    file: Path,
    precision: Precision,
    about: About,
    source: Path | None = None,
) -> Precision:
    """The precision used: BF16 if some weights are too large for F16. `source` is the GGUF file of the base model,
    whose metadata is taken over. Raises UnwritableError."""
    architecture = _architecture_of(network)
    config = network.config.get_text_config()
    keys = _keys_of(source) if source else _keys_from(config, architecture) | vocabulary_keys(tokenizer, config)
    if (read_as := str(keys["general.architecture"][0])) != architecture.name:
        raise UnwritableError(f"{source} is a model of type {read_as}, which Threeways can't write as GGUF.")
    tensors = dict(_tensors(network, architecture))
    precision = _held_by(precision, tensors)
    keys |= _own_keys(about, precision)
    writer = gguf.GGUFWriter(file, architecture.name)
    try:
        for name, (value, kind, items) in keys.items():
            if name != "general.architecture":  # the writer has written it
                writer.add_key_value(name, value, kind, items)
        written = {name: _type_of(weight, precision) for name, weight in tensors.items()}
        for name, weight in tensors.items():
            shape, size = _byte_shape(weight, written[name])
            writer.add_tensor_info(name, shape, np.dtype(np.uint8), size, written[name])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for name, weight in tensors.items():
            writer.write_tensor_data(_converted(weight, written[name]))
    finally:
        writer.close()
    return precision


def _architecture_of(network: PreTrainedModel) -> _Architecture:
    config = network.config.get_text_config()
    kind = str(config.model_type)
    if (architecture := _ARCHITECTURES.get(kind)) is None:
        raise UnwritableError(
            f"The model is of type {kind}, and Threeways writes only {', '.join(_ARCHITECTURES)} as GGUF: convert the "
            "folder model/ with llama.cpp's convert_hf_to_gguf.py."
        )
    windows = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    rope = getattr(config, "rope_parameters", None) or {}
    odd = {
        "sliding windows": windows is not None,
        f"positions of type {rope.get('rope_type')}": rope.get("rope_type", "default") != "default",
        "positions in a part of each head": rope.get("partial_rotary_factor", 1.0) != 1.0,
        f"the activation {config.hidden_act}": config.hidden_act != "silu",
    }
    if found := [what for what, is_so in odd.items() if is_so]:
        raise UnwritableError(
            f"The model has {found[0]}, which Threeways doesn't write as GGUF: convert the folder model/ with "
            "llama.cpp's convert_hf_to_gguf.py."
        )
    return architecture


def _keys_of(source: Path) -> dict[str, Key]:
    fields = gguf.GGUFReader(source).fields
    return {
        name: (field.contents(), field.types[0], field.types[-1] if len(field.types) > 1 else None)
        for name, field in fields.items()
        if not name.startswith(_OF_THE_FILE)
    }


def _keys_from(config: Any, architecture: _Architecture) -> dict[str, Key]:
    whole, number = gguf.GGUFValueType.UINT32, gguf.GGUFValueType.FLOAT32
    heads = config.num_attention_heads
    head = getattr(config, "head_dim", None) or config.hidden_size // heads
    rope = getattr(config, "rope_parameters", None) or {}
    found: dict[str, tuple[Any, gguf.GGUFValueType]] = {
        "vocab_size": (config.vocab_size, whole),
        "context_length": (config.max_position_embeddings, whole),
        "embedding_length": (config.hidden_size, whole),
        "block_count": (config.num_hidden_layers, whole),
        "feed_forward_length": (config.intermediate_size, whole),
        "rope.dimension_count": (head, whole),
        "rope.freq_base": (rope.get("rope_theta", 10_000.0), number),
        "attention.head_count": (heads, whole),
        "attention.head_count_kv": (getattr(config, "num_key_value_heads", None) or heads, whole),
        "attention.key_length": (head, whole),
        "attention.value_length": (head, whole),
        "attention.layer_norm_rms_epsilon": (config.rms_norm_eps, number),
    }
    keys: dict[str, Key] = {"general.architecture": (architecture.name, gguf.GGUFValueType.STRING, None)}
    return keys | {f"{architecture.name}.{name}": (value, kind, None) for name, (value, kind) in found.items()}


def _own_keys(about: About, precision: Precision) -> dict[str, Key]:
    """In place of those of the source."""
    text, whole = gguf.GGUFValueType.STRING, gguf.GGUFValueType.UINT32
    keys: dict[str, Key] = {
        "general.type": ("model", text, None),
        "general.name": (about.name, text, None),
        "general.file_type": (int(_TYPES[precision][1]), whole, None),
        "general.quantization_version": (gguf.GGML_QUANT_VERSION, whole, None),
        "tokenizer.chat_template": (about.template, text, None),
        "tokenizer.ggml.eot_token_id": (about.end, whole, None),
    }
    return keys | ({"general.license": (about.licence.lower(), text, None)} if about.licence else {})


def _tensors(network: PreTrainedModel, architecture: _Architecture) -> Iterator[tuple[str, torch.Tensor]]:
    """By their names in GGUF files. Weights that the network has twice come once."""
    config = network.config.get_text_config()
    names = gguf.get_tensor_name_map(architecture.id, config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, weight in network.state_dict().items():
        if config.tie_word_embeddings and name == "lm_head.weight":
            continue
        if (written := names.get_name(name, (".weight", ".bias"))) is None:
            raise UnwritableError(f"The model has weights {name}, for which GGUF files of its type have no name.")
        part = name.rsplit(".", 2)[-2]
        yield written, _in_pairs(weight, heads[part]) if architecture.turns_pairs and part in heads else weight


def _in_pairs(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """The rows of each head with its two halves interleaved."""
    return weight.view(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).transpose(1, 2).reshape(weight.shape)


def _held_by(precision: Precision, tensors: dict[str, torch.Tensor]) -> Precision:
    """BF16 in place of F16 for weights too large for that."""
    if precision is not Precision.F16:
        return precision
    largest = max(float(weight.abs().max()) for weight in tensors.values())
    return Precision.BF16 if largest > _LARGEST_F16 else precision


def _type_of(weight: torch.Tensor, precision: Precision) -> gguf.GGMLQuantizationType:
    if weight.ndim < 2:
        return gguf.GGMLQuantizationType.F32
    if precision is Precision.Q8_0 and weight.shape[-1] % _BLOCK:
        return gguf.GGMLQuantizationType.F16
    return _TYPES[precision][0]


def _byte_shape(weight: torch.Tensor, kind: gguf.GGMLQuantizationType) -> tuple[tuple[int, ...], int]:
    """The shape as bytes, and their number."""
    shape = gguf.quant_shape_to_byte_shape(tuple(weight.shape), kind)
    return tuple(shape), int(np.prod(shape))


def _converted(weight: torch.Tensor, kind: gguf.GGMLQuantizationType) -> NDArray[Any]:
    found: NDArray[Any] = gguf.quantize(weight.detach().to("cpu", torch.float32).contiguous().numpy(), kind)
    return found
