"""Who answers no more test rows: what can't be chosen any more, and all once the verdict is clear.

Test rows come in blocks. Looking after each block gives chance several goes at a strong verdict, so one on a part of
the rows has to be clearer than one on all of them. `tests/benchmarks/calibration.py` holds verdicts with stopping
against pools whose truth is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from advisor.schema import Recommendation
from eval.outcomes import EarlyStop

BLOCKS = 4
LEAST_ROWS = 20  # of a block
NO_CHANCE = 1 / 200  # what is near the best with less probability can't be chosen
CLEAR = 0.99  # the odds of a verdict on a part of the rows; on all of them, strong is enough


def block_ends(rows: int) -> list[int]:
    """How many of so many test rows are answered after each block."""
    blocks = max(1, min(BLOCKS, rows // LEAST_ROWS))
    return [rows * (block + 1) // blocks for block in range(blocks)]


def is_clear(verdict: Recommendation) -> bool:
    """Whether all that was asked is settled: what to choose, and whether a baseline is as good."""
    baseline = verdict.baseline
    return (
        verdict.confidence == "strong"
        and verdict.odds is not None
        and verdict.odds >= CLEAR
        and (baseline is None or (baseline.confidence == "strong" and baseline.odds >= CLEAR))
    )


def stops(verdict: Recommendation, running: Sequence[str]) -> dict[str, EarlyStop]:
    """Which of the candidates that are still `running` stop after this verdict on a part of the rows, and why."""
    if verdict.choice is None:  # nothing is within the limits, so there is nothing to be behind
        return {}
    beaten = {
        name: EarlyStop("behind", verdict.probabilities[name]) if name in verdict.probabilities else EarlyStop("limit")
        for name in running
        if verdict.probabilities.get(name, 0.0) < NO_CHANCE
    }
    settled = {name: EarlyStop("settled") for name in running} if is_clear(verdict) else {}
    return settled | beaten
