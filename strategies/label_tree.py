"""Many labels as one tree: every shared beginning is computed once, and one forward pass scores them all.

A node stands for a label's token after the tokens above it. Only nodes with children have to be run through the
model, since a label's last token is scored from its parent. Nodes see their ancestors and nothing else, and stand at
the position of their depth, so the pass gives the same numbers as running each label alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class LabelTree:
    """`N` nodes to run, in an order where parents come first; row 0 of every gather stands for the prompt's last token.

    `tokens`, `depths`: [N]; `sees`: [N, N] bool, True where a node may attend to another (its ancestors and itself);
    `sources`, `targets`, `owners`: [E], one entry for each token of each label: from which row of logits (0 = prompt,
    1 + node otherwise) its log-probability is read, which token it is, and to which label it belongs;
    `lengths`: [labels], tokens in each label.
    """

    tokens: Tensor
    depths: Tensor
    sees: Tensor
    sources: Tensor
    targets: Tensor
    owners: Tensor
    lengths: Tensor

    @staticmethod
    def grow(labels: Sequence[Sequence[int]], end: int) -> LabelTree:
        """Grow the tree of tokenized labels. Where one label begins another, `end` closes every label: without it the
        shorter could never be less likely than the longer.

        Raises ValueError for a label without tokens and for two labels with the same tokens.
        """
        if any(not label for label in labels):
            raise ValueError("A label has no tokens.")
        if len({tuple(label) for label in labels}) < len(labels):
            raise ValueError("Two labels have the same tokens.")
        beginnings = {tuple(label[:length]) for label in labels for length in range(1, len(label))}
        if any(tuple(label) in beginnings for label in labels):
            labels = [[*label, end] for label in labels]
            beginnings = {tuple(label[:length]) for label in labels for length in range(1, len(label))}

        paths = sorted(beginnings, key=lambda path: (len(path), path))
        node_of = {path: node for node, path in enumerate(paths)}
        sees = torch.zeros(len(paths), len(paths), dtype=torch.bool)
        for path, node in node_of.items():
            for length in range(1, len(path) + 1):
                sees[node, node_of[path[:length]]] = True
        steps = [
            (1 + node_of[tuple(label[:at])] if at else 0, label[at], owner)
            for owner, label in enumerate(labels)
            for at in range(len(label))
        ]
        sources, targets, owners = (torch.tensor(column) for column in zip(*steps, strict=True))
        return LabelTree(
            tokens=torch.tensor([path[-1] for path in paths], dtype=torch.long),
            depths=torch.tensor([len(path) for path in paths], dtype=torch.long),
            sees=sees,
            sources=sources,
            targets=targets,
            owners=owners,
            lengths=torch.tensor([len(label) for label in labels]),
        )

    def to(self, device: torch.device) -> LabelTree:
        return LabelTree(*(getattr(self, name).to(device) for name in LabelTree.__slots__))

    def sum_over_labels(self, logits: Tensor) -> Tensor:
        """Log-probability of each label from `logits` [batch, 1 + N, vocabulary]: shape [batch, labels], float32."""
        normaliser = torch.logsumexp(logits.float(), dim=-1)
        chosen = logits[:, self.sources, self.targets].float() - normaliser[:, self.sources]
        sums = torch.zeros(len(logits), len(self.lengths), device=logits.device)
        return sums.index_add_(1, self.owners, chosen)
