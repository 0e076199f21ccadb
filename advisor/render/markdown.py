"""The report as Markdown, to paste into a document or a ticket."""

from __future__ import annotations

import re
from collections.abc import Sequence

from advisor.schema import Report
from advisor.sections.blocks import Block, Bullets, Cell, Chart, Definitions, Folded, Section, Table, Text
from advisor.sections.contents import SECTIONS, MakeSection, sections_of
from advisor.sections.opening import opening_of


def render_markdown(report: Report, made_by: Sequence[MakeSection] = SECTIONS) -> str:
    """The verdict, then every section; ends with a line break."""
    opening, sections = opening_of(report), sections_of(report, made_by)
    lines = [
        *(line for section in sections if section.is_first for line in _section(section)),
        f"# {escaped(opening.headline)}",
        "",
        escaped(opening.subject),
        "",
        f"**{escaped(opening.confidence)}**",
        "",
        *(f"- {escaped(f'{one.label}: {one.value} ({one.under})')}" for one in opening.figures),
        "",
        *(f"- {escaped(sentence)}" for sentence in opening.sentences),
        "",
        *(_block(opening.chart) if opening.chart else []),
    ]
    lines += [line for section in sections if not section.is_first for line in _section(section)]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text that Markdown shows as it stands, on one line, also inside a table."""
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


def _section(section: Section) -> list[str]:
    return [
        f"## {escaped(section.title)}",
        "",
        f"**{escaped(section.summary)}**",
        "",
        *(line for block in section.beyond_summary for line in _block(block)),
        *([f"*How this was computed:* {escaped(section.how)}", ""] if section.how else []),
    ]


def _block(block: Block) -> list[str]:
    match block:
        case Text(text):
            return [escaped(text), ""]
        case Bullets(sentences, further, _):
            return [*(f"- {escaped(sentence)}" for sentence in (*sentences, *further)), ""]
        case Table():
            return _table(block)
        case Definitions(pairs):
            return [*(f"- {escaped(f'{heading}: {said}')}" for heading, said in pairs), ""]
        case Chart():
            return [escaped(block.caption), ""] if block.caption else []
        case Folded(title, blocks):
            inner = [line for each in blocks for line in _block(each)]
            return [f"<details><summary>{escaped(title)}</summary>", "", *inner, "</details>", ""]


def _table(table: Table) -> list[str]:
    heads = [escaped(table.corner), *(escaped(head.text) for head in table.heads)]
    rows = [
        [escaped(f"{row.heading}: {row.meaning}" if row.meaning else row.heading), *map(_cell, row.cells)]
        for row in table.rows
    ]
    return [_line(heads), _line(["---"] * len(heads)), *map(_line, rows), ""]


def _cell(cell: Cell) -> str:
    return escaped(f"{cell.text} ({cell.note})" if cell.note else cell.text)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
