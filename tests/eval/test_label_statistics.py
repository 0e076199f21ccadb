"""Ranges, tests and beliefs for scores that count every label alike: against what is known, and in simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.scoring import MetricName
from eval.scoring.labels import LabelAnswers
from eval.statistics.inference import paired_difference as difference_of_means
from eval.statistics.learning_curve import fit_curves
from eval.statistics.posterior import believe
from eval.statistics.scored import detectable_difference, interval, paired_difference, rows_needed, score_of

NAMES = tuple("abcdefgh")
SHARES = np.array([0.5, 0.2, 0.15, 0.1, 0.05])
Random = np.random.Generator


def answers(metric: str, expected: NDArray[np.int64], given: NDArray[np.int64]) -> LabelAnswers:
    return LabelAnswers(metric, tuple(NAMES[each] for each in expected), tuple(NAMES[each] for each in given))


def answered(random: Random, expected: NDArray[np.int64], recalls: NDArray[np.float64]) -> NDArray[np.int64]:
    """What is wrong is one of the other labels."""
    other = (expected + random.integers(1, len(recalls), len(expected))) % len(recalls)
    return np.where(random.random(len(expected)) < recalls[expected], expected, other)


def several(random: Random, rows: int, *recalls: float, metric: str = MetricName.MACRO_F1) -> list[LabelAnswers]:
    """Candidates that find every label with this probability, on the same rows."""
    expected = random.choice(len(SHARES), rows, p=SHARES)
    return [answers(metric, expected, answered(random, expected, np.full(len(SHARES), one))) for one in recalls]


def two(random: Random, rows: int, recall_a: float, recall_b: float) -> tuple[LabelAnswers, LabelAnswers]:
    a, b = several(random, rows, recall_a, recall_b)
    return a, b


@pytest.mark.parametrize("metric", [MetricName.MACRO_F1, MetricName.BALANCED_ACCURACY])
def test_ranges_hold_the_truth_where_labels_are_rare(metric: str) -> None:
    """150 sets of 60 rows, on three of which, on average, the rarest label is right."""
    random, recalls = np.random.default_rng(5), np.array([0.95, 0.9, 0.7, 0.6, 0.5])
    expected = np.repeat(np.arange(5), (SHARES * 200_000).astype(int))
    truth = answers(metric, expected, answered(random, expected, recalls)).score
    held = 0
    for _ in range(150):
        expected = random.choice(len(SHARES), 60, p=SHARES)
        found = interval(answers(metric, expected, answered(random, expected, recalls)))
        held += found.low <= truth <= found.high
    assert held >= 0.9 * 150


def test_a_label_with_a_single_row_is_not_certain() -> None:
    """However many rows the other label has."""
    found = interval(LabelAnswers(MetricName.BALANCED_ACCURACY, ("a",) * 400 + ("b",), ("a",) * 400 + ("b",)))
    assert (found.mean, found.high, found.n) == (1, 1, 401) and found.low < 0.85


def test_swapping_answers_is_the_exact_test_of_paired_shares_where_labels_are_even() -> None:
    expected = np.array([0, 1] * 20)
    right_a, right_b = (
        np.isin(np.arange(40), rows, invert=True) for rows in ([0, 1, 2], [3, 4, 5, 6, 7, 8, 9, 10, 11])
    )
    a, b = (answers(MetricName.BALANCED_ACCURACY, expected, np.where(it, expected, 7)) for it in (right_a, right_b))
    found = paired_difference(a, b)
    assert found.p_value == pytest.approx(difference_of_means(right_a, right_b).p_value)
    assert found.difference == pytest.approx(6 / 40)


def test_swapping_many_answers_agrees_with_that_test_too() -> None:
    random, expected = np.random.default_rng(2), np.array([0, 1] * 150)
    right_a, right_b = random.random(300) < 0.75, random.random(300) < 0.68
    a, b = (answers(MetricName.BALANCED_ACCURACY, expected, np.where(it, expected, 7)) for it in (right_a, right_b))
    assert paired_difference(a, b).p_value == pytest.approx(difference_of_means(right_a, right_b).p_value, abs=0.03)


def test_equal_candidates_are_seldom_told_apart() -> None:
    random, found = np.random.default_rng(3), 0
    for _ in range(150):
        found += paired_difference(*two(random, 60, 0.7, 0.7)).p_value < 0.05
    assert found <= 0.09 * 150


def test_a_difference_turns_with_its_sides_and_none_is_not_certain() -> None:
    a, b = several(np.random.default_rng(4), 80, 0.9, 0.6)
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert (back.difference, back.low, back.high) == pytest.approx((-there.difference, -there.high, -there.low))
    assert back.p_value == there.p_value < 0.01
    same = paired_difference(a, a)
    assert (same.difference, same.p_value) == (0, 1) and same.low < -0.01 and same.high > 0.01


def test_copies_of_rows_in_one_group_add_no_certainty() -> None:
    a, b = several(np.random.default_rng(6), 100, 0.8, 0.7)

    def copied(one: LabelAnswers) -> LabelAnswers:
        return LabelAnswers(one.metric, one.expected * 4, one.given * 4)

    groups = [str(row) for row in range(100)] * 4
    once, grouped, alone = interval(a), interval(copied(a), groups), interval(copied(a))
    assert (grouped.low, grouped.high) == pytest.approx((once.low, once.high), abs=0.015)
    assert alone.high - alone.low < 0.7 * (once.high - once.low)
    p_value = paired_difference(copied(a), copied(b), groups).p_value
    assert p_value == pytest.approx(paired_difference(a, b).p_value, abs=0.02)


def test_beliefs_follow_the_metric() -> None:
    """Always the commonest label is right on most rows, and finds one label of five."""
    random = np.random.default_rng(7)
    expected = random.choice(len(SHARES), 300, p=[0.9, 0.04, 0.03, 0.02, 0.01])
    commonest = answers(MetricName.MACRO_F1, expected, np.zeros(300, dtype=np.int64))
    each = answers(MetricName.MACRO_F1, expected, answered(random, expected, np.full(5, 0.85)))
    right = {"commonest": expected == 0, "each": np.array(each.given) == np.array(each.expected)}
    assert believe(right).probability_near_best(0.02)["commonest"] > 0.9
    assert believe({"commonest": commonest, "each": each}).probability_near_best(0.02)["each"] > 0.95


def test_several_trainings_add_their_own_spread() -> None:
    worse, better = several(np.random.default_rng(8), 600, 0.6, 0.9)
    means = believe({"a": [worse, better]}).means[:, 0]
    nearest = np.minimum(abs(means - worse.score), abs(means - better.score))
    assert np.mean(nearest < 0.08) > 0.95 and 0.45 < np.mean(means > 0.75) < 0.55


def test_answers_to_other_rows_are_refused() -> None:
    a, b = several(np.random.default_rng(9), 40, 0.8)[0], several(np.random.default_rng(10), 40, 0.8)[0]
    with pytest.raises(ValueError, match="same rows"):
        paired_difference(a, b)
    with pytest.raises(ValueError, match="same rows"):
        believe({"a": a, "b": b})


def test_the_rows_needed_bring_the_range_down_to_the_margin() -> None:
    random = np.random.default_rng(11)
    needed = rows_needed(*two(random, 200, 0.8, 0.7), 0.05)
    assert needed is not None
    found = paired_difference(*two(random, needed, 0.8, 0.7))
    assert (found.high - found.low) / 2 == pytest.approx(0.05, rel=0.2)
    assert rows_needed(*two(random, 200, 0.8, 0.7), 0.0) is None
    assert 0.05 < detectable_difference(*two(random, needed, 0.8, 0.7)) < 0.09


def test_a_learning_curve_goes_through_the_scores_of_labels() -> None:
    """On fewer rows a strategy answered only the first half of the test rows."""
    random = np.random.default_rng(12)
    expected = random.choice(len(SHARES), 400, p=SHARES)
    recalls = {20: 0.5, 40: 0.65, 80: 0.75, 160: 0.82}
    sizes = {}
    for rows, recall in recalls.items():
        one = answers(MetricName.MACRO_F1, expected, answered(random, expected, np.full(5, recall)))
        unasked = rows < 160
        given = (*one.given[:200], *[None] * 200) if unasked else one.given
        sizes[rows] = LabelAnswers(one.metric, one.expected, given)
    curve = fit_curves({"a": sizes})["a"]
    assert curve.points[160].mean == pytest.approx(score_of(sizes[160]))
    half = sizes[160].on(sizes[20].asked)
    gained = score_of(sizes[20].on(sizes[20].asked)) - score_of(half)
    assert curve.points[20].mean == pytest.approx(score_of(sizes[160]) + gained)
    assert curve.points[160].low < curve.points[160].mean < curve.points[160].high
    assert 0.0 < curve.gain_at(320).mean() < 0.15
