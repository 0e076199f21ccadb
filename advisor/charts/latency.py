"""How long an answer takes."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from advisor.candidates import Candidate, Report, judged
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
from advisor.wording import count_text, in_sentence, name_of, seconds_text


def latency_chart(report: Report, theme: Theme) -> alt.LayerChart | None:
    """A bar from the seconds half of the answers take to those 95 of 100 take; None where none was timed."""
    rows = rows_of(
        [
            {
                **named(one),
                **_latency(one),
                "label": _span(*(seconds_text(one["latency_seconds"][name]) for name in ("p50", "p95"))),
            }
            for one in _timed(report)
        ]
    )
    if rows.empty:
        return None
    order = list(rows["strategy"])
    scale = alt.Scale(domain=[0, float(rows["p95"].max()) * 1.6])
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


def latency_sentence(report: Report) -> str:
    rows = _timed(report)
    if not rows:
        return "No answer was timed on its own."
    fastest = min(rows, key=lambda one: one["latency_seconds"]["p50"])
    slowest = max(rows, key=lambda one: one["latency_seconds"]["p50"])
    are_several = fastest is not slowest
    is_first = f" answers fastest{_as_far_as_timed(fastest, rows)}" if are_several else ""
    said = f"{name_of(fastest['name'])}{is_first}: half of its answers come within {_p50(fastest)}"
    if are_several:
        said += f", {in_sentence(slowest['name'])} needs {_p50(slowest)}"
    if phases := slowest.get("phase_seconds"):
        name, seconds = max(phases.items(), key=lambda one: one[1])
        share = 100 * seconds / (sum(phases.values()) or 1.0)
        said += f"; {in_sentence(slowest['name'])} spends {share:.0f} % of it {name}"
    return f"{said}. At the mark half of the answers are there, at the end of the bar 95 of 100."


def _as_far_as_timed(fastest: Candidate, rows: Sequence[Candidate]) -> str:
    """A doubt, where the range of another's begins below the end of its own; a run of an earlier version has none."""
    (_, high), *others = (
        one["latency_seconds"].get("p50_range", (None, None))
        for one in (fastest, *(one for one in rows if one is not fastest))
    )
    is_sure = high is None or all(low is None or high < low for low, _ in others)
    return "" if is_sure else f", as far as {count_text(fastest['latency_seconds']['n'], 'timed answer')} can tell"


def _timed(report: Report) -> list[Candidate]:
    return [one for one in judged(report) if one["latency_seconds"]["p50"] is not None]


def _latency(candidate: Candidate) -> dict[str, float]:
    return {name: candidate["latency_seconds"][name] for name in ("p50", "p95")}


def _p50(candidate: Candidate) -> str:
    return seconds_text(candidate["latency_seconds"]["p50"])
