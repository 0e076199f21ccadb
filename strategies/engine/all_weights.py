"""All weights of a network with gradients, for full fine-tuning. `training.py` trains them.

Weights are float32 during training, also on a GPU: in bfloat16, steps this small would round to nothing.
"""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from eval.task import BadInput
from strategies.engine.models import BYTES_A_PARAMETER, BYTES_TRAINED, lacking
from strategies.engine.training import free_bytes, keep_within_memory


def open_all_weights(network: PreTrainedModel, seed: int) -> PreTrainedModel:
    """The same network in float32, every weight of it to be trained. Raises BadInput if a GPU has too little memory."""
    network = network.float().requires_grad_(True)
    torch.manual_seed(seed)
    parameters = sum(weight.numel() for weight in network.parameters())
    beside = parameters * (BYTES_TRAINED - BYTES_A_PARAMETER)  # the weights themselves are already loaded
    if network.device.type == "cuda":
        beside -= parameters * BYTES_A_PARAMETER  # the best weights so far are kept in the machine's memory
        if beside > (free := free_bytes(network.device)):
            raise BadInput(lacking("Full fine-tuning", beside, free, "GPU memory"))
    keep_within_memory(network, beside)
    return network
