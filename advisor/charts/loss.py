"""The losses of training, and what they say about it."""

from __future__ import annotations

import math

import altair as alt

from advisor.candidates import judged
from advisor.charts.drawing import colour, finished, named, rows_of, shape
from advisor.charts.ends import ROOM, names_at_ends, places
from advisor.palette import Theme
from advisor.schema import Candidate, Judgement
from advisor.wording import in_sentence, number_text
from eval.outcomes import LossPoint

_LEAST_POINTS = 2  # of a line
_HEIGHT = 280  # pixels


def trained(report: Judgement) -> list[Candidate]:
    """Those whose losses make a line, best score first."""
    return [one for one in judged(report) if len(one.losses) >= _LEAST_POINTS]


def loss_chart(report: Judgement, theme: Theme) -> alt.LayerChart | None:
    """The dev loss of each strategy as a line with its marks, its train loss dashed. None where nothing was
    trained."""
    found = trained(report)
    if not found:
        return None
    points = [
        {
            **named(one.id),
            "series": f"{one.id}-{which}",
            "which": which,
            "tokens": each.tokens,
            "loss": loss,
        }
        for one in found
        for each in one.losses
        for which, loss in (("dev", each.dev), ("train", each.train))
    ]
    rows = rows_of(points)
    first, last_token = float(rows.tokens.min()), float(rows.tokens.max())
    low, high = float(rows.loss.min()), float(rows.loss.max())
    if low == high:
        low, high = low - 0.5, high + 0.5

    def beyond_end(share: float) -> float:
        """So far beyond the last token, as a share of the length of the axis."""
        return last_token + (last_token - first) * share

    x = alt.X(
        "tokens:Q",
        title="Tokens read in training",
        scale=alt.Scale(domain=[first, beyond_end(ROOM)], nice=False),
        axis=alt.Axis(format=",d", grid=False, values=_ticks(first, last_token)),
    )
    y = alt.Y(
        "loss:Q",
        title="Loss (nats per token)",
        scale=alt.Scale(domain=[low, high], nice=False, zero=False),
        axis=alt.Axis(tickCount=5),
    )
    dev, train = (
        alt.Chart(rows[rows.which == which]).encode(x=x, y=y, color=colour("line"), detail="series:N")
        for which in ("dev", "train")
    )
    by_tokens = rows[rows.which == "dev"].sort_values("tokens")
    ends = by_tokens.groupby("series", as_index=False).last().sort_values("loss")
    ends["named_at"] = places(list(ends["loss"]), list(ends["strategy"]), low, high, _HEIGHT)
    ends["to"], ends["named_from"] = beyond_end(0.04), beyond_end(0.055)
    return finished(
        alt.LayerChart(
            layer=[
                dev.mark_line(strokeWidth=2.5),
                train.mark_line(strokeWidth=2.5, strokeDash=[6, 4]),
                dev.mark_point(filled=True, size=70, opacity=1).encode(color=colour(), shape=shape()),
                *names_at_ends(ends, theme, x, y, ("tokens", "to", "named_from")),
            ]
        ),
        theme,
        height=_HEIGHT,
    )


def _ticks(first: float, last: float) -> list[float]:
    """Four round numbers of tokens between the first and the last."""
    step = (last - first) / 4
    digits = 10.0 ** math.floor(math.log10(step)) if step > 0 else 1.0
    step = max(1.0, math.ceil(step / digits) * digits)
    return [step * at for at in range(math.ceil(first / step), math.floor(last / step) + 1)]


def loss_sentence(one: Candidate) -> str:
    """How far the dev loss fell and where it was lowest, or that it never fell."""
    first, last = one.losses[0], one.losses[-1]
    best = _best(one)
    name = in_sentence(one.id)
    if best is first:
        return (
            f"The dev loss of {name} was lowest at the first measurement ({number_text(first.dev)} after "
            f"{first.tokens:,} tokens), so more training didn't help."
        )
    if best is last:
        return (
            f"The dev loss of {name} fell from {number_text(first.dev)} to {number_text(last.dev)} and was still "
            f"falling at the end, after {last.tokens:,} tokens."
        )
    return (
        f"The dev loss of {name} fell from {number_text(first.dev)} to {number_text(best.dev)} and was lowest after "
        f"{best.tokens:,} of {last.tokens:,} tokens. The weights from there are used."
    )


def loss_heading(one: Candidate) -> str:
    """The same in a few words."""
    first, best = one.losses[0], _best(one)
    name = in_sentence(one.id)
    if best is first:
        return f"training {name} for longer didn't help"
    return f"the dev loss of {name} fell from {number_text(first.dev)} to {number_text(best.dev)}"


def gap_sentence(one: Candidate) -> str:
    """The train loss next to the dev loss at the best point."""
    best = _best(one)
    return (
        f"At its best point, {in_sentence(one.id)} has a train loss of {number_text(best.train)} and a dev loss "
        f"of {number_text(best.dev)}. A dev loss that rises while the train loss falls means overfitting."
    )


def _best(one: Candidate) -> LossPoint:
    return min(one.losses, key=lambda each: each.dev)
