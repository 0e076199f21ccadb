"""What would change a choice: at the value named it is another, halfway to it still the same."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from advisor.decision.recommendation import recommend
from advisor.plan import Priorities
from advisor.schema import Recommendation
from eval.money.costs import cost_of
from eval.outcomes import INDEXING, Outcome, Trial
from eval.task import Kind

RANDOM = np.random.default_rng(5)
ROWS = RANDOM.random(400)


def trial(strategy: str, share: float, seconds: float, fit_seconds: float, **stages: float) -> Trial:
    outcomes = tuple(
        Outcome(str(row), strategy, "", float(at < share), {}, 50, 2, seconds=seconds) for row, at in enumerate(ROWS)
    )
    return Trial(strategy, "done", outcomes=outcomes, fit_seconds=fit_seconds, stage_seconds=stages)


TRIALS = (
    trial("prompting", 0.80, 1.0, 10),
    trial("retrieval", 0.88, 1.5, 400, **{INDEXING: 300}),
    trial("finetuning", 0.88, 0.9, 40_000),
)


def under(**priorities: Any) -> Recommendation:
    return recommend(TRIALS, Priorities(**priorities), Kind.CLASSIFICATION)


SITUATIONS: list[dict[str, Any]] = [
    {},
    {"monthly_volume": 500},
    {"months": 1},
    {"retrain_days": 5},
    {"reindex_days": 1, "retrain_days": 90},
    {"max_seconds": 1.2},
    {"wrong_answer": 0.01, "monthly_volume": 3000},
    {"margin": 0.15},
]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_at_the_value_named_the_choice_is_another_and_halfway_to_it_the_same(situation: dict[str, Any]) -> None:
    now = under(**situation)
    found = [turn for turn in now.turns if turn.value is not None]
    assert found
    for turn in found:
        then = under(**situation | {turn.priority: turn.value})
        assert then.choice == turn.choice != now.choice, turn
        if turn.now:
            assert turn.value is not None
            halfway = type(turn.now)(turn.now + 0.5 * (turn.value - turn.now))
            assert under(**situation | {turn.priority: halfway}).choice == now.choice, turn


def test_every_turn_is_said_in_a_sentence_but_a_price_that_nobody_has() -> None:
    now = under(monthly_volume=500)
    said = [sentence for sentence in now.changes if "we would choose" in sentence]
    assert next(turn.value or 0 for turn in now.turns if turn.priority == "wrong_answer") < 0.001
    assert len(said) == len([turn for turn in now.turns if turn.choice and turn.priority != "wrong_answer"])
    assert any(
        sentence.startswith("Above about ") and sentence.endswith("we would choose adapter fine-tuning.")
        for sentence in said
    )


STEPS = (
    trial("prompting", 0.70, 0.1, 1),
    trial("retrieval", 0.80, 0.5, 10),
    trial("finetuning", 0.90, 2.0, 10),
)


def test_a_choice_that_holds_only_between_two_values_is_told_with_both() -> None:
    def turn_of(priority: str, **priorities: Any) -> tuple[str | None, list[str]]:
        now = recommend(STEPS, Priorities(**priorities), Kind.CLASSIFICATION)
        turn = next(one for one in now.turns if one.priority == priority)
        assert turn.value is not None and turn.until is not None
        for value, is_so in ((turn.value, True), (turn.until, True), (0.9 * turn.until, False)):
            then = recommend(STEPS, Priorities(**priorities | {priority: value}), Kind.CLASSIFICATION)
            assert (then.choice == turn.choice) is is_so, (priority, value)
        return turn.choice, [one for one in now.changes if "we would choose" in one]

    choice, said = turn_of("wrong_answer", machine_per_hour=100.0)
    assert choice == "retrieval" and "If a wrong answer cost you about $0.1" in said[-1] and " to $0.4" in said[-1]
    choice, said = turn_of("max_seconds")
    assert any(
        "0.50 s to just under 2.0 s (95th percentile), we would choose retrieval. It scores .80." in one for one in said
    )


def test_nothing_turns_a_choice_without_a_rival() -> None:
    alone = recommend(TRIALS[:1], Priorities(), Kind.CLASSIFICATION)
    assert all(turn.choice is None for turn in alone.turns)


def test_dear_errors_ask_for_the_best_answers_and_cheap_ones_for_the_cheapest() -> None:
    assert under(wrong_answer=10.0).choice != "prompting"
    cheap = under(wrong_answer=1e-7)
    assert cheap.choice == "prompting"
    assert "wrong answers included" in cheap.confidence_line
    assert "the rest is the cost of wrong answers" in cheap.reasons[-1]


def test_with_a_price_of_errors_the_choice_costs_least_in_all() -> None:
    for price in (1e-5, 1e-4, 1e-3, 1e-2):
        got = under(wrong_answer=price, margin=0)
        terms = Priorities(wrong_answer=price)
        totals: dict[str, float] = {}
        for one in TRIALS:
            total = cost_of(one, terms).total_over(12, 10_000)
            assert total is not None
            totals[one.strategy] = total
        assert got.choice == min(totals, key=totals.__getitem__), (price, totals)


def test_an_unknown_cost_is_not_weighed_and_that_is_said() -> None:
    unknown = replace(TRIALS[1], outcomes=tuple(replace(one, seconds=None) for one in TRIALS[1].outcomes))
    got = recommend((TRIALS[0], unknown), Priorities(wrong_answer=1.0), Kind.CLASSIFICATION)
    assert "Some costs are unknown" in " ".join(got.caveats)
    assert "wrong answers included" not in got.confidence_line


@pytest.mark.parametrize("seconds", [2.04, 2.0, 0.3, 1.9999])
def test_a_limit_is_true_as_it_is_told(seconds: float) -> None:
    two = (trial("prompting", 0.80, 0.1, 10), trial("finetuning", 0.95, seconds, 10))
    shut_out = recommend(two, Priorities(max_seconds=0.2), Kind.CLASSIFICATION)
    told = next(each for each in shut_out.changes if each.startswith("If you allowed a 95th percentile latency of "))
    limit = float(told.split()[8])
    assert seconds <= limit < 1.06 * seconds
    assert recommend(two, Priorities(max_seconds=limit), Kind.CLASSIFICATION).choice == "finetuning"
    let_in = recommend(two, Priorities(), Kind.CLASSIFICATION)
    told = next(each for each in let_in.changes if each.startswith("If the 95th percentile latency had to be below "))
    assert 0.94 * seconds < float(told.split()[9]) <= seconds


def test_the_month_in_which_a_choice_turns_is_named() -> None:
    now = under(months=60, monthly_volume=2000)
    turn = next(one for one in now.turns if one.priority == "months")
    assert turn.value is not None and not turn.is_more
    assert under(months=int(turn.value), monthly_volume=2000).choice == turn.choice
    assert under(months=int(turn.value) + 1, monthly_volume=2000).choice == now.choice


def test_a_margin_beyond_the_usual_is_turned_at_the_nearest_one() -> None:
    two = (trial("prompting", 0.60, 1.0, 10), trial("finetuning", 0.90, 2.0, 10))
    now = recommend(two, Priorities(margin=0.5), Kind.CLASSIFICATION)
    turn = next(one for one in now.turns if one.priority == "margin")
    assert (now.choice, turn.choice) == ("prompting", "finetuning")
    assert turn.value is not None and turn.value > 0.25


def test_a_limit_that_cannot_be_set_is_not_tried() -> None:
    """Answers that take microseconds, and cost as little."""
    fast = (trial("prompting", 0.80, 1e-6, 10), trial("retrieval", 0.88, 2e-6, 400))
    found = recommend(fast, Priorities(max_cost_per_1000=1.0), Kind.CLASSIFICATION)
    assert found.choice == "retrieval"
    faster = (trial("prompting", 0.80, 5e-324, 10), trial("retrieval", 0.88, 0.0, 400))
    assert recommend(faster, Priorities(), Kind.CLASSIFICATION).choice == "retrieval"
