"""The shape of an adapter. Doesn't need torch, so that a plan can be checked with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RANK, MORE_RANK = 16, 64
SCALE = 2  # alpha for each rank, so that another rank changes the outputs as much
CONFIG = "adapter_config.json"  # beside the weights, as peft writes it
_RANK, _LAYERS = "rank", "layers with an adapter"  # as the report shows them
_ALL, _UPPER = "all", "upper two thirds"
_LAYER = re.compile(r"\.(\d+)\.")  # in the name of a part of the network


@dataclass(frozen=True, slots=True)
class AdapterShape:
    """Whether all layers get an adapter, or only the upper ones (`adapter.py`)."""

    rank: int = RANK
    all_layers: bool = False

    @staticmethod
    def of(folder: Path) -> AdapterShape | None:
        """That of the adapter in a folder; None if that can't be read."""
        try:
            config = json.loads((folder / CONFIG).read_text())
            parts = config.get("target_modules") or ()
            named = [parts] if isinstance(parts, str) else parts  # without a number, parts of all layers are meant
            layers = [_LAYER.search(part) for part in named]
            return AdapterShape(int(config["r"]), any(layer is None or layer.group(1) == "0" for layer in layers))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @property
    def alpha(self) -> int:
        return SCALE * self.rank

    @property
    def shown(self) -> dict[str, Any]:
        return {_RANK: self.rank, "alpha": self.alpha, _LAYERS: _ALL if self.all_layers else _UPPER}

    def settled(self, shown: Mapping[str, Any]) -> AdapterShape:
        """As `shown` says, where it says anything."""
        layers = shown.get(_LAYERS)
        return AdapterShape(shown.get(_RANK, self.rank), self.all_layers if layers is None else layers == _ALL)


USUAL = AdapterShape()
