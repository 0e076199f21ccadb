"""Read a spreadsheet (Excel, OpenDocument) as it is shown, and choose among its sheets."""

from __future__ import annotations

import datetime
import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.mapping.names import side_of
from eval.reading.decoding import unzip, xml_root
from eval.reading.layout import NumberedRows, header_position, without_titles
from eval.reading.open_document import Place, open_sheets
from eval.task import BadInput

MAX_SHEET_CELLS = 20_000_000
WORKBOOK_ENDINGS = (".xlsx", ".xlsm", ".xls", ".ods")

_CELL_REFERENCE = re.compile(rb'r=["\']([A-Z]{1,3})([0-9]{1,7})["\']')
# A tag may have a prefix (<x:c>), its attributes stand in any order, and rows and cells may leave out where they are.
_ROW_OR_CELL = re.compile(rb"<(?:\w+:)?(row|c)(\s[^>]*)?/?>")
_PLACE = re.compile(rb'\sr\s*=\s*["\']([A-Z]{0,3})([0-9]{1,7})["\']')
_STYLE = re.compile(rb'\ss\s*=\s*["\']([0-9]{1,9})["\']')
_HIDDEN = re.compile(rb'\shidden\s*=\s*["\'](?:1|true)["\']')
_EMPTY_FORMULA = re.compile(
    rb"\s*<(?:\w+:)?f\b[^>]*?(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</"
)
_TEXT_START = re.compile(rb"(\xef\xbb\xbf)?\s*(<(!DOCTYPE|html|table|\?xml)\b|[\w\"' ]{0,200}[,;\t|])", re.IGNORECASE)
_PERCENT_FORMATS = {"9", "10"}  # built in: 0% and 0.00%
_IN_QUOTES = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_SIGN = re.compile(r'"(?P<text>[^"]*)"|\\(?P<one>.)|\[[^\]]*\]|(?P<digit>0)|(?P<bare>[-() ])|(?P<other>.)')

Show = Callable[[float], str]


@dataclass(slots=True)
class _Parts:
    """What the XML of a workbook says and calamine doesn't, by the sheet's name: formulas without a value, formats of
    numbers (a cell is its row and column, from 0), the numbers of hidden rows, and merged cells where calamine doesn't
    say them."""

    empty_formulas: dict[str, list[str]] = field(default_factory=dict)
    formats: dict[str, dict[Place, Show]] = field(default_factory=dict)
    hidden_rows: dict[str, set[int]] = field(default_factory=dict)
    merged: dict[str, list[tuple[Place, Place]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    rows: NumberedRows
    is_hidden: bool = False

    @property
    def header(self) -> list[str]:
        values = [row for _, row in self.rows]
        return [value.strip() for value in values[header_position(values)]] if values else []

    @property
    def data_rows(self) -> int:
        values = [row for _, row in self.rows]
        return len(values) - 1 - header_position(values) if values else 0


def workbook_rows(
    name: str, content: bytes, as_text: Callable[[Any], str], notes: list[str], wanted: str = ""
) -> tuple[NumberedRows, tuple[tuple[str, int], ...]]:
    """The rows of the `wanted` sheet, else of the one with the most data, or of all sheets if each is a part of the
    split; and every sheet with the number of its rows. If all sheets have the same columns, another entry stands for
    all of them.

    Raises BadInput if there is no such sheet, it can't be opened, a sheet is huge, or its formulas hold no values.
    """
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    if b"\0" not in content[:4096] and _TEXT_START.match(content):
        raise BadInput(
            f"{name} is no Excel workbook but another file under that name, such as CSV or HTML: give it its right "
            "ending, or save it as .xlsx."
        )
    parts = _Parts()
    if name.casefold().endswith((".xlsx", ".xlsm")):
        parts = _parts(name, content)
    elif name.casefold().endswith(".ods"):
        parts = _open_parts(name, content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [
            _Sheet(
                sheet.name,
                _rows(book.get_sheet_by_name(sheet.name), parts, as_text),
                sheet.visible is not SheetVisibleEnum.Visible,
            )
            for sheet in book.sheets_metadata
        ]
    except CalamineError as wrong:
        raise BadInput(
            f"{name} cannot be opened as an Excel workbook: save it again as .xlsx without a password."
        ) from wrong
    full = [sheet for sheet in sheets if sheet.rows]
    together = _alike(full)
    known = tuple((sheet.name, sheet.data_rows) for sheet in full)
    if together:
        known += ((_name_of(together), sum(sheet.data_rows for sheet in together)),)
    if wanted and wanted not in dict(known):
        names = ", ".join(dict(known))
        raise BadInput(f"{name} has no sheet '{wanted}' with data in it: choose among {names}.")
    chosen = [sheet for sheet in full if sheet.name == wanted]
    if wanted and not chosen:
        chosen = together
    is_split = not chosen and bool(chosen := _choose(name, full, together, notes))
    for sheet in chosen:
        _note_hidden_rows(name, sheet, parts.hidden_rows.get(sheet.name, set()), notes)
        _check_formulas(name, sheet, parts.empty_formulas.get(sheet.name, []), notes)
    return without_titles(name, _joined(chosen, is_split), notes), known


def _alike(sheets: Sequence[_Sheet]) -> list[_Sheet]:
    """The visible sheets with several columns, if all have the same ones and aren't the sides of a split."""
    shown = [sheet for sheet in sheets if not sheet.is_hidden and sum(map(bool, sheet.header)) > 1]
    same = len(shown) > 1 and all(sheet.header == shown[0].header for sheet in shown)
    return shown if same and not all(side_of(sheet.name) for sheet in shown) else []


def _name_of(sheets: Sequence[_Sheet]) -> str:
    """What several sheets are called together."""
    return f"{sheets[0].name} to {sheets[-1].name} ({len(sheets)} sheets)"


def _choose(name: str, sheets: Sequence[_Sheet], together: Sequence[_Sheet], notes: list[str]) -> list[_Sheet]:
    """Sheets that are sides of a split and have the same header; else the one with the most rows of two columns. A
    hidden sheet only if no other one holds a table."""
    tables = [sheet for sheet in sheets if len([cell for cell in sheet.header if cell]) > 1] or list(sheets[:1])
    tables = [sheet for sheet in tables if not sheet.is_hidden] or tables
    sides = [sheet for sheet in tables if side_of(sheet.name)]
    if len(sides) > 1 and all(sheet.header == sides[0].header for sheet in sides):
        chosen = sides
    else:
        chosen = sorted(tables, key=lambda sheet: -sheet.data_rows)[:1]
    others = [sheet for sheet in sheets if sheet not in chosen]
    if len(chosen) > 1:
        read = " and ".join(f"'{sheet.name}' ({sheet.data_rows:,} rows)" for sheet in chosen)
        notes.append(f"We read the sheets {read} of {name} as the parts of the split.")
    elif others:
        left_out = ", ".join(
            f"'{sheet.name}' ({sheet.data_rows:,}{', hidden' if sheet.is_hidden else ''})" for sheet in others[:10]
        )
        told = f"We read only the sheet '{chosen[0].name}' ({chosen[0].data_rows:,} rows) of {name}, not {left_out}."
        if together:
            told += f" To read all sheets with the same columns, choose '{_name_of(together)}'."
        notes.append(told)
    return chosen


def _note_hidden_rows(name: str, sheet: _Sheet, hidden: set[int], notes: list[str]) -> None:
    if count := sum(number in hidden for number, _ in sheet.rows):
        rows, them = ("1 hidden row", "it") if count == 1 else (f"{count:,} hidden rows", "them")
        notes.append(
            f"We also read {rows} of the sheet '{sheet.name}' of {name}: delete {them} if you don't want that."
        )


def _joined(sheets: Sequence[_Sheet], are_sides: bool) -> NumberedRows:
    """One sheet as it is; several below one another, with a column that names the side of each row if they are sides of
    a split. Row numbers go on from sheet to sheet, so that each is used once."""
    if len(sheets) < 2:
        return sheets[0].rows if sheets else []
    joined: NumberedRows = [(1, [*sheets[0].header, *(["split"] if are_sides else [])])]
    offset = 0
    for sheet in sheets:
        at = header_position([row for _, row in sheet.rows])
        side = [sheet.name] if are_sides else []
        joined += [(offset + number, [*row, *side]) for number, row in sheet.rows[at + 1 :]]
        offset += sheet.rows[-1][0]
    return joined


def _rows(sheet: Any, parts: _Parts, as_text: Callable[[Any], str]) -> NumberedRows:
    """The rows that hold something, as text. A merged cell's value is repeated in each of its rows and columns."""
    if sheet.start is None:
        return []
    top, left = sheet.start
    cells = [[_as_shown(value) for value in row] for row in sheet.to_python()]
    for (row, column), show in parts.formats.get(sheet.name, {}).items():
        if 0 <= row - top < len(cells) and 0 <= column - left < len(cells[row - top]):
            value = cells[row - top][column - left]
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                cells[row - top][column - left] = show(value)
    for (first, from_column), (last, to_column) in sheet.merged_cell_ranges or parts.merged.get(sheet.name, ()):
        # Across columns it is a title; beyond the cells that hold something, it is empty.
        if from_column == to_column and first >= top and 0 <= from_column - left < len(cells[0]):
            for row in range(first - top, min(last - top + 1, len(cells))):
                cells[row][from_column - left] = cells[first - top][from_column - left]
    rows = ((number, [as_text(value) for value in row]) for number, row in enumerate(cells, top + 1))
    return [(number, row) for number, row in rows if any(row)]


def _as_shown(value: Any) -> Any:
    """Excel shows 15 digits of a number, and no time of day where it is midnight."""
    if isinstance(value, float):
        return float(f"{value:.15g}")
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date()
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return value


def _check_formulas(name: str, sheet: _Sheet, empty: Sequence[str], notes: list[str]) -> None:
    if not empty:
        return
    count = "1 formula" if len(empty) == 1 else f"{len(empty):,} formulas"
    what = f"{name} has {count} without a value (the first in cell {empty[0]} of sheet '{sheet.name}')"
    if len(empty) * 2 >= sheet.data_rows:
        raise BadInput(f"{what}: open it in Excel, save it, and upload it again.")
    notes.append(f"{what}, so these cells are empty here. Open it in Excel, save it, and upload it again.")


def _parts(name: str, content: bytes) -> _Parts:
    """Read the XML. Refuses huge sheets: calamine allocates the full rectangle, so two cells in far corners would
    exhaust memory."""
    files = dict(unzip(name, content))
    for path, part in files.items():
        width = height = 0
        for cell in _CELL_REFERENCE.finditer(part) if path.endswith(".xml") else ():
            width = max(width, _column_number(cell[1]))
            height = max(height, int(cell[2]))
        if width * height > MAX_SHEET_CELLS:
            raise BadInput(
                f"{name} has a sheet that reaches to row {height:,} and column {width:,}: "
                "delete the rows and columns beyond your data."
            )
    parts = _Parts()
    shows = _number_formats(files.get("xl/styles.xml", b""))
    for sheet_name, path in _sheet_paths(files):
        part = files.get(path, b"")
        if shows or b"hidden" in part or b"f>" in part or b"<f" in part:
            empty, hidden, formats = _marked(part, shows)
            parts.empty_formulas[sheet_name], parts.hidden_rows[sheet_name] = empty, hidden
            parts.formats[sheet_name] = formats
    return parts


def _open_parts(name: str, content: bytes) -> _Parts:
    parts = _Parts()
    for sheet_name, sheet in open_sheets(dict(unzip(name, content)).get("content.xml", b"")):
        parts.formats[sheet_name] = dict.fromkeys(sheet.percentages, _as_percentage) | {
            place: _always(shown) for place, shown in sheet.filled_up.items()
        }
        parts.hidden_rows[sheet_name], parts.merged[sheet_name] = sheet.hidden_rows, sheet.merged
    return parts


def _marked(sheet: bytes, shows: dict[int, Show]) -> tuple[list[str], set[int], dict[Place, Show]]:
    """The cells whose formulas have no value, the numbers of hidden rows, and the formats of numbers by their cell."""
    empty: list[str] = []
    hidden: set[int] = set()
    formats: dict[Place, Show] = {}
    row = column = 0
    for tag in _ROW_OR_CELL.finditer(sheet):
        said = tag[2] or b""
        place = _PLACE.search(said)
        if tag[1] == b"row":
            row, column = int(place[2]) if place else row + 1, 0
            if _HIDDEN.search(said):
                hidden.add(row)
            continue
        row, column = (int(place[2]), _column_number(place[1])) if place else (row, column + 1)
        if (style := _STYLE.search(said)) and (show := shows.get(int(style[1]))):
            formats[row - 1, column - 1] = show
        if _EMPTY_FORMULA.match(sheet, tag.end()):
            empty.append(f"{_column_letters(column)}{row}")
    return empty, hidden, formats


def _sheet_paths(files: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    """Each sheet's name and the path of its XML."""
    book = xml_root(files.get("xl/workbook.xml", b""))
    relations = xml_root(files.get("xl/_rels/workbook.xml.rels", b""))
    if book is None or relations is None:
        return
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    for sheet in book.iterfind(".//{*}sheet"):  # a strict workbook has names of its own for the same things
        target = targets.get(next((value for key, value in sheet.items() if key.endswith("}id")), None), "")
        yield sheet.get("name", ""), target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _number_formats(styles: bytes) -> dict[int, Show]:
    """How to show a number, by the position of a cell's style: percentages, and numbers filled up with zeros."""
    root = xml_root(styles)
    if root is None:
        return {}
    codes = {one.get("numFmtId"): one.get("formatCode", "") for one in root.iterfind(".//{*}numFmt")}
    shows: dict[int, Show] = {}
    styles_of_cells = root.find("{*}cellXfs")
    for position, style in enumerate(styles_of_cells if styles_of_cells is not None else ()):
        number = style.get("numFmtId")
        code = codes.get(number, "")
        if number in _PERCENT_FORMATS or _IN_QUOTES.sub("", code).split(";")[0].endswith("%"):
            shows[position] = _as_percentage
        elif pattern := _digits_in(code):
            shows[position] = _filled_into(pattern)
    return shows


def _digits_in(code: str) -> list[str]:
    """A format of two digits or more that fills up with zeros, such as 000\\-00: "0" for each, and the texts between
    them, each behind a space. Empty for other formats."""
    pattern: list[str] = []
    for sign in _SIGN.finditer(code):
        if sign["other"]:
            if sign["other"] != ";":  # behind it is how negative numbers are shown
                return []
            break
        pattern.append(sign["digit"] or "".join(filter(None, (" ", sign["text"], sign["one"], sign["bare"]))))
    return pattern if pattern.count("0") > 1 else []


def _as_percentage(value: float) -> str:
    return f"{value * 100:.10g}%"


def _always(shown: str) -> Show:
    return lambda value: shown


def _filled_into(pattern: Sequence[str]) -> Show:
    count = pattern.count("0")

    def show(value: float) -> str:
        written = f"{abs(round(value)):0{count}}"
        digits = iter((written[: len(written) - count + 1], *written[len(written) - count + 1 :]))
        return "-" * (value < 0) + "".join(next(digits) if part == "0" else part[1:] for part in pattern)

    return show


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _column_letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
