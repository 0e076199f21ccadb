"""What training did beside what it was for: rows learned by heart, general knowledge lost. Figures and their words.

A report of an earlier version has none of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from advisor.candidates import judged
from advisor.measurement import gap_of
from advisor.wording import count_text, in_sentence, name_of, number_text, points_text, score_text, signed_points
from eval.outcomes import Trial
from eval.statistics import mean_change, paired_difference

SIDE_EFFECTS = "What else training did"
MULTIPLE = 2.0  # of the perplexity, from which no percentage is told
SURPRISE_MEANING = (
    "Surprise (perplexity): how little the model expects the next word of ordinary text. More of it, and fewer right "
    "answers, mean that it forgot what it knew. Texts and questions have nothing to do with your task. In brackets: "
    "95 % ranges."
)


def side_effects(trial: Trial) -> dict[str, Any] | None:
    """`gap`: the scores on rows it trained on and on test rows, and the first minus the second; `knowledge`: its
    surprise at general text in nats a token, the general questions it answers and those it refuses, and of those that
    nobody can answer how many it admits not to know, before and after. Each is None where it was not measured; None
    where nothing was."""
    found = {"gap": gap_of(trial), "knowledge": _knowledge(trial)}
    return found if any(found.values()) else None


def side_effects_of(report: dict[str, Any]) -> list[str]:
    """Sentences, those of the best strategy first; empty where no trained strategy was judged or nothing measured."""
    found = [(one["name"], one["side_effects"]) for one in judged(report) if one.get("side_effects")]
    sentences = []
    for name, effects in found:
        if gap := effects["gap"]:
            sentences.append(_gap_sentence(name, gap))
        if knowledge := effects["knowledge"]:
            sentences.append(_knowledge_sentence(name, knowledge))
            sentences += _admission_sentences(name, knowledge)
    if any(effects["knowledge"] for _, effects in found):
        sentences.append(SURPRISE_MEANING)
    return sentences


def _knowledge(trial: Trial) -> dict[str, Any] | None:
    if trial.knowledge is None:
        return None
    before, after = trial.knowledge
    surprise, right = mean_change(before.surprise, after.surprise), paired_difference(after.right, before.right)
    return {
        "texts": surprise.n,
        "nats_before": _mean(before.surprise),
        "nats_after": _mean(after.surprise),
        "nats_change": asdict(surprise),
        "perplexity_before": math.exp(_mean(before.surprise)),
        "perplexity_after": math.exp(_mean(after.surprise)),
        "questions": right.n,
        "right_before": int(sum(before.right)),
        "right_after": int(sum(after.right)),
        "right_change": asdict(right),
        "refused": _change(before.refused, after.refused),
        "admitted": _change(before.admitted, after.admitted),
    }


def _change(before: Sequence[float], after: Sequence[float]) -> dict[str, Any] | None:
    """Of how many questions it held before and after; None where they were not asked."""
    if not before or not after:
        return None
    change = asdict(paired_difference(after, before))
    return {"questions": len(before), "before": int(sum(before)), "after": int(sum(after)), "change": change}


def _gap_sentence(name: str, gap: dict[str, Any]) -> str:
    seen, new = gap["seen"], gap["new"]
    _, points = points_text(gap["difference"]).split()
    ends = f"{signed_points(gap['low'])} to {signed_points(gap['high'])}"
    return (
        f"{name_of(name)} scores {score_text(seen['mean'])} on {count_text(seen['n'], 'row')} that it trained on and "
        f"{score_text(new['mean'])} on {count_text(new['n'], 'test row')}: a gap of "
        f"{signed_points(gap['difference'])} {points} ({ends})."
    )


def _knowledge_sentence(name: str, found: dict[str, Any]) -> str:
    low, high = (round(found["questions"] * found["right_change"][end]) for end in ("low", "high"))
    return (
        f"After training, {in_sentence(name)} is {_surprise(found['nats_change'])} by general text. It answers "
        f"{found['right_after']} of {found['questions']} general questions right; before, {found['right_before']} "
        f"({_ends(low, high)})."
    )


def _admission_sentences(name: str, found: dict[str, Any]) -> list[str]:
    """What it does with questions that nobody can answer, and whether it refuses what it could; a report of an earlier
    version tells neither."""
    sentences = []
    if admitted := found.get("admitted"):
        asked = admitted["questions"]
        low, high = sorted(-round(asked * admitted["change"][end]) for end in ("low", "high"))
        made_up, before = asked - admitted["after"], asked - admitted["before"]
        compared = "as before" if made_up == before else f"before, to {before:,}"
        others = "" if made_up == asked else " To the others it says that it does not know."
        sentences.append(
            f"Of {asked} questions that nobody can answer, it makes up an answer to "
            f"{f'all {asked}' if made_up == asked else f'{made_up:,}'}; {compared} ({_ends(low, high)}).{others}"
        )
    if refused := found.get("refused"):
        before, after = (refused[when] or "none" for when in ("before", "after"))
        compared = "as before" if after == before else f"before, {before}"
        sentences.append(f"It refuses {after} of the {refused['questions']} general questions; {compared}.")
    return sentences


def _surprise(nats: dict[str, float]) -> str:
    """How the perplexity changed, as a share of what it was; from twice on, as a multiple."""
    times = {end: math.exp(nats[end]) for end in ("mean", "low", "high")}
    if times["mean"] >= MULTIPLE:
        ends = f"{number_text(times['low'])} to {number_text(times['high'])}"
        return f"{number_text(times['mean'])} times as surprised ({ends})"
    mean, low, high = (signed_points(times[end] - 1) for end in ("mean", "low", "high"))
    if nats["low"] <= 0 <= nats["high"]:
        return f"about as surprised ({low} to {high} %)"
    if nats["mean"] > 0:
        return f"{mean} % more surprised ({low} to {high} %)"
    return f"{mean[1:]} % less surprised ({high[1:]} to {low[1:]} %)"


def _ends(low: int, high: int) -> str:
    """ "2 to 5 fewer", "3 fewer to 1 more"."""
    if low * high > 0:
        low, high = sorted((low, high), key=abs)
        return f"{abs(low):,} to {_more_or_fewer(high)}"
    return f"{_more_or_fewer(low)} to {_more_or_fewer(high)}"


def _more_or_fewer(count: int) -> str:
    return f"{abs(count):,} {'more' if count > 0 else 'fewer'}" if count else "as many"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
