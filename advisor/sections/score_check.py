"""Can the score be trusted? How far apart right and corrupted answers stand."""

from __future__ import annotations

from advisor.decision.score_doubt import CORRUPTED
from advisor.schema import Report
from advisor.sections.blocks import Cell, Head, Row, Section, Table, small
from advisor.wording import count_text, score_text, share_text
from eval.scoring.check import LEAST_GAP, CorruptedScore, ScoreCheck
from eval.scoring.corruptions import Corruption

SCORE_CHECK = "Can you trust the score?"


def section(report: Report) -> Section | None:
    """None where answers are labels or fields, and in reports of earlier versions."""
    check = report.score_check
    if not check or not check.corrupted:
        return None
    right = Row("A right answer in other words", (Cell(score_text(check.right)), Cell(""), Cell(f"{check.rows:,}")))
    table = Table(
        (Head("Mean score"), Head("Reworded answer scores higher (% of rows)"), Head("Rows")),
        (right, *map(_row, check.corrupted)),
        corner="Answer",
    )
    note = (
        f"Before the run, we reworded the expected answers of {count_text(check.rows, 'training row')}. Separately, we "
        "corrupted them in each of these ways. We changed numbers, dates and names only in answers that have at most "
        "three."
    )
    advice = "A wrong fact in the right words costs little, so read answers too." if _goes_by_wording(check) else ""
    how = "The mean scores of answers made from the expected answers of training rows: score_check.json."
    return Section("score-check", SCORE_CHECK, _summary(check), (table, *small(advice, note)), how, _heading(check))


def _heading(check: ScoreCheck) -> str:
    if check.blind_to:
        return f"{SCORE_CHECK} Hardly: some wrong answers score almost as high as right ones"
    if _goes_by_wording(check):
        return f"{SCORE_CHECK} Partly: it goes by wording"
    worst = max(one.mean for one in check.corrupted)
    return f"{SCORE_CHECK} Yes: right answers score {score_text(check.right)}, wrong ones at most {score_text(worst)}"


def _summary(check: ScoreCheck) -> str:
    worst = max(check.corrupted, key=lambda one: one.mean)
    return (
        f"{_judgement(check)} Reworded right answers score {score_text(check.right)}. Of the wrong "
        f"answers, {CORRUPTED[Corruption(worst.corruption)]} scores highest: {score_text(worst.mean)} on average."
    )


def _judgement(check: ScoreCheck) -> str:
    if check.blind_to:
        return "Hardly."
    return "Partly: it goes by wording." if _goes_by_wording(check) else "Yes."


def _goes_by_wording(check: ScoreCheck) -> bool:
    """Of what such a metric need not see, some wrong answers score nearly as much as right ones."""
    return not check.blind_to and check.right - max(one.mean for one in check.corrupted) < LEAST_GAP


def _row(one: CorruptedScore) -> Row:
    cells = score_text(one.mean), share_text(one.right_is_higher), f"{one.rows:,}"
    answer = CORRUPTED[Corruption(one.corruption)]
    return Row(f"{answer[0].upper()}{answer[1:]}", tuple(map(Cell, cells)))
