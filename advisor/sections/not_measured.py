"""What this run did not measure, and why."""

from __future__ import annotations

from advisor.candidates import judged, not_measured
from advisor.schema import Report
from advisor.sections.blocks import Bullets, Section
from advisor.wording import in_sentence, list_text, name_of
from eval.statistics.learning_curve import sizes_of
from strategies.presets import PRESETS
from strategies.registry import LEARNS_FROM_NO_ROWS

TITLE = "Not measured"


def section(report: Report) -> Section | None:
    """What a longer preset measures, and why a baseline has no result; a strategy's reason is among the caveats."""
    beyond = beyond_preset(report)
    failed = not_measured(report.baselines)
    missing: dict[tuple[str, ...], str | None] = {
        _things_beyond_preset(report): beyond,
        ("latency",): _no_timing(report),
        ("robustness",): _no_robustness(report),
        ("the learning curve",): _no_learning_curve(report),
        **{(in_sentence(one.id),): f"{name_of(one.id)}: {one.reason or 'no reason given'}" for one in failed},
    }
    said = {name: sentence for name, sentence in missing.items() if sentence}
    if not said:
        return None
    sentences = tuple(said.values())
    how = "The last output of a failed process: log.txt in its folder." if failed else None
    heading = f"{TITLE}: {list_text([each for name in said for each in name])}"
    return Section("not-measured", TITLE, sentences[0], (Bullets(sentences),), how, heading)


def _things_beyond_preset(report: Report) -> tuple[str, ...]:
    documents = ("changed documents",) if report.task.documents else ()
    return ("robustness", *documents, "forgetting", "the learning curve")


def _no_timing(report: Report) -> str | None:
    is_missing = judged(report) and not any(one.latency_seconds for one in judged(report))
    return "Latency: no answer was timed on its own." if is_missing else None


def _no_robustness(report: Report) -> str | None:
    """Where a preset that measures it did not. A report of an earlier version names no preset."""
    measures = report.preset in PRESETS and not beyond_preset(report)
    is_missing = measures and judged(report) and not any(one.robustness for one in judged(report))
    return "Robustness to messy inputs: this run didn't measure it." if is_missing else None


def _no_learning_curve(report: Report) -> str | None:
    """Why there is none though the preset has it. A report of an earlier version says nothing of it."""
    preset = PRESETS.get(report.preset or "")
    if preset is None or report.curves is None or report.curves or beyond_preset(report) or not judged(report):
        return None
    if not sizes_of(report.task.train, preset.curve_shares):
        return "Learning curve: there are too few training rows."
    if any(one.strategy not in LEARNS_FROM_NO_ROWS for one in judged(report)):
        return "Learning curve: the run ended before this part."
    return "Learning curve: no strategy learns from examples."


def beyond_preset(report: Report) -> str | None:
    """What a longer preset measures besides; None where the preset measures all, and for a run of an earlier
    version."""
    preset = PRESETS.get(report.preset or "")
    if preset is None or preset.curve_shares or not judged(report):
        return None
    documents = "changed documents, " if report.task.documents else ""
    return (
        f"A {preset.name} run leaves out robustness, {documents}forgetting and the learning curve. Standard and "
        "thorough runs measure them."
    )
