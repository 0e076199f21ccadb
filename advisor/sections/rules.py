"""What the rules of thumb said of the task, next to what was measured."""

from __future__ import annotations

from advisor.advice.agreement import rule_groups
from advisor.decision.choice import PROBABLE, SAME_COST
from advisor.schema import Report
from advisor.sections import computation
from advisor.sections.blocks import Definitions, Section
from advisor.wording import count_text, probability_text

TITLE = "Rules of thumb"


def section(report: Report) -> Section | None:
    groups = rule_groups(report)
    if not groups:
        return None
    pairs = tuple((one.heading, " ".join((*one.facts, one.measured))) for one in groups)
    return Section("rules", TITLE, _summary(report), (Definitions(pairs),), _how(report), _heading(report))


def _heading(report: Report) -> str:
    agree = sum(one.agreement == "agrees" for one in report.rules)
    contradicted = sum(one.agreement == "disagrees" for one in report.rules)
    if len(report.rules) == 1:
        return f"{TITLE}: your results {_about_one(agree, contradicted)} the one for tasks like yours"
    if not agree and not contradicted:
        return f"{TITLE}: your results can't confirm any of {len(report.rules)} for tasks like yours"
    if contradicted:
        return f"{TITLE}: your results contradict {contradicted} of {len(report.rules)} for tasks like yours"
    return f"{TITLE}: your results agree with {agree} of {len(report.rules)} for tasks like yours"


def _about_one(agree: int, contradicted: int) -> str:
    return "agree with" if agree else "contradict" if contradicted else "can't confirm"


def _summary(report: Report) -> str:
    agree = sum(one.agreement == "agrees" for one in report.rules)
    contradicted = sum(one.agreement == "disagrees" for one in report.rules)
    if len(report.rules) == 1:
        return f"Your results {_about_one(agree, contradicted)} the rule for tasks like yours."
    rules = count_text(len(report.rules), "rule")
    if agree == len(report.rules):
        return f"Your results agree with all {rules} for tasks like yours."
    if not agree and not contradicted:
        return f"Your results can't confirm any of the {rules} for tasks like yours."
    if contradicted:
        return f"Of {rules} for tasks like yours, your results agree with {agree} and contradict {contradicted}."
    return f"Of {rules} for tasks like yours, your results agree with {agree}. We can't tell for the rest."


def _how(report: Report) -> str:
    return (
        "The facts about your data are counted in task.json. Your results agree with a rule in two cases. Either its "
        f"strategy has at least {probability_text(PROBABLE)} probability of being near the best, and no simpler one "
        "does. Or it is ahead of all others with p < .05. They disagree if that probability is below "
        f"{probability_text(1 - PROBABLE)}, or if another strategy's whole CI is more than "
        f"{computation.margin_of(report)} ahead. For a rule about costs, a difference of more than "
        f"{100 * (SAME_COST - 1):.0f} % decides."
    )
