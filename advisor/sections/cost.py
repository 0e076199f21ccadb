"""What a score costs, and what each strategy costs at each volume."""

from __future__ import annotations

from functools import partial

from advisor import charts
from advisor.candidates import judged, preferred_baseline, priced
from advisor.schema import CostCrossing, Report
from advisor.sections import computation
from advisor.sections.blocks import Chart, Section
from advisor.sections.differences import pairs
from advisor.wording import count_text, in_sentence, money_text, rough_text

TITLE = "Costs"


def section(report: Report) -> Section | None:
    """None where nothing is known to cost: the table of all metrics says that it is unknown."""
    if not priced(report):
        return None
    summary, by_volume = charts.cost_sentence(report) + _of_baseline(report), charts.volume_sentence(report)
    blocks = (
        Chart(
            charts.cost_chart_sentence(report), partial(charts.cost_chart, report), charts.frontier_sentence(report)
        ),  # the summary has said the rest
        Chart(by_volume, partial(charts.volume_chart, report)),
        pairs(charts.crossing_sentences(report)),
    )
    how = f"Scores, costs and their CIs are those under “All metrics”. Cost by volume: {_how_volume(report)}"
    return Section("cost", TITLE, summary, blocks, how, _heading(report), "summary")


def _heading(report: Report) -> str:
    shown, currency = priced(report), report.priorities.currency
    if not any(price for _, price in shown):
        return f"{TITLE}: requests cost nothing at these prices"
    if (met := charts.crossing_of_choice(report)) and not _is_clearly_behind(report, met):
        return _heading_of_crossing(report, met)
    cheapest, least = min(shown, key=lambda pair: pair[1])
    baseline = preferred_baseline(report)
    if baseline is not None and baseline.cost.per_1000 is not None and baseline.cost.per_1000 < least:
        price = money_text(baseline.cost.per_1000, currency)
        return f"{TITLE}: the best baseline is cheapest, at {price} per 1,000 requests"
    price = money_text(least, currency)
    if len(shown) == 1:
        return f"{TITLE}: {in_sentence(cheapest.id)} takes {price} per 1,000 requests"
    if all(one == least for _, one in shown):
        return f"{TITLE}: all take {price} per 1,000 requests"
    seems = "seems" if charts.is_doubtful(cheapest, report) else "is"
    if len(shown) < len(judged(report)):
        return f"{TITLE}: {in_sentence(cheapest.id)} {seems} cheapest of those known, at {price} per 1,000 requests"
    return f"{TITLE}: {in_sentence(cheapest.id)} {seems} the cheapest strategy, at {price} per 1,000 requests"


def _is_clearly_behind(report: Report, met: CostCrossing) -> bool:
    """Whether one of the two is surely worse than the other by more than the margin. Nobody takes it for its price."""
    margin = report.priorities.margin
    return any(
        {one.a, one.b} == {met.a, met.b} and (one.low > margin or one.high < -margin) for one in report.comparisons
    )


def _heading_of_crossing(report: Report, met: CostCrossing) -> str:
    """From which volume on one of two strategies costs less; `met` has one."""
    later, earlier = map(in_sentence, charts.later_and_earlier(report, met))
    monthly = met.monthly or 0.0
    if monthly < charts.FIRST:
        return f"{TITLE}: {later} costs less than {earlier} from the first request"
    volume = f"{rough_text(monthly)} requests a month"
    if met.is_ranged and (met.low is None or met.high is None):
        return f"{TITLE}: {later} may cost less than {earlier} from {volume}"
    return f"{TITLE}: {later} costs less than {earlier} from {volume}"


def _of_baseline(report: Report) -> str:
    """What the baseline costs that the headline prefers; the cheapest strategy isn't the cheapest of all."""
    baseline = preferred_baseline(report)
    if baseline is None or baseline.cost.per_1000 is None:
        return ""
    name, price = in_sentence(baseline.id), money_text(baseline.cost.per_1000, baseline.cost.currency)
    return f" The best baseline ({name}) costs {price} per 1,000 requests."


def _how_volume(report: Report) -> str:
    wrong = " + wrong answers × the price of one" if report.priorities.wrong_answer else ""
    rows = " and of the scored rows" if report.priorities.wrong_answer else ""
    months = count_text(report.priorities.months, "month")
    return (
        f"Setup cost + {months} × (repeated setup + requests a month × the cost of one{wrong}), as under “All "
        "metrics”. Two strategies cost the same where their lines cross. The CI of that volume comes from "
        f"{computation.COST_RESAMPLES} of the timed answers and of the tokens of all rows{rows}."
    )
