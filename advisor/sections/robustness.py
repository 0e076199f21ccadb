"""What messier inputs (typos, capitals, other words) cost each strategy."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.candidates import judged
from advisor.schema import Candidate, Lost, Report
from advisor.sections import computation
from advisor.sections.blocks import Block, Cell, Row, Section, Table, of_strategies, small
from advisor.wording import count_text, in_sentence, list_text, name_of, points_text, signed_points
from eval.measuring.robustness import TYPO_EVERY_WORDS
from eval.statistics.inference import LEVEL, holm

TITLE = "Robustness to messy inputs"
_Loss = tuple[str, Lost]  # of a strategy
_MEANING = (
    "Points lost compared with the unchanged rows, with the 95 % CI. A minus means that it scored better on changed "
    "rows. Rows that a variant leaves unchanged don't count."
)

WORDS = {
    "typos": ("Typos", f"One word in {TYPO_EVERY_WORDS} has a letter swapped, dropped or doubled."),
    "lower_case": ("No capitals", "Everything in lower case."),
    "capitals": ("All capitals", "Everything in upper case."),
    "polite": ("Politeness", "A greeting, thanks or both are added. English inputs only."),
    "reworded": ("Other words", "Words, openings and contractions are replaced by similar ones. English inputs only."),
}


def section(report: Report) -> Section | None:
    """None for a report of an earlier version, of a preset without it, or in which nothing was judged."""
    shown = judged(report)
    measured = [one for one in shown if one.robustness]
    if not measured:
        return None  # which `not_measured` says
    lost = {one.id: {each.variant: each for each in one.robustness or ()} for one in measured}
    rows = tuple(
        Row(
            heading,
            tuple(_cell(each.get(variant)) for each in lost.values()),
            f"{meaning} {_asked([each[variant].n for each in lost.values() if variant in each])}",
        )
        for variant, (heading, meaning) in WORDS.items()
        if any(variant in each for each in lost.values())
    )
    table = Table(of_strategies([one.id for one in measured], name_of), rows)
    blocks: tuple[Block, ...] = (table, *small(_MEANING, *_left_out(shown, measured)))
    return Section("robustness", TITLE, _summary(lost), blocks, _how(lost), _heading(lost))


def _heading(by_name: dict[str, dict[str, Lost]]) -> str:
    losing, sure, _ = _losses(by_name)
    if sure:
        name, worst = max(sure, key=lambda found: found[1].lost)
        return f"{TITLE}: {in_sentence(name)} loses {points_text(worst.lost)} to {WORDS[worst.variant][0].lower()}"
    if losing:
        name, worst = min(losing, key=lambda found: float(found[1].p_value))
        return f"{TITLE}: {in_sentence(name)} may lose {points_text(worst.lost)} to {WORDS[worst.variant][0].lower()}"
    return f"{TITLE}: no sure loss"


def _losses(by_name: dict[str, dict[str, Lost]]) -> tuple[list[_Loss], list[_Loss], list[float]]:
    """What may be lost, what is lost for sure, and the corrected p-values of all."""
    every = [(name, each) for name, variants in by_name.items() for each in variants.values()]
    losing = [(name, each) for name, each in every if each.low > 0]
    adjusted = holm([each.p_value for _, each in every])  # the worst of all strategies and variants is picked
    sure = [one for one, p_value in zip(every, adjusted, strict=True) if one in losing and p_value < 1 - LEVEL]
    return losing, sure, adjusted


def _summary(by_name: dict[str, dict[str, Lost]]) -> str:
    """What is lost most and for sure; else that nothing was seen to be lost."""
    every = [(name, each) for name, variants in by_name.items() for each in variants.values()]
    losing, sure, adjusted = _losses(by_name)
    if sure:
        name, worst = max(sure, key=lambda found: found[1].lost)
        steady = [in_sentence(name) for name in by_name if not any(found == name for found, _ in sure)]
        others = f" We see no sure loss for {list_text(steady)}." if steady else ""
        return f"{name_of(name)} loses most: {_loss(worst)}.{others}"
    if losing:
        name, worst = min(losing, key=lambda found: float(found[1].p_value))
        least = f"{min(adjusted):.2f}".removeprefix("0")
        return (
            f"{name_of(name)} may lose {_loss(worst)}. Among {len(every)} comparisons this may be chance (p = {least})."
        )
    rows = count_text(max(each.n for _, each in every), "row")
    return f"We see no sure loss for any strategy on up to {rows} per variant."


def _loss(worst: Lost) -> str:
    return f"{points_text(worst.lost)} to {WORDS[worst.variant][0].lower()} (95 % CI {_range(worst)})"


def _left_out(shown: list[Candidate], measured: list[Candidate]) -> list[str]:
    left_out = [in_sentence(one.id) for one in shown if one not in measured]
    return [f"Not measured: {', '.join(left_out)}."] if left_out else []


def _asked(counts: Sequence[int]) -> str:
    fewest, most = min(counts), max(counts)
    return f"{count_text(most, 'row')}." if fewest == most else f"{fewest:,} to {count_text(most, 'row')}."


def _cell(each: Lost | None) -> Cell:
    return Cell(signed_points(each.lost), _range(each)) if each else Cell("–")


def _range(each: Lost) -> str:
    return f"{signed_points(each.low)} to {signed_points(each.high)}"


def _how(by_name: dict[str, dict[str, Lost]]) -> str:
    every = [each for variants in by_name.values() for each in variants.values()]
    return (
        "100 × (the score of unchanged rows − the score of the same rows changed), on up to "
        f"{max(each.n for each in every):,} rows: probes.jsonl of each strategy. A loss is sure if p < .05 after "
        f"correction for all {len(every)} comparisons. {computation.of_pairs(every)}"
    )
