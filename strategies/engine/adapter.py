"""The LoRA adapter: which parts of a network get one, and how to add it. `training.py` trains it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import safe_open
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from eval.task import BadInput
from strategies.engine.adapter_shape import CONFIG, USUAL, AdapterShape
from strategies.engine.few_rows import FewRowsLinear
from strategies.engine.training import keep_within_memory

# Share of the layers without an adapter, from the first on. The backward pass ends there. With the same number of
# tokens, the dev loss was as good as with an adapter on all layers (docs/benchmarks.md).
LEFT_AS_THEY_ARE = 1 / 3
_FORWARDS = (torch.nn.Linear.forward, FewRowsLinear.forward, Conv1D.forward)  # not those of routers between experts
_WEIGHTS = "adapter_model.safetensors"
# Of a saved adapter: what is taken over, and what says where it came from.
_SAID_AGAIN = {
    "auto_mapping",
    "base_model_name_or_path",
    "fan_in_fan_out",
    "inference_mode",
    "lora_alpha",
    "peft_version",
    "r",
    "revision",
    "target_modules",
}
_QUANTISED = ("Linear4bit", "Linear8bitLt")  # of bitsandbytes


def add_adapter(network: PreTrainedModel, seed: int, shape: AdapterShape = USUAL) -> PeftModel:
    """A fresh adapter on the linear parts of the network's layers."""
    torch.manual_seed(seed)
    keep_within_memory(network)
    return get_peft_model(
        network,
        LoraConfig(
            r=shape.rank,
            lora_alpha=shape.alpha,
            target_modules=adapted_parts(network, shape.all_layers),
            task_type="CAUSAL_LM",
        ),
    )


def further_adapter(network: PreTrainedModel, folder: Path) -> PeftModel:
    """The adapter in this folder on a fresh network, to be trained further. Raises BadInput if it was made for a
    network of another shape."""
    keep_within_memory(network)
    shape = AdapterShape.of(folder)
    parts = adapted_parts(network, shape is not None and shape.all_layers)
    try:
        with safe_open(folder / _WEIGHTS, "pt") as kept:
            names = kept.keys()
        made_for = {name.removeprefix("base_model.model.").partition(".lora_")[0] for name in names}
        if isinstance(parts, list) and made_for != set(parts):
            raise ValueError("it is on other parts of the network")
        return read_adapter(network, folder, is_trainable=True)
    except BadInput:
        raise
    except (RuntimeError, ValueError) as wrong:  # peft says so of missing parts and other sizes
        raise BadInput(
            "The adapter of the earlier run doesn't fit this base model, which has other layers or sizes than the one "
            "it was trained on: start from the base model."
        ) from wrong


def read_adapter(network: PreTrainedModel, folder: Path, is_trainable: bool = False) -> PeftModel:
    """The network with the adapter that was saved in this folder. Only its weights, and what says where they belong,
    are taken from there: peft would also follow it to pickled weights, caches, modules to import and other adapters.

    Raises BadInput if it isn't an adapter of ours, and what peft raises if it doesn't fit the network.
    """
    try:
        said = json.loads((folder / CONFIG).read_bytes())
        config = LoraConfig(
            r=int(said["r"]),
            lora_alpha=said["lora_alpha"],
            target_modules=said["target_modules"],
            fan_in_fan_out=bool(said["fan_in_fan_out"]),
            task_type="CAUSAL_LM",
            inference_mode=not is_trainable,
            base_model_name_or_path=network.name_or_path,
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise BadInput(f"The adapter in {folder} can't be read: fit the strategy again.") from wrong
    plain: dict[str, Any] = asdict(config)
    if other := [
        name for name, value in said.items() if name not in _SAID_AGAIN and (value or None) != _plain(plain, name)
    ]:
        raise BadInput(
            f"The adapter in {folder} asks for {other[0]} “{said[other[0]]}”, which no adapter of Threeways does: fit "
            "the strategy again."
        )
    if not (folder / _WEIGHTS).is_file():  # else peft would take pickled ones, or ask the hub
        raise BadInput(f"The folder {folder} lacks {_WEIGHTS}: fit the strategy again.")
    return PeftModel.from_pretrained(network, str(folder), config=config, is_trainable=is_trainable)


def _plain(config: dict[str, Any], name: str) -> Any:
    value = config.get(name)
    return str(value.value) if isinstance(value, Enum) else value or None


def adapted_parts(network: PreTrainedModel, all_layers: bool = False) -> list[str] | str:
    """The names of the linear parts that get an adapter, above the frozen layers if there are some; "all-linear" if
    layers have no number.

    Experts that keep their weights in one block (mixtures of experts) stay as they are: an adapter there would copy all
    experts of a layer in every pass. The linear parts around them get one.
    """
    first = 0 if all_layers else int(LEFT_AS_THEY_ARE * network.config.get_text_config().num_hidden_layers)
    skipped = _read_directly(network)
    numbered = [
        (int(number.group(1)), name)
        for name, module in network.named_modules()
        if (type(module).forward in _FORWARDS or type(module).__name__ in _QUANTISED)
        and (number := re.search(r"\.(\d+)\.", name))
        and name.rpartition(".")[2] not in skipped
    ]
    return [name for layer, name in numbered if layer >= first] or "all-linear"


def _read_directly(network: PreTrainedModel) -> set[str]:
    """The names of linear parts whose weights Mamba's fused kernels read without calling the part: an adapter would
    have no effect there. peft refuses them."""
    has_state = any(name.endswith("A_log") for name, _ in network.named_parameters())
    return {"out_proj"} if has_state else set()
