"""Direct preference optimisation: the answer that people chose becomes likelier than the one they rejected, compared
with a reference model (Rafailov et al. 2023, arXiv:2305.18290).

The reference is the model as it was when preference training began, after supervised training. TRL's DPOTrainer does
the same with an adapter that was trained before. Its log-probabilities are computed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from strategies.engine.loss import Pair, row_losses, within_memory


@dataclass(frozen=True, slots=True)
class Preference:
    """One prompt with the answer that was chosen and the one that was rejected. `lead`: how much likelier the reference
    finds the chosen one, in nats, as a difference of summed log-probabilities."""

    chosen: Pair
    rejected: Pair
    lead: float = 0.0

    @property
    def tokens(self) -> int:
        return self.chosen.tokens + self.rejected.tokens


@dataclass(frozen=True, slots=True)
class PreferenceLoss:
    """The sigmoid loss of DPO, in nats a pair. The larger `beta`, the closer the model stays to the reference."""

    beta: float

    @contextmanager
    def by_row(self, network: PreTrainedModel | PeftModel, rows: Sequence[Preference]) -> Iterator[Tensor]:
        with _leads(network, rows) as leads:
            of_reference = torch.tensor([row.lead for row in rows], device=leads.device)
            yield -torch.nn.functional.logsigmoid(self.beta * (leads - of_reference))

    def size(self, rows: Sequence[Preference]) -> int:
        return len(rows)


def with_reference(network: PreTrainedModel | PeftModel, rows: Sequence[Preference]) -> list[Preference]:
    """The rows with the lead that this network gives their chosen answers."""
    leads = [chosen - rejected for chosen, rejected in log_probabilities(network, rows)]
    return [replace(row, lead=lead) for row, lead in zip(rows, leads, strict=True)]


def log_probabilities(network: PreTrainedModel | PeftModel, rows: Sequence[Preference]) -> list[tuple[float, float]]:
    """The log-probability of each chosen and each rejected answer, summed over its tokens, in nats."""
    was_training = network.training
    network.eval()
    found: list[tuple[float, float]] = []
    with torch.inference_mode():
        for part in within_memory(rows):
            with row_losses(network, [pair for row in part for pair in (row.chosen, row.rejected)]) as losses:
                chosen, rejected = (-losses.double().view(-1, 2)).T.tolist()
            found += zip(chosen, rejected, strict=True)
    network.train(was_training)
    return found


@contextmanager
def _leads(network: PreTrainedModel | PeftModel, rows: Sequence[Preference]) -> Iterator[Tensor]:
    """How much likelier each chosen answer is than its rejected one, [rows]. Both are read in one pass, because they
    have the same prompt."""
    with row_losses(network, [pair for row in rows for pair in (row.chosen, row.rejected)]) as losses:
        yield losses[1::2] - losses[::2]
