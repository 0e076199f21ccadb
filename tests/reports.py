"""Reports for a test: a measured one with some figures changed, and what a section of it says."""

from __future__ import annotations

from typing import Any, TypeVar

from advisor.schema import JUDGEMENT, REPORT, Candidate, Judgement, Report
from advisor.sections.blocks import Bullets, Section, Table, Text
from advisor.sections.contents import sections_of

EVERY = "every"  # item of a list
Kept = TypeVar("Kept", bound=Judgement)


def changed(report: Kept, **changes: Any) -> Kept:
    """With these figures in place of its own. A dict changes only what it names: fields by their name, items of a list
    by their place, or `EVERY` one of them."""
    stored = REPORT.plain(report) if isinstance(report, Report) else JUDGEMENT.plain(report)
    _change(stored, changes)
    read = REPORT.of(stored) if isinstance(report, Report) else JUDGEMENT.of(stored)
    assert type(read) is type(report)
    return read


def _change(stored: Any, changes: dict[Any, Any]) -> None:
    for name, change in changes.items():
        for place in range(len(stored)) if name == EVERY else [name]:
            old = stored[place]
            if isinstance(change, dict) and isinstance(old, dict | list | tuple) and change:
                if isinstance(old, tuple):
                    old = stored[place] = list(old)
                _change(old, change)
            else:
                stored[place] = change


def section_of(report: Report, name: str) -> Section:
    """The section with this id; fails where the report has none."""
    found = {section.id: section for section in sections_of(report)}
    assert name in found, f"no section {name} among {', '.join(found)}"
    return found[name]


def section_names(report: Report) -> list[str]:
    return [section.id for section in sections_of(report)]


def sentences_of(section: Section) -> list[str]:
    """Its paragraphs and bullets in their order, without its summary."""
    found: list[str] = []
    for block in section.blocks:
        if isinstance(block, Text):
            found.append(block.text)
        elif isinstance(block, Bullets):
            found += [*block.sentences, *block.further]
    return found


def rows_of(section: Section) -> dict[str, list[str]]:
    """The cells of each row of its first table, with their notes in brackets, by the row's heading."""
    table = next(block for block in section.blocks if isinstance(block, Table))
    return {
        row.heading: [f"{cell.text} ({cell.note})" if cell.note else cell.text for cell in row.cells]
        for row in table.rows
    }


def heads_of(section: Section) -> list[str]:
    """The heads of its first table, without that of the headings of its rows."""
    return [head.in_full for head in next(block for block in section.blocks if isinstance(block, Table)).heads]


def candidate_of(report: Report, name: str) -> Candidate:
    """The measured strategy with this id; fails where it was not measured."""
    found = next(one for one in report.candidates if one.id == name)
    assert isinstance(found, Candidate)
    return found
