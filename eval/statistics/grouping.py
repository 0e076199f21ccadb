"""Which rows are one piece of evidence. Rows of a group (one customer, one document) are alike, so they are counted,
weighted and resampled together. A row without a group is its own piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.outcomes import Outcome

Numbers = NDArray[np.float64]


def piece_name(row: str, group: str | None) -> str:
    """The name of a row's piece of evidence. A group named like another row's id gets a different name."""
    return f"row {row}" if group is None else f"group {group}"


def piece_of(*outcomes: Outcome) -> str:
    """The piece of evidence of one example. Some outcomes from earlier versions lack its group."""
    return piece_name(outcomes[0].example_id, next((one.group for one in outcomes if one.group is not None), None))


@dataclass(frozen=True, slots=True)
class Grouping:
    """`count` pieces of evidence in the order of their names, and the piece of each row, [rows]."""

    count: int
    of_row: NDArray[np.intp]

    @staticmethod
    def of(rows: int, groups: Sequence[str] | None) -> Grouping:
        """`groups` names each row's piece; None makes each row its own piece.

        Raises ValueError if `groups` doesn't have one name per row.
        """
        if groups is None:
            return Grouping(rows, np.arange(rows))
        if len(groups) != rows:
            raise ValueError(f"groups must name each of {rows} rows, got {len(groups)}")
        # Not np.unique: it drops NUL characters at the end of a name and pads every name to the longest one.
        place = {name: at for at, name in enumerate(sorted(set(groups)))}
        return Grouping(len(place), np.array([place[name] for name in groups], dtype=np.intp))

    @property
    def are_groups(self) -> bool:
        """Whether some piece holds more than one row."""
        return self.count < len(self.of_row)

    @property
    def sizes(self) -> NDArray[np.intp]:
        """The rows of each piece, [pieces]."""
        return np.bincount(self.of_row, minlength=self.count)

    def sums(self, values: ArrayLike) -> Numbers:
        """The sum of the values of each piece's rows, [pieces]."""
        return np.asarray(np.bincount(self.of_row, np.asarray(values), self.count), dtype=np.float64)
