"""How well each strategy finds each label, in words: for the page, HTML and Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.candidates import judged
from advisor.schema import Report
from advisor.sections.blocks import Cell, Folded, Head, Row, Section, Table, of_strategies, small
from advisor.wording import count_text, name_of, score_text
from eval.scoring.labels import LabelRates

TITLE = "Precision and recall of each label"
MEANING = (
    "Each cell shows precision, then recall. Precision is the share of the rows given this label that should have it; "
    "recall is the share of the rows with this label that were given it. A dash means that no row was given the label."
)


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label, the test rows that have it, and a cell for each strategy: its precision and its recall."""

    label: str
    rows: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ByLabel:
    """The strategies, best first, and a row for each label."""

    names: tuple[str, ...]
    rows: tuple[LabelRow, ...]


def by_label_of(report: Report) -> ByLabel | None:
    """None where answers are no labels, for a report of an earlier version, and where nothing was judged."""
    rates = {one.id: {each.label: each for each in one.labels} for one in judged(report) if one.labels}
    if not rates:
        return None
    first = next(iter(rates.values()))
    rows = (
        LabelRow(label, each.rows, tuple(_cell(one.get(label)) for one in rates.values()))
        for label, each in first.items()
    )
    return ByLabel(tuple(rates), tuple(rows))


def _cell(rates: LabelRates | None) -> str:
    if rates is None:
        return "–"
    precision = "–" if rates.precision is None else score_text(rates.precision)
    return f"{precision}, {score_text(rates.recall)}"


def section(report: Report) -> Section | None:
    if (found := by_label_of(report)) is None:
        return None
    rows = tuple(Row(row.label, (Cell(f"{row.rows:,}"), *map(Cell, row.cells))) for row in found.rows)
    table = Table((Head("Test rows"), *of_strategies(found.names, name_of)), rows, corner="Label")
    return Section("labels", TITLE, (Folded(f"All {count_text(len(rows), 'label')}", (table, *small(MEANING))),))
