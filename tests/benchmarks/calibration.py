"""Whether a verdict deserves its word: thousands of held-out sets drawn from pools whose truth is known.

A pool holds the scores of three strategies, the cheapest first, on so many rows that their means are the truth. A
verdict is right when the strategy taken is truly within the margin of the best and nothing cheaper is. No model is run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.decision.choice import Choice, Option, choose
from eval.posterior import believe

MARGIN = 0.02
COSTS = (1.0, 2.0, 4.0)
ROWS = (30, 100, 300, 1000)
POOL_ROWS = 100_000

Pool = NDArray[np.float64]  # [strategies, rows], the cheapest first


def run(full: bool) -> list[dict[str, Any]]:
    return [
        simulate(pool, rows, 2000 if full else 100).as_row(name, rows)
        for name, pool in (pools() | measured_pools()).items()
        for rows in ROWS
    ]


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of so many `sets`: how many verdicts were strong, strong and right, strong for something dearer than
    was right, right in any words, and how far on average the score of what was taken lay below that of what was
    right."""

    sets: int
    strong: int
    strong_right: int
    strong_too_dear: int
    right: int
    regret: float

    def as_row(self, pool: str, rows: int) -> dict[str, Any]:
        return {
            "pool": pool,
            "test rows": rows,
            "sets": self.sets,
            "strong": share(self.strong, self.sets),
            "right when strong": share(self.strong_right, self.strong),
            "strong for something too dear": share(self.strong_too_dear, self.sets),
            "right": share(self.right, self.sets),
            "points lost": f"{100 * self.regret:.2f}",
        }


def share(some: int, of: int) -> str:
    return f"{100 * some / of:.1f} %" if of else "none"


def simulate(pool: Pool, rows: int, sets: int, seed: int = 0) -> Tally:
    """Draw `sets` held-out sets of so many rows and hold each verdict against the truth."""
    truth = pool.mean(axis=1)
    wanted = int(np.flatnonzero(truth >= truth.max() - MARGIN)[0])  # the cheapest that is truly near the best
    random = np.random.default_rng(seed)
    strong = strong_right = too_dear = right = 0
    lost = 0.0
    for _ in range(sets):
        verdict = judge(pool[:, random.integers(pool.shape[1], size=rows)])
        taken, is_strong = int(verdict.name), verdict.confidence == "strong"
        strong += is_strong
        strong_right += is_strong and taken == wanted
        too_dear += is_strong and taken > wanted
        right += taken == wanted
        lost += max(0.0, truth[wanted] - truth[taken])
    return Tally(sets, strong, strong_right, too_dear, right, lost / sets)


def judge(scores: Pool) -> Choice:
    """The verdict on one held-out set, [strategies, rows]; a strategy is called by its place."""
    options = [Option(str(place), cost, place) for place, cost in zip(range(len(scores)), COSTS, strict=False)]
    posterior = believe({str(place): each for place, each in enumerate(scores)})
    return choose(options, posterior, MARGIN, scores.shape[1])


def pools() -> dict[str, Pool]:
    """Synthetic pools: strategies that are right on rows of their own, and rows that are easy or hard for all."""
    return {
        "all equal, .70": apart(0.70, 0.70, 0.70),
        "all equal, .70, the same rows mostly": together(0.70, 0.70, 0.70),
        "all equal, .97": apart(0.97, 0.97, 0.97),
        "all right": np.ones((3, POOL_ROWS)),
        "dearest 1 point better": together(0.70, 0.70, 0.71),
        "dearest 3 points better": together(0.70, 0.70, 0.73),
        "dearest 8 points better": together(0.70, 0.72, 0.80),
        "cheapest 5 points better": together(0.75, 0.70, 0.70),
        "graded, all equal": graded(0.60, 0.60, 0.60),
        "graded, dearest 6 points better": graded(0.60, 0.60, 0.66),
    }


def measured_pools() -> dict[str, Pool]:
    """What the three strategies scored in runs of public datasets (docs/benchmarks.md): each test row again and
    again."""
    stored = json.loads(Path(__file__).with_name("measured_scores.json").read_text())
    return {f"{name}, measured": np.array(list(scores.values())) for name, scores in stored.items()}


def apart(*rates: float) -> Pool:
    return (np.random.default_rng(1).random((len(rates), POOL_ROWS)) < np.array(rates)[:, None]).astype(float)


def together(*rates: float) -> Pool:
    """Two thirds of what decides a row is the same for all strategies."""
    random = np.random.default_rng(2)
    mixed = 0.67 * random.normal(size=POOL_ROWS) + 0.33 * random.normal(size=(len(rates), POOL_ROWS))
    cuts = [np.quantile(each, rate) for each, rate in zip(mixed, rates, strict=True)]
    return np.stack([each < cut for each, cut in zip(mixed, cuts, strict=True)]).astype(float)


def graded(*means: float) -> Pool:
    """Field F1 of four fields: shares of four, alike between strategies."""
    random = np.random.default_rng(3)
    ease = random.beta(2, 2, POOL_ROWS)
    rates = [np.clip(ease + mean - 0.5, 0, 1) for mean in means]
    return np.stack([random.binomial(4, rate) / 4 for rate in rates])
