"""What training did to the model besides the task: overfitting to training rows, forgetting general knowledge."""

from __future__ import annotations

import math
from collections.abc import Sequence

from advisor.candidates import judged
from advisor.schema import AnswersChange, Candidate, Gap, KnowledgeChange, Report
from advisor.sections.blocks import Bullets, Cell, Row, Section, Table, of_strategies, small
from advisor.wording import count_text, in_sentence, name_of, number_text, points_text, score_text, signed_points

TITLE = "Forgetting and overfitting"
_MULTIPLE = 2.0  # of the perplexity, from which we give no percentage
_MEANING = (
    "Perplexity measures how badly the model predicts the next word of ordinary text. The texts and questions have "
    "nothing to do with your task. If perplexity rises and fewer answers are right, the model forgot what it knew."
)


def section(report: Report) -> Section | None:
    """None where no trained strategy was judged or nothing was measured, and for a report of an earlier version."""
    measured = [one for one in judged(report) if one.side_effects]
    told = tuple(sentences(measured[0])) if measured else ()
    if not told:
        return None
    table = (_table(measured),) if len(measured) > 1 else ()
    note = small(_MEANING) if any(one.side_effects and one.side_effects.knowledge for one in measured) else ()
    summary = _all_forgot(measured) or told[0]
    blocks = (Bullets(told), *table, *note)
    return Section("side-effects", TITLE, summary, blocks, _how(report), _heading(measured))


def _heading(measured: Sequence[Candidate]) -> str:
    """Of the best trained strategy: what it surely forgot, else whether it overfits."""
    best = measured[0]
    known, gap = (best.side_effects.knowledge, best.side_effects.gap) if best.side_effects else (None, None)
    name = in_sentence(best.id)
    if known and known.right_change.high < 0:
        before, after = f"{known.right_before}", f"{known.right_after} of {known.questions}"
        return f"{TITLE}: {name} answers {after} general questions right, before training {before}"
    if gap and gap.low > 0:
        return f"{TITLE}: {name} scores {points_text(gap.difference)} more on rows it was trained on"
    return f"{TITLE}: no sure sign of either with {name}" if known and gap else f"{TITLE}: no sure sign with {name}"


def _all_forgot(measured: Sequence[Candidate]) -> str | None:
    """One sentence for several trained models that all surely answer fewer general questions."""
    known = [one.side_effects.knowledge for one in measured if one.side_effects and one.side_effects.knowledge]
    if len(known) < 2 or len(known) < len(measured) or any(each.right_change.high >= 0 for each in known):
        return None
    least, most = (find(each.right_after for each in known) for find in (min, max))
    after = f"{least}" if least == most else f"{least} to {most}"
    every = "Both" if len(known) == 2 else f"All {len(known)}"
    return (
        f"{every} trained models forgot: they answer {after} of {known[0].questions} general questions "
        f"correctly; the base model answers {known[0].right_before}."
    )


def _table(measured: Sequence[Candidate]) -> Table:
    """Of several strategies, what the sentences say of the best of them."""
    every = [one.side_effects for one in measured if one.side_effects]
    gaps, known = [one.gap for one in every], [one.knowledge for one in every]
    rows = (
        Row("General questions right", tuple(map(_right_cell, known)), "Before training → after, with the change."),
        Row("Perplexity on general text", tuple(map(_perplexity_cell, known)), "× that of the base model."),
        Row("Made-up answers", tuple(map(_made_up_cell, known)), "To questions nobody can answer, before → after."),
        Row("Refusals", tuple(map(_refused_cell, known)), "Of general questions, before → after."),
        Row("Score on training rows", tuple(Cell(score_text(gap.seen.mean) if gap else "–") for gap in gaps)),
        Row("Score on test rows", tuple(Cell(score_text(gap.new.mean) if gap else "–") for gap in gaps)),
        Row("Gap in points", tuple(_gap_cell(gap) for gap in gaps)),
    )
    shown = tuple(row for row in rows if any(cell.text != "–" for cell in row.cells))
    return Table(of_strategies([one.id for one in measured], name_of), shown)


def _gap_cell(gap: Gap | None) -> Cell:
    if gap is None:
        return Cell("–")
    return Cell(_one_decimal(gap.difference), f"{signed_points(gap.low)} to {signed_points(gap.high)}")


def _perplexity_cell(found: KnowledgeChange | None) -> Cell:
    if found is None:
        return Cell("–")
    nats = found.nats_change
    mean, low, high = (f"{math.exp(each):.2f}" for each in (nats.mean, nats.low, nats.high))
    return Cell(mean, f"{low} to {high}")


def _right_cell(found: KnowledgeChange | None) -> Cell:
    if found is None:
        return Cell("–")
    return Cell(f"{found.right_before} → {found.right_after} of {found.questions}", _right_change(found))


def _made_up_cell(found: KnowledgeChange | None) -> Cell:
    if found is None or found.admitted is None:
        return Cell("–")
    asked = found.admitted.questions
    return Cell(f"{asked - found.admitted.before} → {asked - found.admitted.after} of {asked}")


def _refused_cell(found: KnowledgeChange | None) -> Cell:
    if found is None or found.refused is None:
        return Cell("–")
    return Cell(f"{found.refused.before} → {found.refused.after} of {found.refused.questions}")


def _one_decimal(difference: float) -> str:
    """Points, since two scores that are rounded may seem to differ by another point."""
    return f"{100 * difference:.1f}".replace("-", "−")


def sentences(one: Candidate) -> list[str]:
    """What was measured of one trained strategy."""
    if not (effects := one.side_effects):
        return []
    name, knowledge = name_of(one.id), effects.knowledge
    return [
        *([_questions(name, knowledge), _perplexity(name, knowledge)] if knowledge else []),
        *([_unanswerable(name, knowledge.admitted)] if knowledge and knowledge.admitted else []),
        *([_refusals(name, knowledge.refused)] if knowledge and knowledge.refused else []),
        *([_gap(name, effects.gap)] if effects.gap else []),
    ]


def _gap(name: str, gap: Gap) -> str:
    seen, new = gap.seen, gap.new
    ends = f"95 % CI {signed_points(gap.low)} to {signed_points(gap.high)}"
    return (
        f"{name} scores {score_text(seen.mean)} on {count_text(seen.n, 'training row')} and {score_text(new.mean)} on "
        f"{count_text(new.n, 'test row')}: a gap of {_one_decimal(gap.difference)} points ({ends})."
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
        return f"{name} has {mean} % higher perplexity than the base model on general text (95 % CI {low} to {high})."
    low, high = high[1:], low[1:]
    return f"{name} has {mean[1:]} % lower perplexity than the base model on general text (95 % CI {low} to {high})."


def _questions(name: str, found: KnowledgeChange) -> str:
    return (
        f"{name} answers {found.right_after} of {found.questions} general questions correctly; the base model answers "
        f"{found.right_before} ({_right_change(found)})."
    )


def _unanswerable(name: str, admitted: AnswersChange) -> str:
    """What it does with questions that nobody can answer."""
    asked = admitted.questions
    told = f"{name} declines {admitted.after:,} of {asked} questions that nobody can answer"
    if admitted.after == admitted.before:
        return f"{told}, as many as the base model."
    change = _change(asked, admitted.change.difference, admitted.change.low, admitted.change.high)
    return f"{told}; the base model declines {admitted.before:,} ({change})."


def _refusals(name: str, refused: AnswersChange) -> str:
    """Whether it refuses what it could answer."""
    told = f"{name} refuses {refused.after} of {refused.questions} general questions"
    if refused.after == refused.before:
        return f"{told}, as many as the base model."
    return f"{told}, the base model {refused.before}."


def _right_change(found: KnowledgeChange) -> str:
    change = found.right_change
    return _change(found.questions, change.difference, change.low, change.high)


def _change(questions: int, *change: float) -> str:
    """The mean and the ends of a change, in questions: "change −18, 95 % CI −24 to −10"."""
    mean, low, high = (f"{round(questions * each):,}".replace("-", "−") for each in change)
    return f"change {mean}, 95 % CI {low} to {high}"


def _how(report: Report) -> str:
    measured = [effects for one in judged(report) if (effects := one.side_effects)]
    gap = next((one.gap for one in measured if one.gap), None)
    known = next((one.knowledge for one in measured if one.knowledge), None)
    sentences = []
    if known:
        sentences.append(
            f"General questions: right answers after − before, of {known.questions:,}. CI: adjusted Wald. Perplexity: "
            "e to the power of the mean change in the negative log probability of a token, over "
            f"{count_text(known.texts, 'text')}. CI: Student's t. Raw values: knowledge in trial.json, before and "
            "after training."
        )
    if known and known.admitted:
        sentences.append(
            "Questions that nobody can answer: those of strategies/general_knowledge.json. Replies that match no "
            "wording of eval/failures/refusals.py are made up. CI: adjusted Wald."
        )
    if gap:
        sentences.append(
            f"Gap: 100 × (the score of {count_text(gap.seen.n, 'training row')} in probes.jsonl − that of "
            f"{count_text(gap.new.n, 'test row')}). Its CI comes from both CIs (Newcombe)."
        )
    return " ".join(sentences)
