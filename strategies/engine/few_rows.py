"""Linear layers that stay fast while an answer is written, when few rows are run at a time.

For 2 to 48 rows x @ weightᵀ takes a CPU up to three times as long as weight @ xᵀ, which is the same sums transposed:
the library copies the weights into another order before it begins, and so few rows never repay that.
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
    """Gives every linear layer of the network the faster way."""
    for module in network.modules():
        if type(module) is torch.nn.Linear:
            module.__class__ = FewRowsLinear
