"""The score of each strategy from run to run, as its data changes."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

import altair as alt

from advisor.candidates import judged
from advisor.charts.drawing import colour, finished, marks, metric_of, named, number_axis, rows_of
from advisor.charts.ends import ROOM, names_at_ends, places, taller_by
from advisor.palette import Theme
from advisor.schema import Report

FEWEST_RUNS = 3  # of two, a table says as much
_HEIGHT = 250  # pixels between the axes
_APART = 0.05  # strategies in one run, as a share of the way to the next, so that their ranges don't cover each other


def over_time_chart(reports: Sequence[Report], theme: Theme) -> alt.LayerChart | None:
    """Dots with their 95 % CI, the runs called A, B, C from the first to the last; None for fewer than three."""
    if len(reports) < FEWEST_RUNS:
        return None
    names = list(dict.fromkeys(one.id for report in reports for one in judged(report)))
    points = [
        {
            **named(one.id),
            "run": at + _APART * (names.index(one.id) - (len(names) - 1) / 2),
            "mean": one.score.mean,
            "low": one.score.low,
            "high": one.score.high,
        }
        for at, report in enumerate(reports)
        for one in judged(report)
    ]
    if not points:
        return None
    shown = rows_of(points)
    low, high, last = float(shown["low"].min()), float(shown["high"].max()), len(reports) - 1
    letters = ", ".join(f"'{letter}'" for letter in ascii_uppercase[: len(reports)])
    x = alt.X(
        "run:Q",
        title="Run",
        scale=alt.Scale(domain=[-0.3, last * (1 + ROOM)], nice=False),
        axis=alt.Axis(
            values=list(range(len(reports))), labelExpr=f"[{letters}][datum.value]", grid=False, domain=False
        ),
    )
    y = alt.Y(
        "mean:Q",
        title=f"{metric_of(reports[0])} with 95 % CI",
        scale=alt.Scale(domain=[low, high], nice=False, zero=False),
        axis=number_axis(),
    )
    base = alt.Chart(shown).encode(x=x)
    lines = base.mark_line(strokeWidth=2).encode(y=y, color=colour("line"), detail="strategy:N")
    ranges = base.mark_rule(strokeWidth=2, strokeCap="round").encode(
        y=alt.Y("low:Q"), y2="high:Q", color=colour("line")
    )
    drawn = marks(base.encode(y=y, color=colour()), [], size=110)
    ends = shown.groupby("strategy", sort=False).tail(1).sort_values("mean")
    taller = taller_by(list(ends["strategy"]))
    ends["named_at"] = places(list(ends["mean"]), list(ends["strategy"]), low, high, _HEIGHT + taller)
    ends["to"], ends["named_from"] = last * 1.12 + 0.1, last * 1.14 + 0.1
    called = names_at_ends(ends, theme, x, y, ("run", "to", "named_from"))
    return finished(alt.LayerChart(layer=[lines, ranges, *called, drawn]), theme, height=_HEIGHT + 70 + taller)
