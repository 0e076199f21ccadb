"""Linear layers that stay fast during decoding, when few rows run at a time.

For 2 to 48 rows, x @ weightᵀ takes a CPU up to three times as long as weight @ xᵀ, which is the same product
transposed. The library first copies the weights into another order, and that never pays off for so few rows.
"""

from __future__ import annotations

import torch
from torch import Tensor

FEW_ROWS = range(2, 49)


class FewRowsLinear(torch.nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        shape = input.shape[:-1]
        if shape.numel() not in FEW_ROWS:
            return super().forward(input)
        output = (self.weight @ input.reshape(shape.numel(), -1).T).T
        if self.bias is not None:
            output = output + self.bias
        unflattened: Tensor = output.unflatten(0, shape)
        return unflattened


def hasten_few_rows(network: torch.nn.Module) -> None:
    """Give every linear layer of the network the faster computation."""
    for module in network.modules():
        if type(module) is torch.nn.Linear:
            module.__class__ = FewRowsLinear


def compute_as_torch_does(network: torch.nn.Module) -> None:
    """Undo `hasten_few_rows`. The faster computation gives transposed results, which some networks can't go on with:
    those that turn positions with complex numbers (Llama 4, DeepSeek V2)."""
    for module in network.modules():
        if isinstance(module, FewRowsLinear):
            module.__class__ = torch.nn.Linear  # type: ignore[assignment]  # back to what it was
