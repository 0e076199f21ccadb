"""Last layers: the lower layers of the model stay frozen; only the last few layers and the final norm are trained.

The backward pass ends where the frozen layers begin, so a training token costs less than in any other strategy. Weights
are float32 during training, also on a GPU, as in engine/all_weights.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from strategies.declaration import Declaration, Mark, Words
from strategies.engine.models import BYTES_A_PARAMETER, BYTES_TRAINED
from strategies.training import Training

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from strategies.engine.local_model import LocalModel

TRAINED_SHARE = 1 / 6  # of the layers, counted from the end
# Derived as in full_finetuning.py: the forward pass costs 2 products per weight, the backward pass 4 in a sixth of the
# layers: 2.7 in total, against 3.3 for an adapter. Not timed.
TRAINING_COST = 0.8
_FILE = "model.safetensors"


@dataclass(eq=False)
class LastLayers(Training):
    name: ClassVar[str] = "last_layers"
    declaration: ClassVar[Declaration] = Declaration(
        words=Words(
            "Last-layer fine-tuning",
            "Like a refresher course",
            "We train only the last sixth of the model's layers on your examples. This takes less time and memory than "
            "full fine-tuning, and only the trained layers are saved.",
        ),
        mark=Mark("#009E73", "triangle-left"),
        worth_it="Worth it if adapter fine-tuning takes too long on this machine.",
        trains="some weights",
        training_cost=TRAINING_COST,
    )
    learning_rates: ClassVar[tuple[float, ...]] = (1e-4, 3e-4, 3e-5, 1e-3, 1e-5)
    trained_part: ClassVar[str] = "layers"

    def _start(self, model: LocalModel) -> PreTrainedModel:
        import torch

        from strategies.engine.training import keep_within_memory

        network: PreTrainedModel = model.network.float().requires_grad_(False)
        trained = last_parts(network)
        self._base = {name: weight.detach().to("cpu", copy=True) for name, weight in trained.items()}
        for weight in trained.values():
            weight.requires_grad_(True)
        torch.manual_seed(self.seed)
        keep_within_memory(network, sum(map(torch.numel, trained.values())) * (BYTES_TRAINED - BYTES_A_PARAMETER))
        return network

    def _keep(self, network: PreTrainedModel, folder: Path) -> None:
        from safetensors.torch import save_file

        save_file({name: weight.detach().cpu() for name, weight in last_parts(network).items()}, folder / _FILE)

    def _end(self, model: LocalModel, network: Any) -> None:
        network.load_state_dict(self._base, strict=False)
        del self._base

    def _load(self, folder: Path) -> LocalModel:
        """Raises RuntimeError if the base model has no such layers, or layers of other sizes."""
        from safetensors.torch import load_file

        model = self.load_model()
        model.network.load_state_dict(model.network.state_dict() | load_file(folder / _FILE))
        return model


def last_parts(network: PreTrainedModel) -> dict[str, torch.nn.Parameter]:
    """The weights of the last layers and of the final norm, by name. Works for every network the engine can compute."""
    layers = network.config.get_text_config().num_hidden_layers
    first = layers - max(1, round(TRAINED_SHARE * layers))
    norms = [name for name, module in network.named_modules() if "norm" in type(module).__name__.lower()]
    found = {}
    for name, weight in network.named_parameters():
        number = re.search(r"\.(\d+)\.", name)
        if int(number.group(1)) >= first if number else name.rpartition(".")[0] in norms:
            found[name] = weight
    return found
