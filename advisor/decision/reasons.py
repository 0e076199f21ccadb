"""Why a strategy is taken, in at most three sentences: its score, its cost, the limits that decided."""

from __future__ import annotations

import math
from collections.abc import Sequence

from advisor.decision.choice import PROBABLE, SAME_PROBABILITY, WEAK
from advisor.decision.situation import Situation
from advisor.plan import STRATEGIES
from advisor.wording import (
    count_text,
    in_sentence,
    margin_text,
    money_text,
    name_of,
    points_text,
    probability_text,
    rough_money,
    score_text,
)
from eval.cost_ranges import probability_of_costing_less
from eval.statistics import LEVEL


def reasons(situation: Situation, limits_broken: Sequence[str]) -> tuple[str, ...]:
    """At most three sentences: the score, why not another one, which limits decided."""
    sentences = (_why_score(situation), _why_cost(situation), " ".join(limits_broken))
    return tuple(sentence for sentence in sentences if sentence)


def _why_score(situation: Situation) -> str:
    choice, best = situation.choice, situation.best
    low, high = score_text(choice.score.low), score_text(choice.score.high)
    scored = (
        f"{name_of(choice.strategy)} scored {score_text(choice.score.mean)} "
        f"({low} to {high}) on {count_text(choice.score.n, 'test row')}"
    )
    if best is choice:
        return f"{scored}; no other strategy scored higher." if situation.others else f"{scored}."
    ahead = points_text(situation.gap(best.strategy, choice.strategy).difference)
    if situation.counts_errors:
        return f"{scored}; {in_sentence(best.strategy)} scored {ahead} more."
    shown = situation.more_points()
    return f"{scored}; {in_sentence(best.strategy)} scored {ahead} more, which does not show that it is {shown}."


def _why_cost(situation: Situation) -> str:
    choice, near_best = situation.choice, situation.near_best
    rivals = [one for one in situation.near if one is not choice]
    if not situation.others:
        return ""
    if situation.counts_errors:
        return _why_money(situation)
    odds, highest = situation.probabilities[choice.strategy], max(situation.probabilities.values())
    if situation.odds < WEAK or odds < min(PROBABLE, highest - SAME_PROBABILITY):
        if choice.strategy not in STRATEGIES and situation.totals[choice.strategy] is None:
            return f"It may be {near_best}, as others may."
        merit = "simplest" if choice.strategy in STRATEGIES else "cheapest"
        return f"Of all that may be {near_best} it is the {merit}."
    if odds < PROBABLE:
        likely = "the likeliest" if odds == highest else "as likely as any"
        return f"It is {likely} to be {near_best}: {probability_text(odds)}."
    if not rivals:
        return _why_not_cheaper(situation)
    total = situation.totals[choice.strategy]
    if total is None:
        first = "simplest one" if choice.strategy in STRATEGIES else "one with the highest score"
        return f"We don't know the full cost of any strategy that is probably {near_best}, so we picked the {first}."
    known = [(rival, price) for rival in rivals if (price := situation.totals[rival.strategy]) is not None]
    unknown = " and ".join(in_sentence(one.strategy) for one in rivals if situation.totals[one.strategy] is None)
    currency = choice.cost.currency
    against = " and ".join(f"{money_text(price, currency)} for {in_sentence(one.strategy)}" for one, price in known)
    least = min((price for _, price in known), default=math.inf)
    if not known:
        merit = "is the only one whose whole cost is known"
    elif money_text(total, currency) == money_text(least, currency):
        merit = "costs as little as any"
    elif total < least:
        merit = "costs least"
    else:
        merit = f"costs about as little and {'is simpler' if choice.strategy in STRATEGIES else 'scores best'}"
    return (
        f"Among those that are probably {near_best} it {merit}: {money_text(total, currency)} "
        f"{situation.over} at {count_text(situation.priorities.monthly_volume, 'answer')} a month"
        f"{'' if choice.cost.one_off is not None else ', getting ready not counted'}"
        f"{', against ' if against else ''}{against}"
        f"{f'; what {unknown} would cost in all is unknown' if unknown else ''}."
    )


def _why_money(situation: Situation) -> str:
    """What each costs when wrong answers have a price."""
    own, priorities = situation.choice, situation.priorities
    totals = {name: total for name, total in situation.totals.items() if total is not None}
    total, currency = totals[own.strategy], own.cost.currency
    spent = total - own.cost.errors_per_1000 * priorities.monthly_volume * priorities.months / 1000
    against = " and ".join(
        f"{rough_money(totals[one.strategy], currency)} for {in_sentence(one.strategy)}" for one in situation.others
    )
    least = min((price for name, price in totals.items() if name != own.strategy), default=math.inf)
    merit = "it costs as little as any" if total == least else f"it is the simplest that may be {situation.near_best}"
    merit = "it costs least" if total < least else merit
    not_counted = "" if own.cost.one_off is not None else ", getting ready not counted"
    worth = f" To you, a difference of {margin_text(priorities.margin)} is worth {situation.margin_money}."
    return (
        f"At {money_text(priorities.wrong_answer, currency)} a wrong answer and "
        f"{count_text(priorities.monthly_volume, 'answer')} a month {merit}: about {rough_money(total, currency)} "
        f"{situation.over}{not_counted}, {money_text(spent, currency)} of it paid and the rest in wrong answers, "
        f"against {against}.{worth if priorities.margin else ''}"
    )


def _why_not_cheaper(situation: Situation) -> str:
    """Of what would cost less, the one that is likeliest to be as good."""
    if not situation.cheaper:
        own, *prices = (situation.totals[one.strategy] for one in (situation.choice, *situation.others))
        is_least = own is not None and all(price is not None and own < price for price in prices)
        if not is_least:
            return f"No other strategy is probably {situation.near_best}."
        return f"It also costs least{'' if _is_cheaper_for_sure(situation) else ', as far as the timed answers tell'}."
    rival = max(situation.cheaper, key=lambda one: situation.probabilities[one.strategy])
    odds = situation.probabilities[rival.strategy]
    name, near_best = name_of(rival.strategy), situation.near_best
    if odds < 0.005:
        dear = situation.more_points("worse")
        return f"Every {situation.instead_strategy} is almost surely {dear}."
    return f"{name} is {situation.instead(rival)}, but the chance that it is {near_best} is {probability_text(odds)}."


def _is_cheaper_for_sure(situation: Situation) -> bool:
    """Whether the choice costs less than any other, whichever answers were timed. Prices that were found out elsewhere
    are as they are."""
    own = situation.choice.trial, situation.choice.cost
    chances = (
        probability_of_costing_less(own, (one.trial, one.cost), situation.priorities) for one in situation.others
    )
    return all(chance is None or chance >= (1 + LEVEL) / 2 for chance in chances)
