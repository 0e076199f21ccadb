"""The test rows with every strategy's answer side by side, and the ways to look only at some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.candidates import judged, preferred
from advisor.measurement import is_judged
from advisor.schema import Report
from advisor.wording import count_text, in_sentence, score_text
from eval.outcomes import Outcome, Trial
from eval.scoring import is_right
from eval.task import Example, Kind
from strategies.registry import LOOKS_UP

TITLE = "Answers side by side"
HOW = "Columns answer, expected and score of outcomes.csv."


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """One test example with the outcomes by strategy; `right` has no entry where right or wrong cannot be said."""

    example: Example
    outcomes: dict[str, Outcome]
    right: dict[str, bool]

    def judgement(self, strategy: str) -> str:
        """ "right, 1.00", "wrong, .25", ".61" where right or wrong cannot be said, "no answer" where it failed."""
        outcome = self.outcomes[strategy]
        if outcome.error is not None:
            return "no answer"
        score = score_text(outcome.score)
        return f"{'right' if self.right[strategy] else 'wrong'}, {score}" if strategy in self.right else score


@dataclass(frozen=True, slots=True)
class Filter:
    """Some of the rows, under the words of a chip."""

    label: str
    rows: tuple[AnsweredRow, ...]


def summary_of(report: Report) -> str:
    rows = count_text(report.task.test, "test row")
    sources = ", and the sources it used" if any(one.strategy in LOOKS_UP for one in judged(report)) else ""
    return f"{rows} with every answer, right or wrong{sources}."


def answered_rows(report: Report, trials: Sequence[Trial], examples: Sequence[Example]) -> list[AnsweredRow]:
    """The examples with the answers of every strategy and of the baseline that the headline prefers, in their own
    order. `trials` may include all baselines."""
    by_example: dict[str, dict[str, Outcome]] = {}
    given = {trial.strategy: trial for trial in trials if is_judged(trial)}
    for name in (one.id for one in preferred(report) if one.id in given):
        for outcome in given[name].outcomes:
            by_example.setdefault(outcome.example_id, {})[name] = outcome
    kind, metric = report.task.kind, next((trial.metric for trial in given.values()), "")
    return [_row(kind, metric, example, by_example[example.id]) for example in examples if example.id in by_example]


def filters(rows: Sequence[AnsweredRow]) -> list[Filter]:
    """All rows, those that only one strategy gets right, and those that all get wrong or right.

    Only the first where nothing is marked right or wrong. Filters without rows are left out.
    """
    everything = Filter("All", tuple(rows))
    marked = [row for row in rows if row.right]
    strategies = list(dict.fromkeys(strategy for row in marked for strategy in row.right))
    if len(strategies) < 2:
        return [everything]
    only = [Filter(f"Only {in_sentence(strategy)} right", _where(marked, {strategy})) for strategy in strategies]
    all_right = Filter("All right", tuple(row for row in marked if all(row.right.values())))
    all_wrong = Filter("All wrong", tuple(row for row in marked if not any(row.right.values())))
    return [everything, *(one for one in (*only, all_wrong, all_right) if one.rows)]


def _where(rows: Sequence[AnsweredRow], right: set[str]) -> tuple[AnsweredRow, ...]:
    return tuple(row for row in rows if {name for name, is_it in row.right.items() if is_it} == right)


def _row(kind: Kind, metric: str, example: Example, outcomes: dict[str, Outcome]) -> AnsweredRow:
    marks = {name: is_right(kind, outcome.score, outcome.parts, metric) for name, outcome in outcomes.items()}
    return AnsweredRow(example, outcomes, {name: mark for name, mark in marks.items() if mark is not None})
