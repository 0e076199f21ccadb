"""How a run was measured, as pairs of a question and its answer, for the page and the reports to keep."""

from __future__ import annotations

from typing import Any

from advisor.candidates import baselines, near_best
from advisor.plan import BASELINES_STEP, CURVES_STEP, Priorities
from advisor.schema import Candidate, OtherStep, Report
from advisor.sections.blocks import Definitions, Section
from advisor.wording import count_text, duration_text, every_text, money_text, name_of, words_of
from eval.posterior import DRAWS

# What the settings are called that do not say what they are, and what their values are.
_SETTINGS = {
    "passages": "passages looked up",
    "examples": "examples shown",
    "draw": "random draw",
    "answer_tokens": "longest answer in tokens",
    "normalisation": "labels compared by their probability",
    "learning_rate": "learning rate (the size of a step)",
    "epochs": "passes over the rows",
    "training_tokens": "tokens trained on",
    "rank": "size of the adapter, which holds what is learned (rank)",
    "alpha": "weight of the adapter (alpha)",
}
_VALUES = {"sum": "as a whole", "mean": "by the token", "minus empty input": "less that without an input"}


def method_of(report: Report) -> list[tuple[str, str]]:
    """What was measured, on what, with which effort: (heading, sentences)."""
    task, priorities = report.task, report.priorities
    price = money_text(priorities.machine_per_hour, priorities.currency)
    documents = f" {count_text(task.documents, 'document')} could be looked up." if task.documents else ""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(report.versions.items()))
    return [
        (
            "Rows",
            f"{task.train:,} to learn from, {task.dev:,} to choose settings on, and {task.test:,} to judge "
            f"by, which no strategy saw before and which were scored once.{documents}",
        ),
        *([("Confidence", _confidence(report))] if report.recommendation.probabilities else []),
        ("Model", f"{report.model}, the same for all strategies, on {report.device}."),
        (
            "Time and cost",
            "To time an answer, some rows were asked again, one at a time after a warm-up. "
            f"A cost is the seconds on the machine at {price} an hour{_hosted(priorities)}{_over_time(priorities)}.",
        ),
        *((name_of(one.strategy), _effort(one)) for one in report.candidates if isinstance(one, Candidate)),
        *_beside(report),
        (
            "Run",
            f"{report.run_id}, {report.created_at}, seed {report.seed}: the same seed gives the same run.",
        ),
        *([("Versions", f"{versions}.")] if versions else []),
    ]


def _hosted(priorities: Priorities) -> str:
    if not priorities.hosted:
        return ""
    read, written = (
        money_text(price, priorities.currency)
        for price in (priorities.read_per_million, priorities.written_per_million)
    )
    factor = priorities.tuned_factor
    times = "the same" if factor == 1 else f"{factor:g} times as much" if factor else "its price unknown"
    tuned = f"once trained {times}"
    return (
        f" to get ready; an answer is paid for as one of {priorities.hosted}, {read} for a million tokens read and "
        f"{written} for a million written ({tuned})"
    )


def _over_time(priorities: Priorities) -> str:
    """What of the costs is beside the defaults; runs of an earlier version know of none."""
    times = (("the task changes", priorities.retrain_days), ("the documents change", priorities.reindex_days))
    parts = [f"{what} {every_text(days)}" for what, days in times if days]
    if priorities.together:
        parts.append("answers are made in batches")
    if wrong := priorities.wrong_answer:
        parts.append(f"a wrong answer costs {money_text(wrong, priorities.currency)}")
    if labelled := priorities.labelled_row:
        parts.append(f"labelling a row costs {money_text(labelled, priorities.currency)}")
    return "; " + "; ".join(parts) if parts else ""


def _confidence(report: Report) -> str:
    return (
        f"The test rows (rows of one group together) were weighted at random {DRAWS:,} times, as if other rows of the "
        "same sort had come (Bayesian bootstrap). Of a strategy trained several times, one training was drawn each "
        f"time. A chance is the share of these in which a strategy is {near_best(report)}. The odds of the verdict are "
        "the share in which the one taken is, and nothing cheaper, or simpler at about the same cost."
    )


def _effort(candidate: Candidate) -> str:
    """What one strategy is, what it tried and took, and how long it took to get ready."""
    effort = candidate.effort
    sentences = [said] if (said := words_of(candidate.strategy).explanation) else []
    if effort.settings_tried:
        tried, rows = count_text(effort.settings_tried, "setting"), count_text(effort.dev_rows, "row")
        sentences.append(f"{tried} tried on {rows}.")
    if candidate.settings:
        taken = "; ".join(
            f"{_SETTINGS.get(name, name.replace('_', ' '))}: {_value(value)}"
            for name, value in candidate.settings.items()
        )
        sentences.append(f"Taken: {taken}.")
    if candidate.fit_seconds is not None:
        sentences.append(f"Getting ready took {duration_text(candidate.fit_seconds)}.")
    if candidate.seconds is not None:
        sentences.append(_work(candidate))
    if candidate.latency_seconds:
        sentences.append(f"Timed on {count_text(candidate.latency_seconds.n, 'answer')}.")
    if candidate.hit_rate is not None:
        sentences.append(
            f"The right document was among the sources for {100 * candidate.hit_rate:.0f} % of the rows whose "
            "document is known."
        )
    return " ".join([*sentences, *candidate.notes])


def _value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else _VALUES.get(str(value), str(value))


def _beside(report: Report) -> list[tuple[str, str]]:
    """What answered without a language model, and how long all of that took, and the learning curves."""
    work = {one.name: _work(one) for one in report.other_steps if one.seconds is not None}
    simple = [f"{name_of(one.strategy)}: {words_of(one.strategy).explanation}" for one in baselines(report)]
    return [
        (heading, " ".join(said))
        for heading, said in (
            ("Without a language model", [*simple, *([work[BASELINES_STEP]] if BASELINES_STEP in work else [])]),
            ("Learning from fewer rows", [work[CURVES_STEP]] if CURVES_STEP in work else []),
        )
        if said
    ]


def _work(step: Candidate | OtherStep) -> str:
    """The seconds it took in all, beside those foreseen."""
    expected = step.estimated_seconds
    beside = "" if expected is None else f" (expected: {duration_text(expected)})"
    return f"All its work took {duration_text(step.seconds or 0.0)}{beside}."


def section(report: Report) -> Section:
    return Section("method", "How it was measured", (Definitions(tuple(method_of(report))),))
