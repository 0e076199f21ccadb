"""The shape of the adapters that this version trains. Doesn't need torch, so that a plan can be checked with it."""

from __future__ import annotations

import json
from pathlib import Path

RANK = 16
ALPHA = 32
CONFIG = "adapter_config.json"  # beside the weights, as peft writes it


def other_shape(folder: Path) -> str | None:
    """In which way the adapter in this folder differs from those of this version, in words; None if it doesn't, as far
    as its rank and alpha tell."""
    try:
        config = json.loads((folder / CONFIG).read_text())
        rank, alpha = config["r"], config["lora_alpha"]
    except (OSError, ValueError, KeyError, TypeError):
        return "can't be read"
    if (rank, alpha) == (RANK, ALPHA):
        return None
    return f"has rank {rank} and alpha {alpha}, and this version trains rank {RANK} and alpha {ALPHA}"
