"""What the charts share: how rows, axes, colours and shapes are made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import altair as alt
from altair.utils import schemapi

from advisor.palette import Theme, mark_of, range_colour
from advisor.schema import Judgement, Report
from advisor.wording import label_of

if TYPE_CHECKING:
    import pandas as pd

schemapi.disable_debug_mode()  # a chart is checked as a whole when it is shown; each of its parts was before, as well

ROW_HEIGHT = 48
TWO_LINES = 32  # pixels that a name of two lines needs
AXIS_HEIGHT = 70
PLAIN_NUMBER = ",.3~r"  # no exponents, no trailing zeros
LABEL_SIZE = 13
GREY = "#8A8F98"
_PATHS = {  # of shapes that Vega-Lite doesn't know, within a square from -1 to 1
    "star": "M0,-1L.29,-.36L1,-.28L.47,.19L.62,.88L0,.53L-.62,.88L-.47,.19L-1,-.28L-.29,-.36Z",
    "pentagon": "M0,-1L.95,-.31L.59,.81L-.59,.81L-.95,-.31Z",
}
FREE = "At these prices requests cost nothing."


def rows_of(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None) -> pd.DataFrame:
    import pandas as pd  # as long to import as altair, and the files of a run need the sentences of the charts alone

    return pd.DataFrame(list(rows), columns=None if columns is None else list(columns))


def named(candidate: str, hollow: Sequence[str] = ()) -> dict[str, Any]:
    """How a candidate is drawn. The marks of those in `hollow` have only their outline."""
    mark = mark_of(candidate)
    line = range_colour(mark.colour)
    drawn = _PATHS.get(mark.shape, mark.shape)
    row = {"strategy": label_of(candidate), "colour": mark.colour, "line": line, "shape": drawn}
    return {**row, "inside": 0 if candidate in hollow else 1} if hollow else row


def hollow_in(report: Judgement) -> list[str]:
    """In a report on several models, the candidates of every other one: marks of one strategy differ in what is inside
    them where names have no room."""
    models = list(dict.fromkeys(one.model for one in report.candidates))
    return [one.id for one in report.candidates if models.index(one.model) % 2]


def marks(base: alt.Chart, hollow: Sequence[str], size: int = 170) -> alt.Chart:
    """A mark for each row, coloured by `colour()`; hollow where `named` says so."""
    if not hollow:
        filled: alt.Chart = base.mark_point(filled=True, size=size, opacity=1).encode(shape=shape())
        return filled
    inside = alt.FillOpacity("inside:Q", scale=None, legend=None)
    outlined: alt.Chart = base.mark_point(size=size, opacity=1, strokeWidth=2.5).encode(
        shape=shape(),
        stroke=alt.Stroke("colour:N", scale=None, legend=None),
        fill=alt.Fill("colour:N", scale=None, legend=None),
        fillOpacity=inside,
    )
    return outlined


def metric_of(report: Judgement) -> str:
    """What an axis of scores is called."""
    return f"Score ({report.task.metric})" if isinstance(report, Report) else "Score"


def strategy_axis(order: list[str], ink: str) -> alt.Y:
    in_two_lines = any("\n" in name for name in order)
    own: dict[str, Any] = {}
    if in_two_lines:
        has_two = {"test": r"indexof(datum.label, '\n') >= 0", "value": -7}  # else the first line is beside the mark
        own = {
            "labelExpr": r"split(datum.label, '\n')",
            "labelLineHeight": 14,
            "labelOffset": {"condition": has_two, "value": 0},
        }
    axis = alt.Axis(
        **own,
        labelFontSize=12 if in_two_lines else 14,
        labelColor=ink,
        labelLimit=160,
        labelPadding=10,
        labelFlush=False,
        domain=False,
        ticks=False,
        grid=False,
    )
    return alt.Y("strategy:N", sort=order, title=None, axis=axis)


def number_axis() -> alt.Axis:
    return alt.Axis(format=".1f", tickCount=5, domain=False, labelFlush=False)


def colour(of: Literal["colour", "line"] = "colour") -> alt.Color:
    """Of the marks, or of the lines that show ranges. Two strategies may share one: lines need `detail="strategy:N"`
    beside it, or both become one."""
    return alt.Color(f"{of}:N", scale=None, legend=None)


def shape() -> alt.Shape:
    return alt.Shape("shape:N", scale=None, legend=None)


def written(text: alt.Chart, theme: Theme, **look: Any) -> list[alt.Chart]:
    """Words in ink on a rim of paper, so that no grid line strikes them through. Lines are parted by a line break: the
    page shows a list in brackets."""
    look["lineBreak"] = "\n"
    rim: dict[str, Any] = {"stroke": theme.paper, "strokeWidth": 4, "strokeJoin": "round"}
    return [
        text.mark_text(**look, **rim).encode(color=alt.value(theme.paper)),
        text.mark_text(**look).encode(color=alt.value(theme.ink)),
    ]


def apart(
    values: Iterable[float],
    least: float,
    most: float = math.inf,
    places: Sequence[float] | None = None,
    width: float = math.inf,
) -> list[float]:
    """Rising values, each moved up until it is so far above those before, and down again where that passes `most`; of
    values at `places` along the other axis those at least `width` away do not count."""
    rising = list(values)
    along = places or [0.0] * len(rising)

    def beside(at: int, others: Iterable[int]) -> list[float]:
        return [moved[other] for other in others if abs(along[other] - along[at]) < width]

    moved: list[float] = []
    for at, value in enumerate(rising):
        moved.append(max([value, *(below + least for below in beside(at, range(at)))]))
    for at in reversed(range(len(moved))):
        moved[at] = min([moved[at], most, *(above - least for above in beside(at, range(at + 1, len(moved))))])
    return moved


def finished(chart: alt.LayerChart, theme: Theme, height: int) -> alt.LayerChart:
    """The words on its axes are in ink: the page's own theme makes them too pale to read."""
    sized = chart.properties(width="container", height=height, background="transparent")
    bare: alt.LayerChart = sized.configure_view(stroke=None).configure_axis(labelColor=theme.ink, titleColor=theme.ink)
    return bare
