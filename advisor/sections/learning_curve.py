"""What more rows to learn from would bring: learning curves as a report holds them, and in words.

The quick preset measures none; a run of an earlier version says nothing of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from advisor import charts
from advisor.candidates import judged
from advisor.decision.choice import PROBABLE
from advisor.report.learned import at_all_rows, drawn, met, off_by, undrawn
from advisor.schema import Ahead, Curve, CurvePoint, NoCurve, Report
from advisor.sections.blocks import Bullets, Cell, Chart, Head, Row, Section, Table, Text, small
from advisor.sections.figures import beyond_preset
from advisor.wording import (
    count_text,
    in_sentence,
    margin_text,
    name_of,
    number_text,
    points_text,
    probability_text,
    score_text,
)
from eval.learning_curve import (
    MOST_TIMES,
    sizes_of,
)
from strategies.presets import PRESETS
from strategies.registry import LEARNS_FROM_NO_ROWS

TITLE = "Would more data help?"
_STEPS = 30  # of a line, each more rows by the same factor
_LOOKS = 25  # from the rows there are to the most, for the first at which a strategy is ahead
_FAR_OFF = 0.015  # of a curve from what was measured: a table in two digits shows it
LEAST_GAIN = 0.01  # what counts as a gain for somebody to whom every difference matters


@dataclass(frozen=True, slots=True)
class MoreData:
    """The answer to the question and what more there is to say; how to read the figures and how they were measured; and
    a table: its heads, then for each strategy a cell for each number of rows."""

    answer: str
    sentences: tuple[str, ...] = ()
    reading: str = ""
    method: str = ""
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, tuple[str, ...]], ...] = ()


def curves_of(report: Report) -> MoreData | None:
    """None for a report of an earlier version, or of a preset without them."""
    if report.curves is None or (not report.curves and beyond_preset(report)):
        return None
    if not report.curves:
        return MoreData(_why_none(report)) if judged(report) else None
    curves = sorted(drawn(report), key=lambda one: -one.gain.mean)
    failed = [f"{name_of(one.strategy)} has no curve: {one.reason}" for one in undrawn(report)]
    told = [_gain(one, report) for one in curves] if any(_can_gain(one, report) for one in curves) else []
    off = [in_sentence(one.strategy) for one in curves if off_by(one, report)]
    doubt = [f"What {_and(off)} scored with all rows lies off the curve: trust the curve less."] if off else []
    sentences = (*told, *_passing(report), *_nobody_passing(report), *doubt, *failed)
    return MoreData(_answer(curves, report), sentences, _reading(report), _method(report), *_table(report))


def _why_none(report: Report) -> str:
    preset = PRESETS.get(report.preset or "")
    if preset and not sizes_of(report.task.train, preset.curve_shares):
        return "Not measured: there are too few rows to learn from fewer of them."
    learns = any(one.id not in LEARNS_FROM_NO_ROWS for one in judged(report))
    return f"Not measured: {'the run ended before this part' if learns else 'no strategy learns from examples'}."


def _least(report: Report) -> float:
    return max(report.priorities.margin, LEAST_GAIN)


def _can_gain(one: Curve, report: Report) -> bool:
    return bool(one.gain.high >= _least(report))


def _unmeasured(report: Report) -> list[str]:
    """The strategies that learn from rows and have no curve."""
    return [one.id for one in undrawn(report) if one.strategy not in LEARNS_FROM_NO_ROWS]


def _answer(drawn: Sequence[Curve], report: Report) -> str:
    least = margin_text(_least(report))
    gaining = [in_sentence(one.strategy) for one in drawn if one.gain.low >= _least(report)]
    open_to = [in_sentence(one.strategy) for one in drawn if _can_gain(one, report)]
    learning = [in_sentence(one.strategy) for one in drawn if one.id not in LEARNS_FROM_NO_ROWS]
    if not learning:
        return "It cannot be told."
    if gaining:
        choice = in_sentence(report.recommendation.choice or "")
        perhaps = [name for name in open_to if name not in gaining]
        beside = f"; perhaps for {_and(perhaps, 'and for')}" if perhaps else ""
        if choice in learning and choice not in open_to:
            beside += f"; hardly for {choice}, the one recommended"
        return f"Yes, for {_and(gaining, 'and for')}{beside}."
    if open_to:
        return f"Perhaps, for {_and(open_to, 'and for')}: what was measured cannot tell."
    if _unmeasured(report):
        return f"Not for {_and(learning)}: even {_times()} as many rows would not bring {least} more."
    return f"No. More rows will not help: even {_times()} as many would bring nothing {least} more."


def _gain(one: Curve, report: Report) -> str:
    name, gain, least = name_of(one.strategy), one.gain, _least(report)
    if one.id in LEARNS_FROM_NO_ROWS:
        return f"{name} shows the model none of your rows, so more of them change nothing."
    is_just_under = gain.high < least and _points(gain.high) == _points(least)
    most = f"{math.floor(1000 * gain.high) / 10:.1f}" if is_just_under else _points(gain.high)
    between = f"{points_text(gain.mean)} ({_points(gain.low)} to {most})"
    now, measured = (at_all_rows(points, report) for points in (one.line, one.points))
    if abs(now.mean - measured.mean) >= _FAR_OFF:
        between += f", from the {score_text(now.mean)} at which its curve stands now,"
    instead = f"with {gain.rows:,} rows to learn from instead of {report.task.train:,}"
    if gain.low >= least:
        return f"{name} should gain {between} {instead}."
    if gain.high >= least:
        return f"{name} may gain {between} {instead}."
    return f"{name} would hardly gain: {between} {instead}."


def _rivals(report: Report) -> list[tuple[str, Ahead]]:
    """Those that are not (probably) ahead already."""
    return [(name, each) for name, each in met(report) if each.now < PROBABLE]


def _passing(report: Report) -> list[str]:
    return [
        f"With about {number_text(one.rows - report.task.train)} more rows to learn from {in_sentence(name)} "
        f"would probably be ahead of {in_sentence(one.of)} ({probability_text(PROBABLE)}); now the chance is "
        f"{probability_text(one.now)}."
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
    chance = f" {name_of(name)} might be: {probability_text(nearest.at_most)}." if is_near else ""
    return [f"Up to {most:,} rows to learn from, no other strategy would probably be ahead of {choice}.{chance}"]


def _reading(report: Report) -> str:
    return (
        f"Up to {report.task.train:,} rows scores are measured, with 95 % ranges. Beyond, and for what would be "
        "gained, they are estimated by a curve through these few points, with ranges that should hold 8 times in 10. A "
        "gain is counted along the curve, from the rows there are."
    )


def _method(report: Report) -> str:
    train, curves = report.task.train, drawn(report)
    sizes = sorted({point.rows for one in curves for point in one.points} - {train})
    if not sizes:
        return ""
    answered = max(point.n or 0 for one in curves for point in one.points)
    return (
        f"Each learned again from {_and([f'{size:,}' for size in sizes])} of the {train:,} rows, with the "
        "settings it had chosen on all of them, but for the longest answer; in training each row could be read as "
        f"often, and the best state was kept. All answered {count_text(answered, 'test row')}. Beyond {_times()} the "
        "rows nothing is said."
    )


def _table(report: Report) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    """Measured scores, then foreseen ones."""
    train = report.task.train
    sizes = sorted({point.rows for one in drawn(report) for point in one.points})
    foreseen = (2 * train, MOST_TIMES * train)
    heads = (*(count_text(size, "row") for size in sizes), *(f"{size:,}, estimated" for size in foreseen))

    def cells(one: Curve | NoCurve) -> tuple[str, ...]:
        if isinstance(one, NoCurve):
            return (_cell(None),) * len(heads)
        measured = {point.rows: point for point in one.points}
        line = {point.rows: point for point in one.line}
        return (*(_cell(measured.get(size)) for size in sizes), *(_cell(line.get(size)) for size in foreseen))

    return heads, tuple((one.strategy, cells(one)) for one in report.curves or ())


def _cell(point: CurvePoint | None) -> str:
    if point is None:
        return "–"
    return f"{score_text(point.mean)} ({score_text(point.low)} to {score_text(point.high)})"


def _times() -> str:
    return {4: "four times"}.get(MOST_TIMES, f"{MOST_TIMES} times")


def _points(difference: float) -> str:
    """Points without their unit, for the ends of a range."""
    return points_text(difference).split()[0]


def _and(names: Sequence[str], joint: str = "and") -> str:
    return f" {joint} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def section(report: Report) -> Section | None:
    if (more := curves_of(report)) is None:
        return None
    if not more.rows:
        return Section("learning-curve", TITLE, (Text(more.answer, "lead"),))
    rows = tuple(Row(name_of(name), tuple(map(Cell, cells))) for name, cells in more.rows)
    return Section(
        "learning-curve",
        TITLE,
        (
            Text(more.answer, "lead"),
            Chart(more.reading, partial(charts.curve_chart, report)),
            Bullets(more.sentences),
            Table(tuple(map(Head, more.heads)), rows),
            *small(more.method),
        ),
    )
