"""How long an answer takes."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from advisor.candidates import judged
from advisor.charts.drawing import (
    AXIS_HEIGHT,
    LABEL_SIZE,
    PLAIN_NUMBER,
    ROW_HEIGHT,
    colour,
    finished,
    named,
    rows_of,
    shape,
    strategy_axis,
)
from advisor.palette import Theme
from advisor.schema import Candidate, Judgement
from advisor.wording import count_text, in_sentence, name_of, seconds_text
from eval.statistics import Percentiles


def latency_chart(report: Judgement, theme: Theme) -> alt.LayerChart | None:
    """A bar from the seconds half of the answers take to those 95 of 100 take; None where none was timed."""
    rows = rows_of(
        [
            {
                **named(one.strategy),
                "p50": latency.p50,
                "p95": latency.p95,
                "label": _span(seconds_text(latency.p50), seconds_text(latency.p95)),
            }
            for one, latency in _timed(report)
        ]
    )
    if rows.empty:
        return None
    order = list(rows.strategy)
    scale = alt.Scale(domain=[0, float(rows.p95.max()) * 1.6])
    base = alt.Chart(rows).encode(y=strategy_axis(order, theme.ink), color=colour())
    bar = base.mark_bar(height=12, cornerRadius=6, opacity=0.45).encode(
        x=alt.X("p50:Q", scale=scale, title="Seconds per answer", axis=alt.Axis(tickCount=4, format=PLAIN_NUMBER)),
        x2="p95:Q",
    )
    middle = base.mark_point(filled=True, size=150, opacity=1).encode(x=alt.X("p50:Q", scale=scale), shape=shape())
    label = base.mark_text(align="left", dx=12, fontSize=LABEL_SIZE).encode(
        x=alt.X("p95:Q", scale=scale), text="label:N", color=alt.value(theme.ink)
    )
    return finished(alt.LayerChart(layer=[bar, middle, label]), height=ROW_HEIGHT * len(order) + AXIS_HEIGHT)


def _span(low: str, high: str) -> str:
    """The unit once, where it is the same."""
    number, unit = low.split()
    return f"{number} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"


def latency_sentence(report: Judgement) -> str:
    rows = _timed(report)
    if not rows:
        return "No answer was timed on its own."
    (fastest, least), (slowest, most) = (find(rows, key=lambda row: row[1].p50) for find in (min, max))
    are_several = fastest is not slowest
    is_first = f" answers fastest{_as_far_as_timed(least, [latency for _, latency in rows])}" if are_several else ""
    said = f"{name_of(fastest.strategy)}{is_first}: half of its answers come within {seconds_text(least.p50)}"
    if are_several:
        said += f", {in_sentence(slowest.strategy)} needs {seconds_text(most.p50)}"
    if phases := slowest.phase_seconds:
        name, seconds = max(phases.items(), key=lambda one: one[1])
        share = 100 * seconds / (sum(phases.values()) or 1.0)
        said += f"; {in_sentence(slowest.strategy)} spends {share:.0f} % of it {name}"
    return f"{said}. At the mark half of the answers are there, at the end of the bar 95 of 100."


def _as_far_as_timed(fastest: Percentiles, all_of_them: Sequence[Percentiles]) -> str:
    """A doubt, where the range of another's begins below the end of its own."""
    high = fastest.p50_range[1]
    lows = [one.p50_range[0] for one in all_of_them if one is not fastest]
    is_sure = high is None or all(low is None or high < low for low in lows)
    return "" if is_sure else f", as far as {count_text(fastest.n, 'timed answer')} can tell"


def _timed(report: Judgement) -> list[tuple[Candidate, Percentiles]]:
    return [(one, one.latency_seconds) for one in judged(report) if one.latency_seconds]
