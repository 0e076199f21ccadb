"""Which differences between strategies are more than chance, and how many test rows it takes to see one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from advisor.candidates import Sentences, is_chance, on_pairs
from advisor.decision.sentences import LEVEL
from advisor.schema import Comparison, Judgement, Report
from advisor.sections import computation
from advisor.sections.blocks import Block, Bullets, Section, small
from advisor.wording import count_text, in_sentence, interval_text, margin_text, name_of, points_text
from eval.statistics.inference import LEAST_OF_FLIPS, SIGN_FLIPS
from eval.statistics.label_statistics import SWAPS

TITLE = "Differences between strategies"
_P_VALUE = (
    "p: how probable so large a difference would be if both strategies were equally good, raised because several pairs "
    "are compared (Holm). The CIs are those of each pair alone."
)


def section(report: Report) -> Section | None:
    if not report.comparisons:
        return None
    blocks: tuple[Block, ...] = (pairs(differences_of(report)), *small(_P_VALUE, detectable_of(report) or ""))
    return Section("differences", TITLE, _summary(report), blocks, _how(report), _heading(report))


def _heading(report: Report) -> str:
    found, pairs = sum(not is_chance(one) for one in report.comparisons), len(report.comparisons)
    if pairs == 1:
        return _heading_of_one(report.comparisons[0])
    if not found:
        return f"{TITLE}: all {pairs} may be chance"
    if found == pairs:
        return f"{TITLE}: all {pairs} pairs differ by more than chance"
    return f"{TITLE}: {found} of {pairs} pairs {'differs' if found == 1 else 'differ'} by more than chance"


def _heading_of_one(pair: Comparison) -> str:
    if abs(pair.difference) < LEVEL:
        return f"{TITLE}: both score the same"
    points = points_text(pair.difference)
    return f"{TITLE}: {points}, which may be chance" if is_chance(pair) else f"{TITLE}: {points}, more than chance"


def pairs(sentences: Sentences) -> Bullets:
    """One for each pair of strategies; those without the strategy taken are needed by few."""
    return Bullets(tuple(sentences.of_choice), tuple(sentences.others), "Other pairs")


def differences_of(report: Judgement) -> Sentences:
    """For each pair of strategies their difference with its CI, and its p-value."""
    return on_pairs(report, report.comparisons, _difference)


def detectable_of(report: Judgement) -> str | None:
    """How small a true difference the test rows would show; None for a single strategy or a run of an earlier
    version."""
    sizes = sorted(one.detectable for one in report.comparisons if one.detectable is not None)
    if not sizes:
        return None
    rows = count_text(max(one.n for one in report.comparisons), "row")
    least, most = points_text(sizes[0]), points_text(sizes[-1])
    if least == most:
        return f"{rows} show a true difference of {least} in 80 % of tests. They often miss a smaller one."
    return (
        f"{rows} show a true difference of {least.split()[0]} to {most}, depending on the pair, in 80 % of tests. They "
        "often miss a smaller one."
    )


def _summary(report: Report) -> str:
    found, pairs = [one for one in report.comparisons if not is_chance(one)], len(report.comparisons)
    small = _perhaps_small(found, report)
    if pairs == 1:
        return f"The difference is more than chance.{small}" if found else "The difference may be chance."
    if not found:
        return f"Any of the {pairs} differences may be chance."
    if len(found) == pairs:
        return f"All {pairs} differences are more than chance.{small}"
    if len(found) == 1:
        return f"1 of {pairs} differences is more than chance.{small}"
    return f"{len(found)} of {pairs} differences are more than chance.{small}"


def _perhaps_small(found: Sequence[Comparison], report: Report) -> str:
    """How many of the differences `found` to be more than chance may still not matter to the person."""
    margin = report.priorities.margin
    small = sum(min(abs(one.low), abs(one.high)) <= margin for one in found)
    if not margin or not small:
        return ""
    if len(found) == 1:
        return f" It may be less than {margin_text(margin)}."
    return f" {'All' if small == len(found) else small} of them may be less than {margin_text(margin)}."


def _difference(pair: Comparison) -> str:
    a, b = (pair.a, pair.b) if pair.difference >= 0 else (pair.b, pair.a)
    points, interval = points_text(pair.difference), interval_text(pair.difference, pair.low, pair.high)
    range_and_p = f"({interval}, {_p_value(pair)}, {count_text(pair.n, 'row')})"
    if abs(pair.difference) < LEVEL:
        return f"{name_of(a)} and {in_sentence(b)} score the same {range_and_p}."
    return f"{name_of(a)} is {points} ahead of {in_sentence(b)} {range_and_p}."


def _p_value(pair: Comparison) -> str:
    """Of so many flips of signs, or swaps, none can be smaller than the least: then it may be less. From .1 on, a third
    digit says nothing."""
    p_value = pair.p_value if pair.p_value_holm is None else pair.p_value_holm
    if p_value < 0.001:
        return "p < .001"
    is_least = pair.test in (SIGN_FLIPS, SWAPS) and pair.p_value <= LEAST_OF_FLIPS
    digits = 2 if p_value >= 0.1 else 3
    if is_least:
        p_value = math.ceil(10**digits * p_value - 1e-9) / 10**digits
    return f"p {'≤' if is_least else '='} {p_value:.{digits}f}".replace(" 0.", " .")


def _how(report: Report) -> str:
    if computation.counts_labels_alike(report):
        mean = "The first score minus the second, on the same rows: outcomes.csv."
        error = "the standard deviation of the difference when rows are weighted at random"
        needed = f"Test rows × (1.96 × {error} ÷ {computation.margin_of(report)})², rounded."
    else:
        mean = "The mean of the differences row by row, on the same rows: outcomes.csv."
        deviation = "the standard deviation of the differences"
        error = f"{deviation} ÷ √rows"
        needed = f"(1.96 × {deviation} ÷ {computation.margin_of(report)})², rounded."
    sentences = [
        mean,
        computation.of_pairs(report.comparisons),
        f"True difference that shows in 80 % of tests: (1.96 + 0.84) × {error}, without correction for several pairs.",
    ]
    if not computation.counts_labels_alike(report):
        sentences.append(
            "Before computing the standard deviation we add two artificial rows (half a win, half a loss and one tie), "
            "so that it is never 0."
        )
    if report.recommendation.rows_needed is not None:
        sentences.append(f"Test rows needed: {needed}")
    return " ".join(sentences)
