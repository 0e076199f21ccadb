"""Why a strategy is taken: its score, its cost, the limits that decided."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.decision.choice import PROBABLE, SAME_PROBABILITY, WEAK
from advisor.decision.situation import Situation
from advisor.pairing import strategy_of
from advisor.plan import STRATEGIES
from advisor.wording import (
    count_text,
    in_sentence,
    list_text,
    margin_text,
    money_text,
    name_of,
    points_text,
    probability_text,
    rough_money,
    score_text,
)
from eval.money.ranges import probability_of_costing_less
from eval.statistics.inference import LEVEL


def reasons(situation: Situation, limits_broken: Sequence[str]) -> tuple[str, ...]:
    """At most three: the score where it isn't the highest, why not another strategy, which limits decided."""
    sentences = (_why_score(situation) or "", _why_cost(situation), " ".join(limits_broken))
    return tuple(sentence for sentence in sentences if sentence)


def _why_score(situation: Situation) -> str | None:
    """None for the highest score of several: the figures and the chart show it."""
    choice, best = situation.choice, situation.best
    if best is choice and situation.others:
        return None
    low, high = score_text(choice.score.low), score_text(choice.score.high)
    scored = (
        f"{name_of(choice.strategy)} scored {score_text(choice.score.mean)} (95 % CI {low} to {high}) "
        f"on {count_text(choice.score.n, 'test row')}"
    )
    if best is choice:
        return f"{scored}."
    rival, ahead = name_of(best.strategy), points_text(situation.gap(best.strategy, choice.strategy).difference)
    if situation.counts_errors:
        return f"{scored}. {rival} scored {ahead} more."
    return f"{scored}. {rival} scored {ahead} more, but it isn't clearly {situation.more_points()}."


def _why_cost(situation: Situation) -> str:
    if not situation.others:
        return ""
    if situation.counts_errors:
        return _why_money(situation)
    odds, highest = situation.probabilities[situation.choice.strategy], max(situation.probabilities.values())
    if situation.odds < WEAK or odds < min(PROBABLE, highest - SAME_PROBABILITY):
        return _why_for_now(situation)
    if odds < PROBABLE:
        name, probability = name_of(situation.choice.strategy), probability_text(odds)
        if odds == highest:
            return f"{name} has the highest probability of being {situation.near_best} ({probability})."
        own = in_sentence(situation.choice.strategy)
        return (
            f"No strategy has a clearly higher probability of being {situation.near_best} than {own} ({probability})."
        )
    if all(one is situation.choice for one in situation.near):
        return _why_not_cheaper(situation)
    return _why_cheapest(situation)


def _why_for_now(situation: Situation) -> str:
    """Where nothing is shown to be near the best."""
    strategy, near_best = situation.choice.strategy, situation.near_best
    if strategy_of(strategy) in STRATEGIES:
        return f"{name_of(strategy)} is the simplest strategy that may be {near_best}."
    if situation.totals[strategy] is None:
        return f"{name_of(strategy)} may be {near_best}, and so may others."
    return f"{name_of(strategy)} is the cheapest strategy that may be {near_best}."


def _why_cheapest(situation: Situation) -> str:
    """Of several that are probably near the best."""
    strategy, near_best = situation.choice.strategy, situation.near_best
    total, is_ours, name = situation.totals[strategy], strategy_of(strategy) in STRATEGIES, name_of(strategy)
    if total is None:
        first = "simplest one" if is_ours else "one with the highest score"
        return f"We don't know the full cost of any strategy that is probably {near_best}, so we picked the {first}."
    rivals = [one.strategy for one in situation.near if one is not situation.choice]
    known = {one: price for one in rivals if (price := situation.totals[one]) is not None}
    costs = _costs(situation, total, known, [one for one in rivals if one not in known])
    if not known:
        return f"Only {in_sentence(strategy)} has a known full cost and is probably {near_best}. {costs}"
    least, currency = min(known.values()), situation.choice.cost.currency
    if money_text(total, currency) == money_text(least, currency):
        return f"{name} costs as little as any strategy that is probably {near_best}. {costs}"
    if total < least:
        return f"{name} is the cheapest strategy that is probably {near_best}. {costs}"
    if is_ours:
        return f"{name} is the simplest of the cheapest strategies that are probably {near_best}. {costs}"
    return f"{name} scores best of the cheapest strategies that are probably {near_best}. {costs}"


def _costs(situation: Situation, total: float, known: dict[str, float], unknown: Sequence[str]) -> str:
    """What the choice costs over the horizon, next to what others cost."""
    one = situation.choice
    setup = "" if one.cost.one_off is not None else " without setup"
    said = f"It costs {money_text(total, one.cost.currency)}{setup} {situation.over_at_volume}"
    costs = f"{said}{_against(known, one.cost.currency)}."
    return f"{costs} We don't know the full cost of {list_text(list(map(in_sentence, unknown)))}." if unknown else costs


def _against(prices: dict[str, float], currency: str) -> str:
    """ ", against $240 for retrieval"; of several, from the least to the most."""
    if not prices:
        return ""
    if len(prices) == 1:
        name, price = next(iter(prices.items()))
        return f", against {money_text(price, currency)} for {in_sentence(name)}"
    least, most = (money_text(price, currency) for price in (min(prices.values()), max(prices.values())))
    return f", against {least} for the others" if least == most else f", against {least} to {most} for the others"


def _why_money(situation: Situation) -> str:
    """What each costs when wrong answers have a price."""
    own, priorities = situation.choice, situation.priorities
    totals = {name: total for name, total in situation.totals.items() if total is not None}
    total, currency, name = totals.pop(own.strategy), own.cost.currency, in_sentence(own.strategy)
    spent = total - own.cost.errors_per_1000 * priorities.monthly_volume * priorities.months / 1000
    price = f"At {money_text(priorities.wrong_answer, currency)} a wrong answer"
    if total < min(totals.values()):
        merit = f"{price}, {name} costs the least."
    elif total == min(totals.values()):
        merit = f"{price}, {name} costs as little as any other {situation.alternative}."
    else:
        merit = f"{price}, {name} is the simplest strategy that may cost the least."
    setup = "" if own.cost.one_off is not None else " without setup"
    costs = (
        f"It costs about {rough_money(total, currency)}{setup} {situation.over_at_volume}{_about(totals, currency)}."
    )
    parts = f"Of that, {money_text(spent, currency)} is paid and the rest is the cost of wrong answers."
    if not priorities.margin:
        return f"{merit} {costs} {parts}"
    worth = f"A difference of {margin_text(priorities.margin)} is worth {situation.margin_money} to you."
    return f"{merit} {costs} {parts} {worth}"


def _about(totals: dict[str, float], currency: str) -> str:
    return _against({name: float(f"{total:.1e}") for name, total in totals.items()}, currency).replace(".00", "")


def _why_not_cheaper(situation: Situation) -> str:
    """Of what would cost less, the one that is most probably as good."""
    if not situation.cheaper:
        return _why_no_other(situation)
    rival = max(situation.cheaper, key=lambda one: situation.probabilities[one.strategy])
    odds, instead = situation.probabilities[rival.strategy], situation.instead(rival)
    if odds < 0.01:
        return _all_cheaper_worse(situation)
    name, probability = name_of(rival.strategy), f"the probability that it is {situation.near_best}"
    if instead == "of known cost":
        return (
            f"The cost of {in_sentence(rival.strategy)} is known, but {probability} is only {probability_text(odds)}."
        )
    return f"{name} is {instead}, but {probability} is only {probability_text(odds)}."


def _why_no_other(situation: Situation) -> str:
    own, *prices = (situation.totals[one.strategy] for one in (situation.choice, *situation.others))
    if own is None or any(price is None or price <= own for price in prices):
        return f"No other {situation.alternative} is clearly {situation.near_best}."
    if _is_cheaper_for_sure(situation):
        return f"{name_of(situation.choice.strategy)} is also the cheapest strategy."
    return f"As far as the timed requests show, {in_sentence(situation.choice.strategy)} is also the cheapest strategy."


def _all_cheaper_worse(situation: Situation) -> str:
    worse, instead = situation.more_points("worse"), situation.instead()
    if instead == "of known cost":
        return f"Every strategy of known cost is almost certainly {worse}."
    return f"Every {instead} strategy is almost certainly {worse}."


def _is_cheaper_for_sure(situation: Situation) -> bool:
    """Whether the choice costs less than any other, whichever answers were timed. Prices that were found out elsewhere
    are as they are."""
    own = situation.choice.trial, situation.choice.cost
    found = (probability_of_costing_less(own, (one.trial, one.cost), situation.priorities) for one in situation.others)
    return all(probability is None or probability >= (1 + LEVEL) / 2 for probability in found)
