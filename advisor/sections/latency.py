"""How long an answer takes."""

from __future__ import annotations

from functools import partial

from advisor import charts
from advisor.candidates import judged, preferred, preferred_baseline
from advisor.schema import ApartSeconds, Judgement, Report
from advisor.sections.blocks import Block, Chart, Section, small
from advisor.sections.figures import ranged
from advisor.wording import count_text, in_milliseconds, in_sentence, name_of, number_text, seconds_text
from eval.statistics.inference import Percentiles

TITLE = "Latency"
_FEW_TIMES, _MANY_TIMES = 1.5, 10  # below and above which a percentage and a round number say more


def section(report: Report) -> Section | None:
    if not any(one.latency_seconds for one in judged(report)):
        return None
    chart = Chart(charts.latency_sentence(report), partial(charts.latency_chart, report))
    blocks: tuple[Block, ...] = (chart, *small(*apart_of(report)))
    return Section("latency", TITLE, _summary(report), blocks, _how(report), _heading(report))


def _heading(report: Report) -> str:
    """The slowest against the fastest, the baseline that the headline prefers among them."""
    timed = [(one.id, one.latency_seconds) for one in preferred(report) if one.latency_seconds]
    (fastest, least), (slowest, most) = (find(timed, key=lambda one: one[1].p50) for find in (min, max))
    in_ms = in_milliseconds(least.p50, most.p50)
    if fastest == slowest:
        return f"{TITLE}: median {seconds_text(least.p50)}"
    if not least.p50 or not _is_slower(most, least):
        return f"{TITLE}: medians of {seconds_text(least.p50, in_ms)} to {seconds_text(most.p50, in_ms)}"
    times = most.p50 / least.p50
    slower, faster = in_sentence(slowest), in_sentence(fastest)
    if times < _FEW_TIMES:
        return f"{TITLE}: {slower} takes {100 * (times - 1):.0f} % longer than {faster}"
    if times >= _MANY_TIMES:
        return f"{TITLE}: {slower} takes about {float(f'{times:.0e}'):,.0f} times as long as {faster}"
    return f"{TITLE}: {slower} takes {number_text(times)} times as long as {faster}"


def _is_slower(slow: Percentiles, fast: Percentiles) -> bool:
    """Whether the CI of the median of one begins where that of the other has ended."""
    low, high = slow.p50_range[0], fast.p50_range[1]
    return low is not None and high is not None and low > high


def apart_of(report: Judgement) -> list[str]:
    """What an answer takes while an adapter is not merged into the weights, of each strategy where that was measured;
    a run of an earlier version measured none."""
    found = [(in_sentence(one.id), apart) for one in judged(report) if (apart := one.apart_seconds)]
    medians = [one.latency_seconds.p50 for one in judged(report) if one.latency_seconds]
    in_ms = in_milliseconds(*medians, *(apart.p50 for _, apart in found))
    return [_apart(name, apart, in_ms) for name, apart in found]


def _apart(name: str, apart: ApartSeconds, in_ms: bool) -> str:
    merged = seconds_text(apart.merged_p50, in_ms)
    low, high = apart.p50_range
    is_open = low is not None and low <= apart.merged_p50 and (high is None or apart.merged_p50 <= high)
    doubt = f" {count_text(apart.n, 'answer')} can't tell the two apart." if is_open else ""
    return (
        f"If one model serves many tasks, {name} keeps its adapter separate. On {count_text(apart.n, 'answer')} the "
        f"median latency was then {ranged(apart.p50, apart.p50_range, in_ms)}, against {merged} with "
        f"the adapter merged, as in all other figures.{doubt}"
    )


def _summary(report: Report) -> str:
    timed = [(one.id, one.latency_seconds) for one in judged(report) if one.latency_seconds]
    if len(timed) == 1:
        ((only, latency),) = timed
        return f"{name_of(only)}: median {seconds_text(latency.p50)}, 95th percentile {seconds_text(latency.p95)}."
    (fastest, least), (slowest, most) = (find(timed, key=lambda one: one[1].p50) for find in (min, max))
    in_ms = in_milliseconds(least.p50)
    baseline = preferred_baseline(report)
    if baseline is not None and baseline.latency_seconds:
        takes = seconds_text(baseline.latency_seconds.p50)
        of_baseline = f" The best baseline ({in_sentence(baseline.id)}) takes {takes}."
    else:
        of_baseline = ""
    return (
        f"Median from {seconds_text(least.p50, in_ms)} ({in_sentence(fastest)}) to {seconds_text(most.p50, in_ms)} "
        f"({in_sentence(slowest)}).{of_baseline}"
    )


def _how(report: Report) -> str:
    fractions = "As under “All metrics”. Fractions of the time: the mean seconds of each phase ÷ their sum."
    apart = next((one.apart_seconds for one in judged(report) if one.apart_seconds), None)
    if apart is None:
        return fractions
    return (
        f"{fractions} With the adapter apart: the median of {count_text(apart.n, 'answer')} timed above, requested "
        "once more: apart_seconds in trial.json. The merged median is that of the same answers."
    )
