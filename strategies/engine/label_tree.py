"""Many labels as one tree: every shared beginning is in it once, and is computed at most once.

A node is a label's token after the tokens above it. Only nodes with children must run through the model, because a
label's last token is scored from its parent. A node sees only its ancestors, and its position is its depth, so a pass
over any set of nodes gives the same numbers as running each label alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class LabelTree:
    """`N` nodes to run, parents first, and `E` edges that score the labels.

    `tokens`, `depths`: [N]; `sees`: [N, N] bool, True if a node may attend to another (its ancestors and itself);
    `sources`, `targets`: [E], where an edge's log-probability is read (0 = the prompt's last token, 1 + node otherwise)
    and the token it leads to; `edges`: [labels, E] bool, the edges on the way to a label; `nodes`: [labels, N] bool,
    the nodes on it; `lengths`: [labels], tokens in each label.
    """

    tokens: Tensor
    depths: Tensor
    sees: Tensor
    sources: Tensor
    targets: Tensor
    edges: NDArray[np.bool_]
    nodes: NDArray[np.bool_]
    lengths: NDArray[np.int64]

    @staticmethod
    def grow(labels: Sequence[Sequence[int]], end: int, device: torch.device | str = "cpu") -> LabelTree:
        """Build the tree of tokenized labels. If one label is the beginning of another, `end` closes every label.
        Without it, the shorter could never be less likely than the longer.

        Raises ValueError for a label without tokens and for two labels with the same tokens.
        """
        if any(not label for label in labels):
            raise ValueError("A label has no tokens.")
        if len({tuple(label) for label in labels}) < len(labels):
            raise ValueError("Two labels have the same tokens.")
        if any(tuple(label) in _beginnings(labels) for label in labels):
            labels = [[*label, end] for label in labels]

        inner = sorted(_beginnings(labels), key=lambda path: (len(path), path))
        node_of = {path: node for node, path in enumerate(inner)}
        steps = sorted({*inner, *map(tuple, labels)})
        edge_of = {path: edge for edge, path in enumerate(steps)}
        edges = np.zeros((len(labels), len(steps)), dtype=bool)
        nodes = np.zeros((len(labels), len(inner)), dtype=bool)
        for at, label in enumerate(labels):
            for length in range(1, len(label) + 1):
                edges[at, edge_of[tuple(label[:length])]] = True
                if length < len(label):
                    nodes[at, node_of[tuple(label[:length])]] = True
        sees = torch.zeros(len(inner), len(inner), dtype=torch.bool)
        for path, node in node_of.items():
            for length in range(1, len(path) + 1):
                sees[node, node_of[path[:length]]] = True
        return LabelTree(
            tokens=torch.tensor([path[-1] for path in inner], dtype=torch.long, device=device),
            depths=torch.tensor([len(path) for path in inner], dtype=torch.long, device=device),
            sees=sees.to(device),
            sources=torch.tensor([1 + node_of[path[:-1]] if path[:-1] else 0 for path in steps], device=device),
            targets=torch.tensor([path[-1] for path in steps], device=device),
            edges=edges,
            nodes=nodes,
            lengths=np.array([len(label) for label in labels], dtype=np.int64),
        )

    def labels(self) -> list[list[int]]:
        """The tokens of each label, with the one that closes it."""
        targets = self.targets.cpu().numpy()
        return [targets[on_the_way].tolist() for on_the_way in self.edges]  # edges are sorted, parents first

    def read(self, logits: Tensor, at: Tensor) -> NDArray[np.float64]:
        """Log-probabilities of the edges that `logits` [rows, some nodes, vocabulary] cover, [rows, E]; not-a-number
        for all others. `at`: [rows, 1 + N], the index of each source in `logits`, -1 if it isn't there."""
        at = at[:, self.sources]
        known = at.clamp(min=0)
        chosen = logits[torch.arange(len(logits), device=logits.device)[:, None], known, self.targets].float()
        found = chosen - logits.float().logsumexp(-1).gather(1, known)
        return found.masked_fill_(at < 0, torch.nan).double().cpu().numpy()


def _beginnings(labels: Sequence[Sequence[int]]) -> set[tuple[int, ...]]:
    """All proper beginnings of the labels."""
    return {tuple(label[:length]) for label in labels for length in range(1, len(label))}
