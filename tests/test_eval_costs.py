"""Costs from seconds and prices; what is unknown stays unknown."""

import pytest

from eval.costs import Cost, cost_of, crossing
from eval.outcomes import Outcome, Trial


def trial(seconds: list[float | None], fit_seconds: float | None) -> Trial:
    outcomes = tuple(Outcome(str(i), "prompting", "", 1.0, {}, 1, 1, seconds=s) for i, s in enumerate(seconds))
    return Trial("prompting", "done", outcomes=outcomes, fit_seconds=fit_seconds)


def test_a_local_answer_costs_its_mean_seconds():
    cost = cost_of(
        trial([1.0, 3.0, None], fit_seconds=1800), machine_per_hour=3.6, monthly_volume=10_000, currency="EUR"
    )
    assert (cost.one_off, cost.per_1000, cost.per_month) == pytest.approx((1.8, 2.0, 20.0))
    assert cost.total_over(12) == pytest.approx(241.8)
    assert cost.currency == "EUR"


def test_an_unknown_price_is_unknown_and_a_free_machine_is_free():
    measured = trial([1.0], fit_seconds=10)
    assert cost_of(measured, machine_per_hour=None, monthly_volume=5, currency="USD") == Cost(None, None, None, "USD")
    assert cost_of(measured, machine_per_hour=0, monthly_volume=5, currency="USD") == Cost(0, 0, 0, "USD")


def test_unmeasured_seconds_leave_the_cost_unknown():
    cost = cost_of(trial([None], fit_seconds=None), machine_per_hour=1, monthly_volume=5, currency="USD")
    assert cost == Cost(None, None, None, "USD")
    assert cost.total_over(12) is None
    assert Cost(None, 1, 1, "USD").total_over(1) is None


def test_totals_are_equal_at_the_crossing():
    tuned, prompted = Cost(10, 1, None, "USD"), Cost(0, 3, None, "USD")
    requests = crossing(tuned, prompted)
    assert requests == crossing(prompted, tuned) == pytest.approx(5000)
    assert 10 + requests / 1000 * 1 == pytest.approx(requests / 1000 * 3)


@pytest.mark.parametrize("other", [Cost(5, 3, None, "USD"), Cost(10, 2, None, "USD"), Cost(None, 3, None, "USD")])
def test_no_crossing_when_one_is_cheaper_throughout_or_unknown(other):
    assert crossing(Cost(0, 2, None, "USD"), other) is None
