"""What is said of strategies that answered only some of the test rows."""

from __future__ import annotations

from itertools import groupby

from advisor.candidates import judged
from advisor.schema import Candidate, Judgement, Report
from advisor.wording import count_text, in_sentence, list_text, margin_text


def rows_told(report: Report) -> str:
    """ "200 test rows", or "50 of 200 test rows" if the verdict was clear before the end."""
    answered = max((one.score.n for one in judged(report)), default=report.task.test)
    every = count_text(report.task.test, "test row")
    return every if answered == report.task.test or not is_settled(report) else f"{answered:,} of {every}"


def is_settled(report: Judgement) -> bool:
    """Whether all stopped because the verdict was clear."""
    return any(one.stopped is not None and one.stopped.why == "settled" for one in judged(report))


def sentences(report: Report) -> list[str]:
    """Who stopped early, after how many rows, and why; empty if all answered all rows."""
    every = count_text(report.task.test, "test row")
    clear = max((one.score.n for one in judged(report) if one.stopped and one.stopped.why == "settled"), default=None)
    beaten = [
        one
        for one in judged(report)
        if one.stopped and one.stopped.why != "settled" and (clear is None or one.score.n < clear)
    ]
    told = [
        _of_beaten([*group], rows, why, every, report)
        for (rows, why), group in groupby(sorted(beaten, key=_rows_and_why), key=_rows_and_why)
    ]
    if clear is not None:
        told.append(f"After {clear:,} of {every} the verdict was clear, so no strategy answered more.")
    return told


def _rows_and_why(one: Candidate) -> tuple[int, str]:
    return one.score.n, one.stopped.why if one.stopped else ""


def _of_beaten(group: list[Candidate], rows: int, why: str, every: str, report: Report) -> str:
    names = list_text([in_sentence(one.id) for one in group])
    stopped = f"{names[:1].upper()}{names[1:]} stopped after {rows:,} of {every}"
    if why == "limit":
        return f"{stopped}, because your limits rule {'it' if len(group) == 1 else 'them'} out."
    near = f"within {margin_text(report.priorities.margin)} of the best" if report.priorities.margin else "the best"
    return f"{stopped}: by then the probability of being {near} was under 0.5 %."
