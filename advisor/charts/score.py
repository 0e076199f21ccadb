"""Score with its range, and score vs. cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import altair as alt

from advisor.candidates import baselines, comparison, is_chance, judged, preferred_baseline, priced
from advisor.charts.drawing import (
    AXIS_HEIGHT,
    FREE,
    GREY,
    LABEL_SIZE,
    PLAIN_NUMBER,
    ROW_HEIGHT,
    TWO_LINES,
    colour,
    finished,
    hollow_in,
    marks,
    metric_of,
    named,
    number_axis,
    rows_of,
    strategy_axis,
    written,
)
from advisor.charts.ends import LINE_HEIGHT, NAME_SIZE, in_lines
from advisor.charts.placing import FAR_AWAY, Anchor, Placed, place
from advisor.palette import Theme
from advisor.schema import Candidate, Judgement
from advisor.wording import in_sentence, label_of, money_text, name_of, points_text, score_text

_MOST_HEIGHT, _LEAST_HEIGHT = 228, 16  # of all rows, so that they fit the first screen of a report; of a row
_LABEL_ROOM = 0.16  # beside a perfect score, for the label at the end of its line on a telephone
_MOST_NAMES = 7  # beside marks in a plane
_ROOM = 2.2  # times the least and the most, beside the marks


def score_chart(report: Judgement, theme: Theme) -> alt.LayerChart:
    """One dot with its 95 % CI for each candidate, best on top. Baselines are grey and stand at the bottom, or on top
    where the headline prefers one."""
    groups = [judged(report), baselines(report)]
    if preferred_baseline(report):
        groups.reverse()
    first, second = groups
    shown, hollow = [*first, *second], hollow_in(report)
    rows = rows_of(
        [
            {
                **named(one.id, hollow),
                **asdict(one.score),
                "label": score_text(one.score.mean),
                "label_at": max(one.score.mean, one.score.high),
            }
            for one in shown
        ]
    )
    order = list(rows.strategy)
    least = TWO_LINES if hollow else _LEAST_HEIGHT
    row_height = max(least, min(ROW_HEIGHT, _MOST_HEIGHT / len(order)))
    scale = alt.Scale(domain=[0, 1 + _LABEL_ROOM])
    base = alt.Chart(rows).encode(y=strategy_axis(order, theme.ink), color=colour(), tooltip=["strategy", "label"])
    axis = alt.Axis(format=".1f", values=[0, 0.2, 0.4, 0.6, 0.8, 1], domain=False, labelFlush=False)
    interval = base.mark_rule(strokeWidth=3, strokeCap="round").encode(
        x=alt.X("low:Q", scale=scale, title=f"{metric_of(report)} with 95 % CI", axis=axis),
        x2="high:Q",
        color=colour("line"),
    )
    dot = marks(base.encode(x=alt.X("mean:Q", scale=scale)), hollow)
    at_end = base.encode(x=alt.X("label_at:Q", scale=scale), text="label:N")
    labels = written(at_end, theme, align="left", dx=11, fontSize=LABEL_SIZE, fontWeight=600)
    below = base.transform_filter(alt.datum.strategy == order[len(first) % len(order)])
    line = below.mark_rule(yOffset=-row_height / 2, opacity=0.5).encode(color=alt.value(GREY))
    layers = [*([line] if baselines(report) else []), interval, dot, *labels]
    return finished(alt.LayerChart(layer=layers), theme, height=round(row_height * len(order)) + AXIS_HEIGHT)


def score_sentence(report: Judgement) -> str:
    rows = judged(report)
    if not rows:
        return "No strategy has a score."
    best = rows[0]
    first = f"{name_of(best.id)} scores {score_text(best.score.mean)}"
    against = _against_baselines(report)
    if len(rows) == 1:
        return f"{first}.{against}"
    second = rows[1]
    gap = best.score.mean - second.score.mean
    if not gap:
        return f"{first}, the same as {in_sentence(second.id)}.{against}"
    above = f"{first}, {points_text(gap)} more than {in_sentence(second.id)}."
    between = comparison(report, best.id, second.id)
    if between is not None and is_chance(between):
        return f"{above} This difference may be chance.{against}"
    return f"{above} This difference is more than chance.{against}"


def _against_baselines(report: Judgement) -> str:
    """What the best baseline scores."""
    if not (low := baselines(report)):
        return ""
    name, score = in_sentence(low[0].id), score_text(low[0].score.mean)
    return f" The best baseline ({name}) scores {score}."


def cost_chart(report: Judgement, theme: Theme) -> alt.LayerChart | None:
    """Score over the cost of 1,000 requests, on a log axis, with the frontier; None where nothing is known to cost."""
    shown = [(one, price) for one, price in priced(report) if price > 0]
    if not shown:
        return None
    hollow = hollow_in(report)
    rows = rows_of([{**named(one.id, hollow), **asdict(one.score), "cost": price} for one, price in shown])
    frontier = rows_of([{"cost": price, "mean": one.score.mean} for one, price in frontier_of(shown)])
    low, high = rows.cost.min() / _ROOM, rows.cost.max() * _ROOM
    x = alt.X(
        "cost:Q",
        scale=alt.Scale(type="log", domain=[low, high]),
        title=f"Cost per 1,000 requests ({report.priorities.currency}, log scale)",
        axis=alt.Axis(format=PLAIN_NUMBER, tickCount=4, grid=False),
    )
    y = alt.Y("mean:Q", scale=alt.Scale(domain=[0, 1]), title=metric_of(report), axis=number_axis())
    line = alt.Chart(frontier).mark_line(interpolate="step-after", color=GREY, strokeDash=[4, 4]).encode(x=x, y=y)
    base = alt.Chart(rows).encode(x=x, color=colour())
    interval = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q"), y2="high:Q", color=colour("line"))
    dot = marks(base.encode(y=y), hollow)
    called = [layer for one in _placed(shown, low, high) for layer in _name(one, theme, x, low, high)]
    return finished(alt.LayerChart(layer=[line, interval, *called, dot]), theme, height=280)


def _called(shown: Sequence[tuple[Candidate, float]]) -> Sequence[tuple[Candidate, float]]:
    """Those whose names are written: of more than have room, the ones on the frontier."""
    return shown if len(shown) <= _MOST_NAMES else frontier_of(shown)


def _placed(shown: Sequence[tuple[Candidate, float]], low: float, high: float) -> list[Placed]:
    """The names beside the marks, on an axis of costs from `low` to `high`."""
    called = _called(shown)

    def along(cost: float) -> float:
        return math.log(cost / low) / math.log(high / low)

    def anchors(some: Sequence[tuple[Candidate, float]]) -> list[Anchor]:
        return [
            Anchor(label_of(one.id), along(cost), one.score.mean, one.score.low, one.score.high) for one, cost in some
        ]

    return place(anchors(called), anchors([one for one in shown if one not in called]))


def _name(one: Placed, theme: Theme, x: alt.X, low: float, high: float) -> list[alt.Chart]:
    """A name on a rim of paper, with a thin line from its mark where it stands far away."""
    anchor = one.anchor
    cost = low * (high / low) ** anchor.x
    row = {
        "cost": cost,
        "mean": anchor.y,
        "named_at": one.y,
        "name": "\n".join(in_lines(anchor.name)),
        "strategy": anchor.name,
    }
    base = alt.Chart(rows_of([row])).encode(x=x)
    look: dict[str, Any] = {"align": one.align, "dx": one.dx, "baseline": "middle", "fontSize": NAME_SIZE}
    look |= {"fontWeight": 600, "lineHeight": LINE_HEIGHT}
    words = written(base.encode(y=alt.Y("named_at:Q"), text="name:N"), theme, **look)
    if abs(one.y - anchor.y) < FAR_AWAY:
        return words
    leading = base.mark_rule(color=theme.ink, strokeWidth=1, x2Offset=one.dx).encode(
        y=alt.Y("mean:Q"), x2="cost:Q", y2="named_at:Q"
    )
    return [leading, *words]


def frontier_of(priced: Sequence[tuple[Candidate, float]]) -> list[tuple[Candidate, float]]:
    """Those that nothing cheaper matches in score, cheapest first."""
    kept: list[tuple[Candidate, float]] = []
    for one, price in sorted(priced, key=lambda pair: (pair[1], -pair[0].score.mean)):
        if not kept or one.score.mean > kept[-1][0].score.mean:
            kept.append((one, price))
    return kept


def cost_chart_sentence(report: Judgement) -> str:
    """What the figures say, and what the frontier is where it is drawn."""
    return f"{cost_sentence(report)} {frontier_sentence(report)}".strip()


def frontier_sentence(report: Judgement) -> str:
    """What the frontier is, and which marks are named where there is no room for all; "" if neither needs words."""
    drawn = [(one, price) for one, price in priced(report) if price > 0]
    frontier = frontier_of(drawn)
    if len(frontier) < 2:
        if len(drawn) <= _MOST_NAMES:
            return ""
        best = in_sentence(frontier[0][0].id)
        return f"Only {best} is named, because none of the others scores higher or costs less."
    if len(drawn) > _MOST_NAMES:
        return "The dashed line shows the best score at each cost. Only the candidates on it are named."
    return "The dashed line shows the best score at each cost."


def is_doubtful(cheapest: Candidate, report: Judgement) -> bool:
    """Whether a request of another may cost less: then the two may cost the same at some volume though, as measured,
    they never do, or never do though they were to."""
    own = [one for one in report.crossings if cheapest.id in (one.a, one.b) and one.is_ranged]
    return any(one.low is not None if one.monthly is None else one.high is None for one in own)


def cost_sentence(report: Judgement) -> str:
    shown = priced(report)
    if not shown:
        return "The costs are unknown."
    if not any(price for _, price in shown):
        return FREE
    cheapest, least = min(shown, key=lambda pair: pair[1])
    if len(shown) > 1 and all(price == least for _, price in shown):
        return f"All cost the same: {money_text(least, report.priorities.currency)} per 1,000 requests."
    best, most = max(shown, key=lambda pair: pair[0].score.mean)
    price = money_text(least, report.priorities.currency)
    are_all = len(shown) == len(judged(report))
    if len(shown) == 1:
        said = f"{name_of(cheapest.id)} costs {price} per 1,000 requests."
        return said if are_all else f"{said} We don't know what the others cost."
    said = _cheapest(cheapest, price, are_all, is_doubtful(cheapest, report))
    if cheapest.score.mean == best.score.mean:
        return f"{said} No strategy scores higher." if are_all else f"{said} None of them scores higher."
    gain = points_text(best.score.mean - cheapest.score.mean)
    return f"{said} {name_of(best.id)} costs {_more(most, least, report)} and scores {gain} higher."


def _cheapest(cheapest: Candidate, price: str, are_all: bool, is_doubtful: bool) -> str:
    """That it costs the least, of all or of those whose cost is known."""
    at = f"at {price} per 1,000 requests"
    if are_all and is_doubtful:
        return f"{name_of(cheapest.id)} seems the cheapest, {at}, but the timed requests can't settle it."
    if are_all:
        return f"{name_of(cheapest.id)} is the cheapest strategy, {at}."
    name = in_sentence(cheapest.id)
    if is_doubtful:
        return f"Of those with a known cost, {name} seems the cheapest, {at}, but the timed requests can't settle it."
    return f"Of the strategies with a known cost, {name} is the cheapest, {at}."


def _more(most: float, least: float, report: Judgement) -> str:
    """ "4 times as much", "30 % more"; of what costs nothing, the price."""
    if not least:
        return money_text(most, report.priorities.currency)
    times = most / least
    if round(times) == 2:
        return "twice as much"
    return f"{times:.0f} times as much" if times >= 1.95 else f"{(times - 1) * 100:.0f} % more"
