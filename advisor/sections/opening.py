"""What stands at the top of every report: the verdict, three figures and one chart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from unicodedata import bidirectional

from advisor import charts
from advisor.candidates import judged, preferred_baseline
from advisor.decision.choice import SAME_COST
from advisor.schema import Candidate, Report
from advisor.sections import computation, early_stops
from advisor.sections.blocks import Chart
from advisor.sections.figures import COST, MEDIAN, SCORE, how_computed
from advisor.wording import (
    cents_text,
    count_text,
    in_milliseconds,
    kind_in_sentence,
    money_text,
    name_of,
    runs_on_gpu,
    score_text,
    seconds_text,
    sentences_in,
    words_of,
)
from eval.task import Kind
from strategies.engine.models import EMBEDDED_NAME
from strategies.registry import BASELINES

_RIGHT_OR_WRONG = (Kind.CLASSIFICATION, Kind.ANSWERING)


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the three figures under the headline: the lines that stand under it, and how it was computed."""

    label: str
    value: str
    under: tuple[str, ...]
    how: str

    @property
    def in_one_line(self) -> str:
        return "; ".join(self.under)


@dataclass(frozen=True, slots=True)
class Opening:
    """`subject` is what was measured, `shown` the strategy whose figures stand there, or the baseline that the headline
    prefers, if any; `how` says how the probability in the confidence line was computed. There is no chart where nothing
    was scored."""

    subject: str
    shown: str | None
    headline: str
    confidence: str
    how: str | None
    figures: tuple[Figure, ...]
    chart: Chart | None

    @property
    def role(self) -> str:
        """What `shown` is, to be read before its name."""
        return "Best baseline: " if self.shown in BASELINES else ""

    @property
    def explanation(self) -> str:
        """What `shown` does, in one sentence; "" for a strategy that isn't ours."""
        explained = words_of(self.shown).explanation if self.shown else ""
        return sentences_in(explained)[0]


def opening_of(report: Report) -> Opening:
    verdict = report.recommendation
    choice = next((one for one in judged(report) if one.id == verdict.choice), None)
    shown = preferred_baseline(report) or choice
    return Opening(
        subject_of(report),
        shown.id if shown else None,
        verdict.headline,
        verdict.confidence_line,
        _how_probability(report),
        _figures(report, shown, choice) if shown and choice else (),
        _chart(report) if judged(report) else None,
    )


def _chart(report: Report) -> Chart:
    """It needs no caption: the sentences next to it say what to see, and its axis says what the lines are."""
    return Chart(charts.score_sentence(report), partial(charts.score_chart, report), "")


def subject_of(report: Report) -> str:
    """What was measured, which kind of task it is, on how many rows, with which model and when."""
    task = report.task
    model = f"{report.model}, a very small model" if report.model == EMBEDDED_NAME else report.model
    of_task = (_isolated(task.name), kind_in_sentence(task.kind), early_stops.rows_told(report))
    return " · ".join((*of_task, model, report.created_at[:10]))


def _isolated(name: str) -> str:
    """A name from right to left would else move the number after it to its other side."""
    return f"\u2068{name}\u2069" if any(bidirectional(sign) in ("R", "AL") for sign in name) else name


def _wrong(report: Report, shown: Candidate) -> list[str]:
    """How many rows are wrong, where an answer is right or wrong as a whole: that is what a score means to a person."""
    found = shown.failures
    if found is None or found.wrong is None or report.task.kind not in _RIGHT_OR_WRONG:
        return []
    return [f"Wrong on {found.wrong:,} of {count_text(found.of, 'test row')}"]


def _figures(report: Report, shown: Candidate, choice: Candidate) -> tuple[Figure, ...]:
    """The score, latency and cost of what the headline prefers; of a baseline beside those of the strategy taken."""
    score, latency, cost, how = shown.score, shown.latency_seconds, shown.cost, how_computed(report)
    volume, currency = f"{report.priorities.monthly_volume:,} requests", cost.currency
    in_ms = in_milliseconds(_p50(shown), _p50(choice))
    p95 = seconds_text(latency.p95 if latency else None, in_ms)
    of_score = [
        f"95 % CI {score_text(score.low)} to {score_text(score.high)}, the plausible range",
        *_wrong(report, shown),
    ]
    of_latency = [f"95th percentile {p95}"]
    month, setup = cents_text(cost.per_month, currency), cents_text(cost.one_off, currency)
    of_cost = [_spent(month, setup, volume)]
    if shown is not choice:
        name = name_of(choice.id)
        of_score.append(f"{name}: {score_text(choice.score.mean)}")
        of_latency.append(f"{name}: {seconds_text(_p50(choice), in_ms)}")
        of_cost.append(f"{name}: {money_text(choice.cost.per_1000, currency)}")
    by_token = report.priorities.hosted or shown.by_token
    if report.priorities.has_default_machine_price and not by_token:
        default = money_text(report.priorities.machine_per_hour, currency)
        too_low = ", too low for a GPU" if runs_on_gpu(report.device) else ""
        of_cost.append(f"At our default of {default} an hour of machine time{too_low}")
    return (
        Figure(f"Score ({report.task.metric})", score_text(score.mean), tuple(of_score), how[SCORE]),
        Figure(MEDIAN, seconds_text(_p50(shown), in_ms), tuple(of_latency), how[MEDIAN]),
        Figure(COST, money_text(cost.per_1000, currency), tuple(of_cost), how[COST]),
    )


def _spent(month: str, setup: str, volume: str) -> str:
    if month == setup:
        return f"Setup and a month ({volume}): {month}"
    return f"{month[:1].upper()}{month[1:]} a month for {volume}, setup {setup}"


def _p50(one: Candidate) -> float | None:
    return one.latency_seconds.p50 if one.latency_seconds else None


def _how_probability(report: Report) -> str | None:
    if not report.recommendation.probabilities:
        return None
    near = f"within {computation.margin_of(report)} of the best strategy"
    if report.priorities.wrong_answer:
        near += ", with costs and wrong answers taken off its score,"
    return (
        f"The probability that we would choose the same with other test rows. {computation.of_resamples(report)} It is "
        f"the fraction of these resamples in which the choice is {near} and nothing cheaper is. A simpler strategy "
        f"that costs up to {100 * (SAME_COST - 1):.0f} % more counts as equally cheap."
    )
