"""How long an answer takes."""

from __future__ import annotations

from functools import partial

from advisor import charts
from advisor.candidates import judged, preferred_baseline
from advisor.schema import ApartSeconds, Judgement, Report
from advisor.sections.blocks import Chart, Section, small
from advisor.sections.figures import ranged
from advisor.wording import count_text, in_milliseconds, in_sentence, name_of, seconds_text


def section(report: Report) -> Section | None:
    if not judged(report):
        return None
    chart = Chart(charts.latency_sentence(report), partial(charts.latency_chart, report))
    return Section("latency", "Latency", _summary(report), (chart, *small(*apart_of(report))), _how(report))


def apart_of(report: Judgement) -> list[str]:
    """What an answer takes while an adapter is not merged into the weights, of each strategy where that was measured;
    a run of an earlier version measured none."""
    found = [(in_sentence(one.strategy), apart) for one in judged(report) if (apart := one.apart_seconds)]
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
    timed = [(one.strategy, one.latency_seconds) for one in judged(report) if one.latency_seconds]
    if not timed:
        return "No answer was timed on its own."
    if len(timed) == 1:
        ((only, latency),) = timed
        return f"{name_of(only)}: median {seconds_text(latency.p50)}, 95th percentile {seconds_text(latency.p95)}."
    (fastest, least), (slowest, most) = (find(timed, key=lambda one: one[1].p50) for find in (min, max))
    in_ms = in_milliseconds(least.p50)
    baseline = preferred_baseline(report)
    if baseline is not None and baseline.latency_seconds:
        takes = seconds_text(baseline.latency_seconds.p50)
        of_baseline = f" The best baseline ({in_sentence(baseline.strategy)}) takes {takes}."
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
