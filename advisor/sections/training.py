"""How training went: the loss on training and dev rows as it read more."""

from __future__ import annotations

from functools import partial

from advisor import charts
from advisor.schema import Report
from advisor.sections.blocks import Bullets, Chart, Section

TITLE = "Training"
HOW = (
    "The negative log-likelihood of the expected answer, in nats per token (losses in trial.json). Dev: all dev rows "
    "at each measurement. Train: the rows read since the measurement before, with the weights at that moment."
)


def section(report: Report) -> Section | None:
    """None where nothing was trained, and in a report of an earlier version."""
    trained = charts.trained(report)
    if not trained:
        return None
    sentences = tuple(charts.loss_sentence(one) for one in trained)
    said = " ".join(sentences)
    chart = Chart(said, partial(charts.loss_chart, report), f"{said} Solid: dev loss. Dashed: train loss.")
    gaps = Bullets(tuple(charts.gap_sentence(one) for one in trained))
    return Section("training", TITLE, sentences[0], (chart, gaps), HOW, f"{TITLE}: {charts.loss_heading(trained[0])}")
