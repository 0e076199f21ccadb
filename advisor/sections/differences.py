"""Which differences between strategies are more than chance, and how many test rows it takes to see one."""

from __future__ import annotations

import math

from advisor.candidates import Sentences, is_chance, on_pairs
from advisor.schema import Comparison, Judgement, Report
from advisor.sections import computation
from advisor.sections.blocks import Block, Bullets, Section, small
from advisor.wording import count_text, in_sentence, name_of, points_text
from eval.label_statistics import SWAPS
from eval.statistics import LEAST_OF_FLIPS, SIGN_FLIPS

TITLE = "Differences between strategies"
_P_VALUE = (
    "p is how often chance alone would make so large a difference between two equally good strategies. It is corrected "
    "for all pairs compared (Holm). The CIs are not."
)
_LEVEL = 0.0005  # a difference that rounds to no tenth of a point


def section(report: Report) -> Section | None:
    if not report.comparisons:
        return None
    blocks: tuple[Block, ...] = (pairs(differences_of(report)), *small(_P_VALUE, detectable_of(report) or ""))
    return Section("differences", TITLE, _summary(report), blocks, _how(report))


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
        return f"A true difference of {least} shows in 80 % of tests with {rows}. A smaller one is often missed."
    return (
        f"A true difference of {least.split()[0]} to {most}, depending on the pair, shows in 80 % of tests with "
        f"{rows}. A smaller one is often missed."
    )


def _summary(report: Report) -> str:
    found, pairs = [one for one in report.comparisons if not is_chance(one)], len(report.comparisons)
    if pairs == 1:
        return "The difference is more than chance." if found else "The difference may be chance."
    if not found:
        return f"Any of the {pairs} differences may be chance."
    if len(found) == pairs:
        return f"All {pairs} differences are more than chance."
    return f"{len(found)} of {pairs} differences are more than chance."


def _difference(pair: Comparison) -> str:
    a, b = (pair.a, pair.b) if pair.difference >= 0 else (pair.b, pair.a)
    low, high = sorted((pair.low, pair.high) if a == pair.a else (-pair.low, -pair.high))
    points = points_text(pair.difference)
    range_and_p = f"(95 % CI {_signed(low)} to {_signed(high)}, {_p_value(pair)}, {count_text(pair.n, 'row')})"
    if abs(pair.difference) < _LEVEL:
        return f"{name_of(a)} and {in_sentence(b)} score the same {range_and_p}."
    return f"{name_of(a)} is {points} ahead of {in_sentence(b)} {range_and_p}."


def _signed(difference: float) -> str:
    """Points without their unit, for the ends of an interval."""
    number = points_text(difference).split()[0]
    return f"−{number}" if difference < 0 and float(number) else number


def _p_value(pair: Comparison) -> str:
    """Of so many flips of signs, or swaps, none can be smaller than the least: then it may be less."""
    p_value = pair.p_value if pair.p_value_holm is None else pair.p_value_holm
    if p_value < 0.001:
        return "p < .001"
    is_least = pair.test in (SIGN_FLIPS, SWAPS) and pair.p_value <= LEAST_OF_FLIPS
    if is_least:
        return f"p ≤ {math.ceil(1000 * p_value - 1e-9) / 1000:.3f}".replace(" 0.", " .")
    return f"p = {p_value:.3f}".replace(" 0.", " .")


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
        f"The difference that would show: (1.96 + 0.84) × {error}.",
    ]
    if not computation.counts_labels_alike(report):
        sentences.append("The deviation includes two imagined rows: half a win, half a loss and one tie.")
    if report.recommendation.rows_needed is not None:
        sentences.append(f"Test rows needed: {needed}")
    return " ".join(sentences)
