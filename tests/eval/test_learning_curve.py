"""Learning curves fitted to scores whose true curve is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from eval.statistics.learning_curve import fewer_rows, fit_curves, probability_ahead, range_of, sizes_of
from eval.task import Example, Kind

SIZES = (50, 100, 200, 400)
MARGIN = 0.02


def law(level: float, gain: float, exponent: float) -> Callable[[float], float]:
    """The true score by rows: `level` at 400, `gain` from 50 to there."""
    return lambda rows: level + gain * (1 - (rows / 400) ** -exponent) / (8**exponent - 1)


def answered(
    truth: Callable[[float], float], seed: int, rows: int = 200, luck: float = 0.015
) -> dict[int, NDArray[np.float64]]:
    """Right or wrong on the same rows at each size, hard rows hard at all of them; each size had some luck."""
    chance = np.random.default_rng(seed)
    hardness = chance.standard_normal(rows)
    scores = {}
    for size in SIZES:
        share = np.clip(truth(size) + luck * chance.standard_normal(), 0.01, 0.99)
        own = 0.85 * hardness + np.sqrt(1 - 0.85**2) * chance.standard_normal(rows)
        scores[size] = (own < ndtri(share)).astype(float)
    return scores


def test_the_ranges_hold_what_was_to_come_about_as_often_as_they_say() -> None:
    inside = {0.8: 0, 0.95: 0}
    for seed in range(200):
        chance = np.random.default_rng(1000 + seed)
        truth = law(chance.uniform(0.35, 0.7), chance.uniform(0, 0.25), chance.uniform(0.2, 1.0))
        curve = fit_curves({"one": answered(truth, seed)})["one"]
        for probability in inside:
            held = range_of(curve.at(1600), probability)
            inside[probability] += held.low <= min(truth(1600), 1) <= held.high
    assert 0.70 <= inside[0.8] / 200 <= 0.95
    assert inside[0.95] / 200 >= 0.88


def test_where_more_rows_bring_nothing_the_curve_says_so_and_where_they_help_too() -> None:
    flat = {size: np.tile([1.0, 1.0, 0.0], 200) for size in SIZES}
    curve = fit_curves({"flat": flat})["flat"]
    assert range_of(curve.gain_at(1600)).high < MARGIN
    assert curve.points[400].mean == pytest.approx(2 / 3)
    steep = fit_curves({"steep": answered(law(0.6, 0.3, 0.4), 3, rows=1000)})["steep"]
    assert range_of(steep.gain_at(1600)).low > MARGIN


def test_a_few_rows_that_are_all_right_promise_no_certainty() -> None:
    point = fit_curves({"one": {size: np.ones(12) for size in SIZES}})["one"].points[400]
    assert (point.mean, point.high) == (1, 1) and 0.7 < point.low < 0.85
    held = off = 0
    truth = law(0.98, 0.03, 0.5)
    for seed in range(60):
        curve = fit_curves({"one": answered(truth, seed, rows=40, luck=0)})["one"]
        held += curve.points[400].low <= truth(400) <= curve.points[400].high
        off += not curve.points[400].low <= range_of(curve.at(400)).mean <= curve.points[400].high
    assert held >= 0.85 * 60 and off == 0


def test_a_strategy_that_grows_passes_one_that_does_not() -> None:
    scores = {
        "still": answered(law(0.62, 0.01, 0.5), 1, rows=6000, luck=0),
        "growing": answered(law(0.59, 0.30, 0.3), 1, rows=6000, luck=0),
    }
    curves = fit_curves(scores)
    still, growing = curves["still"], curves["growing"]
    assert probability_ahead(growing, still, 400) < 0.5 < 0.8 < probability_ahead(growing, still, 1600)
    assert probability_ahead(still, growing, 1600) == pytest.approx(1 - probability_ahead(growing, still, 1600))


def test_the_curve_never_falls_never_passes_1_and_ends_at_four_times_the_rows() -> None:
    curve = fit_curves({"one": answered(law(0.97, 0.3, 0.5), 4)})["one"]
    draws = np.stack([curve.at(rows) for rows in (50, 100, 400, 800, 1600)])
    assert (np.diff(draws, axis=0) >= 0).all() and draws.max() <= 1
    for rows in (49, 1601):
        with pytest.raises(ValueError, match="not within 50 to 1600"):
            curve.at(rows)


def test_rows_of_a_group_are_one_piece_of_evidence() -> None:
    scores = {"one": answered(law(0.6, 0.1, 0.5), 5, rows=60)}
    alone = range_of(fit_curves(scores)["one"].at(400), 0.95)
    copied = {"one": {size: np.repeat(each, 10) for size, each in scores["one"].items()}}
    groups = [f"g{row}" for row in range(60) for _ in range(10)]
    together = range_of(fit_curves(copied, groups)["one"].at(400), 0.95)
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.15)


def test_the_level_is_that_of_all_test_rows_and_differences_are_taken_where_both_were_answered() -> None:
    full = np.array([1.0] * 70 + [0.0] * 30)
    part = {size: np.where(np.arange(100) < 40, full, np.nan) for size in SIZES[:3]}
    curve = fit_curves({"one": {**part, 400: full}})["one"]
    assert [point.mean for point in curve.points.values()] == pytest.approx([0.7] * 4)


def test_a_single_size_is_a_flat_line() -> None:
    curve = fit_curves({"instructed": {400: ndtr(np.linspace(-1, 1, 50))}})["instructed"]
    assert (curve.at(1600) == curve.at(10)).all() and (curve.gain_at(1600) == 0).all()


def test_the_same_scores_give_the_same_curve() -> None:
    scores = {"one": answered(law(0.6, 0.1, 0.5), 6)}
    assert (fit_curves(scores)["one"].at(800) == fit_curves(scores)["one"].at(800)).all()


def test_fewer_rows_are_among_more_and_labels_keep_their_shares() -> None:
    train = [Example(f"r{row}", f"text {row}", "rare" if row % 4 == 0 else "common") for row in range(200)]
    parts = [fewer_rows(train, rows, Kind.CLASSIFICATION, seed=1) for rows in (20, 40, 100)]
    ids = [{example.id for example in part} for part in parts]
    assert [len(part) for part in parts] == [20, 40, 100] and ids[0] < ids[1] < ids[2]
    for part in parts:
        assert abs(Counter(example.target for example in part)["rare"] - len(part) / 4) <= 1
    assert parts[1] == fewer_rows(train, 40, Kind.CLASSIFICATION, seed=1)
    assert parts[1] != fewer_rows(train, 40, Kind.CLASSIFICATION, seed=2)


def test_rows_of_a_group_come_together() -> None:
    train = [Example(f"r{row}", f"text {row}", "yes" if row % 3 else "no", group=f"g{row % 20}") for row in range(200)]
    groups = Counter(example.group for example in fewer_rows(train, 50, Kind.CLASSIFICATION, seed=1))
    assert sorted(groups.values()) == [10] * 5


def test_too_few_rows_give_no_sizes() -> None:
    shares = (1 / 8, 1 / 4, 1 / 2)
    assert sizes_of(400, shares) == [50, 100, 200]
    assert sizes_of(32, shares) == [8, 16]
    assert sizes_of(28, shares) == []
