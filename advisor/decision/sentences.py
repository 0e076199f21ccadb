"""The verdict in sentences. Each is made from the numbers and claims no more than they support."""

from __future__ import annotations

from advisor.decision.situation import Situation
from advisor.measurement import Measurement
from advisor.plan import Priorities
from advisor.schema import BaselineVerdict, Confidence
from advisor.wording import (
    in_sentence,
    interval_text,
    margin_text,
    money_text,
    name_of,
    points_text,
    probability_text,
    seconds_text,
)

LEVEL = 0.0005  # a difference that rounds to no tenth of a point


def headline(situation: Situation, confidence: Confidence, baseline: BaselineVerdict | None) -> str:
    """Which strategy to take, after the baseline where no strategy is shown to be better. It sounds no surer than the
    evidence is.

    That nothing is reliable comes before how sure the choice is: the best of a bad lot is no winner.
    """
    name = in_sentence(situation.choice.strategy)
    if baseline is not None and baseline.lead is not None:
        if nothing_works(situation, baseline):
            return baseline.lead
        return _after_baseline(name, situation.is_poor, confidence, baseline)
    if situation.is_poor:
        return f"Nothing answers reliably yet. If you need to start now, use {name}."
    if confidence == "too close to call":
        return f"Too close to call: start with {name}."
    if situation.is_few:
        return f"First guess: use {name}."
    return f"Use {name} for now." if confidence == "weak" else f"Use {name}."


def _after_baseline(name: str, is_poor: bool, confidence: Confidence, baseline: BaselineVerdict) -> str:
    if not baseline.is_probable:
        return f"{baseline.lead} If you want a language model, start with {name}."
    if confidence in ("too close to call", "weak") or is_poor:
        return f"{baseline.lead} If you want one, start with {name}."
    return f"{baseline.lead} If you want one, use {name}."


def nothing_works(situation: Situation, baseline: BaselineVerdict) -> bool:
    """Whether neither a strategy nor the baseline is right more often than wrong or, of texts, good enough."""
    return situation.is_poor and baseline.score < situation.low_score


def doubtful_headline(situation: Situation) -> str:
    """The doubt comes first; what rests on the score stays visible under it."""
    return f"Check the score before you use {in_sentence(situation.choice.strategy)}."


def confidence_line(situation: Situation, confidence: Confidence, of_baseline: str | None) -> str:
    """How sure the headline is: first `of_baseline`, if it begins with one, then of the choice among the strategies."""
    if of_baseline is not None:
        name = in_sentence(situation.choice.strategy)
        if situation.others and confidence == "too close to call" and of_baseline.startswith("With "):
            return f"{of_baseline} {_also_too_close(situation)}"
        if not situation.others or confidence == "too close to call":
            return f"{of_baseline} {confidence_line(situation, confidence, None)}"
        return f"{of_baseline} Among strategies with a language model, the evidence for {name} is {confidence}."
    if not situation.others:
        return _nothing_to_compare(situation)
    if confidence == "too close to call":
        return _too_close(situation)
    if situation.is_few:
        return f"{confidence.capitalize()} evidence ({situation.why_few}): {_probably(situation)}."
    return f"{confidence.capitalize()} evidence: {_probably(situation)}."


def evidence_line(situation: Situation, confidence: Confidence) -> str | None:
    """How sure the choice is among the strategies, where the headline begins with a baseline."""
    if not situation.others or confidence == "too close to call":
        return None
    return f"The evidence for {in_sentence(situation.choice.strategy)} is {confidence}: {_probably(situation)}."


def by_score_alone(situation: Situation, confidence: Confidence) -> str:
    """How sure the choice would be if the score were right."""
    if not situation.others or confidence == "too close to call":
        return confidence_line(situation, confidence, None)
    name = in_sentence(situation.choice.strategy)
    return f"By the score alone, the evidence for {name} is {confidence}: {_probably(situation)}."


def _nothing_to_compare(situation: Situation) -> str:
    name = name_of(situation.choice.strategy)
    if situation.left_out:
        return f"{name} is the only strategy known to meet your limits, so there is nothing to compare it with."
    return f"{name} is the only strategy measured, so there is nothing to compare it with."


def _too_close(situation: Situation) -> str:
    evidence = situation.evidence
    if situation.counts_errors:
        return f"With {evidence}, we can't tell which strategy costs least once wrong answers are counted."
    if situation.best is situation.choice:
        return f"With {evidence}, we can't tell which strategy is best."
    best, name = in_sentence(situation.best.strategy), in_sentence(situation.choice.strategy)
    return f"With {evidence}, we can't show that {best} is {situation.more_points()} than {name}."


def _also_too_close(situation: Situation) -> str:
    """After a sentence that says on how many rows, and what they can't show of the baseline."""
    if situation.counts_errors:
        return "We also can't tell which strategy costs least once wrong answers are counted."
    if situation.best is situation.choice:
        return "We also can't tell which strategy is best."
    best, name = in_sentence(situation.best.strategy), in_sentence(situation.choice.strategy)
    return f"We also can't show that {best} is {situation.more_points()} than {name}."


def _probably(situation: Situation) -> str:
    """ "97 % probability that no other strategy is more than 2 points better"."""
    claim = _claim_of_money(situation) if situation.counts_errors else _claim(situation)
    return f"{probability_text(situation.odds)} probability that {claim}"


def _claim(situation: Situation) -> str:
    """What the probability of the choice is the probability of."""
    limits = " within your limits" if situation.left_out else ""
    if not situation.cheaper:
        return f"no other {situation.alternative}{limits} is {situation.more_points()}"
    instead, strategy = situation.instead(), situation.alternative
    strategy = f"{strategy} {instead}" if instead == "of known cost" else f"{instead} {strategy}"
    if situation.priorities.margin and situation.choice is situation.best:
        within = margin_text(situation.priorities.margin)
        return f"it is the best strategy or within {within} of it, and no {strategy}{limits} comes that close"
    if situation.priorities.margin:
        return f"it is {situation.near_best}, and no {strategy}{limits} comes that close"
    return f"it is as good as {situation.near_best}, and no {strategy}{limits} is"


def _claim_of_money(situation: Situation) -> str:
    money, over = situation.margin_money, situation.over
    limits = " within your limits" if situation.left_out else ""
    other, cheaper = f"other {situation.alternative}{limits}", f"{situation.instead()} {situation.alternative}{limits}"
    if situation.cheaper and situation.priorities.margin:
        near = f"within {money} of the cheapest strategy"
        return f"it costs {near}, wrong answers included, and no {cheaper} does"
    if situation.cheaper:
        return f"it costs the least, wrong answers included, and no {cheaper} does"
    if situation.priorities.margin:
        return f"no {other} would save you more than {money} {over}, wrong answers included"
    return f"no {other} would cost less {over}, wrong answers included"


def runner_up_line(situation: Situation) -> str | None:
    """How far the next best strategy is from the choice, with its 95 % interval."""
    if not situation.others:
        return None
    runner_up = situation.others[0]
    name, choice = name_of(runner_up.strategy), in_sentence(situation.choice.strategy)
    gap = situation.gap(situation.choice.strategy, runner_up.strategy)
    points, interval = points_text(gap.difference), interval_text(gap.difference, gap.low, gap.high)
    if abs(gap.difference) < LEVEL:
        return f"{name} scores the same as {choice} ({interval_text(0, -gap.high, -gap.low)})."
    chance = ", which may be chance" if gap.low <= 0 <= gap.high else ""
    if gap.difference > 0:
        return f"{name} is {points} behind {choice}{chance} ({interval})."
    return f"{name} is {points} ahead of {choice}{chance} ({interval})."


def broken_limit(one: Measurement, priorities: Priorities) -> str | None:
    """The sentence that says which hard limit a strategy breaks, None when it breaks none.

    What was not measured cannot be shown to be within a limit.
    """
    return _too_slow(one, priorities.max_seconds) or _too_dear(one, priorities.max_cost_per_1000)


def _too_slow(one: Measurement, limit: float | None) -> str | None:
    name = name_of(one.strategy)
    if limit is None:
        return None
    if one.latency is None:
        return f"{name} is left out because its latency was not measured and you set a limit."
    if one.latency.p95 <= limit:
        return None
    latency, allowed = seconds_text(one.latency.p95), seconds_text(limit)
    if latency == allowed:
        return f"{name} is left out: its 95th percentile latency is just over your limit of {allowed}."
    return f"{name} is left out: its 95th percentile latency is {latency}, over your limit of {allowed}."


def _too_dear(one: Measurement, limit: float | None) -> str | None:
    name, price, currency = name_of(one.strategy), one.cost.per_1000, one.cost.currency
    if limit is None:
        return None
    if price is None:
        return f"{name} is left out because its cost is unknown and you set a limit."
    if price <= limit:
        return None
    cost, allowed = money_text(price, currency), money_text(limit, currency)
    if cost == allowed:
        return f"{name} is left out: 1,000 requests cost just over your limit of {allowed}."
    return f"{name} is left out: 1,000 requests cost {cost}, over your limit of {allowed}."
