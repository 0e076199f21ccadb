"""What a person's own marks on answers say about the score. A report without marks has none of it."""

from __future__ import annotations

from advisor.schema import Marked, MarkedOf, Noted, Report
from advisor.sections.blocks import Block, Cell, Folded, Head, Row, Section, Table, Text, small
from advisor.wording import count_text, name_of, score_text

TITLE = "Your marks"
_HOW = "Your marks with the scores of the answers: marks.csv."
_NOTE = (
    "You chose which answers to mark, so these counts don't carry over to all test rows. They don't change the score. "
    "The same answer to the same input counts once."
)


def section(report: Report) -> Section | None:
    marked = report.marked
    if marked is None:
        return None
    said = meaning(marked)
    blocks = (*([Text(said)] if said else []), *details(marked))
    return Section("own-marks", TITLE, counted(marked), blocks, _HOW)


def details(marked: Marked) -> tuple[Block, ...]:
    """The marks by strategy, and the notes."""
    rows = tuple(Row(one.input, _note_cells(one)) for one in marked.notes)
    notes = Table((Head("Answer"), Head("Your mark"), Head("Your note")), rows, corner="Input")
    folded = [Folded(f"Your notes ({len(rows):,})", (notes,))] if rows else []
    return (_table(marked), *small(_NOTE), *folded)


def _note_cells(one: Noted) -> tuple[Cell, ...]:
    return (Cell(one.answer or "(nothing)"), Cell("right" if one.is_right else "wrong"), Cell(one.note))


def counted(marked: Marked) -> str:
    """How many answers are marked, and on how many of them the score says the same."""
    answers = count_text(marked.right + marked.wrong, "answer")
    if not _is_judged(marked):
        return f"You marked {answers}: {marked.right:,} right and {marked.wrong:,} wrong."
    if marked.agreed == marked.right + marked.wrong:
        return f"You marked {answers}: you agree with the score on {'it' if marked.agreed == 1 else 'all of them'}."
    return f"You marked {answers}: you agree with the score on {marked.agreed:,}."


def meaning(marked: Marked) -> str | None:
    """What disagreement means for the figures of the report; None if there is none."""
    if not _is_judged(marked):
        return _by_scores(marked)
    kind, strict = marked.too_kind, marked.too_strict
    if kind and strict:
        return (
            f"You marked {count_text(kind, 'answer')} wrong that the score counts as right, and {strict:,} right that "
            "it counts as wrong, so the score errs both ways on these answers."
        )
    if kind:
        return (
            f"You marked {count_text(kind, 'answer')} wrong that the score counts as right, so the scores in this "
            "report may be too high."
        )
    if strict:
        return (
            f"You marked {count_text(strict, 'answer')} right that the score counts as wrong, so the scores in this "
            "report may be too low: check whether your data lists every right answer."
        )
    return None


def _is_judged(marked: Marked) -> bool:
    return bool(marked.agreed or marked.too_kind or marked.too_strict)


def _by_scores(marked: Marked) -> str | None:
    """Where the score doesn't say right or wrong, whether it is higher for what the person finds right."""
    right, wrong = marked.right_score, marked.wrong_score
    if right is None or wrong is None:
        return None
    if right > wrong:
        return (
            f"The answers you marked right score {score_text(right)} on average, those you marked wrong "
            f"{score_text(wrong)}."
        )
    return (
        f"The answers you marked wrong score {score_text(wrong)} on average, and those you marked right only "
        f"{score_text(right)}, so the score doesn't see what you see in them."
        if right < wrong
        else f"The answers you marked right and those you marked wrong both score {score_text(right)} on average, so "
        "the score can't tell them apart."
    )


def _table(marked: Marked) -> Table:
    is_judged = any(one.right_by_score is not None for one in marked.by_strategy)
    heads = ("Right by your marks", *(["Right by the score"] if is_judged else []), "Mean score of the same answers")
    rows = tuple(Row(name_of(one.strategy), _cells(one, is_judged)) for one in marked.by_strategy)
    return Table(tuple(map(Head, heads)), rows, corner="Strategy")


def _cells(one: MarkedOf, is_judged: bool) -> tuple[Cell, ...]:
    of = one.right + one.wrong
    by_score = Cell("–" if one.right_by_score is None else f"{one.right_by_score:,} of {of:,}")
    return (Cell(f"{one.right:,} of {of:,}"), *([by_score] if is_judged else []), Cell(score_text(one.score)))
