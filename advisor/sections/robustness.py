"""What less tidy inputs cost each strategy: figures for the report, and the words for them in every form.

A report of an earlier version has none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.candidates import judged
from advisor.schema import Candidate, Lost, Report
from advisor.sections.blocks import Cell, Section, Table, Text, of_strategies, small
from advisor.sections.blocks import Row as TableRow
from advisor.sections.figures import beyond_preset
from advisor.wording import count_text, in_sentence, name_of, points_text, signed_points
from eval.statistics import LEVEL, holm
from eval.variants import TYPO_EVERY_WORDS

LESS_TIDY = "When inputs are less tidy"
LOST_MEANING = (
    "Points lost against the same rows as they are, with the 95 % range. A minus means that it scored better. "
    "Rows that a variant leaves as they are do not count."
)

WORDS = {
    "typos": ("Typos", f"Letters swapped, left out or doubled in one word in {TYPO_EVERY_WORDS}."),
    "lower_case": ("No capitals", "Everything in small letters."),
    "capitals": ("All capitals", "Everything in capital letters."),
    "polite": ("Politeness", "A greeting, thanks, or both around it. English inputs only."),
    "reworded": ("Other words", "Contractions, openings and words replaced by their likes. English inputs only."),
}
_IN_SENTENCE = {
    "typos": "typos",
    "lower_case": "no capitals",
    "capitals": "all capitals",
    "polite": "politeness",
    "reworded": "other words",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A variant with the points that each strategy loses in it, and their range; one not asked in it has a dash."""

    heading: str
    meaning: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LessTidy:
    """The strategies, best first; what is to be said; a row for each variant. Without rows nothing was measured."""

    names: tuple[str, ...]
    sentences: tuple[str, ...]
    rows: tuple[Row, ...]


def less_tidy_of(report: Report) -> LessTidy | None:
    """None for a report of an earlier version, of a preset without it, or in which nothing was judged."""
    shown = judged(report)
    if not shown:
        return None
    measured = [one for one in shown if one.robustness]
    names = tuple(one.id for one in measured)
    if not measured:
        return None if beyond_preset(report) else LessTidy((), ("Not measured.",), ())
    by_name = {one.id: {each.variant: each for each in one.robustness or ()} for one in measured}
    rows = tuple(
        Row(
            words[0],
            f"{words[1]} {_asked([each[variant].n for each in by_name.values() if variant in each])}",
            tuple(_cell(by_name[name].get(variant)) for name in names),
        )
        for variant, words in WORDS.items()
        if any(variant in each for each in by_name.values())
    )
    return LessTidy(names, (*_sentences(by_name), *_left_out(shown, measured)), rows)


def _sentences(by_name: dict[str, dict[str, Lost]]) -> list[str]:
    """What is lost most and for sure; else that nothing was seen to be lost."""
    every = [(name, each) for name, variants in by_name.items() for each in variants.values()]
    rows = count_text(max(each.n for _, each in every), "row")
    likely = [(name, each) for name, each in every if each.low > 0]
    adjusted = holm([each.p_value for _, each in every])  # the worst of all strategies and variants is picked
    sure = [one for one, p_value in zip(every, adjusted, strict=True) if one in likely and p_value < 1 - LEVEL]
    if likely and not sure:
        least = f"{min(adjusted):.2f}".removeprefix("0")
        name, worst = min(likely, key=lambda found: float(found[1].p_value))
        return [
            f"The clearest loss: {in_sentence(name)} scores {points_text(worst.lost)} less ({_range(worst)}) with "
            f"{_IN_SENTENCE[worst.variant]}. Among {len(every)} comparisons it may be chance (p = {least})."
        ]
    if not sure:
        return [f"On up to {rows} of each kind, no strategy is shown to lose by any of this."]
    name, worst = max(sure, key=lambda found: found[1].lost)
    said = (
        f"{name_of(name)} loses most: {points_text(worst.lost)} to {_IN_SENTENCE[worst.variant]} "
        f"({_range(worst)}, on {count_text(worst.n, 'row')})."
    )
    steady = [name for name in by_name if not any(found == name for found, _ in sure)]
    if steady:
        said += f" No loss is shown of {_and([in_sentence(one) for one in steady])}."
    return [said]


def _left_out(shown: list[Candidate], measured: list[Candidate]) -> list[str]:
    left_out = [in_sentence(one.strategy) for one in shown if one not in measured]
    return [f"Not measured: {', '.join(left_out)}."] if left_out else []


def _asked(counts: Sequence[int]) -> str:
    fewest, most = min(counts), max(counts)
    return f"{count_text(most, 'row')}." if fewest == most else f"{fewest:,} to {count_text(most, 'row')}."


def _cell(each: Lost | None) -> tuple[str, str]:
    return (signed_points(each.lost), _range(each)) if each else ("–", "")


def _range(each: Lost) -> str:
    return f"{signed_points(each.low)} to {signed_points(each.high)}"


def _and(names: list[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def section(report: Report) -> Section | None:
    if (found := less_tidy_of(report)) is None:
        return None
    if not found.rows:
        return Section("less-tidy", LESS_TIDY, small(*found.sentences))
    rows = tuple(TableRow(row.heading, tuple(Cell(*cell) for cell in row.cells), row.meaning) for row in found.rows)
    table = Table(of_strategies(found.names, name_of), rows)
    return Section("less-tidy", LESS_TIDY, (*map(Text, found.sentences), table, *small(LOST_MEANING)))
