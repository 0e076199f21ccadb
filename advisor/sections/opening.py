"""What stands at the top of every report: the verdict, three figures, three sentences and one chart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from unicodedata import bidirectional

from advisor import charts
from advisor.candidates import baselines, judged
from advisor.decision.choice import SAME_COST
from advisor.schema import Candidate, Judgement, Report
from advisor.sections import computation
from advisor.sections.blocks import Chart
from advisor.sections.figures import COST, MEDIAN, SCORE, how_computed
from advisor.wording import count_text, in_sentence, money_text, score_text, seconds_text

_MOST_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the three figures under the headline: what stands under it, and how it was computed."""

    label: str
    value: str
    under: str
    how: str


@dataclass(frozen=True, slots=True)
class Opening:
    """`subject` is what was measured, `choice` the strategy taken, if any; `how` says how the odds of the confidence
    line were computed. There is no chart where nothing was scored."""

    subject: str
    choice: str | None
    headline: str
    confidence: str
    how: str | None
    figures: tuple[Figure, ...]
    sentences: tuple[str, ...]
    chart: Chart | None


def opening_of(report: Report) -> Opening:
    verdict = report.recommendation
    choice = next((one for one in judged(report) if one.id == verdict.choice), None)
    return Opening(
        subject_of(report),
        choice.strategy if choice else None,
        verdict.headline,
        verdict.confidence_line,
        _how_odds(report),
        _figures(report, choice) if choice else (),
        sentences_of(report),
        _chart(report) if judged(report) else None,
    )


def _chart(report: Report) -> Chart:
    """The sentences beside it say what to see, so its caption says only what the lines are."""
    return Chart(charts.score_sentence(report), partial(charts.score_chart, report), "Lines are 95 % CIs.")


def subject_of(report: Report) -> str:
    """What was measured, on how many rows, with which model and when."""
    task = report.task
    return f"{_isolated(task.name)} · {count_text(task.test, 'test row')} · {report.model} · {report.created_at[:10]}"


def _isolated(name: str) -> str:
    """A name from right to left would else move the number after it to its other side."""
    return f"\u2068{name}\u2069" if any(bidirectional(sign) in ("R", "AL") for sign in name) else name


def sentences_of(report: Judgement) -> tuple[str, ...]:
    """What a person needs to know besides the figures: the best baseline, the runner-up, and what to beware of."""
    verdict = report.recommendation
    found = (verdict.baseline_line, verdict.runner_up_line, *verdict.caveats, *verdict.reasons)
    return tuple(dict.fromkeys(sentence for sentence in found if sentence))[:_MOST_SENTENCES]


def _figures(report: Report, choice: Candidate) -> tuple[Figure, ...]:
    """The score, latency and cost of the strategy taken, and those of the baseline that the headline speaks of."""
    beside = next((one for one in baselines(report) if one.id == report.recommendation.level_baseline), None)
    score, cost, how = choice.score, choice.cost, how_computed(report)
    name = f"{in_sentence(beside.strategy)}: " if beside else ""
    volume = f"{report.priorities.monthly_volume:,} requests"
    found = (
        (
            f"Score ({report.task.metric})",
            score_text(score.mean),
            f"95 % CI {score_text(score.low)} to {score_text(score.high)}",
            score_text(beside.score.mean) if beside else "",
            SCORE,
        ),
        (
            MEDIAN,
            seconds_text(_p50(choice)),
            f"95th percentile {seconds_text(choice.latency_seconds.p95 if choice.latency_seconds else None)}",
            seconds_text(_p50(beside)) if beside else "",
            MEDIAN,
        ),
        (
            COST,
            money_text(cost.per_1000, cost.currency),
            f"{money_text(cost.per_month, cost.currency)} a month for {volume}, "
            f"setup {money_text(cost.one_off, cost.currency)}",
            money_text(beside.cost.per_1000, cost.currency) if beside else "",
            COST,
        ),
    )
    return tuple(
        Figure(label, value, f"{under}; {name}{other}" if beside else under, how[heading])
        for label, value, under, other, heading in found
    )


def _p50(one: Candidate) -> float | None:
    return one.latency_seconds.p50 if one.latency_seconds else None


def _how_odds(report: Report) -> str | None:
    if not report.recommendation.probabilities:
        return None
    near = f"within {computation.margin_of(report)} of the best strategy"
    if report.priorities.wrong_answer:
        near += ", with costs and wrong answers taken off its score,"
    return (
        f"How often the choice would hold with other rows. {computation.of_draws(report)} The odds are the share of "
        f"these draws in which the choice is {near} and nothing cheaper is. A simpler strategy that costs up to "
        f"{100 * (SAME_COST - 1):.0f} % more counts as no dearer."
    )
