"""What would change a recommendation, in sentences: more rows, or other priorities."""

from __future__ import annotations

import math
from collections.abc import Sequence

from advisor.decision.choice import STRONG, VERY_FEW_ROWS, WEAK
from advisor.decision.situation import Situation, Tie
from advisor.schema import BaselineVerdict, Turn
from advisor.wording import (
    count_text,
    every_text,
    in_sentence,
    margin_text,
    money_text,
    number_text,
    rough_text,
    score_text,
    seconds_text,
)
from eval.statistics.scored import rows_needed, score_of

_SEEN = 0.01  # of a score: less is not seen in two digits
_NEXT_TO_NOTHING = 0.001  # for a wrong answer, in the person's currency
_CHANGING = {"retrain_days": "the task", "reindex_days": "the documents"}
_TIES: dict[Tie, str] = {"scores": "it would be too close to call", "costs": "costs would be about the same"}
_EVERY_DIFFERENCE = "If every difference mattered to you"


def changes(situation: Situation, baseline: BaselineVerdict | None) -> tuple[str, ...]:
    """The number of rows that would settle it, then for each priority the nearest value that turns the choice, unless
    it turns to a strategy that a baseline beats."""
    turns = [
        turn
        for turn in situation.turns
        if turn.choice and not _is_beaten(situation, turn.choice, baseline) and not _is_next_to_nothing(turn)
    ]
    sentences = (
        _more_rows(situation, rows_that_would_tell(situation)),
        *(_turn(situation, turn) for turn in turns),
        _simplest([situation.ties[turn.priority] for turn in turns if turn.priority in situation.ties]),
    )
    return tuple(sentence for sentence in sentences if sentence is not None)


def _is_next_to_nothing(turn: Turn) -> bool:
    """Whether it holds only for prices of a wrong answer so low that nobody has them."""
    most = max(turn.value or 0.0, turn.until or 0.0)
    return turn.priority == "wrong_answer" and not turn.is_more and not turn.now and most < _NEXT_TO_NOTHING


def _simplest(ties: Sequence[Tie]) -> str | None:
    if not ties:
        return None
    if "costs" not in ties:
        return "When it is too close to call, we choose the simplest strategy that may be near the best."
    if "scores" not in ties:
        return "Of strategies that cost about the same, we choose the simplest."
    return "When it is too close to call, or costs are about the same, we choose the simplest strategy."


def _is_beaten(situation: Situation, name: str, baseline: BaselineVerdict | None) -> bool:
    """Whether nobody would take this strategy, since the baseline that the headline prefers scores clearly more."""
    if baseline is None or baseline.claim != "better" or name not in situation.scores:
        return False
    return score_of(situation.scores[name]) < baseline.score - max(situation.priorities.margin, _SEEN)


def rows_that_would_tell(situation: Situation) -> int | None:
    """So many test rows, now's among them, would measure the difference from the runner-up to within the margin; None
    where it is settled, or too little is known to say."""
    if not situation.others or situation.pieces < VERY_FEW_ROWS:
        return None
    choice, runner_up = situation.choice.strategy, situation.others[0].strategy
    margin = situation.priorities.margin
    is_strong = situation.odds >= STRONG and not situation.is_few
    if is_strong or situation.gap(choice, runner_up).low > margin:
        return None  # settled
    paired = situation.pair(choice, runner_up)
    needed = rows_needed(paired.scores[choice], paired.scores[runner_up], margin, paired.groups)
    return needed if needed is not None and needed > situation.rows else None


def _more_rows(situation: Situation, needed: int | None) -> str | None:
    if needed is None:
        return _why_no_rows(situation)
    pieces = "test rows" if situation.pieces == situation.rows else "groups of test rows"
    needed_pieces = rough_text(needed * situation.pieces / situation.rows)
    runner_up, margin = in_sentence(situation.others[0].strategy), margin_text(situation.priorities.margin)
    return (
        f"With about {needed_pieces} {pieces}, the difference from {runner_up} would be known to within {margin}. You "
        f"have {situation.pieces:,} now."
    )


def _why_no_rows(situation: Situation) -> str | None:
    """Where it is too close to call, though everything was measured closely enough, or nothing ever would be."""
    if situation.odds >= WEAK or situation.pieces < VERY_FEW_ROWS or situation.counts_errors:
        return None
    margin, runner_up = situation.priorities.margin, situation.others[0].strategy
    if not margin:
        return "No number of rows can show that two strategies score the same. Say which difference doesn't matter."
    gap = situation.gap(situation.choice.strategy, runner_up)
    if not gap.low <= math.copysign(margin, gap.difference) <= gap.high:
        return None
    return (
        f"The difference from {in_sentence(runner_up)} is close to the {margin_text(margin)} that don't matter to you. "
        "More rows would hardly help, and either strategy will do."
    )


def _turn(situation: Situation, turn: Turn) -> str:
    """ "If 5.5 points made no difference to you, we would choose prompting. It scores .80." """
    name, own = turn.choice or "", situation.choice.score.mean
    score = score_of(situation.scores[name]) if name in situation.scores else own
    is_less = score < own - max(situation.priorities.margin, _SEEN)
    close = f"{_TIES[situation.ties[turn.priority]]}, and " if turn.priority in situation.ties else ""
    sentence = f"{_condition(situation, turn)}, {close}we would choose {in_sentence(name)}."
    price, instead = situation.totals.get(name), situation.totals[situation.choice.strategy]
    if turn.priority != "margin" or price is None or instead is None:
        return f"{sentence} It scores {score_text(score)}." if is_less else sentence
    currency = situation.choice.cost.currency
    costs = f"costs {money_text(price, currency)} {situation.over_at_volume} instead of {money_text(instead, currency)}"
    return f"{sentence} It scores {score_text(score)} and {costs}." if is_less else f"{sentence} It {costs}."


def _condition(situation: Situation, turn: Turn) -> str:
    """Of one value and all beyond, or of those between two."""
    if turn.until is not None:
        return _condition_between(situation, turn, *sorted((turn.value or 0.0, turn.until)))
    value, currency = turn.value or 0.0, situation.priorities.currency
    is_more = turn.is_more
    match turn.priority:
        case "margin":
            only = "" if is_more else "only "
            return f"If {only}{margin_text(value)} made no difference to you" if value else _EVERY_DIFFERENCE
        case "monthly_volume":
            return f"{'Above' if is_more else 'Below'} about {rough_text(value)} requests a month"
        case "months":
            return f"Over {count_text(round(value), 'month')} or {'more' if is_more else 'less'}"
        case "max_seconds" if is_more:
            return f"If you allowed a 95th percentile latency of {seconds_text(value)}"
        case "max_seconds":
            return f"If the 95th percentile latency had to be below {seconds_text(value)}"
        case "max_cost_per_1000" if is_more:
            return f"If you allowed a cost of {money_text(value, currency)} per 1,000 requests"
        case "max_cost_per_1000":
            return f"If 1,000 requests had to cost less than {money_text(value, currency)}"
        case "machine_per_hour":
            return f"If the machine cost about {money_text(value, currency)} an hour or {'more' if is_more else 'less'}"
        case "wrong_answer":
            many, wrong = _many_wrong(value)
            price = f"about {money_text(many * value, currency)}"
            if not is_more and not turn.now:
                return f"If {wrong} cost you something, but less than {price}"
            return f"If {wrong} cost you {f'{price} or more' if is_more else f'less than {price}'}"
        case _:
            return f"If {_CHANGING[turn.priority]} changed {'only ' if is_more else ''}{every_text(round(value))}"


def _condition_between(situation: Situation, turn: Turn, low: float, high: float) -> str:
    currency = situation.priorities.currency
    match turn.priority:
        case "margin" if low == high:
            return f"If exactly {margin_text(high)} made no difference to you" if high else _EVERY_DIFFERENCE
        case "margin":
            return f"If {number_text(100 * low)} to {margin_text(high)} made no difference to you"
        case "monthly_volume":
            return f"At about {rough_text(low)} to {rough_text(high)} requests a month"
        case "months":
            return f"Over {round(low)} to {count_text(round(high), 'month')}"
        case "max_seconds":
            return f"With a latency limit {_limit(seconds_text(low), seconds_text(high))} (95th percentile)"
        case "max_cost_per_1000":
            cheap, dear = money_text(low, currency), money_text(high, currency)
            return f"With a cost limit {_limit(cheap, dear)} per 1,000 requests"
        case "machine_per_hour":
            cheap, dear = money_text(low, currency), money_text(high, currency)
            return f"If the machine cost about {_span(cheap, dear)} an hour"
        case "wrong_answer":
            many, wrong = _many_wrong(high)
            cheap, dear = money_text(many * low, currency), money_text(many * high, currency)
            return f"If {wrong} cost you about {_span(cheap, dear)}"
        case _ if round(low) == round(high):
            return f"If {_CHANGING[turn.priority]} changed {every_text(round(low))}"
        case _:
            return f"If {_CHANGING[turn.priority]} changed every {round(low):,} to {count_text(round(high), 'day')}"


def _many_wrong(price: float) -> tuple[int, str]:
    """Where a wrong answer costs next to nothing, a price can only be pictured for many."""
    return (1, "a wrong answer") if price >= _NEXT_TO_NOTHING else (1000, "1,000 wrong answers")


def _limit(low: str, high: str) -> str:
    """Of limits: at the higher one something else comes in."""
    return f"of just under {high}" if low == high else f"from {low} to just under {high}"


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
