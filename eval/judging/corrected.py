"""How often one candidate's answers are better than another's, corrected for the errors of the judge.

The person's choices in the blind comparison say what is true of some pairs; the judge ruled on those and on many more.
Both go into one model: each pair is truly better on the left, better on the right, or a tie, and the judge rules on it
with an error rate that the person's pairs show (a misclassification model, as of Dawid and Skene, 1979). Because the
judge saw every pair in both orders, its errors are the same for both sides. The posterior is sampled by Gibbs steps. So
the interval is wide where few pairs show how often the judge is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.judging.ruling import Ruling
from eval.statistics.inference import LEVEL, SEED

CHAINS, BURN_IN, KEPT = 128, 30, 30  # steps of each chain that are thrown away and kept
# Imagined pairs: of each truth, and of rulings on a pair with a better side (right, wrong, tie) or a tie (a side, tie).
# With these, 95 % intervals cover 93 to 97 % (tests/eval/judging/test_corrected.py).
TRUTHS, ON_A_SIDE, ON_A_TIE = 0.5, (1.0, 0.5, 0.5), (0.5, 0.5)
_ORDER = (Ruling.LEFT, Ruling.RIGHT, Ruling.TIE)

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Preference:
    """How much more often left answers are better than right ones, from -1 to 1, with its 95 % interval; `as_ruled` is
    that share by the judge's rulings alone. `right` is how often the judge names the better side where there is one,
    with its interval. `draws` are draws of the difference, [draws]."""

    difference: float
    low: float
    high: float
    as_ruled: float
    right: tuple[float, float, float]
    pairs: int
    checked: int
    draws: Numbers


def corrected(
    checked: Sequence[tuple[Ruling, Ruling]],
    unchecked: Sequence[Ruling],
    elsewhere: Sequence[tuple[Ruling, Ruling]] = (),
    evidence: float = 1,
) -> Preference:
    """`checked` holds the person's ruling and the judge's on the same pair of these two candidates; `unchecked` the
    judge's on their other pairs; `elsewhere` both rulings on pairs of other candidates, which only show how often the
    judge is wrong.

    `evidence` is the number of pieces of evidence a pair, 1 unless rows belong to groups. Raises ValueError without
    rulings on these two.
    """
    if not checked and not unchecked:
        raise ValueError("there are no rulings on these two candidates")
    known, others = _counted(checked), _counted(elsewhere)
    ruled_alone = np.array([unchecked.count(ruling) for ruling in _ORDER], dtype=float)
    shares, right = _sampled(evidence * known, np.round(evidence * ruled_alone).astype(int), evidence * others)
    draws = shares[:, 0] - shares[:, 1]
    totals = known.sum(0) + ruled_alone
    low, middle, high = (float(each) for each in np.quantile(draws, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2]))
    worst, usual, best = (float(each) for each in np.quantile(right, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2]))
    return Preference(
        middle,
        low,
        high,
        float((totals[0] - totals[1]) / totals.sum()),
        (usual, worst, best),
        int(totals.sum()),
        len(checked) + len(elsewhere),
        draws,
    )


def _counted(pairs: Sequence[tuple[Ruling, Ruling]]) -> Numbers:
    """How often each truth got each ruling, [truth, ruling]."""
    counts = np.zeros((3, 3))
    for truth, ruled in pairs:
        counts[_ORDER.index(truth), _ORDER.index(ruled)] += 1
    return counts


def _sampled(known: Numbers, alone: NDArray[np.int_], elsewhere: Numbers) -> tuple[Numbers, Numbers]:
    """Draws of the shares of the truths, [draws, 3], and of how often the judge is right where a side is better,
    [draws]. `known` and `elsewhere` are [truth, ruling], `alone` [ruling]."""
    random = np.random.default_rng(SEED)
    truths = random.dirichlet([1.0] * 3, CHAINS)
    rulings = _rulings(random, known + elsewhere, CHAINS)
    kept: list[tuple[Numbers, Numbers]] = []
    for step in range(BURN_IN + KEPT):
        shares = truths[:, :, None] * rulings  # [chains, truth, ruling]
        shares /= shares.sum(1, keepdims=True)
        counts = known + _divided(random, alone, shares)
        truths = _dirichlet(random, TRUTHS + counts.sum(2))
        rulings = _rulings(random, counts + elsewhere, CHAINS)
        if step >= BURN_IN:
            kept.append((truths, rulings[:, 0, 0]))
    return np.concatenate([each for each, _ in kept]), np.concatenate([each for _, each in kept])


def _divided(random: np.random.Generator, alone: NDArray[np.int_], shares: Numbers) -> Numbers:
    """How many of the unchecked pairs with each ruling belong to each truth, [chains, truth, ruling]."""
    left = random.binomial(alone, shares[:, 0])
    among_others = shares[:, 1] / np.maximum(1 - shares[:, 0], 1e-12)
    right = random.binomial(alone - left, np.minimum(among_others, 1))
    return np.stack([left, right, alone - left - right], axis=1).astype(float)


def _rulings(random: np.random.Generator, counts: Numbers, chains: int) -> Numbers:
    """Draws of how the judge rules on each truth, [chains, truth, ruling]: the same errors on both sides."""
    counts = np.broadcast_to(counts, (chains, 3, 3))
    on_a_side = counts[:, [0, 0, 0], [0, 1, 2]] + counts[:, [1, 1, 1], [1, 0, 2]]
    on_a_tie = np.stack([counts[:, 2, 0] + counts[:, 2, 1], counts[:, 2, 2]], axis=1)
    right, wrong, tie = _dirichlet(random, on_a_side + ON_A_SIDE).T
    a_side, none = _dirichlet(random, on_a_tie + ON_A_TIE).T
    rows = [[right, wrong, tie], [wrong, right, tie], [a_side / 2, a_side / 2, none]]
    return np.array(rows).transpose(2, 0, 1)


def _dirichlet(random: np.random.Generator, weights: Numbers) -> Numbers:
    """One draw for each row of weights, [rows, n]."""
    gammas = np.maximum(random.gamma(weights), 1e-300)
    return np.asarray(gammas / gammas.sum(1, keepdims=True))
