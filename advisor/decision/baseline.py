"""Whether the best baseline, which uses no language model, does as well as the strategies, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from advisor.decision.choice import FEW_ROWS, PROBABLE, in_words
from advisor.decision.situation import LOW_SCORE, Situation
from advisor.measurement import Measurement, Paired, believed, paired_scores
from advisor.schema import BaselineVerdict, Claim, Confidence
from advisor.wording import as_subject, in_sentence, money_text, points_text, probability_text
from eval.costs import Cost
from eval.posterior import Numbers
from eval.scored import paired_difference, score_of
from eval.statistics import even_groups

# How probable it may be that a strategy is better where "as good" is strong or moderate. At .05 up to 5.3 % of the
# simulated baselines that were truly just beyond the margin were called so, at .04 up to 4.5 %.
FALSE_CLAIMS = 0.04
_LEVEL = 0.0005  # a difference that rounds to no tenth of a point


def judge_baselines(situation: Situation, baselines: Sequence[Measurement]) -> BaselineVerdict | None:
    """The verdict on the best of `baselines`, given from the simplest on; None where there is none to judge.

    One that answered too few of the strategies' rows to say anything is left out.
    """
    least = min(FEW_ROWS, even_groups(situation.groups))
    strategies = [one.trial for one in (situation.choice, *situation.others)]
    paired = {one.strategy: paired_scores([*strategies, one.trial]) for one in baselines}
    judged = [one for one in baselines if _even_pieces(paired[one.strategy]) >= least]
    if not judged:
        return None
    than = situation.best.strategy

    def lead_over_best(one: Measurement) -> float:
        scores = paired[one.strategy].scores
        return score_of(scores[one.strategy]) - score_of(scores[than])

    best = max(judged, key=lead_over_best)
    return _judge(_on_rows_of(situation, paired[best.strategy]), best, paired[best.strategy], len(judged))


def _even_pieces(paired: Paired) -> float:
    return even_groups(paired.groups) if paired.rows else 0.0


def _on_rows_of(situation: Situation, paired: Paired) -> Situation:
    """A baseline of another program may lack some rows; what is said of it counts those that it has."""
    return replace(situation, scores=paired.scores, groups=paired.groups, pieces=len(set(paired.groups)))


def _judge(situation: Situation, baseline: Measurement, paired: Paired, compared: int) -> BaselineVerdict:
    """The best of so many baselines that were `compared`."""
    name, than = baseline.strategy, situation.best.strategy
    ahead = believed([one.trial for one in (situation.choice, *situation.others, baseline)]).ahead_of(name)
    claim, odds, confidence = claim_of(ahead, situation.priorities.margin, even_groups(paired.groups), compared)
    gap = paired_difference(paired.scores[name], paired.scores[than], paired.groups)
    found = BaselineVerdict(
        name,
        score_of(paired.scores[name]),
        than,
        gap.difference,
        gap.low,
        gap.high,
        claim,
        odds,
        confidence,
        lead=None,
        line="",
    )
    return replace(found, lead=_lead(situation, found), line=_line(situation, found, baseline.cost))


def claim_of(ahead: Numbers, margin: float, rows: float, compared: int) -> tuple[Claim, float, Confidence]:
    """What is claimed of a baseline, with its odds and the word for them.

    `ahead` holds draws of how far each strategy scores above it, [draws, strategies], from so many test rows; so many
    baselines were `compared`. To give up the language model takes more than to prefer one strategy to another: each
    strategy alone may be better by more than the margin with `FALSE_CLAIMS`, shared among the baselines (Bonferroni)
    because the best of them was picked by its score.
    """
    not_behind = ahead <= margin
    as_good, better = float(not_behind.all(axis=1).mean()), float((ahead < -margin).all(axis=1).mean())
    if as_good <= 1 - PROBABLE:
        return "worse", 1 - as_good, in_words(1 - as_good, rows)
    word = in_words(as_good, rows)
    if word not in ("strong", "moderate"):
        return "as good", as_good, word
    if float(not_behind.mean(axis=0).min()) < 1 - FALSE_CLAIMS / compared:
        return "as good", as_good, "weak"
    if better >= PROBABLE:
        return "better", better, in_words(better, rows)
    return "as good", as_good, word


def _is_useless(situation: Situation, found: BaselineVerdict) -> bool:
    """Whether neither a strategy nor the baseline is right more often than wrong."""
    return situation.is_poor and found.score < LOW_SCORE


def _lead(situation: Situation, found: BaselineVerdict) -> str | None:
    subject = as_subject(found.name)
    if _is_useless(situation, found):
        return f"No strategy works well yet, and {subject} does better." if found.claim == "better" else None
    if found.claim == "worse":
        return None
    if found.confidence == "too close to call":
        limits = " within your limits" if situation.left_out else ""
        shown = f"that a language model{limits} is {situation.more_points()} than {subject}"
        return f"Too close to call: {situation.evidence} cannot show {shown}."
    few = f", from only {situation.evidence}" if situation.is_few else ""
    if found.confidence == "weak":
        return f"You may need no language model: {subject} is probably as good{few}."
    need = "may need" if situation.is_few else "need"
    if found.claim == "better":
        return f"You {need} no language model: {subject} scores {points_text(found.difference)} higher{few}."
    return f"You {need} no language model: {subject} is as good{few}."


def _line(situation: Situation, found: BaselineVerdict, cost: Cost) -> str:
    subject, scores = as_subject(found.name), f"scores {_beside_best(found)}"
    if found.claim == "worse":
        return f"The best baseline, {subject}, {scores}."
    if _is_useless(situation, found):
        return f"The best baseline, {subject}, {scores}: it does not work well either."
    few = f", from only {situation.evidence}" if situation.is_few else ""
    if found.confidence == "too close to call":
        return f"Too close to call: {subject} {scores}{few}."
    if found.confidence == "weak":
        return f"Weak: {subject} {scores}{few}, so you may need no language model."
    need = "may need" if situation.is_few else "need"
    limits = " that meets your limits" if situation.left_out else ""
    claimed = f"no strategy{limits} is {situation.more_points()}"
    if found.claim == "better":
        claimed = f"it is {situation.more_points()} than every strategy{limits}"
    price = f" It costs {money_text(cost.per_1000, cost.currency)} for 1,000 answers." if cost.per_1000 else ""
    return (
        f"{subject[0].upper()}{subject[1:]} {scores}: you {need} no language model. "
        f"{found.confidence.capitalize()}: {probability_text(found.odds)} that {claimed}{few}.{price}"
    )


def _beside_best(found: BaselineVerdict) -> str:
    """ "6 points higher than retrieval (95 % CI 3 to 9)"."""
    than, low, high = in_sentence(found.than), found.low, found.high
    if abs(found.difference) < _LEVEL:
        return f"the same as {than} (95 % CI {points_text(low)} lower to {_points(high)} higher)"
    side, other_side = ("higher", "lower") if found.difference > 0 else ("lower", "higher")
    near_end, far_end = (low, high) if found.difference > 0 else (-high, -low)
    ends = f"{_points(near_end)} to {_points(far_end)}"
    if near_end < 0:
        ends = f"{_points(near_end)} {other_side} to {_points(far_end)} {side}"
    return f"{points_text(found.difference)} {side} than {than} (95 % CI {ends})"


def _points(difference: float) -> str:
    """Points without their unit, for the ends of a range."""
    return points_text(difference).split()[0]
