"""The LoRA adapter: which parts of a network get one, and how to add it. `training.py` trains it."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import safe_open
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from eval.task import BadInput
from strategies.engine.adapter_shape import USUAL, AdapterShape
from strategies.engine.few_rows import FewRowsLinear
from strategies.engine.training import keep_within_memory

# Share of the layers without an adapter, from the first on. The backward pass ends there. With the same number of
# tokens, the dev loss was as good as with an adapter on all layers (docs/benchmarks.md).
LEFT_AS_THEY_ARE = 1 / 3
_FORWARDS = (torch.nn.Linear.forward, FewRowsLinear.forward, Conv1D.forward)  # not those of routers between experts
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
        with safe_open(folder / "adapter_model.safetensors", "pt") as kept:
            names = kept.keys()
        made_for = {name.removeprefix("base_model.model.").partition(".lora_")[0] for name in names}
        if isinstance(parts, list) and made_for != set(parts):
            raise ValueError("it is on other parts of the network")
        return PeftModel.from_pretrained(network, str(folder), is_trainable=True)
    except (RuntimeError, ValueError) as wrong:  # peft says so of missing parts and other sizes
        raise BadInput(
            "The adapter of the earlier run doesn't fit this base model, which has other layers or sizes than the one "
            "it was trained on: start from the base model."
        ) from wrong


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
