"""What training did beside what it was for: rows learned by heart, general knowledge lost. Figures and their words.

A report of an earlier version has none of it.
"""

from __future__ import annotations

import math

from advisor.candidates import judged
from advisor.schema import Gap, KnowledgeChange, Report
from advisor.sections.blocks import Bullets, Section
from advisor.wording import count_text, in_sentence, name_of, number_text, points_text, score_text, signed_points
from eval.statistics import Interval

SIDE_EFFECTS = "What else training did"
MULTIPLE = 2.0  # of the perplexity, from which no percentage is told
SURPRISE_MEANING = (
    "Surprise (perplexity): how little the model expects the next word of ordinary text. More of it, and fewer right "
    "answers, mean that it forgot what it knew. Texts and questions have nothing to do with your task. In brackets: "
    "95 % ranges."
)


def side_effects_of(report: Report) -> list[str]:
    """Sentences, those of the best strategy first; empty where no trained strategy was judged or nothing measured."""
    found = [(one.id, one.side_effects) for one in judged(report) if one.side_effects]
    sentences = []
    for name, effects in found:
        if gap := effects.gap:
            sentences.append(_gap_sentence(name, gap))
        if knowledge := effects.knowledge:
            sentences.append(_knowledge_sentence(name, knowledge))
            sentences += _admission_sentences(name, knowledge)
    if any(effects.knowledge for _, effects in found):
        sentences.append(SURPRISE_MEANING)
    return sentences


def _gap_sentence(name: str, gap: Gap) -> str:
    seen, new = gap.seen, gap.new
    _, points = points_text(gap.difference).split()
    ends = f"{signed_points(gap.low)} to {signed_points(gap.high)}"
    return (
        f"{name_of(name)} scores {score_text(seen.mean)} on {count_text(seen.n, 'row')} that it trained on and "
        f"{score_text(new.mean)} on {count_text(new.n, 'test row')}: a gap of "
        f"{signed_points(gap.difference)} {points} ({ends})."
    )


def _knowledge_sentence(name: str, found: KnowledgeChange) -> str:
    low, high = (round(found.questions * end) for end in (found.right_change.low, found.right_change.high))
    return (
        f"After training, {in_sentence(name)} is {_surprise(found.nats_change)} by general text. It answers "
        f"{found.right_after} of {found.questions} general questions right; before, {found.right_before} "
        f"({_ends(low, high)})."
    )


def _admission_sentences(name: str, found: KnowledgeChange) -> list[str]:
    """What it does with questions that nobody can answer, and whether it refuses what it could; a report of an earlier
    version tells neither."""
    sentences = []
    if admitted := found.admitted:
        asked = admitted.questions
        low, high = sorted(-round(asked * end) for end in (admitted.change.low, admitted.change.high))
        made_up, before = asked - admitted.after, asked - admitted.before
        compared = "as before" if made_up == before else f"before, to {before:,}"
        others = "" if made_up == asked else " To the others it says that it does not know."
        sentences.append(
            f"Of {asked} questions that nobody can answer, it makes up an answer to "
            f"{f'all {asked}' if made_up == asked else f'{made_up:,}'}; {compared} ({_ends(low, high)}).{others}"
        )
    if refused := found.refused:
        compared = "as before" if refused.after == refused.before else f"before, {refused.before or 'none'}"
        sentences.append(
            f"It refuses {refused.after or 'none'} of the {refused.questions} general questions; {compared}."
        )
    return sentences


def _surprise(nats: Interval) -> str:
    """How the perplexity changed, as a share of what it was; from twice on, as a multiple."""
    times = [math.exp(each) for each in (nats.mean, nats.low, nats.high)]
    if times[0] >= MULTIPLE:
        mean, low, high = map(number_text, times)
        return f"{mean} times as surprised ({low} to {high})"
    mean, low, high = (signed_points(each - 1) for each in times)
    if nats.low <= 0 <= nats.high:
        return f"about as surprised ({low} to {high} %)"
    if nats.mean > 0:
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


def section(report: Report) -> Section | None:
    sentences = side_effects_of(report)
    return Section("side-effects", SIDE_EFFECTS, (Bullets(tuple(sentences)),)) if sentences else None
