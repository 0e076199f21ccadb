"""The terms that a report uses, and what each means."""

from __future__ import annotations

from advisor.candidates import judged, preferred_baseline
from advisor.schema import Judgement, Report, TaskFacts
from advisor.sections.blocks import Definitions, Section
from advisor.wording import RANGE_MEANING, count_text, money_text, name_of, words_of
from eval.scoring import meaning_of

_FACTS = (
    ("Distorted", "Something else stands where an expected fact should: another number, date, name, or yes for no."),
    ("Invented", "A number, date or name that is in none of your inputs, expected answers or documents."),
)


def section(report: Report) -> Section | None:
    if not (terms := terms_of(report)):
        return None
    summary = f"{count_text(len(terms), 'term')}, from “{terms[0][0].lower()}” to “{terms[-1][0].lower()}”."
    return Section("glossary", "Glossary", summary, (Definitions(tuple(terms)),))


def terms_of(report: Judgement) -> list[tuple[str, str]]:
    """Each term with its meaning; empty where nothing was judged."""
    if not judged(report):
        return []
    task = report.task if isinstance(report, Report) else None
    explained = [(name_of(one.strategy), words_of(one.strategy).explanation) for one in judged(report)]
    return [
        *([("Strategy", "A way to put a language model to work on your task.")] if task else []),
        *((name, explanation) for name, explanation in explained if explanation),
        *_baseline(report),
        *([_metric(task)] if task else []),
        *(_FACTS if any("distorted" in one.parts for one in judged(report)) else ()),
        ("Point", "1 point = 1 % of a perfect score."),
        (
            "Test rows",
            "Rows of your data that no strategy saw before." if task else "The examples that all strategies answered.",
        ),
        ("95 % CI", RANGE_MEANING),
        *([("Cost", _cost(report))] if task or any(one.latency_seconds for one in judged(report)) else []),
    ]


def _baseline(report: Judgement) -> list[tuple[str, str]]:
    """What a baseline is, where there are any, and the one that the headline prefers."""
    if not report.baselines:
        return []
    preferred = preferred_baseline(report)
    own = [(name_of(preferred.strategy), words_of(preferred.strategy).explanation)] if preferred else []
    return [("Baseline", "A simple method without a language model. A strategy should score higher."), *own]


def _cost(report: Judgement) -> str:
    priorities = report.priorities
    hour = f"{money_text(priorities.machine_per_hour, priorities.currency)} an hour"
    people = "Labelling is the only work of people that counts." if priorities.labelled_row else "Nobody's work counts."
    if priorities.hosted:
        return f"Setup is machine time at {hour}. Requests are priced by the token, like {priorities.hosted}. {people}"
    return f"Machine time at {hour}. {people}"


def _metric(task: TaskFacts) -> tuple[str, str]:
    metric = task.metric
    return metric if metric == "chrF" else f"{metric[:1].upper()}{metric[1:]}", meaning_of(metric)
