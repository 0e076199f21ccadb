"""The Bayesian bootstrap: what it believes of mean scores, and what it does with groups and seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eval.statistics.posterior import believe


def test_probabilities_are_those_of_the_normal_approximation_on_many_rows() -> None:
    random = np.random.default_rng(2)
    a, b = (random.random((2, 2000)) < 0.7).astype(float)
    gap = (b - a).mean()
    expected = 0.5 * (1 + math.erf((0.02 - gap) / ((b - a).std() / 2000**0.5) / 2**0.5))
    assert believe({"a": a, "b": b}).probability_near_best(0.02)["a"] == pytest.approx(expected, abs=0.03)


def test_graded_scores_spread_as_their_mean_does() -> None:
    scores = np.random.default_rng(3).beta(2, 3, 400)
    means = believe({"a": scores}).means[:, 0]
    assert means.mean() == pytest.approx(scores.mean(), abs=0.005)
    assert means.std() == pytest.approx(scores.std() / 400**0.5, rel=0.1)


def test_rows_of_one_group_count_once() -> None:
    random = np.random.default_rng(4)
    a, b = (random.random((2, 60)) < 0.6).astype(float)
    groups = [str(row // 5) for row in range(300)]
    copied = believe({"a": a.repeat(5), "b": b.repeat(5)}, groups).probability_near_best(0.02)
    assert copied == believe({"a": a, "b": b}).probability_near_best(0.02)
    alone = believe({"a": a.repeat(5), "b": b.repeat(5)})
    assert alone.means[:, 0].std() < 0.6 * believe({"a": a, "b": b}).means[:, 0].std()


def test_a_group_weighs_as_much_as_it_has_rows() -> None:
    scores = [1.0] * 300 + [0.0] * 100
    groups = [f"large {row % 60}" if row < 300 else f"small {row}" for row in range(400)]
    assert believe({"a": scores}, groups).means.mean() == pytest.approx(0.75, abs=0.02)


def test_several_trainings_add_their_own_spread() -> None:
    """Two trainings that are right on other shares of the rows: which of them one would get is unknown."""
    worse, better = np.repeat([1.0, 0.0], [600, 400]), np.repeat([1.0, 0.0], [800, 200])
    means = believe({"a": np.stack([worse, better])}).means[:, 0]
    assert means.mean() == pytest.approx(0.7, abs=0.01)
    assert np.mean(abs(means - 0.7) < 0.04) < 0.02  # one is had or the other, and no mean of both
    assert believe({"a": worse}).means.std() < 0.02


def test_a_training_that_went_wrong_is_not_made_good_by_lucky_ones() -> None:
    trained = [np.repeat([1.0, 0.0], [right, 2000 - right]) for right in (1600, 1980, 1980)]
    near = believe({"prompting": np.repeat([1.0, 0.0], [1680, 320]), "finetuning": np.stack(trained)})
    assert near.probability_near_best(0.0)["finetuning"] == pytest.approx(2 / 3, abs=0.03)


def test_rows_on_which_all_agree_promise_no_certainty() -> None:
    def probability(rows: int) -> float:
        return believe({"a": [1.0] * rows, "b": [1.0] * rows}).probability_near_best(0.02)["a"]

    assert probability(1) < probability(10) < probability(50) < 0.95 < probability(1000)


def test_the_margin_that_makes_a_candidate_good_enough_is_found() -> None:
    random = np.random.default_rng(5)
    believed = believe({"a": random.random(300) < 0.6, "b": random.random(300) < 0.7})
    margin = believed.margin_near_best("a", 0.8)
    assert believed.probability_near_best(margin)["a"] == pytest.approx(0.8, abs=0.001)


@pytest.mark.parametrize("scores", [{"a": []}, {"a": [1.0], "b": [1.0, 0.0]}])
def test_scores_of_other_rows_are_refused(scores: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="of the same rows"):
        believe(scores)
