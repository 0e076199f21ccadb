"""Cohen's kappa between a judge and a person: their agreement beyond what chance gives (Cohen, 1960)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.judging.ruling import Ruling
from eval.statistics.inference import LEVEL, SEED

DRAWS = 4_000
IMAGINED = 1.0  # pairs, spread as if both judged by chance: a few pairs on which both agree can't promise kappa 1


@dataclass(frozen=True, slots=True)
class Agreement:
    """Kappa with its 95 % interval over `pairs`, and the share of pairs with the same ruling. 0 is chance, 1 is perfect
    agreement. None where it isn't defined: both always rule alike."""

    kappa: float | None
    low: float
    high: float
    same: float
    pairs: int


def agreement(person: Sequence[Ruling], judge: Sequence[Ruling]) -> Agreement:
    """The interval is that of the Bayesian bootstrap over pairs. Raises ValueError without pairs, or if the numbers
    differ."""
    if not person or len(person) != len(judge):
        raise ValueError(f"rulings must be on the same pairs, got {len(person)} and {len(judge)}")
    names = list(Ruling)
    counts = np.zeros((len(names), len(names)))
    for one, other in zip(person, judge, strict=True):
        counts[names.index(one), names.index(other)] += 1
    shares = counts / counts.sum()
    by_chance = np.outer(shares.sum(1), shares.sum(0))
    weights = np.random.default_rng(SEED).dirichlet(
        np.concatenate([counts[counts > 0], IMAGINED * by_chance[by_chance > 0]]), DRAWS
    )
    draws = np.zeros((DRAWS, *counts.shape))
    seen = np.count_nonzero(counts)
    draws[:, counts > 0] += weights[:, :seen]
    draws[:, by_chance > 0] += weights[:, seen:]
    low, high = np.quantile(_kappa(draws), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    kappa = None if np.trace(by_chance) == 1 else float(_kappa(shares[None])[0])
    if kappa is not None:
        low, high = min(low, kappa), max(high, kappa)
    return Agreement(kappa, float(low), float(high), float(np.trace(shares)), len(person))


def _kappa(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of tables of shares [tables, person, judge]; 0 where both always rule alike."""
    observed = np.trace(shares, axis1=1, axis2=2)
    expected = np.einsum("ti,ti->t", shares.sum(2), shares.sum(1))
    kappas: NDArray[np.float64] = np.divide(
        observed - expected, 1 - expected, out=np.zeros_like(observed), where=expected < 1
    )
    return kappas
