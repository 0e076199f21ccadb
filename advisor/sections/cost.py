"""What a score costs, and what each strategy costs at each volume."""

from __future__ import annotations

from functools import partial

from advisor import charts
from advisor.candidates import judged, preferred_baseline
from advisor.schema import Report
from advisor.sections import computation
from advisor.sections.blocks import Chart, Section
from advisor.sections.differences import pairs
from advisor.wording import count_text, in_sentence, money_text


def section(report: Report) -> Section | None:
    if not judged(report):
        return None
    chart = Chart(charts.cost_chart_sentence(report), partial(charts.cost_chart, report))
    how = "Scores, costs and their CIs are those under “All metrics”."
    return Section("cost", "Score vs. cost", charts.cost_sentence(report) + _of_baseline(report), (chart,), how)


def _of_baseline(report: Report) -> str:
    """What the baseline costs that the headline prefers; the cheapest strategy isn't the cheapest of all."""
    baseline = preferred_baseline(report)
    if baseline is None or baseline.cost.per_1000 is None:
        return ""
    name, price = in_sentence(baseline.strategy), money_text(baseline.cost.per_1000, baseline.cost.currency)
    return f" The best baseline ({name}) costs {price}."


def volume_section(report: Report) -> Section | None:
    if not judged(report):
        return None
    summary = charts.volume_sentence(report)
    blocks = (Chart(summary, partial(charts.volume_chart, report)), pairs(charts.crossing_sentences(report)))
    return Section("volume", "Cost by volume", summary, blocks, _how_volume(report))


def _how_volume(report: Report) -> str:
    wrong = " + wrong answers × the price of one" if report.priorities.wrong_answer else ""
    rows = " and of the scored rows" if report.priorities.wrong_answer else ""
    months = count_text(report.priorities.months, "month")
    return (
        f"Setup cost + {months} × (repeated setup + requests a month × the cost of one{wrong}), as under “All "
        "metrics”. Two strategies cost the same where their lines cross. The CI of that volume comes from "
        f"{computation.COST_RESAMPLES} of the timed answers and of the tokens of all rows{rows}."
    )
