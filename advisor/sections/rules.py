"""What the rules of thumb said of the task, next to what was measured."""

from __future__ import annotations

from advisor.advice.agreement import rule_groups
from advisor.decision.choice import PROBABLE, SAME_COST
from advisor.schema import Report
from advisor.sections import computation
from advisor.sections.blocks import Definitions, Section, Text
from advisor.wording import count_text, probability_text


def section(report: Report) -> Section | None:
    groups = rule_groups(report)
    if not groups:
        return None
    pairs = tuple((words, f"{facts} {measured}") for words, facts, measured in groups)
    lead = Text("General advice for tasks like yours, and whether your results agree.", "small")
    return Section("rules", "Rules of thumb", _summary(report), (lead, Definitions(pairs)), _how(report))


def _summary(report: Report) -> str:
    agree = sum(one.agreement == "agrees" for one in report.rules)
    contradicted = sum(one.agreement == "disagrees" for one in report.rules)
    rules = count_text(len(report.rules), "rule")
    if agree == len(report.rules):
        return f"Your results agree with {'the rule' if agree == 1 else f'all {rules}'} for tasks like yours."
    if not agree and not contradicted:
        return f"Your results can't confirm any of the {rules} for tasks like yours."
    if contradicted:
        return f"Of {rules} for tasks like yours, your results agree with {agree} and contradict {contradicted}."
    return f"Of {rules} for tasks like yours, your results agree with {agree}. We can't tell for the rest."


def _how(report: Report) -> str:
    return (
        "The facts about your data are counted in task.json. A rule agrees if its strategy is near the best with "
        f"{probability_text(PROBABLE)} and nothing simpler is, or if it beats all others with p < .05. It disagrees if "
        f"that chance is below {probability_text(1 - PROBABLE)}, or if the whole CI is more than "
        f"{computation.margin_of(report)} behind. A rule about costs compares the costs over the months: a difference "
        f"over {100 * (SAME_COST - 1):.0f} % decides."
    )
