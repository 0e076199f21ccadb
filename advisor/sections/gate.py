"""The gate of a pipeline: which of its bounds a result breaks, and the sentence on each.

All bounds are about the strategy that the report recommends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from advisor.candidates import judged
from advisor.decision.sentences import LEVEL
from advisor.report.compared import FinishedRun, compare_runs, difference_between
from advisor.schema import Candidate, Judgement
from advisor.sections.run_comparison import nothing_to_compare
from advisor.wording import (
    count_text,
    in_sentence,
    interval_text,
    margin_text,
    name_of,
    points_text,
    score_text,
    seconds_text,
)

_ROUNDING = 1e-9  # of binary fractions, so that .80 is at least .80

Found = tuple[bool, str]  # whether a bound holds, and the sentence on it


@dataclass(frozen=True, slots=True)
class Gate:
    """What a result has to keep to. None is no bound. `expect` is a strategy or the name of a candidate, `min_score` is
    in [0, 1], and `max_p95` in seconds. `earlier` is the run that it may not score worse than."""

    expect: str | None = None
    min_score: float | None = None
    max_p95: float | None = None
    earlier: FinishedRun | None = None


@dataclass(frozen=True, slots=True)
class CheckedBound:
    """`bound` is what the person asked for, `sentence` is what was found, and `seconds` is how long the check took."""

    bound: str
    holds: bool
    sentence: str
    seconds: float


def check_bounds(gate: Gate, report: Judgement, now: FinishedRun | None = None) -> list[CheckedBound]:
    """`now` is the run of the report. Only a gate with an earlier run needs it."""
    choice = next((one for one in judged(report) if one.id == report.recommendation.choice), None)
    checked = []
    for bound, check in _checks(gate, report, now):
        began = perf_counter()
        holds, sentence = check(choice) if choice else _nothing_recommended(report)
        checked.append(CheckedBound(bound, holds, sentence, perf_counter() - began))
    return checked


def _checks(
    gate: Gate, report: Judgement, now: FinishedRun | None
) -> Iterator[tuple[str, Callable[[Candidate], Found]]]:
    if gate.expect is not None:
        yield f"--expect strategy={gate.expect}", partial(_is_expected, gate.expect, report)
    if gate.min_score is not None:
        yield f"--min-score {gate.min_score:.10g}", partial(_scores_enough, gate.min_score)
    if gate.max_p95 is not None:
        yield f"--max-p95 {gate.max_p95:.10g}", partial(_is_fast_enough, gate.max_p95)
    if gate.earlier is not None:
        if now is None:
            raise ValueError("the answers of this run are needed to compare it with an earlier one")
        yield f"--no-worse-than {gate.earlier.id}", partial(_is_no_worse, gate.earlier, now, report.priorities.margin)


def _nothing_recommended(report: Judgement) -> Found:
    return False, f"We recommend no strategy. {report.recommendation.confidence_line}"


def _is_expected(expected: str, report: Judgement, choice: Candidate) -> Found:
    evidence = report.recommendation.confidence_line
    if expected in (choice.id, choice.strategy):
        return True, f"We recommend {in_sentence(choice.id)}. {evidence}"
    return False, f"We recommend {in_sentence(choice.id)}, not {in_sentence(expected)}. {evidence}"


def _scores_enough(least: float, choice: Candidate) -> Found:
    score = choice.score
    holds, shown = score.mean >= least - _ROUNDING, score_text(score.mean)
    if not holds and shown == score_text(least):
        shown = _apart(score.mean, least).removeprefix("0")
    interval = f"95 % CI {score_text(score.low)} to {score_text(score.high)}"
    return holds, f"{name_of(choice.id)} scores {shown} ({interval}, {count_text(score.n, 'test row')})."


def _is_fast_enough(most: float, choice: Candidate) -> Found:
    timed = choice.latency_seconds
    if timed is None:
        return False, f"We didn't measure the latency of {in_sentence(choice.id)}, so we can't say whether it is low."
    holds, shown = timed.p95 <= most + _ROUNDING, seconds_text(timed.p95)
    if not holds and shown == seconds_text(most):
        shown = f"{_apart(timed.p95, most)} s"
    low, high = timed.p95_range
    interval = f"95 % CI {seconds_text(low)} {f'to {seconds_text(high)}' if high is not None else 'or more'}, "
    said = (
        f"The 95th percentile of the latency of {in_sentence(choice.id)} is {shown} "
        f"({interval if low is not None else ''}{count_text(timed.n, 'timed request')})."
    )
    return holds, said


def _apart(figure: float, bound: float) -> str:
    """The figure with enough digits to see that it isn't the bound."""
    digits = next(digits for digits in range(6, 18) if float(f"{figure:.{digits}g}") != bound)
    return f"{figure:.{digits}g}"


def _is_no_worse(earlier: FinishedRun, now: FinishedRun, margin: float, choice: Candidate) -> Found:
    """The choice against that of the earlier run, on the rows that both answered. It is worse only if it loses more
    than the margin, and more than chance explains."""
    compared = compare_runs([earlier, now])
    if len(compared.runs) < 2:
        return False, nothing_to_compare(compared)
    old, new = compared.runs
    before, after = old.report.recommendation.choice, new.report.recommendation.choice
    if before is None or after is None or (gap := difference_between(old, before, new, after)) is None:
        return False, f"{name_of(choice.id)} and the strategy of run {old.id} answered no test row in common."
    than = f"{in_sentence(before)} in run {old.id}"
    interval = f"({interval_text(gap.difference, gap.low, gap.high)}, {count_text(gap.n, 'shared test row')})"
    points = points_text(gap.difference)
    if abs(gap.difference) < LEVEL:
        return True, f"{name_of(after)} scores the same as {than} {interval}."
    if gap.difference > 0:
        return True, f"{name_of(after)} scores {points} higher than {than} {interval}."
    if gap.high >= 0:
        return True, f"{name_of(after)} scores {points} lower than {than}, which may be chance {interval}."
    if -gap.difference <= margin + _ROUNDING:
        within = f"which is within your margin of {margin_text(margin)}"
        return True, f"{name_of(after)} scores {points} lower than {than}, {within} {interval}."
    return False, f"{name_of(after)} scores {points} lower than {than} {interval}."
