"""The sentences of a recommendation. Each is made from the numbers and says no more than they support."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.decision.choice import FEW_ROWS, PROBABLE, SAME_PROBABILITY, WEAK, Confidence
from advisor.decision.turns import Turn
from advisor.measurement import Measurement
from advisor.plan import STRATEGIES, Priorities
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
    seconds_text,
    words_of,
)
from eval.cost_ranges import probability_of_costing_less
from eval.scoring import METRIC_NAMES
from eval.statistics import LEVEL, Difference, even_groups
from eval.task import Kind

LOW_SCORE = 0.5
_LEVEL = 0.0005  # a difference that rounds to no tenth of a point


@dataclass(frozen=True, slots=True)
class Situation:
    """What the sentences speak of: the kind of task (None where the scores were measured elsewhere), the choice, the
    best score, those probably within the margin of the best (`near`, the choice in any case among them), those that
    would be taken instead if they were near (`cheaper`, or simpler at about the same cost), all `others` within the
    limits, best first, and those `left_out` by a limit. `scores` are paired, by strategy, on rows of `groups`; `totals`
    is what each costs over the horizon; `probabilities` are those of being within the margin, `odds` those of the
    choice, and of nothing cheaper being so; `pieces` counts what is evidence by itself: rows, or groups of them;
    `gap(a, b)` is the difference a - b of two strategies; `turns` say at which other priorities something else would be
    taken."""

    priorities: Priorities
    kind: Kind | None
    choice: Measurement
    best: Measurement
    near: Sequence[Measurement]
    cheaper: Sequence[Measurement]
    others: Sequence[Measurement]
    left_out: Sequence[Measurement]
    scores: Mapping[str, NDArray[np.float64]]
    groups: Sequence[str]
    totals: Mapping[str, float | None]
    probabilities: Mapping[str, float]
    odds: float
    pieces: int
    gap: Callable[[str, str], Difference]
    turns: Sequence[Turn]

    @property
    def rows(self) -> int:
        return len(self.scores[self.choice.strategy])

    @property
    def counts_errors(self) -> bool:
        """Whether wrong answers have a price and all else that is paid is known, so that money alone decides."""
        return bool(self.priorities.wrong_answer) and None not in self.totals.values()

    @property
    def is_poor(self) -> bool:
        """Whether even the best is more wrong than right, as far as that can be said."""
        return self.best.score.mean < LOW_SCORE and self.kind not in (None, Kind.WRITING)

    @property
    def evidence(self) -> str:
        """ "200 test rows", or "8 groups of test rows"."""
        if self.pieces == self.rows:
            return count_text(self.rows, "test row")
        told = f"{count_text(self.pieces, 'group')} of test rows"
        if self.pieces < FEW_ROWS or not self.is_few:
            return told
        return f"{told} (one holds {max(Counter(self.groups).values()):,} of {self.rows:,})"

    @property
    def is_few(self) -> bool:
        """Whether there is so little evidence that a verdict is a first guess: few rows, few groups, or few that hold
        most of the rows."""
        return even_groups(self.groups) < FEW_ROWS


def headline(situation: Situation, confidence: Confidence, is_needed: bool) -> str:
    """`is_needed` says that nothing without a language model is as good."""
    order = words_of(situation.choice.strategy).verdict.removesuffix(".")
    if confidence == "too close to call":
        return f"Too close to call. {order} for now."
    if situation.is_few:
        return f"{order}, as a first guess."
    if situation.is_poor:
        return f"{order}, but nothing does well yet."
    return f"{order}." if is_needed else f"{order}, if it must be a language model."


def confidence_line(situation: Situation, confidence: Confidence) -> str:
    if not situation.others:
        alone = "is known to meet your limits" if situation.left_out else "was measured"
        return f"Nothing to compare: only {in_sentence(situation.choice.strategy)} {alone}."
    margin, evidence = _by_margin(situation), situation.evidence
    if confidence == "too close to call" and situation.counts_errors:
        return f"{evidence.capitalize()} cannot tell what wrong answers will cost that closely."
    if confidence == "too close to call":
        if situation.best is situation.choice:
            return f"{evidence.capitalize()} cannot tell which strategy is best."
        best, choice = in_sentence(situation.best.strategy), in_sentence(situation.choice.strategy)
        return f"{evidence.capitalize()} cannot show that {best} is {margin} than {choice}."
    few = f", from only {evidence}" if situation.is_few else ""
    limits = " that meets your limits" if situation.left_out else ""
    claim = f"nothing else{limits} is {margin}"
    if situation.cheaper:
        claim = f"it is {_near_best(situation)}, and that no {_instead_strategy(situation)}{limits} is"
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


def can_speak_of_floors(situation: Situation) -> bool:
    """Not where everything is bad, or where few rows could not tell a floor from a strategy."""
    is_bad = situation.best.score.mean < LOW_SCORE and situation.kind is not Kind.WRITING
    return not situation.is_few and not is_bad


def floor_line(situation: Situation, floor: Measurement, odds: float) -> str:
    """That no language model is needed, because something simpler is as good."""
    name, score = in_sentence(floor.strategy), score_text(floor.score.mean)
    limits = " that meets your limits" if situation.left_out else ""
    price = floor.cost.per_1000
    costs = f", at {money_text(price, floor.cost.currency)} for 1,000 answers" if price is not None else ""
    return (
        f"No language model is needed: the {name} scores {score}{costs} ({probability_text(odds)} that no "
        f"strategy{limits} is {_more_points(situation.priorities)}). {words_of(floor.strategy).explanation}"
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


def reasons(situation: Situation, limits_broken: Sequence[str]) -> tuple[str, ...]:
    """At most three sentences: the score, why not another one, which limits decided."""
    sentences = (_why_score(situation), _why_cost(situation), " ".join(limits_broken))
    return tuple(sentence for sentence in sentences if sentence)


def _why_score(situation: Situation) -> str:
    choice, best = situation.choice, situation.best
    low, high = score_text(choice.score.low), score_text(choice.score.high)
    metric = f" in {METRIC_NAMES[situation.kind]}" if situation.kind else ""
    scored = (
        f"{name_of(choice.strategy)} scored {score_text(choice.score.mean)}{metric} "
        f"({low} to {high}) on {count_text(choice.score.n, 'test row')}"
    )
    if best is choice:
        return f"{scored}; no other strategy scored higher." if situation.others else f"{scored}."
    ahead = points_text(situation.gap(best.strategy, choice.strategy).difference)
    if situation.counts_errors:
        return f"{scored}; {in_sentence(best.strategy)} scored {ahead} more."
    shown = _more_points(situation.priorities)
    return f"{scored}; {in_sentence(best.strategy)} scored {ahead} more, which does not show that it is {shown}."


def _why_cost(situation: Situation) -> str:
    choice, near_best = situation.choice, _near_best(situation)
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
        first = "simplest" if choice.strategy in STRATEGIES else "best score"
        return f"Of none that is probably {near_best} is the whole cost known, so the {first} of them is taken."
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
        f"{over(situation.priorities)} at {count_text(situation.priorities.monthly_volume, 'answer')} a month"
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
    merit = "it costs as little as any" if total == least else f"it is the simplest that may be {_near_best(situation)}"
    merit = "it costs least" if total < least else merit
    not_counted = "" if own.cost.one_off is not None else ", getting ready not counted"
    worth = f" To you, a difference of {margin_text(priorities.margin)} is worth {_margin_money(situation)}."
    return (
        f"At {money_text(priorities.wrong_answer, currency)} a wrong answer and "
        f"{count_text(priorities.monthly_volume, 'answer')} a month {merit}: about {rough_money(total, currency)} "
        f"{over(priorities)}{not_counted}, {money_text(spent, currency)} of it paid and the rest in wrong answers, "
        f"against {against}.{worth if priorities.margin else ''}"
    )


def _why_not_cheaper(situation: Situation) -> str:
    """Of what would cost less, the one that is likeliest to be as good."""
    if not situation.cheaper:
        own, *prices = (situation.totals[one.strategy] for one in (situation.choice, *situation.others))
        is_least = own is not None and all(price is not None and own < price for price in prices)
        if not is_least:
            return f"Nothing else is probably {_near_best(situation)}."
        return f"It also costs least{'' if _is_cheaper_for_sure(situation) else ', as far as the timed answers tell'}."
    rival = max(situation.cheaper, key=lambda one: situation.probabilities[one.strategy])
    odds = situation.probabilities[rival.strategy]
    name, near_best = name_of(rival.strategy), _near_best(situation)
    if odds < 0.005:
        dear = _more_points(situation.priorities, "worse")
        return f"Every {_instead_strategy(situation)} is almost surely {dear}."
    return f"{name} is {_instead(situation, rival)}, but the chance that it is {near_best} is {probability_text(odds)}."


def _is_cheaper_for_sure(situation: Situation) -> bool:
    """Whether the choice costs less than any other, whichever answers were timed. Prices that were found out elsewhere
    are as they are."""
    own = situation.choice.trial, situation.choice.cost
    chances = (
        probability_of_costing_less(own, (one.trial, one.cost), situation.priorities) for one in situation.others
    )
    return all(chance is None or chance >= (1 + LEVEL) / 2 for chance in chances)


def over(priorities: Priorities) -> str:
    return f"over {count_text(priorities.months, 'month')}"


def _by_margin(situation: Situation) -> str:
    """ "more than 2 points better"; where wrong answers have a price, by how much less it would cost."""
    if not situation.counts_errors:
        return _more_points(situation.priorities)
    more = f"more than {_margin_money(situation)} " if situation.priorities.margin else ""
    return f"{more}cheaper {over(situation.priorities)}, wrong answers counted"


def _more_points(priorities: Priorities, way: str = "better") -> str:
    """Without a margin just "better", or "worse"."""
    return f"more than {margin_text(priorities.margin)} {way}" if priorities.margin > 0 else way


def _margin_money(situation: Situation) -> str:
    """What the points that make no difference are worth in wrong answers."""
    one = situation.priorities
    return rough_money(one.margin * one.wrong_answer * one.monthly_volume * one.months, one.currency)


def _instead(situation: Situation, *rivals: Measurement) -> str:
    """Why others would be taken instead if they were as good: they cost less, or are simpler at about the same cost, or
    it is at least known what they cost."""
    own = situation.totals[situation.choice.strategy]
    prices = [situation.totals[one.strategy] for one in rivals or situation.cheaper]
    if own is None and any(price is not None for price in prices):
        return "of known cost"
    less = [price is not None and own is not None and price < own for price in prices]
    return "cheaper" if all(less) else "cheaper or simpler" if any(less) else "simpler"


def _instead_strategy(situation: Situation) -> str:
    """ "cheaper strategy", "strategy of known cost"."""
    why = _instead(situation)
    return f"strategy {why}" if why.startswith("of") else f"{why} strategy"


def _near_best(situation: Situation) -> str:
    priorities = situation.priorities
    if situation.counts_errors:
        return f"within {_margin_money(situation)} of the least cost" if priorities.margin else "the cheapest"
    return f"within {margin_text(priorities.margin)} of the best" if priorities.margin > 0 else "the best"


def _points(difference: float) -> str:
    """Points without their unit, for the ends of a range."""
    return points_text(difference).split()[0]
