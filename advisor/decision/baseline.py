"""Whether the best baseline, which uses no language model, does as well as the strategies, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from advisor.decision.choice import FEW_ROWS, PROBABLE, in_words
from advisor.decision.sentences import LEVEL, nothing_works
from advisor.decision.situation import Situation
from advisor.measurement import Measurement, Paired, believed, of_whole_race, paired_scores
from advisor.schema import BaselineVerdict, Claim, Confidence
from advisor.wording import (
    in_sentence,
    interval_text,
    money_text,
    points_text,
    probability_text,
    seconds_text,
)
from eval.statistics.inference import even_groups
from eval.statistics.posterior import Numbers
from eval.statistics.scored import paired_difference, score_of

# How probable it may be that a strategy is better where "as good" is strong or moderate. At .05 up to 5.3 % of the
# simulated baselines that were truly just beyond the margin were called so, at .04 up to 4.5 %.
FALSE_CLAIMS = 0.04


def judge_baselines(situation: Situation, baselines: Sequence[Measurement]) -> BaselineVerdict | None:
    """The verdict on the best of `baselines`, given from the simplest on; None where there is none to judge.

    One that answered too few of the strategies' rows to say anything is left out.
    """
    least = min(FEW_ROWS, even_groups(situation.groups))
    strategies = of_whole_race([one.trial for one in (situation.choice, *situation.others)])
    paired = {one.strategy: paired_scores([*strategies, one.trial]) for one in baselines}
    judged = [one for one in baselines if _even_pieces(paired[one.strategy]) >= least]
    if not judged:
        return None
    if situation.best.trial not in strategies:  # it stopped early: the best of those that didn't
        situation = replace(situation, best=next(one for one in situation.others if one.trial in strategies))
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
    return replace(
        situation, scores={**situation.scores, **paired.scores}, groups=paired.groups, pieces=len(set(paired.groups))
    )


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
    lead, line = _lead(situation, found), _line(situation, found)
    if lead and found.confidence == "too close to call" and (taken := _time_and_price(baseline)):
        line = f"{line} {taken}"
    return replace(found, lead=lead, line=line)


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


def _lead(situation: Situation, found: BaselineVerdict) -> str | None:
    if nothing_works(situation, found):
        return "No strategy works well yet, and a baseline scores higher." if found.claim == "better" else None
    if found.claim == "worse":
        return None
    if found.confidence == "too close to call":
        if situation.left_out:
            return "Within your limits, nothing clearly beats the best baseline."
        return "Nothing clearly beats the best baseline."
    if found.confidence == "weak" or situation.is_few:
        return "You may not need this language model."
    return "You don't need this language model."


def baseline_reason(situation: Situation, found: BaselineVerdict) -> str | None:
    """How sure it is that the baseline is as good as the strategies; None where the headline does not speak of it."""
    if found.lead is None or nothing_works(situation, found):
        return None
    strategy = "strategy within your limits" if situation.left_out else "strategy"
    better = situation.more_points()
    if found.confidence == "too close to call":
        return f"With {situation.evidence}, we can't show that any {strategy} is {better} than the best baseline."
    if found.confidence == "weak":
        return f"The best baseline is probably as good as every {strategy}, but the evidence is weak."
    probability = f"{found.confidence.capitalize()} evidence: {probability_text(found.odds)} probability"
    if found.claim == "better":
        return f"{probability} that the best baseline is {better} than every {strategy}."
    return f"{probability} that no {strategy} is {better} than the best baseline."


def _line(situation: Situation, found: BaselineVerdict) -> str:
    name, score = in_sentence(found.name), _against_best(found)
    if nothing_works(situation, found):
        return f"The best baseline ({name}) doesn't work well either: it scores {score}."
    return f"The best baseline ({name}) scores {score}."


def _time_and_price(baseline: Measurement) -> str | None:
    """What speaks for it where its score decides nothing."""
    if baseline.latency is None or baseline.cost.per_1000 is None:
        return None
    price = money_text(baseline.cost.per_1000, baseline.cost.currency)
    return f"It answers in {seconds_text(baseline.latency.p50)} (median) and costs {price} per 1,000 requests."


def _against_best(found: BaselineVerdict) -> str:
    """ "6 points higher than retrieval (95 % CI 3 to 9)"."""
    than, points = in_sentence(found.than), points_text(found.difference)
    interval = interval_text(found.difference, found.low, found.high)
    if abs(found.difference) < LEVEL:
        return f"the same as {than} ({interval_text(0, found.low, found.high)})"
    chance = ", which may be chance" if found.low <= 0 <= found.high else ""
    return f"{points} {'higher' if found.difference > 0 else 'lower'} than {than}{chance} ({interval})"
