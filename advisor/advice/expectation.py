"""What the rules of thumb expect of a run before it has measured anything, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.advice.circumstances import circumstances_of, in_use
from advisor.advice.first_advice import advise
from advisor.advice.rules import Leaning, Rule, applying
from advisor.plan import Plan
from advisor.schema import Circumstances
from advisor.wording import in_sentence, list_text
from eval.task import Split, Task

_MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """The fact of the data that makes a rule apply, why it matters, and the letters of its sources (rules.SOURCES)."""

    fact: str
    why: str
    sources: str


@dataclass(frozen=True, slots=True)
class Expectation:
    headline: str
    reasons: tuple[Reason, ...]


def expectation_of(plan: Plan, task: Task, split: Split) -> Expectation:
    """From the task's data and the priorities of the plan."""
    known = in_use(circumstances_of(task, split, task.metric.name if task.metric else ""), plan.priorities)
    stated = [rule for rule in applying(known) if rule.fact]
    return Expectation(
        _headline(known, stated, [one.strategy for one in plan.pairings]),
        tuple(Reason(rule.fact_of(known), rule.why, rule.sources) for rule in _first_of_each_leaning(stated)),
    )


def _first_of_each_leaning(stated: Sequence[Rule]) -> list[Rule]:
    """A few rules that differ. That there are enough rows to train on is no news if a rule favours training."""
    first: dict[Leaning, Rule] = {}
    for rule in stated:
        first.setdefault(rule.leans_to, rule)
    if "finetuning" in first:
        first.pop("finetuning possible", None)
    return list(first.values())[:_MOST_REASONS]


def _headline(known: Circumstances, stated: Sequence[Rule], compared: Sequence[str]) -> str:
    leanings = {rule.leans_to for rule in stated}
    favoured = [step for step in advise(known).steps if step != "prompting" or step in leanings]
    if not favoured and "not finetuning" in leanings:
        return "Rules of thumb speak against fine-tuning for this task."
    if not favoured:
        return "No rule of thumb favours a strategy for this task."
    names = list_text([in_sentence(step) for step in favoured])
    missing = [in_sentence(step) for step in favoured if step not in compared]
    if missing:
        return f"Rules of thumb favour {names} for this task. This run doesn't include {list_text(missing)}."
    return f"Rules of thumb favour {names} for this task."
