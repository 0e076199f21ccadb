"""Who answers no more test rows: what can't be chosen any more, and all once the verdict is clear.

Test rows come in blocks. Looking after each block gives chance several goes at a strong verdict, so one on a part of
the rows has to be clearer than one on all of them. `tests/benchmarks/calibration.py` holds verdicts with stopping
against pools whose truth is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.schema import Confidence, Recommendation
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
    sure_of_baseline = baseline is None or is_clear_word(baseline.confidence, baseline.odds)
    return sure_of_baseline and is_clear_word(verdict.confidence, verdict.odds)


def is_clear_word(confidence: Confidence, odds: float | None) -> bool:
    """Whether a verdict on a part of the rows is clear enough to stop."""
    return confidence == "strong" and odds is not None and odds >= CLEAR


def stops(probabilities: Mapping[str, float], is_clear: bool, running: Sequence[str]) -> dict[str, EarlyStop]:
    """Which of the candidates that are still `running` stop, and why. `probabilities` are those of being near the best,
    of all that are within the limits; empty if none is, and then nothing stops."""
    beaten = {
        name: EarlyStop("behind", probabilities[name]) if name in probabilities else EarlyStop("limit")
        for name in running
        if probabilities and probabilities.get(name, 0.0) < NO_CHANCE
    }
    settled = {name: EarlyStop("settled") for name in running} if is_clear else {}
    return settled | beaten
