"""The verdict in sentences. Each is made from the numbers and says no more than they support."""

from __future__ import annotations

from advisor.decision.situation import Situation
from advisor.measurement import Measurement
from advisor.plan import Priorities
from advisor.schema import BaselineVerdict, Confidence
from advisor.wording import (
    in_sentence,
    money_text,
    name_of,
    points_text,
    probability_text,
    seconds_text,
    words_of,
)

_LEVEL = 0.0005  # a difference that rounds to no tenth of a point


def headline(situation: Situation, confidence: Confidence, baseline: BaselineVerdict | None) -> str:
    """Which strategy to take, after the baseline where no strategy is shown to be better."""
    order = words_of(situation.choice.strategy).verdict.removesuffix(".")
    if baseline is not None and baseline.lead is not None:
        return f"{baseline.lead} {_if_one_is_needed(order, confidence, baseline)}"
    if confidence == "too close to call":
        return f"Too close to call. {order} for now."
    if situation.is_few:
        return f"{order}, as a first guess."
    if situation.is_poor:
        return f"{order}, but no strategy works well yet."
    return f"{order}."


def _if_one_is_needed(order: str, confidence: Confidence, baseline: BaselineVerdict) -> str:
    if baseline.confidence == "too close to call":
        return f"{order} for now."
    for_now = " for now" if confidence == "too close to call" else ""
    return f"If you must use one, {order[0].lower()}{order[1:]}{for_now}."


def confidence_line(situation: Situation, confidence: Confidence, baseline: BaselineVerdict | None) -> str:
    """How sure the choice is among the strategies; it says so where the headline begins with a baseline."""
    name = in_sentence(situation.choice.strategy)
    if not situation.others:
        alone = "known to meet your limits" if situation.left_out else "measured"
        return f"Nothing to compare: {name} is the only strategy {alone}."
    margin, evidence = _by_margin(situation), situation.evidence
    if confidence == "too close to call" and situation.counts_errors:
        return f"{evidence.capitalize()} cannot tell what wrong answers will cost that closely."
    if confidence == "too close to call":
        if situation.best is situation.choice:
            return f"{evidence.capitalize()} cannot tell which strategy is best."
        best = in_sentence(situation.best.strategy)
        return f"{evidence.capitalize()} cannot show that {best} is {margin} than {name}."
    few = f", from only {evidence}" if situation.is_few else ""
    limits = " that meets your limits" if situation.left_out else ""
    claim = f"no other strategy{limits} is {margin}"
    if situation.cheaper:
        claim = f"it is {situation.near_best}, and that no {situation.instead_strategy}{limits} is"
    if baseline is not None and baseline.lead is not None:
        odds = probability_text(situation.odds)
        return f"Among the strategies, {name} is a {confidence} choice: {odds} that {claim}{few}."
    return f"{confidence.capitalize()}: {probability_text(situation.odds)} that {claim}{few}."


def runner_up_line(situation: Situation) -> str | None:
    """How far the next best strategy is from the choice, with its range."""
    if not situation.others:
        return None
    runner_up = situation.others[0]
    gap = situation.gap(situation.choice.strategy, runner_up.strategy)
    name = name_of(runner_up.strategy)
    if abs(gap.difference) < _LEVEL:
        return f"{name} is level, between {points_text(gap.high)} behind and {points_text(gap.low)} ahead."
    side, other_side = ("behind", "ahead") if gap.difference > 0 else ("ahead", "behind")
    near_end, far_end = (gap.low, gap.high) if gap.difference > 0 else (-gap.high, -gap.low)
    if near_end >= 0:
        return f"{name} is {points_text(gap.difference)} {side}, {_points(near_end)} to {_points(far_end)}."
    return (
        f"{name} is {points_text(gap.difference)} {side}, "
        f"between {_points(far_end)} {side} and {_points(near_end)} {other_side}."
    )


def broken_limit(one: Measurement, priorities: Priorities) -> str | None:
    """The sentence that says which hard limit a strategy breaks, None when it breaks none.

    What was not measured cannot be shown to be within a limit.
    """
    name, limit = name_of(one.strategy), priorities.max_seconds
    if limit is not None:
        if one.latency is None:
            return f"{name} is left out: its seconds an answer were not measured, and you set a limit."
        if one.latency.p95 > limit:
            slow = seconds_text(one.latency.p95)
            return f"{name} is left out: 95 of 100 answers come within {_beside_limit(slow, seconds_text(limit))}."
    price, limit = one.cost.per_1000, priorities.max_cost_per_1000
    if limit is not None:
        if price is None:
            return f"{name} is left out: its cost is unknown, and you set a limit."
        if price > limit:
            cost, allowed = money_text(price, one.cost.currency), money_text(limit, one.cost.currency)
            return f"{name} is left out: 1,000 answers cost {_beside_limit(cost, allowed)}."
    return None


def _beside_limit(measured: str, allowed: str) -> str:
    """Two figures that differ, though they may read the same when rounded."""
    return f"just over {allowed}, your limit" if measured == allowed else f"{measured}, and your limit is {allowed}"


def _by_margin(situation: Situation) -> str:
    """ "more than 2 points better"; where wrong answers have a price, by how much less it would cost."""
    if not situation.counts_errors:
        return situation.more_points()
    more = f"more than {situation.margin_money} " if situation.priorities.margin else ""
    return f"{more}cheaper {situation.over}, wrong answers counted"


def _points(difference: float) -> str:
    """Points without their unit, for the ends of a range."""
    return points_text(difference).split()[0]
