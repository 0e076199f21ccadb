"""Score with its range, and score against cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import altair as alt

from advisor.candidates import Candidate, Report, comparison, floors, judged, priced
from advisor.charts.drawing import (
    AXIS_HEIGHT,
    FREE,
    GREY,
    LABEL_SIZE,
    PLAIN_NUMBER,
    ROW_HEIGHT,
    colour,
    finished,
    named,
    number_axis,
    rows_of,
    shape,
    strategy_axis,
)
from advisor.wording import RANGE_MEANING, in_sentence, money_text, name_of, points_text, score_text

_ROOM = 2.2  # times the least and the most, beside the marks
_NAME_WIDTH, _NAME_HEIGHT = 0.3, 0.1  # of a name, in shares of the chart
_NAMES: dict[str, tuple[int, int, Literal["left", "right"]]] = {
    "right": (11, -11, "left"),
    "left": (-11, -11, "right"),
    "right below": (11, 15, "left"),
    "left below": (-11, 15, "right"),
}


def score_chart(report: Report, ink: str) -> alt.LayerChart:
    """One dot with its 95 % range for each candidate, best on top, floors in grey at the bottom."""
    shown = [*judged(report), *floors(report)]
    rows = rows_of([{**named(one), **one["score"], "label": score_text(one["score"]["mean"])} for one in shown])
    order = list(rows["strategy"])
    scale = alt.Scale(domain=[0, 1])
    metric = report["task"]["metric"]
    base = alt.Chart(rows).encode(y=strategy_axis(order, ink), color=colour(order), tooltip=["strategy", "label"])
    interval = base.mark_rule(strokeWidth=3, opacity=0.45, strokeCap="round").encode(
        x=alt.X("low:Q", scale=scale, title=f"{metric} on rows no strategy had seen", axis=number_axis()),
        x2="high:Q",
    )
    dot = base.mark_point(filled=True, size=170, opacity=1).encode(x=alt.X("mean:Q", scale=scale), shape=shape(order))
    label = base.mark_text(dy=-15, fontSize=LABEL_SIZE, fontWeight=600).encode(
        x=alt.X("mean:Q", scale=scale), text="label:N", color=alt.value(ink)
    )
    below = base.transform_filter(alt.datum.strategy == order[len(judged(report)) % len(order)])
    line = below.mark_rule(yOffset=-ROW_HEIGHT / 2, opacity=0.5).encode(color=alt.value(GREY))
    layers = [*([line] if floors(report) else []), interval, dot, label]
    return finished(alt.LayerChart(layer=layers), height=ROW_HEIGHT * len(order) + AXIS_HEIGHT)


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
    between = comparison(report, best["name"], second["name"])
    if between is not None and between["low"] <= 0 <= between["high"]:
        sure = "The measured difference is small enough to be chance."
    else:
        sure = "The difference is larger than chance would make it."
    return (
        f"{first}, {points_text(gap)} above {in_sentence(second['name'])}. {sure} "
        f"Each line is a 95 % range: {RANGE_MEANING} 100 points are a score of 1.{beside}"
    )


def _beside_floors(report: Report) -> str:
    """What the best floor scores."""
    if not (low := floors(report)):
        return ""
    name, score = in_sentence(low[0]["name"]), score_text(low[0]["score"]["mean"])
    return f" The best without a language model, the {name}, scores {score}."


def cost_chart(report: Report, ink: str) -> alt.LayerChart | None:
    """Score over the cost of 1,000 answers, on a log axis, with the frontier; None where nothing is known to cost."""
    shown = [one for one in priced(report) if one["cost"]["per_1000"] > 0]
    if not shown:
        return None
    rows = rows_of([{**named(one), **one["score"], "cost": one["cost"]["per_1000"]} for one in shown])
    order = list(rows["strategy"])
    frontier = rows_of([{"cost": one["cost"]["per_1000"], "mean": one["score"]["mean"]} for one in frontier_of(shown)])
    low, high = rows["cost"].min() / _ROOM, rows["cost"].max() * _ROOM
    x = alt.X(
        "cost:Q",
        scale=alt.Scale(type="log", domain=[low, high]),
        title=f"Cost of 1,000 answers ({shown[0]['cost']['currency']}, in multiples)",
        axis=alt.Axis(format=PLAIN_NUMBER, tickCount=4, grid=False),
    )
    y = alt.Y("mean:Q", scale=alt.Scale(domain=[0, 1]), title=report["task"]["metric"], axis=number_axis())
    line = alt.Chart(frontier).mark_line(interpolate="step-after", color=GREY, strokeDash=[4, 4]).encode(x=x, y=y)
    base = alt.Chart(rows).encode(x=x, color=colour(order))
    interval = base.mark_rule(strokeWidth=2, opacity=0.4).encode(y=alt.Y("low:Q"), y2="high:Q")
    dot = base.mark_point(filled=True, size=170, opacity=1).encode(y=y, shape=shape(order))
    rows["place"] = _places(list(rows["cost"]), list(rows["mean"]))
    labels = [
        alt.Chart(rows[rows["place"] == place])
        .mark_text(dx=dx, dy=dy, align=align, fontSize=LABEL_SIZE, fontWeight=600)
        .encode(x=x, y=y, text="strategy:N", color=alt.value(ink))
        for place, (dx, dy, align) in _NAMES.items()
    ]
    return finished(alt.LayerChart(layer=[line, interval, dot, *labels]), height=280)


def _places(costs: Sequence[float], scores: Sequence[float]) -> list[str]:
    """Where the name of each mark stands: right of it, unless the chart ends there or another mark is in the way; then
    left; then below."""
    at = [math.log(cost) for cost in costs]
    start, end = min(at) - math.log(_ROOM), max(at) + math.log(_ROOM)
    room = _NAME_WIDTH * (end - start)

    def place(one: int) -> str:
        level = [other for other in range(len(at)) if other != one and abs(scores[other] - scores[one]) < _NAME_HEIGHT]
        fits = {"right": at[one] + room < end, "left": at[one] - room > start}
        blocked = {"right": any(0 <= at[other] - at[one] < room for other in level)}
        blocked["left"] = any(0 <= at[one] - at[other] < room for other in level)
        free = [side for side in fits if fits[side] and not blocked[side]]
        return free[0] if free else "right below" if fits["right"] else "left below"

    return [place(one) for one in range(len(at))]


def frontier_of(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that nothing cheaper matches in score, cheapest first."""
    kept: list[Candidate] = []
    for one in sorted(candidates, key=lambda one: (one["cost"]["per_1000"], -one["score"]["mean"])):
        if not kept or one["score"]["mean"] > kept[-1]["score"]["mean"]:
            kept.append(one)
    return kept


def cost_sentence(report: Report) -> str:
    shown = priced(report)
    if not shown:
        return "The costs are unknown."
    if not any(one["cost"]["per_1000"] for one in shown):
        return FREE
    cheapest = min(shown, key=lambda one: one["cost"]["per_1000"])
    best = max(shown, key=lambda one: one["score"]["mean"])
    price, dearer = (money_text(one["cost"]["per_1000"], one["cost"]["currency"]) for one in (cheapest, best))
    known = " of those whose cost is known" if len(shown) < len(judged(report)) else ""
    name = name_of(cheapest["name"])
    if cheapest is best:
        return f"{name} is both the cheapest, at {price} for 1,000 answers, and the best{known}."
    times = best["cost"]["per_1000"] / cheapest["cost"]["per_1000"] if cheapest["cost"]["per_1000"] else None
    if times is None:
        more = dearer
    else:
        more = f"{times:.0f} times as much" if times >= 1.95 else f"{(times - 1) * 100:.0f} % more"
    gain = points_text(best["score"]["mean"] - cheapest["score"]["mean"])
    return (
        f"{name} is the cheapest{known}, at {price} for 1,000 answers. "
        f"{name_of(best['name'])} costs {more} and scores {gain} higher."
    )
