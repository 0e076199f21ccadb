"""Does the score see what matters? How far apart right and corrupted answers stand: figures and words."""

from __future__ import annotations

from typing import NamedTuple

from advisor.decision.score_doubt import CORRUPTED
from advisor.schema import Report
from advisor.sections.blocks import Cell, Head, Row, Section, Table, Text, small
from advisor.wording import score_text, share_text
from eval.scoring.check import LEAST_GAP, CorruptedScore, ScoreCheck
from eval.scoring.corruptions import Corruption

SCORE_CHECK = "Does the score see what matters?"
HEADS = ("Answer", "Mean score", "Right answer scores higher", "Rows")


class CheckedScore(NamedTuple):
    """A sentence that says what was found, how it was measured, and a row for each kind of answer."""

    finding: str
    how: str
    rows: list[tuple[str, str, str, str]]


def _judgement(check: ScoreCheck, worst: CorruptedScore) -> str:
    if check.blind_to:
        return "Hardly."
    if check.right - worst.mean < LEAST_GAP:  # of what a metric that goes by wording need not see
        return "It goes by wording, and a wrong fact in the right words costs little: read some answers, too."
    return "Yes."


def score_check_of(report: Report) -> CheckedScore | None:
    """None where answers are labels or fields, and in reports of earlier versions."""
    check = report.score_check
    if not check or not check.corrupted:
        return None
    worst = max(check.corrupted, key=lambda one: one.mean)
    right, wrong = score_text(check.right), score_text(worst.mean)
    finding = (
        f"{_judgement(check, worst)} A right answer in other words scores {right} on average. Of the wrong ones "
        f"{CORRUPTED[Corruption(worst.corruption)]} scores highest: {wrong}."
    )
    how = (
        f"Before the run, the expected answers of {check.rows} training rows were put in other words and made wrong "
        "in each of these ways. Numbers, dates and names are changed only in answers that state at most three of them."
    )
    rows = [("a right answer in other words", right, "", f"{check.rows}")]
    for one in check.corrupted:
        called, higher = CORRUPTED[Corruption(one.corruption)], share_text(one.right_is_higher)
        rows.append((called, score_text(one.mean), higher, f"{one.rows}"))
    return CheckedScore(finding, how, rows)


def section(report: Report) -> Section | None:
    if (checked := score_check_of(report)) is None:
        return None
    rows = tuple(Row(heading, tuple(map(Cell, cells))) for heading, *cells in checked.rows)
    table = Table(tuple(map(Head, HEADS[1:])), rows, corner=HEADS[0])
    return Section("score-check", SCORE_CHECK, (Text(checked.finding, "lead"), table, *small(checked.how)))
