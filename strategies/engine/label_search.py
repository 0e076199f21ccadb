"""Decide which parts of a label tree must run to find each row's best label.

A label's log-probability only falls with every token, so its beginning gives an upper bound. A label whose bound is
below the best complete label is out without being run. The search is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from strategies.engine.label_tree import LabelTree
from strategies.engine.language_model import Compare, Scores

FIRST_CONTENDERS = 2  # labels followed to their end in the first round, per way to compare; doubled each round


class LabelSearch:
    """A batch of rows: what is known about their labels, and what to run next."""

    def __init__(
        self, tree: LabelTree, tokens_in: NDArray[np.int64], compare: Compare | None, rows: Sequence[int] | None = None
    ) -> None:
        """`rows`: which prompts of the call these are, None for all of them."""
        self._tree = tree
        self._rows = rows
        self._tokens_in = tokens_in
        self._compare = compare
        self._edges = np.full((len(tokens_in), len(tree.sources)), np.nan)
        self._run = np.zeros((len(tokens_in), len(tree.tokens)), dtype=bool)
        self._contenders = FIRST_CONTENDERS

    def learn(self, found: NDArray[np.float64]) -> None:
        """Add log-probabilities of edges, [rows, E]; not-a-number where nothing new is known."""
        self._edges = np.where(np.isnan(found), self._edges, found)

    def next_nodes(self) -> NDArray[np.bool_]:
        """The nodes to run next, [rows, N]; none for rows whose best label is known."""
        bounds, complete = self._bounds()
        if self._compare is None:
            contending = ~complete
        else:
            contending = np.zeros_like(complete)
            for compared in self._compare(Scores(bounds, self._tokens_in, self._tree.lengths, rows=self._rows)):
                best = np.where(complete, compared, -np.inf).max(axis=1, keepdims=True)
                rivals = np.where(~complete & (compared >= best), compared, -np.inf)
                enough = np.sort(rivals, axis=1)[:, -self._contenders :].min(axis=1, keepdims=True)
                contending |= (rivals >= enough) & (rivals > -np.inf)
            self._contenders *= 2
        nodes = (contending @ self._tree.nodes) & ~self._run
        self._run |= nodes
        return nodes

    def scores(self) -> NDArray[np.float64]:
        """Each label's log-probability, [rows, labels]; minus infinity for labels that can't be the best."""
        bounds, complete = self._bounds()
        return np.where(complete, bounds, -np.inf)

    def _bounds(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """An upper bound on each label's log-probability, and whether it is exact; [rows, labels]."""
        unknown = np.isnan(self._edges)
        bounds = np.where(unknown, 0.0, self._edges) @ self._tree.edges.T
        return bounds, ~(unknown @ self._tree.edges.T)
