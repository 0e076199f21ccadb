"""The LoRA adapter: which parts of a network get one, and how to add it. `training.py` trains it."""

from __future__ import annotations

import re

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from strategies.engine.training import keep_within_memory

# Share of the layers without an adapter, from the first on. The backward pass ends there. With the same number of
# tokens, the dev loss was as good as with an adapter on all layers (docs/benchmarks.md).
LEFT_AS_THEY_ARE = 1 / 3
RANK = 16
ALPHA = 32


def add_adapter(network: PreTrainedModel, seed: int) -> PeftModel:
    """A fresh adapter on the linear parts of the network's upper layers."""
    torch.manual_seed(seed)
    keep_within_memory(network)
    return get_peft_model(
        network,
        LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=adapted_parts(network), task_type="CAUSAL_LM"),
    )


def adapted_parts(network: PreTrainedModel) -> list[str] | str:
    """The names of the linear parts above the frozen layers; "all-linear" if layers have no number."""
    first = int(LEFT_AS_THEY_ARE * network.config.get_text_config().num_hidden_layers)
    numbered = [
        (int(number.group(1)), name)
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and (number := re.search(r"\.(\d+)\.", name))
    ]
    return [name for layer, name in numbered if layer >= first] or "all-linear"
