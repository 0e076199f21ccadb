"""What the XML of an OpenDocument spreadsheet says about cells and calamine doesn't."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_PARAGRAPH = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}p"
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
_FILLED_UP = re.compile(r"-?0\d+")
_MOST = 1_048_576  # rows of a sheet

Place = tuple[int, int]  # row and column, from 0


@dataclass(slots=True)
class OpenSheet:
    """Cells that are percentages, the text of those filled up with zeros, the numbers of hidden rows, and the first and
    last place of merged cells."""

    percentages: set[Place] = field(default_factory=set)
    filled_up: dict[Place, str] = field(default_factory=dict)
    hidden_rows: set[int] = field(default_factory=set)
    merged: list[tuple[Place, Place]] = field(default_factory=list)


def open_sheets(content: bytes) -> Iterator[tuple[str, OpenSheet]]:
    """Each sheet's name and cells, as far as the file `content.xml` can be read."""
    name, sheet, row = "", None, 0
    try:
        for event, element in ElementTree.iterparse(io.BytesIO(content), ("start", "end")):
            if event == "start" and element.tag == f"{_TABLE}table":
                name, sheet, row = element.get(f"{_TABLE}name", ""), OpenSheet(), 0
            elif event == "end" and element.tag == f"{_TABLE}table" and sheet is not None:
                yield name, sheet
                sheet = None
            elif event == "end" and element.tag == f"{_TABLE}table-row":
                if sheet is not None:  # else it is one that was deleted, and kept to undo that
                    row += _look_at(element, row, sheet)
                element.clear()
    except (ElementTree.ParseError, LookupError, ValueError):
        return


def _look_at(row: ElementTree.Element, at: int, sheet: OpenSheet) -> int:
    """Adds what is in a row. Returns how often it is repeated."""
    repeated, column, is_empty = _count(row, "number-rows-repeated"), 0, True
    for cell in row:
        if cell.tag not in _CELLS:
            continue
        across, kind = _count(cell, "number-columns-repeated"), cell.get(f"{_OFFICE}value-type")
        if kind:
            is_empty = False
            places = ((at + down, column + right) for down in range(repeated) for right in range(across))
            shown = "".join("".join(one.itertext()) for one in cell.iterfind(_PARAGRAPH))
            if kind == "percentage":
                sheet.percentages.update(places)
            elif kind == "float" and _FILLED_UP.fullmatch(shown):
                sheet.filled_up.update(dict.fromkeys(places, shown))
        below = _count(cell, "number-rows-spanned")
        if below > 1:
            last = column + _count(cell, "number-columns-spanned") - 1
            sheet.merged.append(((at, column), (at + below - 1, last)))
        column += across
    if not is_empty and row.get(f"{_TABLE}visibility", "visible") != "visible":
        sheet.hidden_rows.update(range(at + 1, at + repeated + 1))
    return repeated


def _count(element: ElementTree.Element, name: str) -> int:
    return max(1, min(_MOST, int(element.get(f"{_TABLE}{name}", "1"))))
