"""How training went: the loss on training and dev rows as it read more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from advisor import charts
from advisor.pairing import strategy_of
from advisor.schema import Candidate, Report
from advisor.sections.blocks import Bullets, Chart, Section
from advisor.wording import in_sentence, list_text
from strategies.registry import DECLARATIONS

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
    gaps = Bullets((*(charts.gap_sentence(one) for one in trained), *_reverted(trained)))
    return Section("training", TITLE, sentences[0], (chart, gaps), HOW, f"{TITLE}: {charts.loss_heading(trained[0])}")


def _reverted(trained: Sequence[Candidate]) -> list[str]:
    """How to see what an adapter changed."""
    adapted = [in_sentence(one.id) for one in trained if DECLARATIONS[strategy_of(one.id)].trains == "adapter"]
    if not adapted:
        return []
    return [
        f"To see what training changed in an answer, ask {list_text(adapted)} again with the adapter switched off: "
        "tick that under “Try it”, or use predict with --adapter both."
    ]
