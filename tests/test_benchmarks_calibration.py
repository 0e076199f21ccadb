"""The short form of the benchmark: verdicts on drawn held-out sets, held against pools whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.calibration import Pool, apart, graded, labelled, simulate, together

SETS = 150
MOST_BY_CHANCE = 0.09  # 5 in 100, and what 150 draws may add to it


@pytest.mark.parametrize("rows", [30, 100, 300])
@pytest.mark.parametrize(
    "pool",
    [apart(0.7, 0.7, 0.7), together(0.7, 0.7, 0.7), apart(0.97, 0.97, 0.97), graded(0.6, 0.6, 0.6)],
    ids=["equal", "equal, the same rows", "equal, nearly all right", "equal, graded"],
)
def test_where_nothing_differs_a_strong_verdict_for_the_dearer_is_rare(pool: Pool, rows: int) -> None:
    sets = SETS if rows < 300 else SETS // 3  # graded scores take a while
    found = simulate(pool, rows, sets)
    assert found.strong_too_dear <= MOST_BY_CHANCE * sets


def test_a_clear_difference_is_found_and_strong_is_right() -> None:
    found = simulate(together(0.6, 0.65, 0.9), 200, SETS)
    assert found.right == found.strong_right == found.strong
    assert found.strong >= 0.95 * SETS
    assert found.regret == 0


def test_a_strong_verdict_just_beyond_the_margin_is_rarely_wrong() -> None:
    """The hardest truth: the dearest is 1 point too little, or too much, better."""
    for pool in (together(0.7, 0.7, 0.71), together(0.7, 0.7, 0.73)):
        found = simulate(pool, 100, SETS)
        assert found.strong - found.strong_right <= MOST_BY_CHANCE * SETS


def test_more_rows_lose_fewer_points() -> None:
    few, many = (simulate(together(0.7, 0.72, 0.8), rows, SETS) for rows in (30, 300))
    assert many.regret < few.regret / 3
    assert many.right > few.right


@pytest.mark.parametrize("rows", [30, 100])
def test_verdicts_on_macro_f1_are_calibrated_where_labels_are_rare(rows: int) -> None:
    shares, recall = np.array([0.7, 0.2, 0.06, 0.04]), np.array([0.9, 0.8, 0.7, 0.6])
    equal = simulate(labelled(shares, recall, recall, recall), rows, SETS)
    assert equal.strong_too_dear <= MOST_BY_CHANCE * SETS
    better = simulate(labelled(shares, recall, recall, recall + 0.04), rows, SETS)
    assert better.strong - better.strong_right <= MOST_BY_CHANCE * SETS


def test_a_clear_difference_in_macro_f1_is_found() -> None:
    """The cheapest is right on most rows, and finds one label of three."""
    shares = np.array([0.8, 0.12, 0.08])
    found = simulate(labelled(shares, [1, 0, 0], [0.9, 0.6, 0.6], [0.9, 0.9, 0.9]), 300, SETS // 3)
    assert found.right == found.strong_right == found.strong
    assert found.strong >= 0.8 * SETS // 3
