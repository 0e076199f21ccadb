"""Costs from seconds and prices; what is unknown stays unknown."""

from dataclasses import replace

import numpy as np
import pytest

from eval.measuring.phases import READING, WRITING
from eval.money.costs import Cost, Quote, Terms, cost_of
from eval.money.ranges import crossing, crossing_range, price_range
from eval.money.tokens import Price, Spent
from eval.outcomes import INDEXING, Outcome, Trial


def trial(seconds: list[float | None], fit_seconds: float | None) -> Trial:
    outcomes = tuple(Outcome(str(i), "prompting", "", 1.0, {}, 1, 1, seconds=s) for i, s in enumerate(seconds))
    return Trial("prompting", "done", outcomes=outcomes, fit_seconds=fit_seconds)


def test_a_local_answer_costs_its_mean_seconds() -> None:
    cost = cost_of(trial([1.0, 3.0, None], fit_seconds=1800), Terms(3.6, 10_000, "EUR"))
    assert (cost.one_off, cost.per_1000, cost.per_month) == pytest.approx((1.8, 2.0, 20.0))
    assert cost.total_over(12, 10_000) == pytest.approx(241.8)
    assert cost.currency == "EUR"


def test_an_unknown_price_is_unknown_and_a_free_machine_is_free() -> None:
    measured = trial([1.0], fit_seconds=10)
    assert cost_of(measured, Terms(None, 5, "USD")) == Cost(None, None, None, "USD")
    assert cost_of(measured, Terms(0, 5, "USD")) == Cost(0, 0, 0, "USD")


def test_unmeasured_seconds_leave_the_cost_unknown() -> None:
    cost = cost_of(trial([None], fit_seconds=None), Terms(1, 5, "USD"))
    assert cost == Cost(None, None, None, "USD")
    assert cost.total_over(12, 5) is None
    assert Cost(None, 1, 1, "USD").total_over(1, 5) is None


def test_totals_are_equal_at_the_crossing() -> None:
    tuned, prompted = Cost(10, 1, None, "USD"), Cost(0, 3, None, "USD")
    monthly = crossing(tuned, prompted, months=2)
    assert monthly is not None and monthly == crossing(prompted, tuned, months=2) == pytest.approx(2500)
    assert 10 + 2 * monthly / 1000 * 1 == pytest.approx(2 * monthly / 1000 * 3)


@pytest.mark.parametrize("other", [Cost(5, 3, None, "USD"), Cost(10, 2, None, "USD"), Cost(None, 3, None, "USD")])
def test_no_crossing_when_one_is_cheaper_throughout_or_unknown(other: Cost) -> None:
    assert crossing(Cost(0, 2, None, "USD"), other, months=12) is None


def test_getting_ready_anew_is_upkeep() -> None:
    terms = Terms(3.6, 1000, "USD", retrain_days=30.4375, reindex_days=30.4375 / 4)
    looked_up = replace(trial([1.0], fit_seconds=500), stage_seconds={INDEXING: 100, "choosing": 400})
    assert cost_of(looked_up, terms).upkeep_per_month == pytest.approx(0.5 + 4 * 0.1)
    trained = replace(trial([1.0], fit_seconds=500), stage_seconds={"training": 500})
    assert cost_of(trained, terms).upkeep_per_month == pytest.approx(0.5)
    assert cost_of(trained, terms).total_over(12, 1000) == pytest.approx(0.5 + 12 * (0.5 + 1.0))
    unmeasured = replace(trial([1.0], fit_seconds=500), settings={"passages": 3})  # of an earlier version
    assert cost_of(unmeasured, terms).upkeep_per_month is None
    assert cost_of(unmeasured, replace(terms, reindex_days=None)).upkeep_per_month == pytest.approx(0.5)


def test_a_wrong_answer_has_its_price_and_graded_answers_a_part_of_it() -> None:
    half = replace(trial([1.0], None), outcomes=tuple(replace(trial([1.0], 1).outcomes[0], score=s) for s in (1, 0.5)))
    cost = cost_of(replace(half, fit_seconds=0.0), Terms(0, 100, "USD", months=10, wrong_answer=2))
    assert cost.errors_per_1000 == pytest.approx(500)
    assert cost.spent_over(10) == 0 and cost.total_over(10, 100) == pytest.approx(10 * 100 * 0.5)


def test_answers_made_together_cost_what_a_batch_takes() -> None:
    measured = replace(trial([1.0], 0), requests_per_second=10.0)
    assert cost_of(measured, Terms(3.6, 1, "USD", together=True)).per_1000 == pytest.approx(0.1)
    unmeasured = trial([1.0], 0)
    assert cost_of(unmeasured, Terms(3.6, 1, "USD", together=True)).per_1000 is None


def test_a_quote_goes_before_what_was_timed_and_leaves_out_what_it_does_not_know() -> None:
    cost = cost_of(trial([1.0], 3600), Terms(3.6, 1000, "USD"), Quote(one_off=None, per_1000=7))
    assert (cost.one_off, cost.per_1000, cost.per_month) == (3.6, 7, 7)


def test_the_range_of_a_crossing_holds_the_true_one_most_of_the_time() -> None:
    terms, random, held = Terms(3.6, 1000, "USD", months=10), np.random.default_rng(3), 0
    for _ in range(100):
        quick = trial(list(random.gamma(4, 0.5 / 4, 40)), fit_seconds=5000.0)
        slow = trial(list(random.gamma(4, 1.0 / 4, 40)), fit_seconds=0.0)
        pair = [(one, cost_of(one, terms)) for one in (quick, slow)]
        found = crossing_range(pair[0], pair[1], terms, is_ranged=True)
        assert found.low is not None
        held += found.low <= 1000 <= (found.high or np.inf)  # 5,000 seconds once against half a second an answer
    assert 88 <= held <= 100


def test_rows_of_a_group_are_one_piece_of_evidence_of_what_wrong_answers_cost() -> None:
    """Twenty groups of twenty rows that come out alike; 5 once against two in ten wrong answers fewer, at 0.01 each."""
    terms, random, held = Terms(3.6, 1000, "USD", months=10, wrong_answer=0.01), np.random.default_rng(3), 0
    for _ in range(60):
        pair = []
        for right, fit_seconds in ((0.8, 5000.0), (0.6, 0.0)):
            scores = np.repeat(random.random(20) < right, 20)
            one = trial([1.0] * 400, fit_seconds)
            graded = zip(one.outcomes, scores, strict=True)
            grouped = (replace(each, score=float(s), group=str(at // 20)) for at, (each, s) in enumerate(graded))
            one = replace(one, outcomes=tuple(grouped))
            pair.append((one, cost_of(one, terms)))
        found = crossing_range(pair[0], pair[1], terms, is_ranged=True)
        held += (found.low or np.inf) <= 250 <= (found.high or np.inf)
    assert held >= 0.88 * 60


def written(tokens: list[int], timed: int) -> Trial:
    """Half a second to read, and a tenth for each token that is written; the first so many are timed."""
    outcomes = tuple(
        Outcome(str(i), "x", "", 1.0, {}, 1, n, seconds=0.5 + n / 10, phases={READING: 0.5, WRITING: n / 10})
        if i < timed
        else Outcome(str(i), "x", "", 1.0, {}, 1, n)
        for i, n in enumerate(tokens)
    )
    return Trial("x", "done", outcomes=outcomes, fit_seconds=0.0)


def test_writing_is_priced_by_all_answers_and_not_by_the_length_of_those_timed() -> None:
    terms = Terms(3.6, 1000, "USD")
    uneven = written([2] * 10 + [10] * 10, timed=10)
    assert cost_of(uneven, terms).per_1000 == pytest.approx(0.5 + 0.6)
    found = price_range(uneven, cost_of(uneven, terms), terms)  # as sure as the tokens that 20 answers have
    assert found == pytest.approx((1.1 - 0.1 * 1.96 * 4 / 20**0.5, 1.1 + 0.1 * 1.96 * 4 / 20**0.5), abs=0.02)
    silent = written([0] * 10, timed=10)
    assert cost_of(silent, terms).per_1000 == pytest.approx(0.5)


def test_the_range_of_a_price_holds_the_true_one_most_of_the_time() -> None:
    terms, random, held = Terms(3.6, 1000, "USD"), np.random.default_rng(3), 0
    for _ in range(100):
        timed = trial(list(random.gamma(4, 0.25, 20)), fit_seconds=0.0)
        found = price_range(timed, cost_of(timed, terms), terms)
        assert found is not None
        held += found[0] <= 1.0 <= found[1]
    assert 86 <= held <= 100
    assert price_range(timed, cost_of(timed, terms), replace(terms, together=True)) is None
    assert price_range(timed, cost_of(timed, terms, Quote(None, per_1000=7)), terms) is None
    few = trial([1.0] * 9, fit_seconds=0.0)
    assert price_range(few, cost_of(few, terms), terms) is None


def test_a_handful_of_timed_answers_gives_no_range() -> None:
    terms = Terms(3.6, 1000, "USD", months=10)
    pair = [(one, cost_of(one, terms)) for one in (trial([0.5, 0.6] * 4, 5000.0), trial([1.0, 1.1] * 4, 0.0))]
    found = crossing_range(pair[0], pair[1], terms, is_ranged=True)
    assert found.monthly is not None and (found.low, found.high, found.is_ranged) == (None, None, False)


def test_where_two_may_cost_the_same_an_answer_they_may_never_meet() -> None:
    terms, random = Terms(3.6, 1000, "USD"), np.random.default_rng(3)
    pair = [trial(list(random.gamma(4, 0.25, 20)), fit) for fit in (5000.0, 0.0)]
    costs = [(one, cost_of(one, terms)) for one in pair]
    assert crossing_range(costs[0], costs[1], terms, is_ranged=True).high is None
    never = [(pair[0], replace(costs[0][1], per_1000=9.0)), costs[1]]
    assert crossing_range(never[0], never[1], terms, is_ranged=False).monthly is None


def test_labelling_is_paid_once_for_the_rows_that_were_needed() -> None:
    terms = Terms(3.6, 1000, "USD", retrain_days=30.4375, labelled_row=0.5)
    noted = replace(trial([1.0], fit_seconds=500), rows_learned=40)
    assert cost_of(noted, terms).one_off == pytest.approx(0.5 + 20)
    assert cost_of(noted, terms).upkeep_per_month == pytest.approx(0.5)  # the rows are there already
    assert cost_of(trial([1.0], fit_seconds=500), terms).one_off is None


def test_a_hosted_answer_costs_its_tokens_and_a_tuned_one_what_is_known_of_it() -> None:
    read = replace(trial([1.0], 3600), outcomes=(Outcome("1", "x", "", 1.0, {}, 2000, 100, seconds=1.0),))
    terms = Terms(3.6, 1000, "USD", read_per_million=0.5, written_per_million=2.0)
    assert cost_of(read, terms).per_1000 == pytest.approx(1.0 + 0.2)
    assert cost_of(read, terms).one_off == pytest.approx(3.6)
    tuned = replace(read, changes_weights=True)
    assert cost_of(tuned, terms).per_1000 is None
    assert cost_of(tuned, replace(terms, tuned_factor=3.0)).per_1000 == pytest.approx(3.6)
    baseline = replace(read, outcomes=(Outcome("1", "x", "", 1.0, {}, 0, 0, seconds=2.0),))  # no model to pay for
    assert cost_of(baseline, terms).per_1000 == pytest.approx(2.0)
    pair = [(one, cost_of(one, terms)) for one in (read, read)]
    assert not crossing_range(pair[0], pair[1], terms, is_ranged=True).is_ranged


def served(tokens: list[tuple[int, int]], price: Price | None, fit_tokens: Spent | None = None) -> Trial:
    outcomes = tuple(
        Outcome(str(at), "prompting", "", 1.0, {}, read, written, seconds=9.0)
        for at, (read, written) in enumerate(tokens)
    )
    made = Trial("prompting", "done", outcomes=outcomes, fit_seconds=9.0, on_server=True, stage_seconds={INDEXING: 360})
    return replace(made, token_price=price, fit_tokens=fit_tokens)


def test_a_served_answer_costs_its_own_tokens_and_setup_those_of_choosing() -> None:
    asked = served([(900, 100), (1100, 300)], Price(2.0, 10.0), Spent(50, 100_000, 5_000))
    cost = cost_of(asked, Terms(0.5, 10_000, retrain_days=365.25 / 12))
    assert cost.per_1000 == pytest.approx(1000 * (1000 * 2 + 200 * 10) / 1e6)
    indexed = 0.1 * 0.5  # hours on this machine
    assert cost.one_off == pytest.approx(0.25 + indexed) == cost.upkeep_per_month
    hosted = Terms(0.5, 10_000, read_per_million=100.0, written_per_million=100.0)
    assert cost_of(asked, hosted).per_1000 == cost.per_1000  # another model's price isn't its own
    assert cost_of(replace(asked, token_price=None), hosted).per_1000 == pytest.approx(120.0)
    assert cost_of(served([(9, 1)], Price(0.0, 0.0), Spent(1, 9, 1)), Terms(0.0)).one_off == 0.0  # free is known


def test_what_is_unknown_of_a_served_answer_stays_unknown() -> None:
    assert cost_of(served([(9, 1)], None, Spent(1, 9, 1)), Terms()) == Cost(None, None, None, "USD")
    unrecorded = cost_of(served([(9, 1)], Price(1.0, 1.0)), Terms())
    assert unrecorded.one_off is None and unrecorded.per_1000 == pytest.approx(0.01)


def test_a_served_and_a_local_strategy_cost_the_same_at_a_volume_with_a_range() -> None:
    random = np.random.default_rng(1)
    terms = Terms(0.36, months=10)
    local = trial([float(each) for each in random.lognormal(0, 0.3, 20)], fit_seconds=360_000.0)
    tokens = [(int(each), 10) for each in random.integers(500, 1500, 100)]
    remote = served(tokens, Price(1.0, 4.0), Spent(10, 10_000, 100))
    met = crossing_range((local, cost_of(local, terms)), (remote, cost_of(remote, terms)), terms, is_ranged=True)
    assert met.monthly is not None and met.low is not None and met.high is not None
    assert met.low < met.monthly < met.high
    assert price_range(remote, cost_of(remote, terms), terms) is None  # it doesn't rest on timed answers


def test_costs_are_those_of_a_quiet_machine() -> None:
    quiet = trial([1.0, 1.0], fit_seconds=100)
    slowed = tuple(replace(one, seconds=3.0, undisturbed_seconds=1.0) for one in quiet.outcomes)
    disturbed = replace(
        quiet, outcomes=slowed, fit_seconds=300, undisturbed_stage_seconds={"training": 60.0, "choosing": 40.0}
    )
    assert cost_of(disturbed, Terms()) == cost_of(quiet, Terms())
    together = replace(quiet, requests_per_second=10.0)
    slow = replace(together, requests_per_second=4.0, undisturbed_requests_per_second=10.0)
    assert cost_of(slow, Terms(together=True)) == cost_of(together, Terms(together=True))
