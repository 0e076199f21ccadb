"""A judge with planted errors: how often corrected 95 % intervals hold the truth, beside those of its rulings alone.

The judge says the wrong side on a share of the pairs with a better side, and prefers the first position on ties.
"""

from __future__ import annotations

from random import Random
from typing import Any

from eval.judging.corrected import corrected
from eval.judging.ruling import Ruling
from eval.statistics.inference import paired_difference
from tests.eval.test_judging import rulings

RUNS = 500
SHARES = ((0.5, 0.3, 0.2), (0.35, 0.35, 0.3), (0.7, 0.1, 0.2))  # left better, right better, ties
SIZES = ((200, 40), (200, 20), (450, 40))  # judged pairs, and how many of them a person checked


def run(full: bool) -> list[dict[str, Any]]:
    return [_covered(shares, *sizes) for sizes in SIZES for shares in (SHARES if full else SHARES[:2])]


def _covered(shares: tuple[float, float, float], pairs: int, checked: int) -> dict[str, Any]:
    held, held_alone, widths = 0, 0, 0.0
    truth = shares[0] - shares[1]
    for seed in range(RUNS):
        judged = rulings(Random(f"{seed} {shares} {pairs}"), shares, pairs)
        found = corrected(judged[:checked], [ruling for _, ruling in judged[checked:]])
        held += found.low <= truth <= found.high
        widths += (found.high - found.low) / RUNS
        left, right = ([ruling is side for _, ruling in judged] for side in (Ruling.LEFT, Ruling.RIGHT))
        alone = paired_difference(left, right)
        held_alone += alone.low <= truth <= alone.high
    return {
        "truth": truth,
        "pairs": pairs,
        "checked": checked,
        "corrected: truth held": f"{held / RUNS:.1%}",
        "width": widths,
        "rulings alone: truth held": f"{held_alone / RUNS:.1%}",
    }
