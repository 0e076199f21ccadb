"""Statistics against textbook numbers and scipy, and where they are tempted to claim too much."""

import numpy as np
import pytest
from scipy import stats

from eval.statistics.inference import (
    detectable_difference,
    even_groups,
    holm,
    interval,
    mean_change,
    paired_difference,
    percentiles,
    rows_needed,
    unpaired_difference,
)


def binary(right: int, n: int) -> list[float]:
    return [1.0] * right + [0.0] * (n - right)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_interval_of_right_and_wrong_is_wilsons(right: int, n: int, low: float, high: float) -> None:
    got = interval(binary(right, n))
    assert (got.low, got.high) == pytest.approx((low, high), abs=5e-5)
    reference = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert (got.low, got.high) == pytest.approx((reference.low, reference.high))


def test_all_right_all_wrong_and_one_row_are_not_certain() -> None:
    assert interval(binary(80, 80)).high == 1 and 0.94 < interval(binary(80, 80)).low < 0.96
    assert interval(binary(0, 80)).low == 0 and 0.04 < interval(binary(0, 80)).high < 0.06
    one = interval([1.0])
    assert one.n == 1 and one.low < 0.25 and one.high == 1


def test_graded_scores_get_a_bootstrap_close_to_students_interval() -> None:
    scores = np.random.default_rng(3).beta(4, 3, size=200)
    got = interval(scores)
    low, high = stats.t.interval(0.95, 199, scores.mean(), stats.sem(scores))
    assert (got.low, got.high) == pytest.approx((low, high), abs=0.004)
    assert got == interval(scores)


@pytest.mark.parametrize("scores", [[0.3] * 12, [0.7], [1.0] * 79 + [0.999], [0.2, 0.4, 0.6]])
def test_graded_scores_that_hardly_vary_keep_a_wide_interval(scores: list[float]) -> None:
    got = interval(scores)
    assert got.low < got.mean < got.high
    assert got.high - got.low > 0.04


def test_no_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="no scores"):
        interval([])
    with pytest.raises(ValueError, match="same rows"):
        paired_difference([1, 0], [1])


def test_right_and_wrong_pairs_are_tested_as_mcnemar() -> None:
    a, b = binary(80, 100), [*binary(62, 80), *binary(4, 20)]  # a alone right 18 times, b alone 4 times
    got = paired_difference(a, b)
    assert got.difference == pytest.approx(0.14)
    assert got.p_value == pytest.approx(stats.binomtest(18, 22).pvalue)
    # Agresti and Min's adjusted Wald, by hand: (18.5 - 4.5) / 102 ± 1.96 sqrt(23 - 14²/102) / 102
    assert got.low == pytest.approx(14 / 102 - 1.959964 * np.sqrt(23 - 14**2 / 102) / 102)
    assert got.high == pytest.approx(14 / 102 + 1.959964 * np.sqrt(23 - 14**2 / 102) / 102)


def test_a_difference_turns_with_its_sides() -> None:
    a, b = binary(30, 40), list(reversed(binary(22, 40)))
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert (back.difference, back.low, back.high) == pytest.approx((-there.difference, -there.high, -there.low))
    assert back.p_value == pytest.approx(there.p_value)


@pytest.mark.parametrize("scores", [binary(40, 80), binary(80, 80), binary(0, 80), [0.3] * 80, [1.0], [0.4]])
def test_identical_strategies_show_no_difference_but_no_certainty_either(scores: list[float]) -> None:
    got = paired_difference(scores, scores)
    assert got.difference == 0 and got.p_value == 1
    assert got.low < -0.02 and got.high > 0.02


def test_graded_pairs_are_tested_by_permutation() -> None:
    random = np.random.default_rng(5)
    b = random.beta(3, 3, size=150)
    a = np.clip(b + random.normal(0.05, 0.1, size=150), 0, 1)
    got = paired_difference(a, b)
    t = stats.ttest_rel(a, b)
    assert got.p_value < 0.001 and t.pvalue < 0.001
    low, high = t.confidence_interval()
    assert (got.low, got.high) == pytest.approx((low, high), abs=0.004)
    assert paired_difference([0.2, 0.4, 0.9], [0.1, 0.2, 0.3]).p_value == pytest.approx(2 / 8)  # all sign flips
    assert paired_difference([0.9], [0.2]).p_value == 1


def test_of_very_many_graded_pairs_the_p_value_is_the_normal_one() -> None:
    random = np.random.default_rng(6)
    gaps = random.normal(0.01, 0.3, size=20_000)
    got = paired_difference(gaps.clip(min=0), (-gaps).clip(min=0))
    assert got.p_value == pytest.approx(stats.ttest_1samp(gaps, 0).pvalue, rel=0.02) and got.p_value < 1e-4


def test_intervals_of_paired_differences_cover_the_truth() -> None:
    """2,000 test sets of 40 rows on which a is right 70 % and b 60 % of the time, with shared difficulty."""
    random = np.random.default_rng(8)
    covered = 0
    for difficulty in random.random((2000, 40)):
        got = paired_difference((difficulty < 0.7).astype(float), (random.random(40) < 0.6).astype(float))
        covered += got.low <= 0.1 <= got.high
    assert 0.935 < covered / 2000 < 0.975


def test_holm_against_its_definition() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_rows_needed_gives_the_interval_that_was_asked_for() -> None:
    random = np.random.default_rng(1)
    a, b = (random.random(100) < 0.8).astype(float), (random.random(100) < 0.6).astype(float)
    needed = rows_needed(a, b, 0.05)
    assert needed is not None
    repeats = needed // 100
    got = paired_difference(np.tile(a, repeats), np.tile(b, repeats))
    assert (got.high - got.low) / 2 == pytest.approx(0.05, rel=0.1)
    assert rows_needed(a, b, 0.02) == pytest.approx(needed * 6.25, rel=0.01)
    assert rows_needed(a, b, 0) is None
    few = rows_needed([1.0] * 5, [1.0] * 5, 0.02)
    assert few is not None and few > 1000  # five rows that agree promise nothing


def test_percentiles() -> None:
    got = percentiles([float(i) for i in range(101)])
    assert got is not None and (got.p50, got.p95, got.n) == (50, 95, 101)
    assert percentiles([]) is None


def test_copies_of_rows_in_one_group_add_no_certainty() -> None:
    random = np.random.default_rng(8)
    a, b = random.beta(4, 3, 120), random.beta(3, 3, 120)
    groups = [str(row // 6) for row in range(720)]
    once, copied = interval(a), interval(a.repeat(6), groups)
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=5e-3) and copied.n == 720
    alone, grouped = paired_difference(a, b), paired_difference(a.repeat(6), b.repeat(6), groups)
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high), abs=8e-3)
    assert grouped.p_value == pytest.approx(alone.p_value, abs=0.02)
    needed = rows_needed(a, b, 0.02)
    assert needed is not None
    assert rows_needed(a.repeat(6), b.repeat(6), 0.02, groups) == pytest.approx(6 * needed, rel=0.01)


def test_intervals_over_groups_of_unequal_size_hold_the_truth_as_often_as_they_say() -> None:
    """Conversations of 1 to 12 rows that go well or badly as a whole, drawn three hundred times."""
    held = held_if_rows_were_alone = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        sizes = random.integers(1, 13, 60)
        quality = random.beta(3, 2, 60)
        scores = np.concatenate([random.random(size) < share for size, share in zip(sizes, quality, strict=True)])
        groups = np.repeat([str(at) for at in range(60)], sizes).tolist()
        got, naive = interval(scores, groups), interval(scores)
        held += got.low <= 0.6 <= got.high
        held_if_rows_were_alone += naive.low <= 0.6 <= naive.high
    assert held >= 0.91 * 300
    assert held_if_rows_were_alone < held


@pytest.mark.parametrize("sizes", [[100] + [1] * 9, [40] + [2] * 30])
def test_one_large_group_does_not_feign_certainty(sizes: list[int]) -> None:
    """Rows of a group come out alike, so that a large one is a single piece of evidence, however many rows it has."""
    random = np.random.default_rng(4)
    groups = np.repeat([str(at) for at in range(len(sizes))], sizes).tolist()
    held = differences_held = 0
    for _ in range(80):
        a, b = (np.repeat((random.random(len(sizes)) < 0.7).astype(float), sizes) for _ in range(2))
        got, difference = interval(a, groups), paired_difference(a, b, groups)
        held += got.low <= 0.7 <= got.high
        differences_held += difference.low <= 0 <= difference.high
    assert min(held, differences_held) >= 0.9 * 80


def test_two_groups_of_many_that_differ_show_no_difference() -> None:
    sizes = np.random.default_rng(1).integers(3, 9, 40)
    groups = np.repeat([str(at) for at in range(40)], sizes).tolist()
    b = np.repeat([0.0] * 20 + [1.0] * 20, sizes)
    a = np.repeat([0.0] * 18 + [1.0] * 22, sizes)
    got = paired_difference(a, b, groups)
    assert got.low < 0 < got.high and got.p_value == pytest.approx(0.5, abs=0.03)


def test_groups_of_one_size_count_fully_and_a_large_one_hardly_more_than_itself() -> None:
    assert even_groups(["a", "b", "b", "a", "c", "c"]) == 3
    assert even_groups([*"x" * 90, *"abcdefghij"]) == pytest.approx(100**2 / (90**2 + 10))


def test_rows_that_are_each_a_group_are_just_rows() -> None:
    scores = binary(30, 50)
    assert interval(scores, [str(row) for row in range(50)]) == interval(scores)
    other = [*scores[5:], *scores[:5]]
    assert paired_difference(scores, other, [str(row) for row in range(50)]) == paired_difference(scores, other)


def test_an_unpaired_difference_is_newcombes_for_shares() -> None:
    # Newcombe (1998), "Interval estimation for the difference between independent proportions", table II, (a).
    found = unpaired_difference(interval(binary(56, 70)), interval(binary(48, 80)))
    assert found.mean == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_mean_change_is_students() -> None:
    before, after = [3.0, 2.5, 4.0, 3.2], [3.4, 2.7, 4.9, 3.1]
    expected = stats.ttest_rel(after, before).confidence_interval(0.95)
    found = mean_change(before, after)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high)) and found.n == 4
    assert found.mean == pytest.approx(0.35)


def test_the_detectable_difference_is_found_eight_times_in_ten() -> None:
    random = np.random.default_rng(8)
    for rows in (100, 400):
        found = 0
        pilot = random.normal(0.6, 0.15, (2, rows))
        size = detectable_difference(*np.clip(pilot, 0, 1))
        for _ in range(300):
            a, b = random.normal(0.6, 0.15, (2, rows))
            differences = a + size - b
            found += bool(stats.ttest_1samp(differences, 0).pvalue < 0.05)
        assert 0.7 <= found / 300 <= 0.92
    assert detectable_difference([1, 0], [0, 1]) == 1.0
    assert detectable_difference([1.0] * 400, [1.0] * 400) < 0.02


def test_the_ranges_of_percentiles_hold_the_true_ones_and_say_when_there_is_no_bound() -> None:
    random, held = np.random.default_rng(2), [0, 0]
    truth = stats.gamma(4, scale=0.1).ppf([0.5, 0.95])
    for _ in range(300):
        found = percentiles(list(random.gamma(4, 0.1, 100)))
        assert found is not None
        for at, (low, high) in enumerate((found.p50_range, found.p95_range)):
            held[at] += low <= truth[at] <= (high or np.inf)
    assert min(held) >= 0.93 * 300
    few, even = percentiles([0.2, 0.3, 0.4]), percentiles([0.5] * 30)
    assert few is not None and few.p95_range[1] is None and few.p50_range == (None, None)
    assert even is not None and even.p50_range == (0.5, 0.5)
