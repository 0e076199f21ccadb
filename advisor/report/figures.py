"""Every figure of a run in words, the same on the page and in the files: what was measured, and who differs from whom.

All read a report of schema 1. What was not measured is said to be so, never left blank and never 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from advisor.candidates import Sentences, floors, judged, near_best, on_pairs
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
from eval.statistics import LEAST_OF_FLIPS, SIGN_FLIPS
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


def subject_of(report: dict[str, Any]) -> str:
    """What was measured, on how many rows, with which model and when."""
    task = report["task"]
    return f"{task['name']} · {count_text(task['test'], 'test row')} · {report['model']} · {report['created_at'][:10]}"


def reading_of(report: dict[str, Any]) -> list[tuple[str, str]]:
    """The words that the figures of a verdict are told in, and their meanings; empty where there are none."""
    if not judged(report):
        return []
    task, priorities = report.get("task"), report["priorities"]  # no task where the scores were measured elsewhere
    explained = [(name_of(one["name"]), words_of(one["name"]).explanation) for one in judged(report)]
    hour = f"{money_text(priorities['machine_per_hour'], priorities['currency'])} an hour"
    price = f"Machine time, {hour}"
    if hosted := priorities.get("hosted"):
        price = f"Machine time to get ready, {hour}; answers by the token, as those of {hosted}"
    people = f"The work of people is not counted{', but for labelling' if priorities.get('labelled_row') else ''}."
    return [
        *([("Strategy", "A way to put a language model to work on your task.")] if task else []),
        *((name, explanation) for name, explanation in explained if explanation),
        *([_metric_of(task)] if task else []),
        *(_FACTS if any("distorted" in (one.get("parts") or {}) for one in judged(report)) else ()),
        ("A point", "One hundredth of a full score: .86 is 86 points of 100."),
        (
            "Test rows",
            "Rows (examples) of your data that no strategy saw before." if task else "The examples that all answered.",
        ),
        ("95 % range", RANGE_MEANING),
        *(
            [("Cost", f"{price}. {people}")]
            if task or any(one["latency_seconds"]["n"] for one in judged(report))
            else []
        ),
    ]


_FACTS = (
    ("Distorted", "Something else stands where an expected fact should: another number, date, name, or yes for no."),
    ("Invented", "A number, date or name that stands in none of your inputs, expected answers and documents."),
)


def _metric_of(task: dict[str, Any]) -> tuple[str, str]:
    metric = task["metric"]
    return metric if metric == "chrF" else f"{metric[:1].upper()}{metric[1:]}", meaning_of(metric)


# Of the score, by name: what is shown of them, as a share.
PARTS = {
    "recall": "Expected facts stated",
    "distorted": "Expected facts distorted",
    "invented": "Answers with something invented",
    "form": "Wording like the expected one (chrF)",
}


def figures_of(report: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """A heading, and its figure for each of `judged(report)`, in that order."""
    shown = judged(report)

    def row(heading: str, tell: Callable[[Any], str | None], *path: str) -> tuple[str, list[str]]:
        return heading, [_told(tell, _at(one, path)) for one in shown]

    def price(heading: str, name: str) -> tuple[str, list[str]]:
        return heading, [_price(one["cost"], name, one.get(f"{name}_range")) for one in shown]

    return [
        row("Score", score_text, "score", "mean"),
        row("95 % range", lambda score: f"{score_text(score['low'])} to {score_text(score['high'])}", "score"),
        *(
            [row("Score of each training", lambda means: ", ".join(map(score_text, means)), "score_of_each_training")]
            if any(one.get("score_of_each_training") for one in shown)
            else []
        ),
        *_chances(report, [one["name"] for one in shown]),
        *(
            row(heading, share_text, "parts", part)
            for part, heading in PARTS.items()
            if any(part in one["parts"] for one in shown)
        ),
        row("Half of the answers within", _ranged("p50"), "latency_seconds"),
        row("95 of 100 answers within", _ranged("p95"), "latency_seconds"),
        *(
            [row("The first word within, half of the time", _ranged("p50"), "first_word_seconds")]
            if any(one.get("first_word_seconds") for one in shown)
            else []
        ),
        *(
            (f"On average {name}", [_phase(one.get("phase_seconds") or {}, name) for one in shown])
            for name in PHASES
            if any(one.get("phase_seconds", {}).get(name) for one in shown)
        ),
        row("Answers a second, many together", number_text, "requests_per_second"),
        row("Tokens read per answer", _tokens, "tokens_in_mean"),
        row("Tokens written per answer", _tokens, "tokens_out_mean"),
        row("Answers that failed", lambda failed: f"{failed:,}", "failed_answers"),
        *(
            [row("Answers that refuse", lambda refused: f"{refused:,}", "refusals", "count")]
            if any(one.get("refusals") for one in shown)
            else []
        ),
        row("Getting ready", duration_text, "fit_seconds"),
        row("Most memory used", memory_text, "peak_memory_bytes"),
        price("Cost of 1,000 answers", "per_1000"),
        price("Cost of getting ready, once", "one_off"),
        *(
            [price("Cost of getting ready anew, a month", "upkeep_per_month")]
            if any((one["cost"].get("upkeep_per_month") or 0) > 0 for one in shown)
            else []
        ),
        *(
            [price("Cost of the wrong among 1,000 answers", "errors_per_1000")]
            if report["priorities"].get("wrong_answer")
            else []
        ),
    ]


def floors_of(report: dict[str, Any]) -> str | None:
    """What answers without a language model score, best first, in a sentence; None for a run that measured none."""
    scored = [f"{in_sentence(one['name'])} {score_text(one['score']['mean'])}" for one in floors(report)]
    return f"Without a language model: {', '.join(scored)}." if scored else None


def not_measured(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The strategies and floors without a result."""
    return [one for one in (*report["candidates"], *report.get("floors", [])) if one["status"] != "done"]


def floors_not_measured(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Why a strategy has no result stands among the caveats of the verdict; this is what they say nothing of."""
    return [one for one in not_measured(report) if one in report.get("floors", [])]


def beyond_preset(report: dict[str, Any]) -> str | None:
    """What a longer preset measures besides; None where the preset measures all, and for a run of an earlier
    version."""
    preset = PRESETS.get(report.get("preset") or "")
    if preset is None or preset.curve_shares or not judged(report):
        return None
    documents = "what follows changed documents, " if report["task"]["documents"] else ""
    return (
        f"A {preset.name} run does not measure what is lost on less tidy inputs, {documents}what else training does, "
        "or whether more data would help. Standard and thorough runs do."
    )


def differences_of(report: dict[str, Any]) -> Sentences:
    """For each pair of strategies their difference with its range, and its p-value ("p = .03.")."""
    return on_pairs(report, report["comparisons"], lambda pair: f"{_difference(pair)} {_p_value(pair)}.")


def detectable_of(report: dict[str, Any]) -> str | None:
    """How small a true difference the test rows would show; None for a single strategy or a run of an earlier
    version."""
    sizes = sorted(one["detectable"] for one in report["comparisons"] if "detectable" in one)
    if not sizes:
        return None
    least, most = points_text(sizes[0]), points_text(sizes[-1])
    span = most if least == most else f"{least.split()[0]} to {most}, depending on the pair,"
    return f"With this number of rows a difference of {span} shows 8 times in 10; a smaller one is often missed."


def apart_of(report: dict[str, Any]) -> list[str]:
    """What an answer takes while an adapter is not merged into the weights, of each strategy where that was measured;
    a run of an earlier version measured none."""
    return [
        f"Where one model serves many tasks, what {in_sentence(one['name'])} learned is kept apart from it (an "
        f"adapter). Of {count_text(apart['n'], 'answer')} timed both ways half then come within "
        f"{_ranged('p50')(apart)}, and within {seconds_text(apart['merged_p50'])} with it built into the model "
        "(merged), as for all other figures."
        for one in judged(report)
        if (apart := one.get("apart_seconds"))
    ]


def _chances(report: dict[str, Any], names: list[str]) -> list[tuple[str, list[str]]]:
    """How probable it is that each is near the best. Runs of an earlier version have no such probabilities."""
    if (chances := report["recommendation"].get("probabilities")) is None:
        return []
    if len(chances) < 2:
        return []  # nothing to compare
    told = [probability_text(chances[one]) if one in chances else "beyond a limit" for one in names]
    return [(f"Chance of being {near_best(report)}", told)]


def _at(candidate: dict[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = candidate
    for name in path:
        found = found.get(name) if found else None
    return found


def _told(tell: Callable[[Any], str | None], value: Any) -> str:
    return (None if value is None else tell(value)) or NOT_MEASURED


def _phase(seconds: dict[str, float], name: str) -> str:
    """A dash for what a strategy does not do."""
    return NOT_MEASURED if not seconds else seconds_text(seconds[name]) if name in seconds else "–"


def _ranged(name: str) -> Callable[[dict[str, Any]], str | None]:
    """Seconds with the range of the percentile; a run of an earlier version has none."""

    def tell(latency: dict[str, Any]) -> str | None:
        if latency[name] is None:
            return None
        low, high = latency.get(f"{name}_range") or (None, None)
        if low is None:
            return seconds_text(latency[name])
        upper = f"to {seconds_text(high)}" if high is not None else "or more"
        return f"{seconds_text(latency[name])} ({seconds_text(low)} {upper})"

    return tell


def _price(cost: dict[str, Any], name: str, ends: tuple[float, float] | None) -> str:
    """With its range, if there is one."""
    told = money_text(cost.get(name), cost["currency"])
    return f"{told} ({' to '.join(money_text(end, cost['currency']) for end in ends)})" if ends else told


def _tokens(mean: float) -> str:
    return f"{mean:,.0f}" if mean >= 10 else f"{mean:.1f}"


def _difference(one: dict[str, Any]) -> str:
    a, b = (one["a"], one["b"]) if one["difference"] >= 0 else (one["b"], one["a"])
    low, high = sorted((one["low"], one["high"]) if a == one["a"] else (-one["low"], -one["high"]))
    by = "level with" if abs(one["difference"]) < _LEVEL else f"{points_text(one['difference'])} ahead of"
    ahead = f"{name_of(a)} is {by} {in_sentence(b)}"
    if low >= 0:
        between = f"{_points(low)} to {_points(high)} ahead"
    else:
        told = points_text if "level" in by else _points  # where the unit is said already
        between = f"between {told(low)} behind and {told(high)} ahead"
    return f"{ahead} ({between}) on {count_text(one['n'], 'row')} that both answered."


def _points(difference: float) -> str:
    """Points without their unit, for the ends of a range."""
    return points_text(difference).split()[0]


def _p_value(pair: dict[str, Any]) -> str:
    """Of so many flips of signs, or swaps, none can be smaller than the least: then it may be less."""
    p_value = pair.get("p_value_holm", pair["p_value"])
    if p_value < 0.001:
        return "p < .001"
    is_least = pair.get("test") in (SIGN_FLIPS, SWAPS) and pair["p_value"] <= LEAST_OF_FLIPS
    if is_least:
        return f"p ≤ {math.ceil(1000 * p_value - 1e-9) / 1000:.3f}".replace(" 0.", " .")
    return f"p = {p_value:.3f}".replace(" 0.", " .")
