"""The report's charts, and for each the sentence that says what to see in it.

Every function takes a report (schema 1). Strategies keep the colour and shape of `palette.py` and are named beside
their marks, so there is no legend; the background is transparent and `ink` is the colour of the words in a chart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
import pandas as pd

from advisor.palette import mark_of
from advisor.wording import (
    RANGE_MEANING,
    count_text,
    in_sentence,
    money_text,
    name_of,
    points_text,
    score_text,
    seconds_text,
)
from eval.costs import Cost, crossing

Report = dict[str, Any]
Candidate = dict[str, Any]

MONTHS = 12
_ROW_HEIGHT = 48
_AXIS_HEIGHT = 70
_PLAIN_NUMBER = ",.3~r"  # no exponents, no trailing zeros
_LABEL_SIZE = 13
_LABEL_GAP = 0.09  # of the height of a chart, between two labels
_GREY = "#8A8F98"
_FREE = "The price of the machine is 0, so an answer costs nothing."


def judged(report: Report) -> list[Candidate]:
    """The candidates with a score, best first."""
    return _scored(report["candidates"])


def floors(report: Report) -> list[Candidate]:
    """What answered without a language model, best first; a run of an earlier version has none."""
    return _scored(report.get("floors", []))


def _scored(candidates: Sequence[Candidate]) -> list[Candidate]:
    scored = [one for one in candidates if one["status"] == "done" and one["score"]["mean"] is not None]
    return sorted(scored, key=lambda one: -one["score"]["mean"])


# Score


def score_chart(report: Report, ink: str) -> alt.LayerChart:
    """One dot with its 95 % range for each candidate, best on top, floors in grey at the bottom."""
    shown = [*judged(report), *floors(report)]
    rows = _rows([{**_named(one), **one["score"], "label": score_text(one["score"]["mean"])} for one in shown])
    order = list(rows["strategy"])
    scale = alt.Scale(domain=[0, 1])
    metric = report["task"]["metric"]
    base = alt.Chart(rows).encode(y=_strategy_axis(order, ink), color=_colour(order), tooltip=["strategy", "label"])
    interval = base.mark_rule(strokeWidth=3, opacity=0.45, strokeCap="round").encode(
        x=alt.X("low:Q", scale=scale, title=f"{metric} on rows no strategy had seen", axis=_number_axis()),
        x2="high:Q",
    )
    dot = base.mark_point(filled=True, size=170, opacity=1).encode(x=alt.X("mean:Q", scale=scale), shape=_shape(order))
    label = base.mark_text(dy=-15, fontSize=_LABEL_SIZE, fontWeight=600).encode(
        x=alt.X("mean:Q", scale=scale), text="label:N", color=alt.value(ink)
    )
    below = base.transform_filter(alt.datum.strategy == order[len(judged(report)) % len(order)])
    line = below.mark_rule(yOffset=-_ROW_HEIGHT / 2, opacity=0.5).encode(color=alt.value(_GREY))
    layers = [*([line] if floors(report) else []), interval, dot, label]
    return _finished(alt.LayerChart(layer=layers), height=_ROW_HEIGHT * len(order) + _AXIS_HEIGHT)


def score_sentence(report: Report) -> str:
    rows = judged(report)
    if not rows:
        return "No strategy has a score."
    best = rows[0]
    first = f"{name_of(best['name'])} scores {score_text(best['score']['mean'])}"
    beside = _beside_floors(report)
    if len(rows) == 1:
        return f"{first}. The line is its 95 % range: {RANGE_MEANING}{beside}"
    second = rows[1]
    gap = best["score"]["mean"] - second["score"]["mean"]
    between = _comparison(report, best["name"], second["name"])
    if between is not None and between["low"] <= 0 <= between["high"]:
        sure = "The measured difference is small enough to be chance."
    else:
        sure = "The difference is larger than chance would make it."
    return (
        f"{first}, {points_text(gap)} above {in_sentence(second['name'])}. {sure} "
        f"Each line is a 95 % range: {RANGE_MEANING}{beside}"
    )


def _beside_floors(report: Report) -> str:
    """What the best floor scores."""
    if not (low := floors(report)):
        return ""
    name, score = in_sentence(low[0]["name"]), score_text(low[0]["score"]["mean"])
    return f" The best without a language model, the {name}, scores {score}."


# Score against cost


def cost_chart(report: Report, ink: str) -> alt.LayerChart | None:
    """Score over the cost of 1,000 answers, on a log axis, with the frontier; None where nothing is known to cost."""
    shown = [one for one in _priced(report) if one["cost"]["per_1000"] > 0]
    if not shown:
        return None
    rows = _rows([{**_named(one), **one["score"], "cost": one["cost"]["per_1000"]} for one in shown])
    order = list(rows["strategy"])
    frontier = _rows([{"cost": one["cost"]["per_1000"], "mean": one["score"]["mean"]} for one in frontier_of(shown)])
    low, high = rows["cost"].min() / 2.2, rows["cost"].max() * 2.2
    x = alt.X(
        "cost:Q",
        scale=alt.Scale(type="log", domain=[low, high]),
        title=f"Cost of 1,000 answers ({shown[0]['cost']['currency']}, log scale)",
        axis=alt.Axis(format=_PLAIN_NUMBER, tickCount=4, grid=False),
    )
    y = alt.Y("mean:Q", scale=alt.Scale(domain=[0, 1]), title=report["task"]["metric"], axis=_number_axis())
    line = alt.Chart(frontier).mark_line(interpolate="step-after", color=_GREY, strokeDash=[4, 4]).encode(x=x, y=y)
    base = alt.Chart(rows).encode(x=x, color=_colour(order))
    interval = base.mark_rule(strokeWidth=2, opacity=0.4).encode(y=alt.Y("low:Q"), y2="high:Q")
    dot = base.mark_point(filled=True, size=170, opacity=1).encode(y=y, shape=_shape(order))
    label = base.mark_text(dx=11, dy=-11, align="left", fontSize=_LABEL_SIZE, fontWeight=600).encode(
        y=y, text="strategy:N", color=alt.value(ink)
    )
    return _finished(alt.LayerChart(layer=[line, interval, dot, label]), height=280)


def frontier_of(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that nothing cheaper matches in score, cheapest first."""
    kept: list[Candidate] = []
    for one in sorted(candidates, key=lambda one: (one["cost"]["per_1000"], -one["score"]["mean"])):
        if not kept or one["score"]["mean"] > kept[-1]["score"]["mean"]:
            kept.append(one)
    return kept


def cost_sentence(report: Report) -> str:
    shown = _priced(report)
    if not shown:
        return "The costs are unknown."
    if not report["priorities"]["machine_per_hour"]:
        return _FREE
    cheapest = min(shown, key=lambda one: one["cost"]["per_1000"])
    best = max(shown, key=lambda one: one["score"]["mean"])
    price = money_text(cheapest["cost"]["per_1000"], cheapest["cost"]["currency"])
    name = name_of(cheapest["name"])
    if cheapest is best:
        return f"{name} is both the cheapest, at {price} for 1,000 answers, and the best."
    times = best["cost"]["per_1000"] / cheapest["cost"]["per_1000"]
    more = f"{times:.0f} times as much" if times >= 1.95 else f"{(times - 1) * 100:.0f} % more"
    gain = points_text(best["score"]["mean"] - cheapest["score"]["mean"])
    return (
        f"{name} is the cheapest, at {price} for 1,000 answers. "
        f"{name_of(best['name'])} costs {more} and scores {gain} higher."
    )


# Cost as volume grows


def volume_chart(report: Report, ink: str) -> alt.LayerChart | None:
    """What each strategy costs in a year, with what it costs to fit, as the monthly volume grows."""
    costs = _costs(report)
    if not any(cost.per_1000 for cost in costs.values()):
        return None
    top = max([3 * report["priorities"]["monthly_volume"], *(1.5 * at for at, _, _ in crossings(report))])
    rows = _rows(
        [
            {
                "strategy": name_of(name),
                "colour": mark_of(name).colour,
                "shape": mark_of(name).shape,
                "volume": top * share,
                "total": (cost.one_off or 0) + (cost.per_1000 or 0) * top * share * MONTHS / 1000,
            }
            for name, cost in costs.items()
            for share in (0, 1)
        ]
    )
    order = list(dict.fromkeys(rows["strategy"]))
    currency = next(iter(costs.values())).currency
    x = alt.X("volume:Q", title="Answers a month", axis=alt.Axis(format=_PLAIN_NUMBER, tickCount=3, grid=False))
    y = alt.Y("total:Q", title=f"Cost of a year ({currency})", axis=alt.Axis(tickCount=4, format=_PLAIN_NUMBER))
    lines = alt.Chart(rows).mark_line(strokeWidth=2.5).encode(x=x, y=y, color=_colour(order))
    last = rows[rows["volume"] > 0].sort_values("total")
    last["named_at"] = _apart(last["total"], least=_LABEL_GAP * last["total"].max())
    ends = alt.Chart(last)
    marks = ends.mark_point(filled=True, size=110, opacity=1).encode(
        x=x, y=y, color=_colour(order), shape=_shape(order)
    )
    labels = ends.mark_text(align="right", dx=-10, dy=-9, fontSize=_LABEL_SIZE, fontWeight=600).encode(
        x=x, y=alt.Y("named_at:Q"), text="strategy:N", color=alt.value(ink)
    )
    met = _rows(
        [
            {"volume": at, "total": _total(costs[a], at), "label": f"{at:,.0f} a month"}
            for at, a, _ in crossings(report)
            if at >= top / 20  # nearer to the start, mark and label would only cover the lines
        ],
        ("volume", "total", "label"),
    )
    crossed = alt.Chart(met).mark_point(size=120, color=ink, strokeWidth=1.5).encode(x=x, y=y)
    crossed_label = alt.Chart(met).mark_text(dy=16, color=ink, fontSize=_LABEL_SIZE).encode(x=x, y=y, text="label:N")
    return _finished(alt.LayerChart(layer=[lines, marks, labels, crossed, crossed_label]), height=260)


def _apart(values: Iterable[float], least: float) -> list[float]:
    """Rising values, each moved up until it is so far above the one before."""
    moved: list[float] = []
    for value in values:
        moved.append(max(value, moved[-1] + least) if moved else value)
    return moved


def crossings(report: Report) -> list[tuple[float, str, str]]:
    """Where two strategies cost the same in a year: (answers a month, one, the other), within ten times the volume."""
    costs = _costs(report)
    names = list(costs)
    met = [
        (requests / MONTHS, a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if (requests := crossing(costs[a], costs[b])) is not None
    ]
    return sorted(one for one in met if one[0] <= 10 * report["priorities"]["monthly_volume"])


def volume_sentence(report: Report) -> str:
    met, costs = crossings(report), _costs(report)
    if costs and not report["priorities"]["machine_per_hour"]:
        return _FREE
    if len(costs) < len(judged(report)):
        return "What some strategies cost is unknown, so their order cannot be told."
    if not met:
        return "At every volume up to ten times yours the order of the costs stays the same."
    at, a, b = met[-1]
    later = min((a, b), key=lambda name: costs[name].per_1000 or 0)
    earlier = b if later == a else a
    return (
        f"From {count_text(round(at), 'answer')} a month on, {in_sentence(later)} costs less in a year "
        f"than {in_sentence(earlier)}."
    )


# Latency


def latency_chart(report: Report, ink: str) -> alt.LayerChart | None:
    """A bar from the seconds half of the answers take to those 95 of 100 take; None where none was timed."""
    rows = _rows(
        [
            {
                **_named(one),
                **_latency(one),
                "label": f"{seconds_text(one['latency_seconds']['p50'])} to "
                f"{seconds_text(one['latency_seconds']['p95'])}",
            }
            for one in _timed(report)
        ]
    )
    if rows.empty:
        return None
    order = list(rows["strategy"])
    scale = alt.Scale(domain=[0, float(rows["p95"].max()) * 1.45])
    base = alt.Chart(rows).encode(y=_strategy_axis(order, ink), color=_colour(order))
    bar = base.mark_bar(height=12, cornerRadius=6, opacity=0.45).encode(
        x=alt.X("p50:Q", scale=scale, title="Seconds an answer", axis=alt.Axis(tickCount=4, format=_PLAIN_NUMBER)),
        x2="p95:Q",
    )
    middle = base.mark_point(filled=True, size=150, opacity=1).encode(
        x=alt.X("p50:Q", scale=scale), shape=_shape(order)
    )
    label = base.mark_text(align="left", dx=12, fontSize=_LABEL_SIZE).encode(
        x=alt.X("p95:Q", scale=scale), text="label:N", color=alt.value(ink)
    )
    return _finished(alt.LayerChart(layer=[bar, middle, label]), height=_ROW_HEIGHT * len(order) + _AXIS_HEIGHT)


def latency_sentence(report: Report) -> str:
    rows = _timed(report)
    if not rows:
        return "No answer was timed on its own."
    fastest = min(rows, key=lambda one: one["latency_seconds"]["p50"])
    slowest = max(rows, key=lambda one: one["latency_seconds"]["p50"])
    said = f"{name_of(fastest['name'])} answers fastest: half of its answers come within {_p50(fastest)}"
    if fastest is not slowest:
        said += f", {in_sentence(slowest['name'])} needs {_p50(slowest)}"
    return f"{said}. At the mark half of the answers are there, at the end of the bar 95 of 100."


# What the charts share


def _rows(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=None if columns is None else list(columns))


def _named(candidate: Candidate) -> dict[str, Any]:
    mark = mark_of(candidate["name"])
    return {"strategy": name_of(candidate["name"]), "colour": mark.colour, "shape": mark.shape}


def _strategy_axis(order: list[str], ink: str) -> alt.Y:
    axis = alt.Axis(
        labelFontSize=14,
        labelColor=ink,
        labelLimit=160,
        labelPadding=10,
        labelFlush=False,
        domain=False,
        ticks=False,
        grid=False,
    )
    return alt.Y("strategy:N", sort=order, title=None, axis=axis)


def _number_axis() -> alt.Axis:
    return alt.Axis(format=".1f", tickCount=5, domain=False, labelFlush=False)


def _colour(order: list[str]) -> alt.Color:
    return alt.Color("colour:N", scale=None, legend=None)


def _shape(order: list[str]) -> alt.Shape:
    return alt.Shape("shape:N", scale=None, legend=None)


def _finished(chart: alt.LayerChart, height: int) -> alt.LayerChart:
    return chart.properties(width="container", height=height, background="transparent").configure_view(stroke=None)


def _comparison(report: Report, a: str, b: str) -> dict[str, Any] | None:
    return next((one for one in report["comparisons"] if {one["a"], one["b"]} == {a, b}), None)


def _priced(report: Report) -> list[Candidate]:
    return [one for one in judged(report) if one["cost"]["per_1000"] is not None]


def _costs(report: Report) -> dict[str, Cost]:
    return {one["name"]: Cost(**one["cost"]) for one in _priced(report) if one["cost"]["one_off"] is not None}


def _total(cost: Cost, monthly: float) -> float:
    return (cost.one_off or 0) + (cost.per_1000 or 0) * monthly * MONTHS / 1000


def _timed(report: Report) -> list[Candidate]:
    return [one for one in judged(report) if one["latency_seconds"]["p50"] is not None]


def _latency(candidate: Candidate) -> dict[str, float]:
    return {name: candidate["latency_seconds"][name] for name in ("p50", "p95")}


def _p50(candidate: Candidate) -> str:
    return seconds_text(candidate["latency_seconds"]["p50"])
