"""The terms that a report uses, and what each means."""

from __future__ import annotations

from advisor.candidates import judged, preferred_baseline
from advisor.schema import Judgement, Report, TaskFacts
from advisor.sections.blocks import Definitions, Section
from advisor.sections.computation import machine_price
from advisor.sections.figures import P95
from advisor.wording import RANGE_MEANING, count_text, name_of, words_of
from eval.scoring import meaning_of

_ROWS = (
    ("Training rows", "Rows of your data that strategies learn from or show to the model."),
    ("Dev rows", "Rows to choose settings on, such as the learning rate."),
    ("Test rows", "Rows that we score. No strategy saw them before."),
)
_FACTS = (
    ("Distorted", "Something else stands where an expected fact should: another number, date, name, or yes for no."),
    ("Invented", "A number, date or name that is in none of your inputs, expected answers or documents."),
)


def section(report: Report) -> Section | None:
    if not (terms := terms_of(report)):
        return None
    counted = count_text(len(terms), "term")
    return Section("glossary", "Glossary", f"{counted}.", (Definitions(tuple(terms)),), heading=f"Glossary: {counted}")


def terms_of(report: Judgement) -> list[tuple[str, str]]:
    """Each term with its meaning; empty where nothing was judged."""
    if not (shown := judged(report)):
        return []
    task = report.task if isinstance(report, Report) else None
    explained = [(name_of(one.id), words_of(one.id).explanation) for one in shown]
    return [
        *([("Strategy", "A way to put a language model to work on your task.")] if task else []),
        *((name, explanation) for name, explanation in explained if explanation),
        *_baseline(report),
        *([_metric(task)] if task else []),
        *(_FACTS if any("distorted" in one.parts for one in shown) else ()),
        ("Point", "One hundredth of a perfect score: from .40 to .65 is 25 points."),
        *(_ROWS if task else [("Test rows", "The examples that all strategies answered.")]),
        ("95 % CI", RANGE_MEANING),
        *([(P95, "95 of 100 requests take at most this long.")] if any(one.latency_seconds for one in shown) else []),
        *([("Cost", _cost(report))] if task or any(one.latency_seconds for one in shown) else []),
    ]


def _baseline(report: Judgement) -> list[tuple[str, str]]:
    """What a baseline is, where there are any, and the one that the headline prefers."""
    if not report.baselines:
        return []
    preferred = preferred_baseline(report)
    own = [(name_of(preferred.id), words_of(preferred.id).explanation)] if preferred else []
    return [("Baseline", "A simple method that doesn't generate text. It shows what a strategy has to beat."), *own]


def _cost(report: Judgement) -> str:
    priorities = report.priorities
    hour = machine_price(priorities)
    labour = "Labelling is the only labour included." if priorities.labelled_row else "Labour isn't included."
    if priorities.hosted:
        return f"Setup is machine time at {hour}. Requests are priced by the token, like {priorities.hosted}. {labour}"
    return f"Machine time at {hour}. {labour}"


def _metric(task: TaskFacts) -> tuple[str, str]:
    metric = task.metric
    return metric if metric == "chrF" else f"{metric[:1].upper()}{metric[1:]}", meaning_of(metric)
