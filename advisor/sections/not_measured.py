"""What this run did not measure, and why."""

from __future__ import annotations

from advisor.candidates import judged, not_measured
from advisor.schema import Report
from advisor.sections.blocks import Bullets, Section
from advisor.wording import name_of
from strategies.presets import PRESETS


def section(report: Report) -> Section | None:
    """What a longer preset measures, and why a baseline has no result; a strategy's reason is among the caveats."""
    beyond = beyond_preset(report)
    failed = [f"{name_of(one.strategy)}: {one.reason or 'no reason given'}" for one in not_measured(report.baselines)]
    sentences = (*([beyond] if beyond else []), *failed)
    if not sentences:
        return None
    how = "The last output of a failed process: log.txt in its folder." if failed else None
    return Section("not-measured", "Not measured", sentences[0], (Bullets(sentences),), how)


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
