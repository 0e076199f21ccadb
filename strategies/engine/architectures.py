"""Which networks the engine computes exactly, according to their config. Doesn't need torch.

The engine gives a network its own masks, cache and attention (`attention.py`). A network with another kind of
attention, memory or positions would still answer, but wrongly, and nobody would notice. So anything not known to be
exact is refused.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# tests/strategies/test_architectures.py compares the engine with transformers for each of these. To allow another
# type, add it here and make sure that this test passes.
EXACT = {
    "apertus", "arcee", "biogpt", "cohere", "ctrl", "ernie4_5", "ernie4_5_moe", "exaone4", "falcon", "flex_olmo",
    "gemma", "glm", "glm4", "glm4_moe", "gpt2", "gpt_bigcode", "gpt_neox", "granite", "granitemoe",
    "granitemoehybrid", "granitemoeshared", "helium", "hunyuan_v1_dense", "hunyuan_v1_moe", "hyperclovax",
    "internlm3", "jais2", "llama", "minimax_m2", "ministral3", "mistral", "mixtral", "nanochat", "nemotron", "olmo",
    "olmo2", "olmo3", "olmoe", "opt", "persimmon", "phi", "phi3", "phimoe", "qwen2", "qwen2_moe", "qwen3",
    "qwen3_moe", "seed_oss", "smollm3", "stablelm", "starcoder2",
}  # fmt: skip
_FULL = {"full_attention", "attention"}  # the same type of layer, in newer and older files
_SWITCHED = {"qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "smollm3"}  # no window unless use_sliding_window is true

_HEADER_BYTES = 1 << 20  # the tokens of the vocabulary follow later
_STRING, _ARRAY = 8, 9
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def inexact(name: str, config: Mapping[str, Any]) -> str | None:
    """Why the engine can't compute a network of this config exactly, in one sentence that starts with the model's
    `name`; None if it can."""
    kind = config.get("model_type")
    if kind not in EXACT:
        return f"{name} is a network of the type “{kind}”, and Threeways cannot compute that type exactly yet."
    if config.get("alibi"):
        return f"{name} encodes positions with ALiBi, and Threeways cannot compute that exactly yet."
    types = config.get("layer_types")
    if others := sorted(set(types or ()) - _FULL):
        return f"{name} has layers of the type “{others[0]}”, and Threeways cannot compute that type exactly yet."
    window = config.get("sliding_window")
    is_on = types is None and config.get("use_sliding_window", kind not in _SWITCHED)
    if window and is_on and window < config.get("max_position_embeddings", window + 1):
        return (
            f"{name} only attends to the last {window:,} tokens (a sliding window), and Threeways cannot compute "
            "that exactly yet."
        )
    return None


def config_of(model: Path) -> dict[str, Any]:
    """The contents of a folder's config.json, or the header of a .gguf file in the same terms. Raises ValueError if it
    can't be read."""
    ggufs = [model] if model.suffix == ".gguf" else sorted(model.glob("*.gguf"))
    if ggufs and not list(model.glob("*.safetensors")):
        return _gguf_config(ggufs[0])
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    if not isinstance(config, dict):
        raise ValueError("config.json isn't a JSON object")
    return config


def _gguf_config(file: Path) -> dict[str, Any]:
    fields = _gguf_fields(file)
    kind = fields.get("general.architecture")
    config = {"model_type": next((known for known in EXACT if known.replace("_", "") == kind), kind)}
    for key, name in (("attention.sliding_window", "sliding_window"), ("context_length", "max_position_embeddings")):
        if (value := fields.get(f"{kind}.{key}")) is not None:
            config[name] = value
    return config


def _gguf_fields(file: Path) -> dict[str, Any]:
    """The header fields up to the vocabulary. The gguf package would read the vocabulary too, which takes seconds."""
    with file.open("rb") as opened:
        header = io.BytesIO(opened.read(_HEADER_BYTES))  # never read more, whatever lengths the header claims

    def number(form: str) -> Any:
        return struct.unpack(f"<{form}", header.read(struct.calcsize(form)))[0]

    def value(kind: int) -> Any:
        if kind == _STRING:
            return header.read(number("Q")).decode(errors="replace")
        if kind == _ARRAY:
            inner, length = number("I"), number("Q")
            return [value(inner) for _ in range(length)]
        return number(_NUMBERS[kind])

    fields: dict[str, Any] = {}
    try:
        magic, _version, _tensors, count = (number(form) for form in ("4s", "I", "Q", "Q"))
        if magic != b"GGUF":
            raise ValueError("no GGUF file")
        for _ in range(count):
            key = value(_STRING)
            if key.startswith("tokenizer."):
                break
            fields[key] = value(number("I"))
    except (struct.error, KeyError, OverflowError, RecursionError) as wrong:
        raise ValueError("the header is damaged") from wrong
    return fields
