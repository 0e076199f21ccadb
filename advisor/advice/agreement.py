"""The rules of thumb held against a measured report: where they agree, where not, and where that cannot be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from advisor.advice.circumstances import in_use
from advisor.advice.rules import FRESH_FACTS, Rule, applying
from advisor.candidates import is_chance, judged, near_best
from advisor.decision.choice import PROBABLE, SAME_COST
from advisor.pairing import strategy_of
from advisor.plan import STRATEGIES
from advisor.schema import Candidate, Comparison, HeldRule, Report
from advisor.wording import (
    count_text,
    in_sentence,
    interval_text,
    money_text,
    name_of,
    points_text,
    probability_text,
)
from strategies.registry import BY_SERVICE, CHANGES_WEIGHTS, LOOKS_UP

Agreement = Literal["agrees", "disagrees", "cannot tell"]
_IMPROBABLE = 0.20
# A rule leans to a means; who joins two uses both.
_PROMPTS = tuple(name for name in STRATEGIES if name not in (*LOOKS_UP, *CHANGES_WEIGHTS))
_MEANS = {"prompting": _PROMPTS, "retrieval": LOOKS_UP, "finetuning": CHANGES_WEIGHTS}
_TUNED = ("finetuning", *BY_SERVICE)  # what rules about the cost of fine-tuning mean, here or at a service
_NOT_CHANGED = "Not measured: only standard and thorough runs change facts in the documents."
_OPPOSITE: dict[Agreement, Agreement] = {"agrees": "disagrees", "disagrees": "agrees", "cannot tell": "cannot tell"}
_WORDS: dict[Agreement, str] = {"agrees": "Agrees", "disagrees": "Disagrees", "cannot tell": "Can't tell"}


def hold_against(report: Report) -> tuple[HeldRule, ...]:
    """Each rule that the data and the volume of a report make apply: its `fact`, what was `measured`, and
    the `agreement`. A report of an earlier version holds no circumstances, and none of this."""
    if report.circumstances is None:
        return ()
    known = in_use(report.circumstances, report.priorities)
    held = []
    for rule in applying(known):
        agreement, measured = _judge(rule, report)
        held.append(HeldRule(rule.id, rule.leans_to, rule.sources, rule.why, rule.fact_of(known), measured, agreement))
    return tuple(held)


class RuleGroup(NamedTuple):
    """Rules that share a measurement: what they say, and what was measured."""

    agreement: Agreement
    facts: tuple[str, ...]
    measured: str

    @property
    def heading(self) -> str:
        """ "Agrees", "Agrees (2 rules)"."""
        words = _WORDS[self.agreement]
        return f"{words} ({len(self.facts)} rules)" if len(self.facts) > 1 else words


def rule_groups(report: Report) -> list[RuleGroup]:
    groups: dict[tuple[Agreement, str], list[str]] = {}
    for rule in report.rules:
        groups.setdefault((rule.agreement, rule.measured), []).append(rule.fact)
    return [RuleGroup(agreement, tuple(facts), measured) for (agreement, measured), facts in groups.items()]


def _judge(rule: Rule, report: Report) -> tuple[Agreement, str]:
    if rule.leans_to == "clean data":
        return "cannot tell", "Not measured: fix the data, run again, and see what moves."
    named = {"not finetuning": "finetuning", "finetuning possible": "finetuning"}
    leaning = named.get(rule.leans_to, rule.leans_to)
    means = _MEANS.get(leaning, (leaning,))
    if rule.is_about_cost:
        means = _TUNED if leaning == "finetuning" else (leaning,)
    scored = judged(report)
    own = next((one for one in scored if one.strategy in means), None)
    if own is None:
        return "cannot tell", f"{name_of(leaning)} was not measured."
    others = [
        one for one in scored if one.strategy not in means and one.model == own.model
    ]  # a rule is about one model
    strategy = own.id
    if not others:
        return "cannot tell", "We measured no other strategy to compare it with."
    if rule.id == FRESH_FACTS:
        return _by_freshness(own, others)
    if rule.is_about_cost:
        return _by_cost(own, others, report)
    names = [one.id for one in others]
    simpler = None if rule.leans_to == "finetuning possible" else _simpler_near(strategy, names, report)
    agreement, measured = _by_score(strategy, names, simpler, report), _standing(strategy, names[0], report)
    if simpler and agreement == "cannot tell":
        measured += f" {name_of(simpler)}, which is simpler, probably is too."
    if rule.leans_to == "not finetuning":
        agreement = _OPPOSITE[agreement]
    return agreement, f"Measured: {measured}"


def _simpler_near(strategy: str, others: Sequence[str], report: Report) -> str | None:
    """The simplest of the simpler ones among others that is probably as near the best as this one."""
    near = report.recommendation.probabilities
    if near.get(strategy, 0.0) < PROBABLE:
        return None
    place = {one: STRATEGIES.index(strategy_of(one)) for one in (strategy, *others)}
    simpler = sorted((one for one in others if place[one] < place[strategy]), key=place.__getitem__)
    return next((one for one in simpler if near.get(one, 0.0) >= PROBABLE), None)


def _by_score(strategy: str, others: Sequence[str], simpler: str | None, report: Report) -> Agreement:
    """By the probability of being near the best, which shows nothing where something `simpler` is too, and by the
    paired differences to the others."""
    probability = report.recommendation.probabilities.get(strategy)
    pairs = [_pair(strategy, other, report) for other in others]
    is_ahead = all(pair.difference > 0 and not is_chance(pair) for pair in pairs)
    if (probability is not None and probability >= PROBABLE and not simpler) or is_ahead:
        return "agrees"
    is_behind = any(pair.high < -report.priorities.margin for pair in pairs)
    if (probability is not None and probability < _IMPROBABLE) or is_behind:
        return "disagrees"
    return "cannot tell"


def _by_freshness(own: Candidate, others: Sequence[Candidate]) -> tuple[Agreement, str]:
    """By the answers given once facts in the documents have changed, against the best of what retrieves nothing."""
    kept = [(one, one.freshness.new) for one in others if one.freshness and one.freshness.refresh_seconds is None]
    if not own.freshness:
        return "cannot tell", _NOT_CHANGED
    if not kept:
        return "cannot tell", "Not measured: every strategy in this run retrieves from your documents."
    mine = own.freshness.new
    rival, theirs = max(kept, key=lambda one: one[1].mean)
    told = (
        f"Measured: {in_sentence(own.id)} gives the new fact for {round(mine.mean * mine.n):,} of {mine.n:,} "
        f"changed facts, and {in_sentence(rival.id)} for {round(theirs.mean * theirs.n):,} of {theirs.n:,}."
    )
    is_above, is_below = mine.low > theirs.high, mine.high < theirs.low
    agreement: Agreement = "agrees" if is_above else "disagrees" if is_below else "cannot tell"
    return agreement, told


def _by_cost(own: Candidate, others: Sequence[Candidate], report: Report) -> tuple[Agreement, str]:
    """Whether what such a rule promises to save is saved: by fine-tuning against prompting, or the other way round."""
    names = _TUNED if own.strategy == "prompting" else ("prompting",)
    rival = next((one for one in others if one.strategy in names), None)
    if rival is None:
        return "cannot tell", f"{name_of(names[0])} was not measured."
    months = report.priorities.months
    cost, instead = _spent(own, months), _spent(rival, months)
    if cost is None or instead is None:
        return "cannot tell", f"We don't know the cost of both {in_sentence(own.id)} and {in_sentence(rival.id)}."
    currency = report.priorities.currency
    told = (
        f"Measured: over {count_text(months, 'month')}, {in_sentence(own.id)} costs "
        f"{money_text(cost, currency)} and {in_sentence(rival.id)} {money_text(instead, currency)}."
    )
    if SAME_COST * cost < instead and report.recommendation.probabilities.get(own.id, 1.0) < _IMPROBABLE:
        return "cannot tell", f"{told} But {in_sentence(own.id)} is probably not {near_best(report)}."
    if SAME_COST * cost < instead:
        return "agrees", told
    return "disagrees" if cost > SAME_COST * instead else "cannot tell", told


def _spent(one: Candidate | None, months: int) -> float | None:
    """None where it was not measured."""
    return one.cost.spent_over(months) if one else None


def _standing(strategy: str, other: str, report: Report) -> str:
    """How far a strategy is from the best of the others, and how probably it is near the best."""
    seen = _pair(strategy, other, report)
    leading, following = (other, strategy) if seen.difference < 0 else (strategy, other)
    first, second = in_sentence(leading), in_sentence(following)
    interval = interval_text(seen.difference, seen.low, seen.high)
    if seen.difference:
        ahead = f"{first} is {points_text(seen.difference)} ahead of {second} ({interval})."
    else:
        ahead = f"{first} scores the same as {second} ({interval})."
    probability = report.recommendation.probabilities.get(strategy)
    if probability is None:
        return ahead
    near = f"{in_sentence(strategy)} is {near_best(report)}"
    return f"{ahead} The probability that {near} is {probability_text(probability)}."


def _pair(strategy: str, other: str, report: Report) -> Comparison:
    """The comparison of two strategies, with the difference of the first to the other."""
    pair = next(one for one in report.comparisons if {one.a, one.b} == {strategy, other})
    if pair.a == strategy:
        return pair
    return replace(pair, a=strategy, b=other, difference=-pair.difference, low=-pair.high, high=-pair.low)
