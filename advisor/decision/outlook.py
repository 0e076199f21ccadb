"""What would change a recommendation, in sentences: more rows, or other priorities."""

from __future__ import annotations

from advisor.decision.sentences import Situation, over
from advisor.decision.turns import Turn
from advisor.wording import count_text, every_text, in_sentence, margin_text, money_text, rough_text, seconds_text
from eval.statistics import rows_needed

_FEWEST_PIECES = 10  # of evidence, from which it can be foreseen how much more is needed
_NEXT_TO_NOTHING = 0.001  # for a wrong answer, in the person's currency


def changes(situation: Situation) -> tuple[str, ...]:
    """The number of rows that would settle it, then for each priority the nearest value that turns the choice."""
    sentences = (_more_rows(situation), *(_turn(situation, turn) for turn in situation.turns if turn.choice))
    return tuple(sentence for sentence in sentences if sentence is not None)


def _more_rows(situation: Situation) -> str | None:
    if not situation.others or situation.pieces < _FEWEST_PIECES:
        return None
    runner_up, scores = situation.others[0], situation.scores
    margin = situation.priorities.margin
    if situation.gap(situation.choice.strategy, runner_up.strategy).low > margin:
        return None  # settled
    needed = rows_needed(scores[situation.choice.strategy], scores[runner_up.strategy], margin, situation.groups)
    if needed is None or needed <= situation.rows:
        return None
    pieces = "test rows" if situation.pieces == situation.rows else "groups of test rows"
    needed_pieces = rough_text(needed * situation.pieces / situation.rows)
    return (
        f"About {needed_pieces} {pieces} would tell the difference to {in_sentence(runner_up.strategy)} to "
        f"within {margin_text(margin)}; now there are {situation.pieces:,}."
    )


def _turn(situation: Situation, turn: Turn) -> str:
    """ "If 5.5 points made no difference to you, prompting would be taken." """
    condition = _condition(situation, turn)
    sentence = f"{condition}, {in_sentence(turn.choice or '')} would be taken"
    price, instead = situation.totals.get(turn.choice or ""), situation.totals[situation.choice.strategy]
    if turn.priority != "margin" or price is None or instead is None:
        return f"{sentence}."
    currency = situation.choice.cost.currency
    costs = f"{money_text(price, currency)} {over(situation.priorities)} instead of {money_text(instead, currency)}"
    return f"{sentence}, at {costs}."


def _condition(situation: Situation, turn: Turn) -> str:
    value, currency = turn.value or 0.0, situation.priorities.currency
    is_more = turn.is_more
    match turn.priority:
        case "margin":
            points = margin_text(value)
            return f"If {points} made no difference to you" if value else "If every difference mattered to you"
        case "monthly_volume":
            return f"{'Above' if is_more else 'Below'} about {rough_text(value)} answers a month"
        case "months":
            return f"Counted over {count_text(round(value), 'month')} or {'more' if is_more else 'fewer'}"
        case "max_seconds" if is_more:
            return f"If 95 of 100 answers might take {seconds_text(value)}"
        case "max_seconds":
            return f"If 95 of 100 answers had to come in less than {seconds_text(value)}"
        case "max_cost_per_1000" if is_more:
            return f"If 1,000 answers might cost {money_text(value, currency)}"
        case "max_cost_per_1000":
            return f"If 1,000 answers had to cost less than {money_text(value, currency)}"
        case "machine_per_hour":
            bound = "or more" if is_more else "or less"
            return f"At about {money_text(value, currency)} {bound} for an hour of the machine"
        case "wrong_answer":
            # Where one costs next to nothing, a price can only be pictured for many.
            many, wrong = (1, "a wrong answer") if value >= _NEXT_TO_NOTHING else (1000, "1,000 wrong answers")
            price = f"about {money_text(many * value, currency)}"
            return f"If {wrong} cost you {f'{price} or more' if is_more else f'less than {price}'}"
        case _:
            what = "the task" if turn.priority == "retrain_days" else "the documents"
            return f"If {what} changed {'only ' if is_more else ''}{every_text(round(value))}"
