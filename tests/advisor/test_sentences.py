"""What is said of a verdict claims no more than its numbers do, where costs are unknown, alike or rows in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from advisor.decision.recommendation import recommend
from advisor.plan import Priorities
from advisor.schema import Recommendation
from eval.money.costs import Quote
from eval.outcomes import Outcome, Trial


def right(share: float, rows: int) -> list[float]:
    return [1.0] * round(share * rows) + [0.0] * (rows - round(share * rows))


def decide(
    scores: Mapping[str, Sequence[float]],
    costs: Mapping[str, float] | None = None,
    groups: Sequence[str] | None = None,
    one_off: float | None = 0.0,
    **priorities: Any,
) -> Recommendation:
    """On scores and costs of 1,000 requests that were measured elsewhere; what has no cost here has an unknown one."""
    trials = [
        Trial(
            name,
            "done",
            outcomes=tuple(
                Outcome(str(row), name, "", float(score), {}, 0, 0, group=groups[row] if groups else None)
                for row, score in enumerate(each)
            ),
        )
        for name, each in scores.items()
    ]
    quotes = {name: Quote(one_off, price) for name, price in (costs or {}).items()}
    return recommend(trials, Priorities(**priorities), None, quotes=quotes)


def test_a_least_cost_within_the_chance_of_what_was_timed_is_doubted() -> None:
    def timed(name: str, share: float, seconds: float, every: int) -> Trial:
        uneven = [seconds * (0.5 + at // every % 2) for at in range(200)]
        rows = zip(right(share, 200), uneven, strict=True)
        outcomes = (Outcome(str(at), name, "", score, {}, 0, 0, seconds=each) for at, (score, each) in enumerate(rows))
        return Trial(name, "done", outcomes=tuple(outcomes), fit_seconds=0.0)

    def reason(dearer: float, every: int) -> str:
        return recommend([timed("a", 0.9, 1.0, 1), timed("b", 0.5, dearer, every)], Priorities(), None).reasons[-1]

    assert reason(1.05, every=2) == "As far as the timed requests show, a is also the cheapest strategy."
    assert reason(2.0, every=2) == "a is also the cheapest strategy."
    assert reason(1.05, every=1) == "a is also the cheapest strategy."  # on each row, whichever are drawn


def test_what_costs_nobody_knows_is_not_said_to_cost_least() -> None:
    apart, level = {"a": right(0.9, 200), "b": right(0.5, 200)}, {"a": right(0.9, 200), "b": right(0.9, 200)}
    assert decide(apart).reasons[-1] == "No other strategy is clearly within 2 points of the best strategy."
    assert decide(apart, {"a": 1}).reasons[-1] == "No other strategy is clearly within 2 points of the best strategy."
    assert decide(apart, {"a": 1, "b": 2}).reasons[-1] == "a is also the cheapest strategy."
    assert decide(level).reasons[-1] == (
        "We don't know the full cost of any strategy that is probably within 2 points of the best strategy, so we "
        "picked the one with the highest score."
    )
    assert decide(level, {"a": 1}).reasons[-1] == (
        "Only a has a known full cost and is probably within 2 points of the best strategy. It costs $120 over 12 "
        "months at 10,000 requests a month. We don't know the full cost of b."
    )
    three = decide(level | {"c": right(0.9, 200)}, {"a": 1, "b": 2})
    assert three.reasons[-1] == (
        "a is the cheapest strategy that is probably within 2 points of the best strategy. It costs $120 over 12 "
        "months at 10,000 requests a month, against $240 for b. We don't know the full cost of c."
    )


def test_where_getting_ready_has_no_price_doing_so_anew_turns_nothing() -> None:
    scores = {"a": right(0.90, 400), "b": right(0.89, 400)}
    got = decide(scores, {"a": 3, "b": 1}, one_off=None)
    anew = decide(scores, {"a": 3, "b": 1}, one_off=None, retrain_days=30)
    assert got.choice == anew.choice == "b"
    assert "$120 without setup over 12 months" in anew.reasons[-1]
    assert not [each for each in got.changes if each.startswith("If the task changed")]


def test_of_two_that_cost_the_same_none_costs_least() -> None:
    got = decide({"a": right(0.9, 400), "b": right(0.9, 400)}, {"a": 2, "b": 2})
    assert "costs as little as any strategy" in got.reasons[-1] and "$240" in got.reasons[-1]
    priced = decide({"a": [1.0] * 400, "b": [1.0] * 400}, {"a": 2, "b": 2}, wrong_answer=1.0)
    assert "costs as little as any other strategy" in priced.reasons[-1] and "about $240" in priced.reasons[-1]


def test_the_likeliest_is_called_so_and_nothing_else() -> None:
    """Half of the scores apart, and half a score makes no difference: the dearer is surely near the best."""
    got = decide({"a": right(0.5, 60), "b": [1.0] * 60}, {"a": 1, "b": 2}, margin=0.5)
    assert got.choice == "a" and got.probabilities["a"] < 0.8 < got.probabilities["b"]
    assert got.reasons[-1] == "a is the cheapest strategy that may be within 50 points of the best strategy."


def test_one_group_that_holds_most_rows_makes_no_strong_verdict() -> None:
    groups = ["long", *map(str, range(60))]
    rest = right(0.6, 60)
    scores = {"cheap": [*[0.0] * 150, *rest], "dear": [*[1.0] * 150, *rest]}
    got = decide(scores, {"cheap": 1, "dear": 3}, [groups[0]] * 150 + groups[1:])
    assert (got.choice, got.confidence) == ("dear", "weak")
    assert got.odds is not None and got.odds > 0.95
    assert got.headline == "First guess: use dear."
    assert got.confidence_line.startswith("Weak evidence (one group holds 150 of 210 test rows): ")
    assert got.caveats[0].startswith("One group holds 150 of 210 test rows,")


def test_where_rows_come_in_groups_more_groups_would_tell() -> None:
    shuffled = np.random.default_rng(1).permutation(right(0.7, 400)).tolist()
    groups = [str(row // 10) for row in range(400)]
    scores = {"a": right(0.7, 400), "b": shuffled}
    said = [each for each in decide(scores, groups=groups).changes if "would be known" in each]
    assert len(said) == 1 and " groups of test rows, " in said[0] and said[0].endswith("You have 40 now.")
    alone = decide(scores, groups=["all"] * 400)
    assert alone.confidence_line.startswith("With 1 group of test rows, we can't tell")
    assert "only 1 group of test rows" in alone.caveats[0]


def test_of_equals_whose_costs_lie_close_together_one_is_taken_for_sure() -> None:
    """The dearest costs as much as the next, and that as much as the cheapest, but not all three the same."""
    same = {name: right(0.7, 100) for name in ("prompting", "retrieval", "finetuning")}
    got = decide(same, {"prompting": 1.08, "retrieval": 1.04, "finetuning": 1.0})
    assert (got.choice, got.confidence) == ("retrieval", "moderate")


def test_the_order_in_which_strategies_come_changes_nothing() -> None:
    scores = {"finetuning": right(0.7, 100), "prompting": [1.0] * 60 + [0.0] * 10 + [1.0] * 10 + [0.0] * 20}
    costs = {"finetuning": 1.0, "prompting": 12.0}
    one, other = decide(scores, costs), decide(dict(reversed(scores.items())), costs)
    assert one == other and (one.choice, one.confidence) == ("finetuning", "weak")


def test_nothing_turns_a_choice_to_what_is_exactly_like_it() -> None:
    got = decide({"a": right(0.9, 100), "b": right(0.9, 100)}, {"a": 1, "b": 1})
    assert got.choice == "a" and not any("we would choose" in each for each in got.changes)


def test_at_the_same_cost_the_better_score_is_taken() -> None:
    better, worse = right(0.8, 2000), [0.0] * 20 + right(0.8, 2000)[20:]
    got = decide({"worse": worse, "better": better}, {"worse": 0.9999, "better": 1})
    assert got.choice == "better"
    assert got.reasons[-1].startswith("better costs as little as any strategy that is probably within 2 points ")
    close = decide({"worse": worse, "better": better}, {"worse": 0.97, "better": 1})
    assert close.choice == "better" and "scores best of the cheapest strategies" in close.reasons[-1]
    assert "$120" in close.reasons[-1]


def test_no_more_rows_are_asked_for_where_they_would_not_help() -> None:
    strong = decide({"a": right(0.75, 200), "b": right(0.9, 200)}, {"a": 1, "b": 20}, wrong_answer=0.05)
    assert strong.confidence == "strong" and strong.rows_needed is None
    at_the_margin = decide({"a": right(0.7, 20_000), "b": right(0.72, 20_000)}, {"a": 1, "b": 2})
    assert at_the_margin.confidence == "too close to call"
    assert at_the_margin.changes[0].startswith(
        "The difference from b is close to the 2 points that don't matter to you."
    )
    exact = decide({"a": right(0.7, 100), "b": right(0.7, 100)}, {"a": 1, "b": 2}, margin=0)
    assert exact.confidence == "too close to call" and exact.changes[0].startswith("No number of rows can show ")
