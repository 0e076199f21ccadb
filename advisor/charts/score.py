"""Score with its range, and score against cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import altair as alt

from advisor.candidates import Candidate, Report, comparison, floors, is_chance, judged, priced
from advisor.charts.drawing import (
    AXIS_HEIGHT,
    FREE,
    GREY,
    LABEL_SIZE,
    PLAIN_NUMBER,
    ROW_HEIGHT,
    apart,
    colour,
    finished,
    named,
    names,
    number_axis,
    rows_of,
    shape,
    strategy_axis,
)
from advisor.charts.volume import crossings
from advisor.palette import Theme
from advisor.wording import as_subject, in_sentence, money_text, name_of, points_text, score_text

_ROOM = 2.2  # times the least and the most, beside the marks
_NAME_HEIGHT = 0.085  # of a name, in shares of the chart
_Alignment = Literal["left", "center", "right"]
_ALIGNMENTS: tuple[_Alignment, ...] = ("left", "center", "right")
_NAMED_UP_TO = 1.02  # so that the highest name is not above the chart


def score_chart(report: Report, theme: Theme) -> alt.LayerChart:
    """One dot with its 95 % range for each candidate, best on top, floors in grey at the bottom."""
    shown = [*judged(report), *floors(report)]
    rows = rows_of([{**named(one), **one["score"], "label": score_text(one["score"]["mean"])} for one in shown])
    order = list(rows["strategy"])
    scale = alt.Scale(domain=[0, 1])
    metric = report["task"]["metric"]
    base = alt.Chart(rows).encode(y=strategy_axis(order, theme.ink), color=colour(), tooltip=["strategy", "label"])
    interval = base.mark_rule(strokeWidth=3, opacity=0.45, strokeCap="round").encode(
        x=alt.X("low:Q", scale=scale, title=f"{metric} on the test rows", axis=number_axis()),
        x2="high:Q",
    )
    dot = base.mark_point(filled=True, size=170, opacity=1).encode(x=alt.X("mean:Q", scale=scale), shape=shape())
    label = base.mark_text(dy=-15, fontSize=LABEL_SIZE, fontWeight=600).encode(
        x=alt.X("mean:Q", scale=scale), text="label:N", color=alt.value(theme.ink)
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
        return f"{first}. The line is its 95 % range.{beside}"
    second = rows[1]
    gap = best["score"]["mean"] - second["score"]["mean"]
    above = f"{points_text(gap)} above" if gap else "level with"
    between = comparison(report, best["name"], second["name"])
    likely = "could" if between is not None and is_chance(between) else "would hardly"
    sure = f"Chance alone {likely} make this difference. " if gap else ""
    return f"{first}, {above} {in_sentence(second['name'])}. {sure}Each line is a 95 % range.{beside}"


def _beside_floors(report: Report) -> str:
    """What the best baseline scores."""
    if not (low := floors(report)):
        return ""
    subject, score = as_subject(low[0]["name"]), score_text(low[0]["score"]["mean"])
    return f" The best baseline, {subject}, scores {score}."


def cost_chart(report: Report, theme: Theme) -> alt.LayerChart | None:
    """Score over the cost of 1,000 answers, on a log axis, with the frontier; None where nothing is known to cost."""
    shown = [one for one in priced(report) if one["cost"]["per_1000"] > 0]
    if not shown:
        return None
    rows = rows_of([{**named(one), **one["score"], "cost": one["cost"]["per_1000"]} for one in shown])
    frontier = rows_of([{"cost": one["cost"]["per_1000"], "mean": one["score"]["mean"]} for one in frontier_of(shown)])
    low, high = rows["cost"].min() / _ROOM, rows["cost"].max() * _ROOM
    x = alt.X(
        "cost:Q",
        scale=alt.Scale(type="log", domain=[low, high]),
        title=f"Cost of 1,000 answers ({shown[0]['cost']['currency']}; equal steps multiply it)",
        axis=alt.Axis(format=PLAIN_NUMBER, tickCount=4, grid=False),
    )
    y = alt.Y("mean:Q", scale=alt.Scale(domain=[0, 1]), title=report["task"]["metric"], axis=number_axis())
    line = alt.Chart(frontier).mark_line(interpolate="step-after", color=GREY, strokeDash=[4, 4]).encode(x=x, y=y)
    base = alt.Chart(rows).encode(x=x, color=colour())
    interval = base.mark_rule(strokeWidth=2, opacity=0.4).encode(y=alt.Y("low:Q"), y2="high:Q")
    dot = base.mark_point(filled=True, size=170, opacity=1).encode(y=y, shape=shape())
    rows = rows.sort_values("mean")
    rows["named_at"] = apart(rows["mean"], least=_NAME_HEIGHT, most=_NAMED_UP_TO)
    rows["align"] = [_alignment(math.log(cost / low) / math.log(high / low)) for cost in rows["cost"]]
    called = [
        layer
        for align in _ALIGNMENTS
        for layer in names(alt.Chart(rows[rows["align"] == align]), theme, x, align=align, dy=-16)
    ]
    return finished(alt.LayerChart(layer=[line, interval, *called, dot]), height=280)


def _alignment(share: float) -> _Alignment:
    """How the name of a mark so far along the chart is written so that it stays within, however narrow the chart."""
    return "left" if share < 1 / 3 else "center" if share < 2 / 3 else "right"


def frontier_of(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that nothing cheaper matches in score, cheapest first."""
    kept: list[Candidate] = []
    for one in sorted(candidates, key=lambda one: (one["cost"]["per_1000"], -one["score"]["mean"])):
        if not kept or one["score"]["mean"] > kept[-1]["score"]["mean"]:
            kept.append(one)
    return kept


def cost_chart_sentence(report: Report) -> str:
    """What the figures say, and what the frontier is where it is drawn."""
    is_drawn = len(frontier_of([one for one in priced(report) if one["cost"]["per_1000"] > 0])) > 1
    return cost_sentence(report) + (" The dashed line shows the best score to be had at each cost." if is_drawn else "")


def _as_far_as_timed(cheapest: Candidate, report: Report) -> str:
    """A doubt, where it may be that an answer of another costs less: then the two may cost the same at some volume
    though, as measured, they never do, or never do though they were to."""
    own = [one for one in crossings(report) if cheapest["name"] in (one["a"], one["b"]) and one["is_ranged"]]
    is_doubtful = any(one["low"] is not None if one["monthly"] is None else one["high"] is None for one in own)
    return ", as far as the timed answers tell" if is_doubtful else ""


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
    name, sure = name_of(cheapest["name"]), _as_far_as_timed(cheapest, report)
    if len(shown) == 1:
        return f"{name} costs {price} for 1,000 answers{'; what others cost is unknown' if known else ''}."
    if cheapest["score"]["mean"] == best["score"]["mean"]:
        return f"{name} is the cheapest{sure}, at {price} for 1,000 answers, and no strategy scores higher{known}."
    times = best["cost"]["per_1000"] / cheapest["cost"]["per_1000"] if cheapest["cost"]["per_1000"] else None
    if times is None:
        more = dearer
    else:
        more = f"{times:.0f} times as much" if times >= 1.95 else f"{(times - 1) * 100:.0f} % more"
    gain = points_text(best["score"]["mean"] - cheapest["score"]["mean"])
    return (
        f"{name} is the cheapest{known}{sure}, at {price} for 1,000 answers. "
        f"{name_of(best['name'])} costs {more} and scores {gain} higher."
    )
