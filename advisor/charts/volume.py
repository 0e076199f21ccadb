"""What each strategy costs at each volume, and where two of them cost the same."""

from __future__ import annotations

from functools import partial
from typing import Any

import altair as alt

from advisor.candidates import Sentences, judged, on_pairs, priced
from advisor.charts.drawing import (
    FREE,
    LABEL_SIZE,
    PLAIN_NUMBER,
    colour,
    finished,
    hollow_in,
    marks,
    named,
    rows_of,
    written,
)
from advisor.charts.ends import ROOM, names_at_ends, places, taller_by
from advisor.palette import Theme
from advisor.schema import CostCrossing, Judgement
from advisor.wording import count_text, in_sentence, list_text, money_text, name_of, number_text, rough_text
from eval.money.costs import Cost

FIRST = 1.5  # requests a month: what rounds to one
_LEAST_HEIGHT = 190  # pixels between the axes of the smallest chart


def volume_chart(report: Judgement, theme: Theme) -> alt.LayerChart | None:
    """What each strategy costs over the horizon, setup and upkeep included, as the monthly volume grows."""
    costs, lines = _costs(report), _lines(report)
    if not any(slope for _, slope in lines.values()):
        return None
    met, hollow = _in_sight(report), hollow_in(report)
    top = max([3 * report.priorities.monthly_volume, *(1.5 * volume for _, volume in met)])
    rows = rows_of(
        [
            {
                **named(name, hollow),
                "volume": top * share,
                "total": fixed + slope * top * share,
            }
            for name, (fixed, slope) in lines.items()
            for share in (0, 1)
        ]
    )
    currency = next(iter(costs.values())).currency
    ticks = [0, top / 3, 2 * top / 3, top]
    axis = alt.Axis(format=PLAIN_NUMBER, values=ticks, grid=False, labelFlush=False, labelOverlap=True)
    scale = alt.Scale(domain=[0, (1 + ROOM) * top], nice=False)
    x = alt.X("volume:Q", title="Requests a month", axis=axis, scale=scale)
    most = float(rows.total.max())
    y = alt.Y(
        "total:Q",
        title=f"Cost over {_months(report)} ({currency})",
        scale=alt.Scale(domain=[0, most], nice=False),
        axis=alt.Axis(tickCount=4, format=PLAIN_NUMBER),
    )
    drawn = alt.Chart(rows).mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour("line"), detail="strategy:N")
    last = rows[rows.volume > 0].sort_values("total")
    taller = taller_by(list(last.strategy))
    last["named_at"] = places(list(last.total), list(last.strategy), 0.0, most, _LEAST_HEIGHT + taller)
    last["to"], last["named_from"] = 1.06 * last.volume, 1.075 * last.volume
    ends = alt.Chart(last)
    at_ends = marks(ends.encode(x=x, y=y, color=colour()), hollow, size=110)
    marked = rows_of(
        [
            {
                "volume": volume,
                "total": lines[one.a][0] + lines[one.a][1] * volume,
                "label": f"{rough_text(volume)} a month",
            }
            for one, volume in met
            if volume >= top / 8  # nearer to the start, mark and label would only cover the lines
        ],
        ("volume", "total", "label"),
    )
    crossed = alt.Chart(marked).mark_point(size=120, color=theme.ink, strokeWidth=1.5).encode(x=x, y=y)
    called = alt.Chart(marked).encode(x=x, y=y, text="label:N")
    look: dict[str, Any] = {"align": "left", "dx": 9, "dy": 12, "fontSize": LABEL_SIZE}
    return finished(
        alt.LayerChart(
            layer=[
                drawn,
                *names_at_ends(last, theme, x, y, ("volume", "to", "named_from")),
                at_ends,
                crossed,
                *written(called, theme, **look),
            ]
        ),
        theme,
        height=260 + taller,
    )


def volume_sentence(report: Judgement) -> str:
    costs = _costs(report)
    if len(costs) < len(judged(report)):
        unknown = list_text([in_sentence(one.id) for one in judged(report) if one.id not in costs])
        return f"We don't know the full cost of {unknown}, so only the others are compared."
    if costs and not any(cost.per_1000 for cost in costs.values()):
        return FREE
    if len(costs) == 1:
        name, cost = next(iter(costs.items()))
        price = money_text(cost.spent_over(report.priorities.months), cost.currency)
        volume = count_text(report.priorities.monthly_volume, "request")
        return f"{name_of(name)} costs {price} over {_months(report)} at {volume} a month."
    if turning := crossing_of_choice(report):
        return crossing_sentence(report, turning)
    choice, met = report.recommendation.choice, _in_sight(report)
    compared, stays = report.crossings, "the order of costs stays the same up to ten times your volume."
    if met and choice is not None:
        compared = tuple(one for one in report.crossings if choice in (one.a, one.b))
        stays = f"the rank of {in_sentence(choice)} by cost stays the same up to ten times your volume."
    if any(one.low is not None and one.low <= _farthest(report) for one in compared):
        return f"As measured, {stays}"
    return f"{stays[:1].upper()}{stays[1:]}"


def crossing_of_choice(report: Judgement) -> CostCrossing | None:
    """The farthest volume within sight at which the strategy taken costs the same as another; of any two where none
    is taken. None where the order of costs stays the same."""
    choice = report.recommendation.choice
    met = [one for one, _ in _in_sight(report) if choice in (None, one.a, one.b)]
    return met[-1] if met else None


def later_and_earlier(report: Judgement, one: CostCrossing) -> tuple[str, str]:
    """Of two strategies the one that costs less from some volume on, and the one that costs less before."""
    lines = _lines(report)
    later, earlier = sorted((one.a, one.b), key=lambda name: lines[name][1])
    return later, earlier


def crossing_sentences(report: Judgement) -> Sentences:
    """One for each pair of strategies whose costs are known, but for what `volume_sentence` says."""
    return on_pairs(report, report.crossings, partial(crossing_sentence, report), but=volume_sentence(report))


def crossing_sentence(report: Judgement, one: CostCrossing) -> str:
    """From which volume on which of two strategies costs less, and how sure that is; or that none ever does."""
    lines, over = _lines(report), _months(report)
    if one.monthly is None:
        cheaper, dearer = sorted((one.a, one.b), key=lambda name: lines[name])
        if one.low is None:
            return f"{name_of(cheaper)} never costs more than {in_sentence(dearer)}."
        return (
            f"As measured, {in_sentence(cheaper)} never costs more than {in_sentence(dearer)}, but it is close. From "
            f"{rough_text(one.low)} requests a month, {in_sentence(dearer)} may cost less."
        )
    later, earlier = later_and_earlier(report, one)
    if one.monthly < FIRST:
        less = f"{in_sentence(later)} costs less over {over} than {in_sentence(earlier)}"
        return f"At one request a month or more, {less}."
    less = f"{in_sentence(later)} costs less over {over} than {in_sentence(earlier)}"
    volume = f"{rough_text(one.monthly)} requests a month"
    if not one.is_ranged:
        return f"From about {volume}, {less}."
    if one.low is None:
        return f"As measured, {less} from about {volume}. It may never do so."
    if one.high is None:
        return f"As measured, {less} from about {volume}. That may be from {rough_text(one.low)}, or never."
    return f"From about {volume}, {less} (95 % CI {_ends(one.low, one.high)})."


def _ends(low: float, high: float) -> str:
    """Two volumes, with a decimal where whole numbers would not tell them apart."""
    ends = rough_text(low), rough_text(high)
    return " to ".join(ends if ends[0] != ends[1] else (number_text(low), number_text(high)))


def _in_sight(report: Judgement) -> list[tuple[CostCrossing, float]]:
    """The crossings within ten times the person's volume, the lowest first, each with its volume."""
    met = [(one, one.monthly) for one in report.crossings if one.monthly is not None]
    return sorted((each for each in met if each[1] <= _farthest(report)), key=lambda each: each[1])


def _farthest(report: Judgement) -> int:
    return 10 * int(report.priorities.monthly_volume)


def _costs(report: Judgement) -> dict[str, Cost]:
    return {one.id: one.cost for one, _ in priced(report) if one.cost.one_off is not None}


def _lines(report: Judgement) -> dict[str, tuple[float, float]]:
    """What each strategy costs over the horizon: at no volume, and for each request a month."""
    months = report.priorities.months
    lines = {name: cost.line(months) for name, cost in _costs(report).items()}
    return {name: line for name, line in lines.items() if line is not None}


def _months(report: Judgement) -> str:
    return count_text(report.priorities.months, "month")
