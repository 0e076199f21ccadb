"""Whether a verdict deserves its word: thousands of held-out sets drawn from pools whose truth is known.

A pool holds the scores of three or four strategies, the cheapest first, on so many rows that their means are the truth;
or the labels they give, so many that the macro-F1 is. A verdict is right when the strategy taken is truly within the
margin of the best and nothing cheaper is. No model is run. Each set is judged as a whole and, as a run does it, in
blocks with early stops.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from advisor.decision.choice import Choice, Option, choose
from advisor.decision.stopping import block_ends, is_clear_word, stops
from eval.scoring import MetricName
from eval.scoring.labels import LabelAnswers
from eval.scoring.metric import LEADS_WITH_FACTS, SHARE_OF_OTHER
from eval.statistics.posterior import believe
from eval.statistics.scored import Scored, score_of
from tests.benchmarks.measured_answers import read_measured

MARGIN = 0.02
COSTS = (1.0, 2.0, 4.0, 8.0)
ROWS = (30, 100, 300, 1000)
POOL_ROWS = 100_000

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of rows, [rows], and those that strategies give, [strategies, rows], the cheapest first."""

    expected: Places
    given: Places

    def scored(self) -> list[Scored]:
        names = np.array([f"{label:02}" for label in range(max(self.expected.max(), self.given.max()) + 1)])
        expected = tuple(names[self.expected].tolist())
        return [LabelAnswers(MetricName.MACRO_F1, expected, tuple(names[each].tolist())) for each in self.given]


Pool = Numbers | Labels  # scores are [strategies, rows], the cheapest first


def run(full: bool) -> list[dict[str, Any]]:
    return [
        simulate(pool, rows, 2000 if full else 100, stops_early=stops_early).as_row(name, rows, stops_early)
        for name, pool in (pools() | measured_pools() | label_pools() | combined_pools()).items()
        for rows in ROWS
        for stops_early in (False, True)
    ]


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of so many `sets`: how many verdicts were strong, strong and right, strong for something dearer than
    was right, right in any words, and how far on average the score of what was taken lay below that of what was
    right. `rows_saved` is how many times fewer rows were answered, all strategies together, than without stopping."""

    sets: int
    strong: int
    strong_right: int
    strong_too_dear: int
    right: int
    regret: float
    rows_saved: float = 1.0

    def as_row(self, pool: str, rows: int, stops_early: bool) -> dict[str, Any]:
        return {
            "pool": pool,
            "test rows": rows,
            "stops early": "yes" if stops_early else "no",
            "times fewer rows": f"{self.rows_saved:.2f}",
            "sets": self.sets,
            "strong": share(self.strong, self.sets),
            "right when strong": share(self.strong_right, self.strong),
            "strong for something too dear": share(self.strong_too_dear, self.sets),
            "right": share(self.right, self.sets),
            "points lost": f"{100 * self.regret:.2f}",
        }


def share(some: int, of: int) -> str:
    return f"{100 * some / of:.1f} %" if of else "none"


def simulate(pool: Pool, rows: int, sets: int, seed: int = 0, stops_early: bool = False) -> Tally:
    """Draw `sets` held-out sets of so many rows and hold each verdict against the truth."""
    truth = np.array([score_of(one) for one in scored(pool)])
    wanted = int(np.flatnonzero(truth >= truth.max() - MARGIN)[0])  # the cheapest that is truly near the best
    random = np.random.default_rng(seed)
    strong = strong_right = too_dear = right = 0
    lost, answered = 0.0, 0
    for _ in range(sets):
        drawn = random.integers(rows_of(pool), size=rows)
        raced = race(pool, drawn) if stops_early else Raced(judge(scored(pool, drawn), rows), rows * len(truth))
        answered += raced.answered
        taken, is_strong = int(raced.verdict.name), raced.verdict.confidence == "strong"
        strong += is_strong
        strong_right += is_strong and taken == wanted
        too_dear += is_strong and taken > wanted
        right += taken == wanted
        lost += max(0.0, truth[wanted] - truth[taken])
    saved = sets * rows * len(truth) / answered
    return Tally(sets, strong, strong_right, too_dear, right, lost / sets, saved)


@dataclass(frozen=True, slots=True)
class Raced:
    """The last verdict, and how many rows all strategies answered together."""

    verdict: Choice
    answered: int


def race(pool: Pool, drawn: Places) -> Raced:
    """The strategies answer these rows in blocks, as those of a run do."""
    running = [str(place) for place in range(len(scored(pool, drawn)))]
    done: dict[str, int] = {}
    for end in block_ends(len(drawn)):
        done |= dict.fromkeys(running, end)
        verdict = judge_in_part(pool, drawn, done)
        ended = stops(verdict.probabilities, is_clear_word(verdict.confidence, verdict.odds), running)
        running = [name for name in running if name not in ended]
        if not running:
            break
    return Raced(verdict, sum(done.values()))


def judge_in_part(pool: Pool, drawn: Places, done: dict[str, int]) -> Choice:
    """The verdict where some strategies answered only so many of the first rows."""
    most = max(done.values())
    answered = {rows: dict(named(scored(pool, drawn[:rows]))) for rows in set(done.values())}
    posterior = believe({name: each for name, each in answered[most].items() if done[name] == most})
    best = max(posterior.names, key=posterior.mean_of)
    for name, rows in done.items():
        if rows < most:
            pair = believe({best: answered[rows][best], name: answered[rows][name]})
            posterior = posterior.beside(best, pair)
    options = [Option(name, COSTS[int(name)], int(name)) for name in sorted(done)]
    return choose(options, posterior.restricted(sorted(done)), MARGIN, most)


def named(scores: Sequence[Scored]) -> list[tuple[str, Scored]]:
    return [(str(place), each) for place, each in enumerate(scores)]


def scored(pool: Pool, rows: Places | slice = slice(None)) -> list[Scored]:
    """What each strategy does on these rows."""
    if isinstance(pool, Labels):
        return Labels(pool.expected[rows], pool.given[:, rows]).scored()
    return list(pool[:, rows])


def rows_of(pool: Pool) -> int:
    return len(pool.expected) if isinstance(pool, Labels) else pool.shape[1]


def judge(scores: Sequence[Scored], rows: int) -> Choice:
    """The verdict on one held-out set; a strategy is called by its place."""
    options = [Option(str(place), cost, place) for place, cost in zip(range(len(scores)), COSTS, strict=False)]
    posterior = believe({str(place): each for place, each in enumerate(scores)})
    return choose(options, posterior, MARGIN, rows)


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


def label_pools() -> dict[str, Pool]:
    """Scored by macro-F1: strategies that find so many of the rows of each label, of which some are rare."""
    three, twenty = np.array([0.8, 0.15, 0.05]), 1 / np.arange(1, 21)
    hard = np.linspace(0.9, 0.6, 20)  # the rarer, the harder
    return {
        "macro-F1, 3 labels, all equal": labelled(three, *[np.array([0.95, 0.8, 0.6])] * 3),
        "macro-F1, 3 labels, all right": labelled(three, *[np.ones(3)] * 3),
        "macro-F1, 3 labels, cheapest knows the commonest": labelled(
            three, [1, 0, 0], [0.9, 0.6, 0.6], [0.9, 0.8, 0.8]
        ),
        "macro-F1, 3 labels, dearest finds more of the rarest": labelled(
            three, *[np.array([0.95, 0.8, 0.6])] * 2, [0.95, 0.8, 0.75]
        ),
        "macro-F1, 20 labels, all equal": labelled(twenty, hard, hard, hard),
        "macro-F1, 20 labels, all equal, nearly all right": labelled(twenty, *[np.full(20, 0.97)] * 3),
        "macro-F1, 20 labels, dearest finds 2 points more": labelled(twenty, hard, hard, hard + 0.02),
        "macro-F1, 20 labels, dearest finds 4 points more": labelled(twenty, hard, hard, hard + 0.04),
        "macro-F1, 20 labels, dearest finds 9 points more": labelled(twenty, hard, hard + 0.02, hard + 0.09),
        "macro-F1, 20 labels, cheapest finds 6 points more": labelled(twenty, hard + 0.06, hard, hard),
    }


def combined_pools() -> dict[str, Pool]:
    """Written answers: scored by facts alone, by facts and form, or by form and facts. Made-up pools, then measured
    ones."""
    answerable = np.arange(POOL_ROWS) % 10 > 0
    return {
        "facts, all equal": fact_shares(0.5, 0.5, 0.5),
        "facts, all equal, nearly all zero": fact_shares(0.05, 0.05, 0.05),
        "facts, nearly all zero, dearest 4 points better": fact_shares(0.03, 0.03, 0.07),
        "facts, dearest 3 points better": fact_shares(0.5, 0.5, 0.53),
        "facts, dearest 8 points better": fact_shares(0.5, 0.52, 0.58),
        "facts, cheapest 5 points better": fact_shares(0.55, 0.5, 0.5),
        "facts, a tenth unanswerable, only the cheapest says so, all equal": np.where(
            answerable, fact_shares(0.15 / 0.9, 0.25 / 0.9, 0.25 / 0.9), [[1.0], [0.0], [0.0]]
        ),
        "facts and form, nearly all right, only the dearest's wording better": combined(
            MetricName.FACTS_AND_FORM, fact_shares(0.95, 0.95, 0.95), form_shares(0.4, 0.4, 0.7)
        ),
        "form and facts, all equal": combined(
            MetricName.FORM_AND_FACTS, fact_shares(0.8, 0.8, 0.8), form_shares(0.5, 0.5, 0.5)
        ),
        "form and facts, dearest 6 points better": combined(
            MetricName.FORM_AND_FACTS, fact_shares(0.8, 0.8, 0.8), form_shares(0.5, 0.5, 0.564)
        ),
    } | measured_answers()


def measured_answers() -> dict[str, Pool]:
    """What all strategies of a run scored; where one is far ahead, the others alone are a pool that asks more."""
    stored = read_measured()
    found = {name: list(scores.values()) for name, scores in stored.items()}
    found["xquad_en without retrieval, facts"] = [
        scores for name, scores in stored["xquad_en, facts"].items() if name != "retrieval"
    ]
    return {f"{name}, measured": np.array(scores) for name, scores in found.items()}


def combined(metric: MetricName, facts: Numbers, form: Numbers) -> Numbers:
    """The product's score of answers with these facts and this form, each [strategies, rows]."""
    lead, other = (facts, form) if LEADS_WITH_FACTS[metric] else (form, facts)
    return lead * (1 - SHARE_OF_OTHER[metric] * (1 - other))


def fact_shares(*means: float) -> Numbers:
    """The share of the expected facts that an answer states. Most rows expect one or two facts, the others up to five;
    most answers state all or none."""
    random, counts = np.random.default_rng(5), np.arange(1, 6)
    expected = random.choice(counts, POOL_ROWS, p=1 / counts / (1 / counts).sum())
    shares: Numbers = random.binomial(expected, shares_around(means, 0.5, random)) / expected
    return shares


def form_shares(*means: float) -> Numbers:
    """chrF of answers that are all somewhat like the expected one: it spreads by .17 around .5."""
    return shares_around(means, 8, np.random.default_rng(6))


def shares_around(means: Sequence[float], concentration: float, random: np.random.Generator) -> Numbers:
    """Shares with a beta distribution, [strategies, rows]; a small concentration moves them to 0 and 1."""
    wanted = concentration * np.array(means)[:, None]
    return np.asarray(scipy.stats.beta.ppf(mixed_places(len(means), random), wanted, concentration - wanted))


def labelled(shares: Numbers, *recalls: ArrayLike) -> Labels:
    """Labels that come as often as their `shares`; each strategy finds these parts of the rows of each. Two thirds of
    what decides a row is the same for all; a wrong label is given as often as it comes."""
    random, labels = np.random.default_rng(4), len(shares)
    expected = random.choice(labels, POOL_ROWS, p=shares / shares.sum())
    places = mixed_places(len(recalls), random)
    others = random.choice(labels, (len(recalls), POOL_ROWS), p=shares / shares.sum())
    others = np.where(others == expected, (expected + 1) % labels, others)
    found = np.stack([each < np.asarray(recall)[expected] for each, recall in zip(places, recalls, strict=True)])
    return Labels(expected, np.where(found, expected, others))


def mixed_places(strategies: int, random: np.random.Generator) -> Numbers:
    """The place of each row from the hardest (0) to the easiest (1) for each strategy, evenly spread, [strategies,
    rows]. Two thirds of what decides it is the same for all."""
    mixed = 0.67 * random.normal(size=POOL_ROWS) + 0.33 * random.normal(size=(strategies, POOL_ROWS))
    return mixed.argsort(axis=1).argsort(axis=1) / POOL_ROWS


def apart(*rates: float) -> Numbers:
    return (np.random.default_rng(1).random((len(rates), POOL_ROWS)) < np.array(rates)[:, None]).astype(float)


def together(*rates: float) -> Numbers:
    """Two thirds of what decides a row is the same for all strategies."""
    random = np.random.default_rng(2)
    mixed = 0.67 * random.normal(size=POOL_ROWS) + 0.33 * random.normal(size=(len(rates), POOL_ROWS))
    cuts = [np.quantile(each, rate) for each, rate in zip(mixed, rates, strict=True)]
    return np.stack([each < cut for each, cut in zip(mixed, cuts, strict=True)]).astype(float)


def graded(*means: float) -> Numbers:
    """Field F1 of four fields: shares of four, alike between strategies."""
    random = np.random.default_rng(3)
    ease = random.beta(2, 2, POOL_ROWS)
    rates = [np.clip(ease + mean - 0.5, 0, 1) for mean in means]
    return np.stack([random.binomial(4, rate) / 4 for rate in rates])
