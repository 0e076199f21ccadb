"""The score as training rows grow: what was measured, and what a curve through it predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import altair as alt

from advisor.charts.drawing import (
    GREY,
    LABEL_SIZE,
    colour,
    finished,
    hollow_in,
    marks,
    metric_of,
    named,
    number_axis,
    rows_of,
)
from advisor.charts.ends import ROOM, names_at_ends, places, taller_by
from advisor.palette import Theme
from advisor.schema import Curve, CurvePoint, Report

if TYPE_CHECKING:
    import pandas as pd

_LEAST_HEIGHT = 250  # pixels between the axes of the smallest chart


def curve_chart(report: Report, theme: Theme) -> alt.LayerChart | None:
    """Dots with their 95 % CI where it was measured; the line beyond all rows is dashed, its 80 % range a band."""
    curves = [one for one in report.curves or () if isinstance(one, Curve)]
    if not curves:
        return None
    train = report.task.train
    sizes = sorted({each.rows for one in curves for each in one.points})
    ends = [min(each.rows for one in curves for each in one.line), curves[0].gain.rows]
    hollow = hollow_in(report)
    measured = _rows({one.id: one.points for one in curves}, hollow)
    line = _rows({one.id: one.line for one in curves}, hollow)
    shown = [each for one in curves for each in (*one.points, *one.line)]
    low, high = min(each.low for each in shown), max(each.high for each in shown)

    def beyond_end(share: float) -> float:
        """So far beyond the last row, as a share of the length of the axis."""
        return float(ends[1] * (ends[1] / ends[0]) ** share)

    x = alt.X(
        "rows:Q",
        title="Training rows (log scale)",
        scale=alt.Scale(type="log", domain=[ends[0], beyond_end(ROOM)], nice=False),
        axis=alt.Axis(values=[*sizes, 2 * train, ends[1]], format=",", grid=False, labelFlush=True),
    )
    y = alt.Y(
        "mean:Q",
        title=metric_of(report),
        scale=alt.Scale(domain=[low, high], nice=False, zero=False),
        axis=number_axis(),
    )
    predicted = line[line.rows >= train]
    beyond = alt.Chart(predicted).encode(x=x, color=colour(), detail="strategy:N")
    band = beyond.mark_area(opacity=0.13).encode(y=alt.Y("low:Q"), y2="high:Q")
    edge = alt.Chart(predicted).mark_line(strokeWidth=1)
    edges = [
        edge.encode(x=x, y=alt.Y(f"{end}:Q"), color=colour("line"), detail="strategy:N") for end in ("low", "high")
    ]
    after = beyond.mark_line(strokeWidth=2.5, strokeDash=[6, 4]).encode(y=y, color=colour("line"))
    before = (
        alt.Chart(line[line.rows <= train])
        .mark_line(strokeWidth=2.5)
        .encode(x=x, y=y, color=colour("line"), detail="strategy:N")
    )
    dots = alt.Chart(measured)
    ranges = dots.mark_rule(strokeWidth=2, strokeCap="round").encode(
        x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour("line")
    )
    drawn = marks(dots.encode(x=x, y=y, color=colour()), hollow, size=110)
    last = line[line.rows == ends[1]].sort_values("mean")
    taller = taller_by(list(last["strategy"]))
    last["named_at"] = places(list(last["mean"]), list(last["strategy"]), low, high, _LEAST_HEIGHT + taller)
    last["to"], last["named_from"] = beyond_end(0.04), beyond_end(0.055)
    called = names_at_ends(last, theme, x, y, ("rows", "to", "named_from"))
    all_rows = alt.Chart(rows_of([{"rows": train, "label": "all your rows"}])).encode(x=x)
    here = all_rows.mark_rule(color=GREY, opacity=0.6)
    label = all_rows.mark_text(align="right", dx=-5, dy=2, color=theme.ink, fontSize=LABEL_SIZE).encode(
        y=alt.value(0), text="label:N"
    )
    return finished(
        alt.LayerChart(layer=[band, *edges, here, before, after, ranges, *called, drawn, label]),
        theme,
        height=320 + taller,
    )


def _rows(points: Mapping[str, Sequence[CurvePoint]], hollow: Sequence[str]) -> pd.DataFrame:
    """Of the points of each strategy."""
    return rows_of(
        [{**named(strategy, hollow), **asdict(each)} for strategy, found in points.items() for each in found]
    )
