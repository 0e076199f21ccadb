"""What each strategy costs as the volume grows, and where two of them cost the same."""

from __future__ import annotations

from collections.abc import Iterable

import altair as alt

from advisor.candidates import Report, judged, priced
from advisor.charts.drawing import FREE, LABEL_SIZE, PLAIN_NUMBER, colour, finished, rows_of, shape
from advisor.palette import mark_of
from advisor.wording import count_text, in_sentence, name_of
from eval.costs import Cost, crossing

MONTHS = 12
_LABEL_GAP = 0.09  # of the height of a chart, between two labels


def volume_chart(report: Report, ink: str) -> alt.LayerChart | None:
    """What each strategy costs in a year, with what it costs to fit, as the monthly volume grows."""
    costs = _costs(report)
    if not any(cost.per_1000 for cost in costs.values()):
        return None
    top = max([3 * report["priorities"]["monthly_volume"], *(1.5 * at for at, _, _ in crossings(report))])
    rows = rows_of(
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
    x = alt.X("volume:Q", title="Answers a month", axis=alt.Axis(format=PLAIN_NUMBER, tickCount=3, grid=False))
    y = alt.Y("total:Q", title=f"Cost of a year ({currency})", axis=alt.Axis(tickCount=4, format=PLAIN_NUMBER))
    lines = alt.Chart(rows).mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour(order))
    last = rows[rows["volume"] > 0].sort_values("total")
    last["named_at"] = _apart(last["total"], least=_LABEL_GAP * last["total"].max())
    ends = alt.Chart(last)
    marks = ends.mark_point(filled=True, size=110, opacity=1).encode(x=x, y=y, color=colour(order), shape=shape(order))
    labels = ends.mark_text(align="right", dx=-10, dy=-9, fontSize=LABEL_SIZE, fontWeight=600).encode(
        x=x, y=alt.Y("named_at:Q"), text="strategy:N", color=alt.value(ink)
    )
    met = rows_of(
        [
            {"volume": at, "total": _total(costs[a], at), "label": f"{at:,.0f} a month"}
            for at, a, _ in crossings(report)
            if at >= top / 20  # nearer to the start, mark and label would only cover the lines
        ],
        ("volume", "total", "label"),
    )
    crossed = alt.Chart(met).mark_point(size=120, color=ink, strokeWidth=1.5).encode(x=x, y=y)
    crossed_label = alt.Chart(met).mark_text(dy=16, color=ink, fontSize=LABEL_SIZE).encode(x=x, y=y, text="label:N")
    return finished(alt.LayerChart(layer=[lines, marks, labels, crossed, crossed_label]), height=260)


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
        return FREE
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


def _costs(report: Report) -> dict[str, Cost]:
    return {one["name"]: Cost(**one["cost"]) for one in priced(report) if one["cost"]["one_off"] is not None}


def _total(cost: Cost, monthly: float) -> float:
    return (cost.one_off or 0) + (cost.per_1000 or 0) * monthly * MONTHS / 1000
