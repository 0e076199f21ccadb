"""Tuning again: training that goes on from the adapter that an earlier run trained, with new rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EarlierAdapter:
    """The adapter in `folder`, which the run with the id `run` trained on so many `rows`."""

    folder: Path
    run: str
    rows: int

    def sentence(self, before: float, after: float) -> str:
        """What going on from it brought: the dev losses before this training and after, in nats per token."""
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return (
            f"Training went on from the adapter that run {self.run} trained on {rows}. The dev loss was {before:.2f} "
            f"with that adapter and {after:.2f} after this training."
        )
