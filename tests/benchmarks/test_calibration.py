"""The short form of the benchmark: verdicts on drawn held-out sets, held against pools whose truth is known."""

from __future__ import annotations

import re

import numpy as np
import pytest

from eval.scoring import MetricName, Scorer
from eval.statistics.scored import score_of
from eval.task import Example, Kind, Metric
from tests.benchmarks.calibration import (
    Pool,
    apart,
    combined,
    combined_pools,
    fact_shares,
    form_shares,
    graded,
    labelled,
    scored,
    simulate,
    together,
)

SETS = 150
MOST_BY_CHANCE = 0.09  # 5 in 100, and what 150 draws may add to it


@pytest.mark.parametrize("rows", [30, 100, 300])
@pytest.mark.parametrize(
    "pool",
    [
        apart(0.7, 0.7, 0.7),
        together(0.7, 0.7, 0.7),
        apart(0.97, 0.97, 0.97),
        graded(0.6, 0.6, 0.6),
        fact_shares(0.5, 0.5, 0.5),
        combined(MetricName.FORM_AND_FACTS, fact_shares(0.5, 0.5, 0.5), form_shares(0.5, 0.5, 0.5)),
    ],
    ids=["equal", "equal, the same rows", "equal, nearly all right", "equal, graded", "equal facts", "equal form"],
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


@pytest.mark.parametrize(
    "pool", [apart(0.7, 0.7, 0.7), together(0.7, 0.7, 0.73), apart(0.97, 0.97, 0.97)], ids=["equal", "3", "right"]
)
def test_looking_after_each_block_makes_no_more_strong_verdicts_wrong(pool: Pool) -> None:
    found = simulate(pool, 200, SETS, stops_early=True)
    assert found.strong - found.strong_right <= MOST_BY_CHANCE * SETS


def test_a_clear_difference_takes_far_fewer_rows() -> None:
    found = simulate(together(0.4, 0.45, 0.9), 200, SETS, stops_early=True)
    assert found.right == found.strong_right == found.strong == SETS
    assert found.rows_saved > 3


def test_where_one_is_beaten_only_the_others_answer_more_rows() -> None:
    found = simulate(together(0.3, 0.73, 0.73), 200, SETS, stops_early=True)
    assert 1.2 < found.rows_saved < 2
    assert found.strong_too_dear <= MOST_BY_CHANCE * SETS


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


def test_the_pools_of_written_answers_have_the_truth_of_their_names() -> None:
    made_up = {name: pool for name, pool in combined_pools().items() if "measured" not in name}
    for name, pool in made_up.items():
        truth = cheapest, middle, dearest = [score_of(one) for one in scored(pool)]
        if "all equal" in name:
            assert np.ptp(truth) < 0.004, name
        elif better := re.search(r"(cheapest|dearest) (\d+) points better", name):
            ahead = cheapest - dearest if better[1] == "cheapest" else dearest - cheapest
            assert abs(ahead - int(better[2]) / 100) < 0.004, name
        else:
            assert name.endswith("only the dearest's wording better")
            assert abs(cheapest - middle) < 0.004
            assert 0.01 < dearest - cheapest < 0.02


def test_most_rows_of_facts_are_all_or_nothing_and_hard_ones_are_hard_for_all() -> None:
    poor, middling = fact_shares(0.05, 0.05), fact_shares(0.5, 0.5)
    assert 0.8 < np.isin(middling, (0, 1)).mean() < 0.95
    assert (poor == 0).mean() > 0.9
    assert 0.4 < np.corrcoef(*middling)[0, 1] < 0.7


@pytest.mark.parametrize("metric", [MetricName.FACTS, MetricName.FACTS_AND_FORM, MetricName.FORM_AND_FACTS])
def test_the_pools_combine_facts_and_form_as_the_product_does(metric: MetricName) -> None:
    row = Example("row", "When and where?", "It opened on 3 May 1998 in Lisbon.")

    def value_by(name: MetricName) -> float:
        return Scorer(Kind.WRITING, Metric(name), [row]).score("It opened in Lisbon, in a park.", row).value

    facts, form = np.array([[value_by(MetricName.FACTS)]]), np.array([[value_by(MetricName.FORM)]])
    assert 0 < facts < 1
    assert 0 < form < 1
    assert combined(metric, facts, form) == pytest.approx(value_by(metric))
