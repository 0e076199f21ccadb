"""What the rules of thumb said of the task, beside what was measured."""

from __future__ import annotations

from advisor.advice.agreement import rule_groups
from advisor.schema import Report
from advisor.sections.blocks import Definitions, Section, Text


def section(report: Report) -> Section | None:
    groups = rule_groups(report)
    if not groups:
        return None
    pairs = tuple((words, f"{facts} {measured}") for words, facts, measured in groups)
    lead = Text("General advice for tasks like yours, and whether your results agree.", "small")
    return Section("rules", "What the rules of thumb said", (lead, Definitions(pairs)))
