"""Every figure of every strategy in one table, and how each was computed."""

from __future__ import annotations

from advisor.candidates import judged
from advisor.schema import Report
from advisor.sections.blocks import Cell, Definitions, Folded, Row, Section, Table, of_strategies, small
from advisor.sections.figures import TABLE_MEANING, baselines_of, figures_of
from advisor.sections.provenance import CHANCE, computed_of
from advisor.wording import name_of


def section(report: Report) -> Section | None:
    if not (shown := judged(report)):
        return None
    how = dict(computed_of(report))
    rows = tuple(
        Row(heading, tuple(map(Cell, cells)), how=how.get(CHANCE if heading.startswith("Chance of being") else heading))
        for heading, cells in figures_of(report)
    )
    table = Table(of_strategies([one.strategy for one in shown], name_of), rows)
    return Section("figures", "All figures", (table, *small(TABLE_MEANING, baselines_of(report) or "")))


def computed_section(report: Report) -> Section | None:
    found = tuple(computed_of(report))
    if not found:
        return None
    return Section("computed", "How each figure is computed", (Folded("Every formula", (Definitions(found),)),))
