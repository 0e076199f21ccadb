"""How long a request takes."""

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
    hollow_in,
    marks,
    named,
    rows_of,
    strategy_axis,
)
from advisor.palette import Theme
from advisor.schema import Candidate, Judgement
from advisor.wording import PHASE_NAMES, count_text, in_milliseconds, name_of, seconds_text, share_text
from eval.statistics.inference import Percentiles

_ROOM = 2.4  # times the longest bar: its label stands at its end, also on a telephone


def latency_chart(report: Judgement, theme: Theme) -> alt.LayerChart | None:
    """A bar from the median latency to the 95th percentile; None where nothing was timed."""
    hollow = hollow_in(report)
    in_ms = in_milliseconds(*(latency.p50 for _, latency in _timed(report)))
    rows = rows_of(
        [
            {
                **named(one.id, hollow),
                "p50": latency.p50 * (1000 if in_ms else 1),
                "p95": latency.p95 * (1000 if in_ms else 1),
                "label": f"{seconds_text(latency.p50, in_ms).split()[0]} to {seconds_text(latency.p95, in_ms)}",
            }
            for one, latency in _timed(report)
        ]
    )
    if rows.empty:
        return None
    order = list(rows.strategy)
    scale = alt.Scale(domain=[0, float(rows.p95.max()) * _ROOM], nice=False)
    base = alt.Chart(rows).encode(y=strategy_axis(order, theme.ink), color=colour())
    bar = base.mark_bar(height=4, cornerRadius=2).encode(
        color=colour("line"),
        x=alt.X(
            "p50:Q",
            scale=scale,
            title=f"Latency in {'milliseconds' if in_ms else 'seconds'}",
            axis=alt.Axis(tickCount=4, format=PLAIN_NUMBER, grid=False),  # each bar says its seconds
        ),
        x2="p95:Q",
    )
    middle = marks(base.encode(x=alt.X("p50:Q", scale=scale)), hollow, size=150)
    label = base.mark_text(align="left", dx=12, fontSize=LABEL_SIZE).encode(
        x=alt.X("p95:Q", scale=scale), text="label:N", color=alt.value(theme.ink)
    )
    return finished(alt.LayerChart(layer=[bar, middle, label]), theme, height=ROW_HEIGHT * len(order) + AXIS_HEIGHT)


def latency_sentence(report: Judgement) -> str:
    rows = _timed(report)
    if not rows:
        return "Latency was not measured."
    (fastest, least), (slowest, most) = (find(rows, key=lambda row: row[1].p50) for find in (min, max))
    in_ms = in_milliseconds(least.p50)
    median, reading = seconds_text(least.p50, in_ms), "The mark is the median, and the bar ends at the 95th percentile."
    if fastest is slowest:
        said = f"{name_of(fastest.id)} has a median latency of {median}."
        return f"{said}{_longest_phase(slowest)} {reading}"
    if _is_sure(least, [latency for _, latency in rows]):
        said = f"{name_of(fastest.id)} is fastest, with a median latency of {median}."
    else:
        timed = count_text(least.n, "timed request")
        fastest_is = f"{name_of(fastest.id)} seems fastest, with a median latency of {median}"
        said = f"{fastest_is}, but {timed} aren't enough to be sure."
    said += f" {name_of(slowest.id)} takes {seconds_text(most.p50, in_ms)}."
    return f"{said}{_longest_phase(slowest)} {reading}"


def _longest_phase(slowest: Candidate) -> str:
    """Where its time goes; "" where that was not seen, or there is one place only."""
    if sum(seconds > 0 for seconds in slowest.phase_seconds.values()) < 2:
        return ""
    phase, seconds = max(slowest.phase_seconds.items(), key=lambda one: one[1])
    fraction = seconds / (sum(slowest.phase_seconds.values()) or 1.0)
    return f" On average, {share_text(fraction)} of its time is {PHASE_NAMES[phase]}."


def _is_sure(fastest: Percentiles, all_of_them: Sequence[Percentiles]) -> bool:
    """Whether the range of every other begins beyond the end of its own."""
    high = fastest.p50_range[1]
    lows = [one.p50_range[0] for one in all_of_them if one is not fastest]
    return high is None or all(low is None or high < low for low in lows)


def _timed(report: Judgement) -> list[tuple[Candidate, Percentiles]]:
    return [(one, one.latency_seconds) for one in judged(report) if one.latency_seconds]
