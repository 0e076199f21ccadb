"""What more training rows would bring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from advisor import charts
from advisor.decision.choice import PROBABLE
from advisor.report.learned import at_all_rows, drawn, met, off_by, undrawn
from advisor.schema import Ahead, Curve, CurvePoint, NoCurve, Report
from advisor.sections import computation
from advisor.sections.blocks import Block, Bullets, Cell, Chart, Head, Row, Section, Table, small
from advisor.wording import (
    count_text,
    in_sentence,
    list_text,
    margin_text,
    name_of,
    number_text,
    points_text,
    probability_text,
    score_text,
    signed_points,
)
from eval.statistics.learning_curve import DRAWS as LINES
from eval.statistics.learning_curve import MOST_TIMES
from strategies.registry import LEARNS_FROM_NO_ROWS

TITLE = "Learning curve"
_FAR_OFF = 0.015  # of a curve from what was measured: a table in two digits shows it
_LEAST_GAIN = 0.01  # what counts as a gain for somebody to whom every difference matters


def section(report: Report) -> Section | None:
    """None for a report of an earlier version, and where there is none: why, is said in `not_measured`."""
    if not report.curves:
        return None
    curves = sorted(drawn(report), key=lambda one: -one.gain.mean)
    gains = [_gain(one, report) for one in curves] if any(_can_gain(one, report) for one in curves) else []
    doubts = [_doubt(one) for one in curves if off_by(one, report)]
    failed = [f"{name_of(one.id)} has no learning curve: {one.reason}" for one in undrawn(report)]
    sentences = (*gains, *_passing(report), *_nobody_passing(report), *doubts, *failed)
    chart = Chart(_reading(report), partial(charts.curve_chart, report))
    blocks: tuple[Block, ...] = (chart, Bullets(sentences), _table(report), *small(_method(report)))
    return Section("learning-curve", TITLE, _answer(curves, report), blocks, _how(report), _heading(curves, report))


def _heading(curves: Sequence[Curve], report: Report) -> str:
    gaining = [in_sentence(one.id) for one in curves if one.gain.low >= _least(report)]
    open_to = [in_sentence(one.id) for one in curves if _can_gain(one, report)]
    if not any(one.strategy not in LEARNS_FROM_NO_ROWS for one in curves):
        return f"{TITLE}: we can't tell whether more data would help"
    if gaining:
        return f"{TITLE}: more data would help {list_text(gaining)}"
    if open_to:
        return f"{TITLE}: more data may help {list_text(open_to)}"
    if _unmeasured(report):
        learning = [in_sentence(one.id) for one in curves if one.strategy not in LEARNS_FROM_NO_ROWS]
        return f"{TITLE}: more data would hardly help {list_text(learning)}"
    return f"{TITLE}: more data would hardly help"


def _least(report: Report) -> float:
    return max(report.priorities.margin, _LEAST_GAIN)


def _can_gain(one: Curve, report: Report) -> bool:
    return bool(one.gain.high >= _least(report))


def _unmeasured(report: Report) -> list[str]:
    """The strategies that learn from rows and have no curve."""
    return [one.id for one in undrawn(report) if one.strategy not in LEARNS_FROM_NO_ROWS]


def _answer(curves: Sequence[Curve], report: Report) -> str:
    """Whether more data would help."""
    least, times = margin_text(_least(report)), _times()
    gaining = [in_sentence(one.id) for one in curves if one.gain.low >= _least(report)]
    open_to = [in_sentence(one.id) for one in curves if _can_gain(one, report)]
    learning = [in_sentence(one.id) for one in curves if one.strategy not in LEARNS_FROM_NO_ROWS]
    perhaps = [name for name in open_to if name not in gaining]
    if not learning:
        return "We can't tell whether more data would help."
    if gaining and perhaps:
        helped = f"More data would help {list_text(gaining)}, and perhaps {list_text(perhaps)}."
        return f"{helped}{_not_the_choice(report, open_to)}"
    if gaining:
        return f"More data would help {list_text(gaining)}.{_not_the_choice(report, open_to)}"
    if open_to:
        return f"More data may help {list_text(open_to)}. The measurements can't tell."
    if _unmeasured(report):
        return f"More data would hardly help {list_text(learning)}: {times} the rows would probably add under {least}."
    return f"More data would hardly help: {times} the training rows would probably add under {least} to any strategy."


def _not_the_choice(report: Report, open_to: Sequence[str]) -> str:
    choice = next((one for one in drawn(report) if one.id == report.recommendation.choice), None)
    if choice is None or choice.strategy in LEARNS_FROM_NO_ROWS or in_sentence(choice.id) in open_to:
        return ""
    return f" It would hardly help {in_sentence(choice.id)}, the one recommended."


def _gain(one: Curve, report: Report) -> str:
    name, gain, least = name_of(one.id), one.gain, _least(report)
    if one.strategy in LEARNS_FROM_NO_ROWS:
        return f"{name} uses none of your training rows, so more of them change nothing."
    is_just_under = gain.high < least and signed_points(gain.high) == signed_points(least)
    most = f"{math.floor(1000 * gain.high) / 10:.1f}" if is_just_under else signed_points(gain.high)
    between = f"{points_text(gain.mean)} (80 % range {signed_points(gain.low)} to {most})"
    rows = f"with {gain.rows:,} training rows instead of {report.task.train:,}"
    now, measured = (at_all_rows(points, report) for points in (one.line, one.points))
    is_off = abs(now.mean - measured.mean) >= _FAR_OFF
    start = f" Its curve is at {score_text(now.mean)} now, so the gain counts from there." if is_off else ""
    if gain.low >= least:
        return f"{name} should gain {between} {rows}.{start}"
    if gain.high >= least:
        return f"{name} may gain {between} {rows}.{start}"
    return f"{name} would hardly gain: {between} {rows}.{start}"


def _rivals(report: Report) -> list[tuple[str, Ahead]]:
    """Those that are not (probably) ahead already."""
    return [(name, each) for name, each in met(report) if each.now < PROBABLE]


def _passing(report: Report) -> list[str]:
    return [
        f"With about {number_text(one.rows - report.task.train)} more training rows, {in_sentence(name)} would "
        f"probably be ahead of {in_sentence(one.of)} ({probability_text(PROBABLE)} probability, "
        f"{probability_text(one.now)} now)."
        for name, one in _rivals(report)
        if one.rows is not None
    ]


def _nobody_passing(report: Report) -> list[str]:
    rivals = _rivals(report)
    if not rivals or _unmeasured(report) or any(one.rows is not None for _, one in rivals):
        return []
    name, nearest = max(rivals, key=lambda rival: rival[1].at_most)
    most, choice = MOST_TIMES * report.task.train, in_sentence(nearest.of)
    is_near = nearest.at_most > 1 - PROBABLE
    nearest_one = f" {name_of(name)} comes closest, at {probability_text(nearest.at_most)}." if is_near else ""
    return [
        f"With up to {most:,} training rows, nothing else reaches {probability_text(PROBABLE)} probability of being "
        f"ahead of {choice}.{nearest_one}"
    ]


def _doubt(one: Curve) -> str:
    return f"{name_of(one.id)} scored off its curve with all rows, so trust that curve less."


def _reading(report: Report) -> str:
    return (
        f"Scores are measured up to {report.task.train:,} training rows (95 % CI) and extrapolated beyond (80 % range)."
    )


def _method(report: Report) -> str:
    train, curves = report.task.train, drawn(report)
    sizes = sorted({point.rows for one in curves for point in one.points} - {train})
    if not sizes:
        return ""
    answered = max(point.n or 0 for one in curves for point in one.points)
    return (
        f"Each strategy learned again from {list_text([f'{size:,}' for size in sizes])} of the {train:,} training "
        "rows. It kept the settings chosen on all of them, except for how labels are compared and how long an answer "
        "may be, and read each row as often. "
        f"{_tested(report, answered)} We extrapolate to {_times()} the rows at most."
    )


def _tested(report: Report, answered: int) -> str:
    """On which test rows the points were measured: those of fewer training rows on some of them."""
    every, with_all = count_text(report.task.test, "test row"), computation.tested(report)
    if answered in (0, report.task.test):
        return f"All scores come from {with_all}."
    said = "all of them" if with_all == every else with_all
    return f"With fewer rows, each answered {answered:,} of the {every}; with all rows, {said}."


def _table(report: Report) -> Table:
    """Measured scores, then extrapolated ones."""
    train = report.task.train
    sizes = sorted({point.rows for one in drawn(report) for point in one.points})
    beyond = (2 * train, MOST_TIMES * train)
    heads = (*(Head(count_text(size, "row")) for size in sizes), *(Head(f"{size:,}, extrapolated") for size in beyond))

    def cells(one: Curve | NoCurve) -> tuple[Cell, ...]:
        if isinstance(one, NoCurve):
            return (_cell(None),) * len(heads)
        measured = {point.rows: point for point in one.points}
        line = {point.rows: point for point in one.line}
        return (*(_cell(measured.get(size)) for size in sizes), *(_cell(line.get(size)) for size in beyond))

    return Table(heads, tuple(Row(name_of(one.id), cells(one)) for one in report.curves or ()))


def _cell(point: CurvePoint | None) -> Cell:
    if point is None:
        return Cell("–")
    return Cell(score_text(point.mean), f"{score_text(point.low)} to {score_text(point.high)}")


def _times() -> str:
    return {4: "four times"}.get(MOST_TIMES, f"{MOST_TIMES} times")


def _how(report: Report) -> str | None:
    points = [n for one in drawn(report) for each in one.points if (n := each.n)]
    if not points:
        return None
    return (
        f"Measured: the score with all rows + the difference to it on {count_text(max(points), 'test row')} "
        "(outcomes.jsonl in curves/, by strategy and rows). CI: a Bayesian bootstrap to which we add two artificial "
        "test rows, one right and one wrong. So it can differ a little from the CI of the score. The line is score = a "
        f"− b ÷ rows^c with a ≤ 1. It is the mean of {LINES:,} lines from a Bayesian regression through reweighted "
        "points (eval/statistics/learning_curve.py of the program). Its range holds the middle 80 %. A gain is the "
        "line there − the line now. “Should gain” means that the whole range is at least "
        f"{margin_text(_least(report))}, “may gain” that only its upper end is, and “would hardly gain” that neither "
        "end is. The probability of being ahead is "
        "the fraction of lines that are."
    )
