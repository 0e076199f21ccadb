"""Every figure of a run in words, the same on the page and in the files: what was measured, and who differs from whom.

What was not measured is said to be so, never left blank and never 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from advisor.candidates import Sentences, baselines, judged, near_best, not_measured, on_pairs
from advisor.schema import ApartSeconds, Candidate, Comparison, Judgement, Report, TaskFacts
from advisor.sections.blocks import Bullets, Section
from advisor.wording import (
    RANGE_MEANING,
    count_text,
    duration_text,
    in_sentence,
    memory_text,
    money_text,
    name_of,
    number_text,
    points_text,
    probability_text,
    score_text,
    seconds_text,
    share_text,
    words_of,
)
from eval.label_statistics import SWAPS
from eval.phases import PHASES
from eval.scoring import meaning_of
from eval.statistics import LEAST_OF_FLIPS, SIGN_FLIPS, Percentiles
from strategies.presets import PRESETS

P_VALUE_MEANING = (
    "p: how often chance alone would make so large a difference between two equally good strategies; .05 is 5 times in "
    "100. It allows for all the pairs that are compared (Holm); the ranges do not."
)
_LEVEL = 0.0005  # a difference that rounds to no tenth of a point
NOT_MEASURED = "not measured"
READING = "What these words mean"
TABLE_MEANING = (
    "In brackets: 95 % ranges. Getting ready: choosing settings, indexing what can be looked up, training. A token is "
    "a word or a piece of one: what a language model reads and writes, and is paid for."
)


def subject_of(report: Report) -> str:
    """What was measured, on how many rows, with which model and when."""
    task = report.task
    return f"{task.name} · {count_text(task.test, 'test row')} · {report.model} · {report.created_at[:10]}"


def reading_of(report: Judgement) -> list[tuple[str, str]]:
    """The words that the figures of a verdict are told in, and their meanings; empty where there are none."""
    if not judged(report):
        return []
    task = report.task if isinstance(report, Report) else None
    priorities = report.priorities
    explained = [(name_of(one.strategy), words_of(one.strategy).explanation) for one in judged(report)]
    hour = f"{money_text(priorities.machine_per_hour, priorities.currency)} an hour"
    price = f"Machine time, {hour}"
    if hosted := priorities.hosted:
        price = f"Machine time to get ready, {hour}; answers by the token, as those of {hosted}"
    people = f"The work of people is not counted{', but for labelling' if priorities.labelled_row else ''}."
    return [
        *([("Strategy", "A way to put a language model to work on your task.")] if task else []),
        *((name, explanation) for name, explanation in explained if explanation),
        *([_metric_of(task)] if task else []),
        *(_FACTS if any("distorted" in one.parts for one in judged(report)) else ()),
        ("A point", "1 point = 1 % of a perfect score."),
        (
            "Test rows",
            "Rows (examples) of your data that no strategy saw before." if task else "The examples that all answered.",
        ),
        ("95 % range", RANGE_MEANING),
        *([("Cost", f"{price}. {people}")] if task or any(one.latency_seconds for one in judged(report)) else []),
    ]


_FACTS = (
    ("Distorted", "Something else stands where an expected fact should: another number, date, name, or yes for no."),
    ("Invented", "A number, date or name that stands in none of your inputs, expected answers and documents."),
)


def _metric_of(task: TaskFacts) -> tuple[str, str]:
    metric = task.metric
    return metric if metric == "chrF" else f"{metric[:1].upper()}{metric[1:]}", meaning_of(metric)


Number = TypeVar("Number", int, float)

# Of the score, by name: what is shown of them, as a share.
PARTS = {
    "recall": "Expected facts stated",
    "distorted": "Expected facts distorted",
    "invented": "Answers with something invented",
    "form": "Wording like the expected one (chrF)",
}


def figures_of(report: Judgement) -> list[tuple[str, list[str]]]:
    """A heading, and its figure for each of `judged(report)`, in that order."""
    shown = judged(report)

    def row(heading: str, tell: Callable[[Candidate], str | None]) -> tuple[str, list[str]]:
        return heading, [tell(one) or NOT_MEASURED for one in shown]

    def if_any(heading: str, tell: Callable[[Candidate], str | None]) -> list[tuple[str, list[str]]]:
        told = [tell(one) for one in shown]
        return [(heading, [each or NOT_MEASURED for each in told])] if any(told) else []

    return [
        row("Score", lambda one: score_text(one.score.mean)),
        row("95 % range", lambda one: f"{score_text(one.score.low)} to {score_text(one.score.high)}"),
        *if_any("Score of each training", lambda one: ", ".join(map(score_text, one.score_of_each_training or ()))),
        *_chances(report, [one.id for one in shown]),
        *(
            row(heading, partial(_part, part))
            for part, heading in PARTS.items()
            if any(part in one.parts for one in shown)
        ),
        row("Median latency", lambda one: _median(one.latency_seconds)),
        row("95th percentile latency", lambda one: _p95(one.latency_seconds)),
        *if_any("Median time to the first word", lambda one: _median(one.first_word_seconds)),
        *(
            (f"Mean time {name}", [_phase(one.phase_seconds, name) for one in shown])
            for name in PHASES
            if any(one.phase_seconds.get(name) for one in shown)
        ),
        row("Throughput (answers per second)", lambda one: _if_known(number_text, one.requests_per_second)),
        row("Prompt tokens per answer", lambda one: _if_known(_tokens, one.tokens_in_mean)),
        row("Output tokens per answer", lambda one: _if_known(_tokens, one.tokens_out_mean)),
        row("Failed answers", lambda one: _if_known(_count, one.failed_answers)),
        *if_any("Refusals", lambda one: _count(one.refusals.count) if one.refusals else None),
        row("Getting ready", lambda one: _if_known(duration_text, one.fit_seconds)),
        row("Peak memory", lambda one: _if_known(memory_text, one.peak_memory_bytes)),
        row("Cost per 1,000 answers", lambda one: _price(one, one.cost.per_1000, one.per_1000_range)),
        row("Cost of getting ready, once", lambda one: _price(one, one.cost.one_off)),
        *(
            [row("Cost of getting ready again, per month", lambda one: _price(one, one.cost.upkeep_per_month))]
            if any((one.cost.upkeep_per_month or 0) > 0 for one in shown)
            else []
        ),
        *(
            [row("Cost of the wrong among 1,000 answers", lambda one: _price(one, one.cost.errors_per_1000))]
            if report.priorities.wrong_answer
            else []
        ),
    ]


def baselines_of(report: Judgement) -> str | None:
    """What answers without a language model score, best first, in a sentence; None for a run that measured none."""
    scored = [f"{in_sentence(one.strategy)} {score_text(one.score.mean)}" for one in baselines(report)]
    return f"Without a language model: {', '.join(scored)}." if scored else None


def beyond_preset(report: Report) -> str | None:
    """What a longer preset measures besides; None where the preset measures all, and for a run of an earlier
    version."""
    preset = PRESETS.get(report.preset or "")
    if preset is None or preset.curve_shares or not judged(report):
        return None
    documents = "what follows changed documents, " if report.task.documents else ""
    return (
        f"A {preset.name} run does not measure what is lost on less tidy inputs, {documents}what else training does, "
        "or whether more data would help. Standard and thorough runs do."
    )


def differences_of(report: Judgement) -> Sentences:
    """For each pair of strategies their difference with its range, and its p-value ("p = .03.")."""
    return on_pairs(report, report.comparisons, lambda pair: f"{_difference(pair)} {_p_value(pair)}.")


def detectable_of(report: Judgement) -> str | None:
    """How small a true difference the test rows would show; None for a single strategy or a run of an earlier
    version."""
    sizes = sorted(one.detectable for one in report.comparisons if one.detectable is not None)
    if not sizes:
        return None
    least, most = points_text(sizes[0]), points_text(sizes[-1])
    span = most if least == most else f"{least.split()[0]} to {most}, depending on the pair,"
    return f"With this number of rows a difference of {span} shows 8 times in 10; a smaller one is often missed."


def apart_of(report: Judgement) -> list[str]:
    """What an answer takes while an adapter is not merged into the weights, of each strategy where that was measured;
    a run of an earlier version measured none."""
    return [
        f"Where one model serves many tasks, what {in_sentence(one.strategy)} learned is kept apart from it (an "
        f"adapter). Of {count_text(apart.n, 'answer')} timed both ways half then come within "
        f"{_median(apart)}, and within {seconds_text(apart.merged_p50)} with it built into the model "
        "(merged), as for all other figures."
        for one in judged(report)
        if (apart := one.apart_seconds)
    ]


def _chances(report: Judgement, names: list[str]) -> list[tuple[str, list[str]]]:
    """How probable it is that each is near the best."""
    chances = report.recommendation.probabilities
    if len(chances) < 2:
        return []  # nothing to compare
    told = [probability_text(chances[one]) if one in chances else "beyond a limit" for one in names]
    return [(f"Chance of being {near_best(report)}", told)]


def _part(part: str, one: Candidate) -> str | None:
    return share_text(one.parts[part]) if part in one.parts else None


def _if_known(tell: Callable[[Number], str], value: Number | None) -> str | None:
    return None if value is None else tell(value)


def _count(count: int) -> str:
    return f"{count:,}"


def _phase(seconds: dict[str, float], name: str) -> str:
    """A dash for what a strategy does not do."""
    return NOT_MEASURED if not seconds else seconds_text(seconds[name]) if name in seconds else "–"


def _median(timed: Percentiles | ApartSeconds | None) -> str | None:
    return _ranged(timed.p50, timed.p50_range) if timed else None


def _p95(timed: Percentiles | None) -> str | None:
    return _ranged(timed.p95, timed.p95_range) if timed else None


def _ranged(seconds: float, ends: tuple[float | None, float | None]) -> str:
    """Seconds with the range of the percentile; a run of an earlier version has none."""
    low, high = ends
    if low is None:
        return seconds_text(seconds)
    upper = f"to {seconds_text(high)}" if high is not None else "or more"
    return f"{seconds_text(seconds)} ({seconds_text(low)} {upper})"


def _price(one: Candidate, price: float | None, ends: tuple[float, float] | None = None) -> str:
    """With its range, if there is one."""
    currency = one.cost.currency
    told = money_text(price, currency)
    return f"{told} ({' to '.join(money_text(end, currency) for end in ends)})" if ends else told


def _tokens(mean: float) -> str:
    return f"{mean:,.0f}" if mean >= 10 else f"{mean:.1f}"


def _difference(one: Comparison) -> str:
    a, b = (one.a, one.b) if one.difference >= 0 else (one.b, one.a)
    low, high = sorted((one.low, one.high) if a == one.a else (-one.low, -one.high))
    by = "level with" if abs(one.difference) < _LEVEL else f"{points_text(one.difference)} ahead of"
    ahead = f"{name_of(a)} is {by} {in_sentence(b)}"
    if low >= 0:
        between = f"{_points(low)} to {_points(high)} ahead"
    else:
        told = points_text if "level" in by else _points  # where the unit is said already
        between = f"between {told(low)} behind and {told(high)} ahead"
    return f"{ahead} ({between}) on {count_text(one.n, 'row')} that both answered."


def _points(difference: float) -> str:
    """Points without their unit, for the ends of a range."""
    return points_text(difference).split()[0]


def _p_value(pair: Comparison) -> str:
    """Of so many flips of signs, or swaps, none can be smaller than the least: then it may be less."""
    p_value = pair.p_value if pair.p_value_holm is None else pair.p_value_holm
    if p_value < 0.001:
        return "p < .001"
    is_least = pair.test in (SIGN_FLIPS, SWAPS) and pair.p_value <= LEAST_OF_FLIPS
    if is_least:
        return f"p ≤ {math.ceil(1000 * p_value - 1e-9) / 1000:.3f}".replace(" 0.", " .")
    return f"p = {p_value:.3f}".replace(" 0.", " .")


def not_measured_section(report: Report) -> Section | None:
    """What a longer preset measures, and why a baseline has no result; a strategy's reason is among the caveats."""
    beyond = beyond_preset(report)
    reasons = [f"{name_of(one.strategy)}: {one.reason or 'no reason given'}" for one in not_measured(report.baselines)]
    sentences = (*([beyond] if beyond else []), *reasons)
    return Section("not-measured", "Not measured", (Bullets(sentences),)) if sentences else None


def data_section(report: Report) -> Section | None:
    return Section("data", "About the data", (Bullets(report.warnings),)) if report.warnings else None
