"""Which networks can't work at all, according to their config: they don't continue a text, or transformers doesn't know
them. Doesn't need torch.

Everything else runs: on our engine where the self-check finds it right, else on the code of transformers (`paths.py`).
"""

from __future__ import annotations

import importlib.util
import io
import json
import re
import struct
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

# What reads quantised weights, by the method that their config names.
_QUANTISERS = {
    "awq": "gptqmodel",
    "bitsandbytes": "bitsandbytes",
    "compressed-tensors": "compressed_tensors",
    "gptq": "gptqmodel",
    "hqq": "hqq",
    "torchao": "torchao",
}
CONTEXT_NAMES = ("max_position_embeddings", "n_positions", "max_seq_len")  # the second: GPT-2; the third: MPT
_HEADER_BYTES = 1 << 20  # the tokens of the vocabulary follow later
_STRING, _ARRAY = 8, 9
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def unfit(name: str, config: Mapping[str, Any]) -> str | None:
    """Why a network of this config can't answer, in one sentence that starts with the model's `name`; None if it
    can."""
    kind = config.get("model_type")
    if kind not in _types("CAUSAL_LM") and "auto_map" in config:
        return f"{name} needs Python code from its own folder, and Threeways never runs such code."
    if config.get("is_encoder_decoder") or kind in _types("SEQ_TO_SEQ_CAUSAL_LM"):
        return f"{name} is an encoder-decoder (type “{kind}”), and Threeways needs a model that continues a text."
    if config.get("use_bidirectional_attention") in (True, "all") or (
        kind in _types("MASKED_LM") and not config.get("is_decoder") and not config.get("causal")
    ):
        both = f"{name} reads a text in both directions (type “{kind}”)"
        return f"{both}, and Threeways needs a model that continues a text."
    if kind not in _types("CAUSAL_LM"):
        return f"{name} is of the type “{kind}”, which transformers doesn't load as a model that continues a text."
    package = _QUANTISERS.get(quantisation_of(config) or "")
    if package and importlib.util.find_spec(package) is None:
        return (
            f"{name} has quantised weights ({quantisation_of(config)}), which need the package {package}: install it."
        )
    return None


def quantisation_of(config: Mapping[str, Any]) -> str | None:
    """The method that quantised the weights, as config.json names it; None if they aren't quantised."""
    settings = config.get("quantization_config")
    return str(settings.get("quant_method", "unknown")) if isinstance(settings, Mapping) else None


@cache
def _types(task: str) -> frozenset[str]:
    """The types of network that transformers loads for a task. Read from its source, because importing it would load
    torch."""
    package = importlib.util.find_spec("transformers")
    assert package is not None and package.origin is not None, "transformers is installed with Threeways"
    source = Path(package.origin).with_name("models").joinpath("auto", "modeling_auto.py").read_text("utf-8")
    listed = source.partition(f"\nMODEL_FOR_{task}_MAPPING_NAMES")[2].partition("\n)\n")[0]
    return frozenset(re.findall(r'\(\s*"([^"]+)",', listed))


def context_of(config: Mapping[str, Any]) -> int | None:
    """How many tokens a network of this config can read; None if it doesn't say."""
    inner = config.get("text_config")
    known = {**(inner if isinstance(inner, Mapping) else {}), **config}
    return next((int(known[name]) for name in CONTEXT_NAMES if isinstance(known.get(name), int) and known[name]), None)


def config_of(model: Path) -> dict[str, Any]:
    """The contents of a folder's config.json, or the header of a .gguf file in the same terms. Raises ValueError if it
    can't be read."""
    ggufs = [model] if model.suffix == ".gguf" else sorted(model.glob("*.gguf"))
    if ggufs and not list(model.glob("*.safetensors")):
        return _gguf_config(ggufs[0])
    try:
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    except RecursionError as wrong:
        raise ValueError("config.json is nested too deeply") from wrong
    if not isinstance(config, dict):
        raise ValueError("config.json isn't a JSON object")
    return config


def _gguf_config(file: Path) -> dict[str, Any]:
    fields = _gguf_fields(file)
    kind = fields.get("general.architecture")
    spelled = (known for known in sorted(_types("CAUSAL_LM")) if known.replace("_", "") == kind)
    config = {"model_type": next(spelled, kind)}
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
