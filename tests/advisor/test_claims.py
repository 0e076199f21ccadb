"""Headline, confidence line and figures say the same: each claim is recomputed here from the figures alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from advisor.candidates import baselines, judged
from advisor.plan import STRATEGIES
from advisor.schema import Report
from advisor.sections.opening import opening_of
from advisor.wording import in_sentence, score_text
from eval.outcomes import Trial
from tests.reports import section_of, sentences_of

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]
_ROWS = 80


def answering(trials: Sequence[Trial], name: str, right: int, shift: int = 0) -> Trial:
    """A strategy that is right on so many of the rows, in turn from `shift` on."""
    first = trials[0]
    is_right = {(shift + at) % _ROWS for at in range(right)}
    outcomes = tuple(
        replace(
            one, strategy=name, text=(one.expected or "") if at in is_right else "none", score=float(at in is_right)
        )
        for at, one in enumerate(first.outcomes)
    )
    return replace(first, strategy=name, outcomes=outcomes)


# What each strategy gets right of 80 rows, what baselines do, and from which row on the right ones count.
CASES = {
    "a tie of two": ([50, 50], [], 0),
    "a tie of two that differ on rows": ([50, 50], [], 15),
    "two, one clearly better": ([30, 72], [], 0),
    "a baseline better than both": ([30, 40], [76], 0),
    "a baseline as good": ([30, 60], [60], 0),
    "a baseline perhaps as good": ([40, 50], [47], 9),
    "a baseline worse": ([30, 72], [20], 0),
    "five, one clearly better": ([20, 25, 30, 28, 75], [10], 0),
    "five level": ([50, 50, 50, 50, 50], [50], 7),
    "five and a better baseline": ([20, 25, 30, 28, 40], [78, 10], 0),
    "nothing works": ([5, 8], [12], 3),
}


@pytest.mark.parametrize("case", CASES)
def test_headline_confidence_and_figures_agree(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials, case: str
) -> None:
    rights, of_baselines, shift = CASES[case]
    trials = synthetic_trials()
    compared = [
        answering(trials, name, right, shift * at)
        for at, (name, right) in enumerate(zip(STRATEGIES, rights, strict=False))
    ]
    simple = [
        answering(trials, name, right, shift)
        for name, right in zip(("nearest_example", "majority_label"), of_baselines, strict=False)
    ]
    report = synthetic_report(trials=compared, baselines=simple)
    check_claims(report)


def check_claims(report: Report) -> None:
    """By the mean scores and the margin: what is surely false must not be said, and what is shown must be what is
    meant."""
    opening, margin = opening_of(report), report.priorities.margin
    said = f"{opening.headline} {opening.confidence}"
    strategies = {one.strategy: one.score.mean for one in judged(report)}
    simple = {one.strategy: one.score.mean for one in baselines(report)}
    choice, best = report.recommendation.choice, max(strategies.values())
    best_baseline = max(simple.values(), default=0.0)
    assert choice is not None and opening.shown is not None

    # The figures are those of what the headline speaks of first, and the chart holds both.
    shown = (strategies | simple)[opening.shown]
    assert opening.figures[0].value == score_text(shown)
    is_of_baseline = "need this language model" in opening.headline or "a baseline scores higher" in opening.headline
    assert (opening.shown in simple) == is_of_baseline
    if "works well yet" not in opening.headline:
        assert in_sentence(choice) in opening.headline

    if "that it is" in opening.confidence:  # it is named, or a reader takes the figures of a baseline for it
        assert in_sentence(choice) in said

    # A claim of no better strategy, or baseline, is never against the means by more than the margin.
    if "a baseline scores higher" in opening.headline:
        assert best_baseline > best
    if "need this language model" in opening.headline:
        assert best <= best_baseline + margin
    if "more than 2 points better than every strategy" in said:
        assert best_baseline > best + margin
    if re.search(r"no strategy is more than 2 points better than the best baseline", said):
        assert best <= best_baseline + margin
    if re.search(r"nothing else|no other strategy (or model )?is more than", said):
        assert max(best, best_baseline) <= strategies[choice] + margin
    if opening.headline.startswith("Use "):  # and nothing else: a baseline as good would come first
        assert best_baseline <= best + margin

    # A level result is not called strong, and what is called too close is close.
    second = sorted(strategies.values())[-2]
    if "Too close to call" in opening.headline:
        assert report.recommendation.confidence == "too close to call"
        assert "evidence:" not in opening.confidence or "No " in opening.confidence
    if report.recommendation.confidence == "strong" and strategies[choice] < best:
        assert best - strategies[choice] <= margin
    assert second <= best

    # Differences in the reasons are those of the scores.
    why = " ".join(sentences_of(section_of(report, "why")))
    names = {in_sentence(name).lower(): mean for name, mean in (strategies | simple).items()}
    told = re.findall(r"^(?:.*?\. )?([A-Z][\w -]+?) is ([\d.]+) points? (ahead of|behind) ([\w -]+?) \(", why)
    for first, points, way, other in told:
        difference = 100 * (names[first.lower()] - names[other.lower()])
        assert abs(abs(difference) - float(points)) <= 0.5 and (difference > 0) == (way == "ahead of")
    for points, way, other in re.findall(r"scores ([\d.]+) points? (higher|lower) than ([\w -]+?) \(", why):
        difference = 100 * (best_baseline - names[other.lower()])
        assert abs(abs(difference) - float(points)) <= 0.5 and (difference > 0) == (way == "higher")
