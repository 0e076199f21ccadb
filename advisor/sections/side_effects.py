"""What training did to the model besides the task: overfitting to training rows, forgetting general knowledge."""

from __future__ import annotations

import math

from advisor.candidates import judged
from advisor.schema import AnswersChange, Candidate, Gap, KnowledgeChange, Report
from advisor.sections.blocks import Bullets, Section, small
from advisor.wording import count_text, name_of, number_text, score_text, signed_points

TITLE = "Overfitting and forgetting"
_MULTIPLE = 2.0  # of the perplexity, from which we give no percentage
_MEANING = (
    "Perplexity measures how little the model expects the next word of ordinary text. The texts and questions have "
    "nothing to do with your task. If perplexity rises and right answers get fewer, the model forgot what it knew."
)


def section(report: Report) -> Section | None:
    """None where no trained strategy was judged or nothing was measured, and for a report of an earlier version."""
    sentences = side_effects_of(report)
    if not sentences:
        return None
    measured = [one.side_effects for one in judged(report) if one.side_effects]
    note = small(_MEANING) if any(one.knowledge for one in measured) else ()
    return Section("side-effects", TITLE, sentences[0], (Bullets(tuple(sentences)), *note), _how(report))


def side_effects_of(report: Report) -> list[str]:
    """Sentences, those of the best strategy first."""
    return [sentence for one in judged(report) for sentence in _sentences(one)]


def _sentences(one: Candidate) -> list[str]:
    if not (effects := one.side_effects):
        return []
    name, knowledge = name_of(one.strategy), effects.knowledge
    return [
        *([_gap(name, effects.gap)] if effects.gap else []),
        *([_perplexity(name, knowledge), _questions(name, knowledge)] if knowledge else []),
        *([_unanswerable(name, knowledge.admitted)] if knowledge and knowledge.admitted else []),
        *([_refusals(name, knowledge.refused)] if knowledge and knowledge.refused else []),
    ]


def _gap(name: str, gap: Gap) -> str:
    seen, new = gap.seen, gap.new
    points = f"{100 * gap.difference:.1f}".replace("-", "−")  # as the two scores, rounded, may differ by another point
    ends = f"95 % CI {signed_points(gap.low)} to {signed_points(gap.high)}"
    return (
        f"{name} scores {score_text(seen.mean)} on {count_text(seen.n, 'training row')} and {score_text(new.mean)} on "
        f"{count_text(new.n, 'test row')}: a gap of {points} points ({ends})."
    )


def _perplexity(name: str, found: KnowledgeChange) -> str:
    """How the perplexity changed, as a share of what it was; from twice on, as a multiple."""
    nats = found.nats_change
    times = [math.exp(each) for each in (nats.mean, nats.low, nats.high)]
    if times[0] >= _MULTIPLE:
        mean, low, high = map(number_text, times)
        return f"{name} has {mean} times the perplexity of the base model on general text (95 % CI {low} to {high})."
    mean, low, high = (signed_points(each - 1) for each in times)
    if nats.low <= 0 <= nats.high:
        return f"{name} has about the base model's perplexity on general text (95 % CI {low} to {high} %)."
    if nats.mean > 0:
        return f"{name} has {mean} % more perplexity than the base model on general text (95 % CI {low} to {high})."
    low, high = high[1:], low[1:]
    return f"{name} has {mean[1:]} % less perplexity than the base model on general text (95 % CI {low} to {high})."


def _questions(name: str, found: KnowledgeChange) -> str:
    low, high = (round(found.questions * end) for end in (found.right_change.low, found.right_change.high))
    return (
        f"{name} answers {found.right_after} of {found.questions} general questions right, the base model "
        f"{found.right_before} (95 % CI {_ends(low, high)})."
    )


def _unanswerable(name: str, admitted: AnswersChange) -> str:
    """What it does with questions that nobody can answer."""
    asked = admitted.questions
    low, high = sorted(-round(asked * end) for end in (admitted.change.low, admitted.change.high))
    made_up, before = asked - admitted.after, asked - admitted.before
    told = f"{name} makes up an answer to {made_up:,} of {asked} questions that nobody can answer"
    if made_up == before:
        return f"{told}, as many as the base model."
    return f"{told}, the base model to {before:,} (95 % CI {_ends(low, high)})."


def _refusals(name: str, refused: AnswersChange) -> str:
    """Whether it refuses what it could answer."""
    told = f"{name} refuses {refused.after} of {refused.questions} general questions"
    if refused.after == refused.before:
        return f"{told}, as many as the base model."
    return f"{told}, the base model {refused.before}."


def _ends(low: int, high: int) -> str:
    """ "2 to 5 fewer", "3 fewer to 1 more"."""
    if low * high > 0:
        low, high = sorted((low, high), key=abs)
        return f"{abs(low):,} to {_more_or_fewer(high)}"
    return f"{_more_or_fewer(low)} to {_more_or_fewer(high)}"


def _more_or_fewer(count: int) -> str:
    return f"{abs(count):,} {'more' if count > 0 else 'fewer'}" if count else "as many"


def _how(report: Report) -> str:
    measured = [effects for one in judged(report) if (effects := one.side_effects)]
    gap = next((one.gap for one in measured if one.gap), None)
    known = next((one.knowledge for one in measured if one.knowledge), None)
    sentences = []
    if gap:
        sentences.append(
            f"Gap: 100 × (the score of {count_text(gap.seen.n, 'training row')} in probes.jsonl − that of "
            f"{count_text(gap.new.n, 'test row')}). Its CI comes from both CIs (Newcombe)."
        )
    if known:
        sentences.append(
            f"Perplexity: e to the power of the mean change in the negative log probability of a token, over "
            f"{count_text(known.texts, 'text')}. CI: Student's t. General questions: right answers after − before, of "
            f"{known.questions:,}. CI: adjusted Wald. Raw values: knowledge in trial.json, first before, then after "
            "training."
        )
    if known and known.admitted:
        sentences.append(
            "Questions that nobody can answer: those of strategies/general_knowledge.json. Replies that match no "
            "wording of eval/refusals.py are made up. CI: adjusted Wald."
        )
    return " ".join(sentences)
