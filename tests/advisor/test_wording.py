from __future__ import annotations

import pytest

from advisor.plan import STRATEGIES
from advisor.sections.run_list import moment
from advisor.wording import (
    duration_text,
    in_milliseconds,
    interval_text,
    memory_text,
    money_text,
    name_of,
    points_text,
    rough_money,
    score_text,
    seconds_text,
    signed_points,
    taken_text,
    time_text,
    words_of,
)


@pytest.mark.parametrize(("score", "said"), [(0.8571, ".86"), (1.0, "1.00"), (0.0, ".00"), (0.999, "1.00")])
def test_a_score_has_two_digits(score: float, said: str) -> None:
    assert score_text(score) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [(0.0057, "$0.0057"), (0.00021, "$0.00021"), (2.0, "$2"), (17_890.0, "$18,000"), (2.44, "$2.40")],
)
def test_a_rough_amount_keeps_its_size(amount: float, said: str) -> None:
    assert rough_money(amount, "USD") == said


def test_nothing_has_no_sign() -> None:
    assert signed_points(-0.0000001) == signed_points(0.0) == "0"


@pytest.mark.parametrize(
    ("difference", "said"),
    [(0.14, "14 points"), (-0.14, "14 points"), (0.01, "1 point"), (0.004, "0.4 points"), (0.0, "0 points")],
)
def test_a_difference_is_told_in_points(difference: float, said: str) -> None:
    assert points_text(difference) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0184, "18 ms"),
        (0.0999, "0.10 s"),
        (0.42, "0.42 s"),
        (1.34, "1.3 s"),
        (12.7, "13 s"),
        (0, "0 s"),
        (None, "unknown"),
    ],
)
def test_seconds_have_two_digits_that_mean_something(seconds: float | None, said: str) -> None:
    assert seconds_text(seconds) == said


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (0.00123, "USD", "$0.0012"),
        (3.5, "EUR", "€3.50"),
        (1234.4, "CHF", "CHF 1,234"),
        (0, "USD", "$0"),
        (None, "USD", "unknown"),
    ],
)
def test_money_has_its_currency_and_unknown_is_not_nothing(amount: float | None, currency: str, said: str) -> None:
    assert money_text(amount, currency) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (3, "about 5 seconds"),
        (52, "about 50 seconds"),
        (58, "about 1 minute"),
        (480, "about 8 minutes"),
        (9000, "about 2.5 hours"),
        (7200, "about 2 hours"),
        (float("inf"), "unknown"),
        (float("nan"), "unknown"),
    ],
)
def test_a_wait_is_no_more_exact_than_an_estimate(seconds: float, said: str) -> None:
    assert duration_text(seconds) == said


@pytest.mark.parametrize(
    ("difference", "low", "high", "said"),
    [
        (0.38, 0.27, 0.5, "95 % CI 27 to 50"),
        (-0.38, -0.5, -0.27, "95 % CI 27 to 50"),
        (0.004, -0.02, 0.03, "95 % CI −2 to 3"),
        (-0.004, -0.03, 0.02, "95 % CI −2 to 3"),
    ],
)
def test_an_interval_has_the_direction_of_its_difference(difference: float, low: float, high: float, said: str) -> None:
    assert interval_text(difference, low, high) == said


def test_what_is_compared_has_one_unit() -> None:
    times = 0.0089, 1.02
    assert [seconds_text(each, in_milliseconds(*times)) for each in times] == ["8.9 ms", "1,000 ms"]
    assert not in_milliseconds(0.26, 1.02, None, 0.0)
    assert [taken_text(each, 1500) for each in (45, 1500)] == ["0.75 min", "25 min"]
    assert [taken_text(each) for each in (2.41, 161)] == ["2.4 s", "160 s"]
    assert [memory_text(each, 2.2e9) for each in (730e6, 2.2e9)] == ["0.73 GB", "2.2 GB"]


@pytest.mark.parametrize("seconds", [1e18, -1e18, float("inf"), float("-inf"), float("nan"), 253402400000])
def test_a_time_in_no_year_is_unknown(seconds: float) -> None:
    assert time_text(seconds, "%Y") == moment(seconds) == "unknown"
    assert time_text(1_796_000_000, "%Y") == "2026"


def test_every_strategy_has_all_its_words() -> None:
    for strategy in STRATEGIES:
        words = words_of(strategy)
        assert words.name and words.analogy and words.explanation.endswith(".")


def test_a_strategy_without_words_is_called_by_its_id() -> None:
    assert name_of("gpt-4o_mini") == "gpt-4o_mini"
