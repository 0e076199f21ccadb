"""Full fine-tuning: every weight of the model is trained on the solved examples, including embeddings and norms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from strategies.declaration import Declaration, Mark, Words
from strategies.training import Training

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from strategies.engine.local_model import LocalModel

_FILE = "model.safetensors"
# Cost of a training token relative to an adapter's. The forward pass costs 2 products per weight. The backward pass
# costs 2 for the gradients it passes down and 2 for the weights' own. All weights: 6. An adapter on the upper two
# thirds: 2 + 2 · 2/3, so the ratio is 1.8. Timed with random weights in the embedded model's shape: 1.45 to 1.75.
TRAINING_COST = 1.7


@dataclass(eq=False)
class FullFinetuning(Training):
    name: ClassVar[str] = "full_finetuning"
    declaration: ClassVar[Declaration] = Declaration(
        words=Words(
            "Full fine-tuning",
            "Like going back to school",
            "We train all weights of the model on your examples. The result is a whole model for this one task.",
        ),
        mark=Mark("#009E73", "triangle-right"),
        worth_it="Worth it if you have thousands of training rows and adapter fine-tuning does not score enough.",
        trains="all weights",
        training_cost=TRAINING_COST,
    )
    learning_rates: ClassVar[tuple[float, ...]] = (3e-5, 1e-4, 1e-5, 3e-4, 3e-6)
    trained_part: ClassVar[str] = "weights"

    def _start(self, model: LocalModel) -> PreTrainedModel:
        """Raises BadInput if a GPU has too little memory. The machine's own memory was checked before the run."""
        from strategies.engine.all_weights import open_all_weights

        if not hasattr(model, "network"):
            model.network = self.load_model().network
        return open_all_weights(model.network, self.seed)

    def _keep(self, network: PreTrainedModel, folder: Path) -> None:
        from safetensors.torch import save_model

        save_model(network, str(folder / _FILE), metadata={"format": "pt"})

    def _end(self, model: LocalModel, network: Any) -> None:
        """Nothing to undo: a fresh network is loaded when needed. A copy of this one would take as much memory."""
        del model.network

    def _load(self, folder: Path) -> LocalModel:
        from safetensors.torch import load_model

        model = self.load_model()
        load_model(model.network, str(folder / _FILE))
        return model
