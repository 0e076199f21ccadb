"""Read an upload as a table of text: CSV, TSV, JSONL, JSON, XLSX and Parquet."""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from eval.chat import Records, flatten_chats
from eval.decoding import MAX_BYTES, MAX_UNPACKED_BYTES, check_size, decode, json_lines, parse_json, unzip
from eval.task import BadInput

__all__ = ["MAX_BYTES", "TABLE_ENDINGS", "Table", "read_table"]

TABLE_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".xlsx", ".parquet")
MAX_ROWS = 200_000
MAX_COLUMNS = 500
MAX_SHEET_CELLS = 20_000_000

_CELL_REFERENCE = re.compile(rb'r="([A-Z]{1,3})([0-9]{1,7})"')

NumberedRows = list[tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns and rows of text, every row as wide as `columns`.

    `row_numbers` gives each row's place in the file, as in a spreadsheet (the header is row 1) or, for JSON, as line or
    item from 1. If empty, the rows follow the header without gaps. `instruction` is the system message that all rows of
    a chat file share, else "".
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    row_numbers: tuple[int, ...] = ()
    instruction: str = ""

    def column(self, name: str) -> tuple[str, ...]:
        """Every row's value in one column."""
        position = self.columns.index(name)
        return tuple(row[position] for row in self.rows)

    def numbers(self) -> Sequence[int]:
        """The place of each row in the file, one number per row."""
        return self.row_numbers or range(2, len(self.rows) + 2)


def read_table(name: str, content: bytes) -> Table:
    """Read the table in an uploaded file; the file extension decides how. Empty rows and columns are dropped.

    Raises BadInput if the file is empty, too large, damaged, ragged or in another encoding, or if it has no rows, fewer
    than two columns, or columns without a unique name.
    """
    check_size(name, content)
    ending = PurePath(name).suffix.casefold()
    if ending == ".csv":
        return _from_rows(name, _separated_rows(name, decode(name, content), ",;\t"))
    if ending == ".tsv":
        return _from_rows(name, _separated_rows(name, decode(name, content), "\t"))
    if ending in (".jsonl", ".ndjson"):
        return _from_records(name, list(json_lines(name, decode(name, content))))
    if ending == ".json":
        return _from_records(name, _array_records(name, decode(name, content)))
    if ending == ".xlsx":
        return _from_rows(name, _workbook_rows(name, content))
    if ending == ".parquet":
        return _from_records(name, _parquet_records(name, content))
    raise BadInput(f"{name} is of a type that is not read: give a table as {', '.join(TABLE_ENDINGS)}.")


def _separated_rows(name: str, text: str, delimiters: str) -> NumberedRows:
    csv.field_size_limit(MAX_BYTES)
    delimiter = max(delimiters, key=lambda candidate: _header_width(text, candidate))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: NumberedRows = []
    ragged: list[tuple[int, int]] = []  # line in the file, values found
    width, last_line = 0, 0
    try:
        for number, values in enumerate(reader, start=1):
            if any(value.strip() for value in values):
                width = width or len(_without_empty_end(values, 0))
                values = _without_empty_end(values, width)
                if len(values) != width:
                    ragged.append((last_line + 1, len(values)))
                rows.append((number, values))
            last_line = reader.line_num
    except csv.Error as wrong:
        raise BadInput(
            f"{name} has a quotation mark in line {last_line + 1} that is not closed, or not doubled inside a quoted "
            "text: fix it or export the file again."
        ) from wrong
    if ragged and width > 1:
        line, found = ragged[0]
        count = "1 row does" if len(ragged) == 1 else f"{len(ragged):,} rows do"
        raise BadInput(
            f"{name} has {width} columns, but {count} not have {width} values (the first is in line {line}, "
            f"with {found}): put values that contain the separator in double quotes."
        )
    return rows


def _header_width(text: str, delimiter: str) -> int:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return len(next((row for row in rows if row), []))


def _without_empty_end(values: list[str], width: int) -> list[str]:
    """Drop empty values at the end, but keep at least `width` values."""
    end = len(values)
    while end > width and not values[end - 1].strip():
        end -= 1
    return values[:end]


def _array_records(name: str, text: str) -> Records:
    items = parse_json(name, text, "the whole file")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadInput(
            f'{name} is not a JSON array of objects: write [{{"input": "…", "target": "…"}}, …], '
            "or one object a line in a .jsonl file."
        )
    return list(enumerate(items, start=1))


def _workbook_rows(name: str, content: bytes) -> NumberedRows:
    """The first sheet with data in it."""
    from python_calamine import CalamineError, CalamineWorkbook

    _check_extent(name, content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = (book.get_sheet_by_name(sheet_name) for sheet_name in book.sheet_names)
        for sheet in sheets:
            if sheet.start is not None:
                rows = ([_text(_as_shown(value)) for value in row] for row in sheet.to_python())
                return [(number, row) for number, row in enumerate(rows, sheet.start[0] + 1) if any(row)]
    except CalamineError as wrong:
        raise BadInput(
            f"{name} cannot be opened as an Excel workbook: save it again as .xlsx without a password."
        ) from wrong
    return []


def _check_extent(name: str, content: bytes) -> None:
    """Refuse huge sheets: calamine allocates the full rectangle, so two cells in far corners would exhaust memory."""
    for path, part in unzip(name, content):
        width = height = 0
        for cell in _CELL_REFERENCE.finditer(part) if path.endswith(".xml") else ():
            width = max(width, _column_number(cell[1]))
            height = max(height, int(cell[2]))
        if width * height > MAX_SHEET_CELLS:
            raise BadInput(
                f"{name} has a sheet that reaches to row {height:,} and column {width:,}: "
                "delete the rows and columns beyond your data."
            )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _as_shown(value: Any) -> Any:
    """Excel shows 15 digits of a number, and no time of day where it is midnight."""
    if isinstance(value, float):
        return float(f"{value:.15g}")
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date()
    return value


def _parquet_records(name: str, content: bytes) -> Records:
    import pyarrow
    import pyarrow.parquet

    records: Records = []
    unpacked = 0
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        for batch in file.iter_batches(batch_size=_rows_per_batch(file.metadata)):
            rows = batch.to_pylist()
            # Counted in Python: a dictionary-encoded column stores each text once, however often it is used.
            unpacked += sum(len(str(value)) for row in rows for value in row.values())
            if unpacked > MAX_UNPACKED_BYTES:
                raise BadInput(
                    f"{name} unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MB: give a part of the rows."
                )
            records.extend(enumerate(rows, start=len(records) + 1))
            _check_count(name, len(records))
    except (pyarrow.ArrowException, OSError) as wrong:
        raise BadInput(f"{name} cannot be read as Parquet, perhaps because it was cut off: export it again.") from wrong
    return records


def _rows_per_batch(metadata: Any) -> int:
    """Few enough rows that a batch stays within the limit even if each row held its column's largest value."""
    largest = 1
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            largest = max(largest, metadata.row_group(group).column(column).total_uncompressed_size)
    return max(1, min(1024, MAX_UNPACKED_BYTES // largest))


def _from_records(name: str, records: Records) -> Table:
    """Objects as a table: columns in the order their keys first appear, a missing key as empty text."""
    instruction = ""
    if any("messages" in record for _, record in records):
        records, instruction = flatten_chats(name, records)
    columns = list(dict.fromkeys(key for _, record in records for key in record))
    _check_count(name, len(records), len(columns))
    header: NumberedRows = [(0, columns)] if columns else []
    rows = [(number, [_text(record.get(key)) for key in columns]) for number, record in records]
    return _from_rows(name, header + [(number, row) for number, row in rows if any(row)], instruction)


def _from_rows(name: str, numbered: NumberedRows, instruction: str = "") -> Table:
    """A table from rows, the header first. Empty columns without a name are dropped."""
    if not numbered:
        raise BadInput(f"{name} holds no rows: the first row must name the columns and the data follow below it.")
    (_, header), *body = numbered
    _check_count(name, len(body), len(header))
    columns = [column.strip() for column in header]
    if not body:
        raise BadInput(f"{name} has a header ({', '.join(columns)}) but no rows below it: add the data.")
    kept = [i for i, column in enumerate(columns) if column or any(row[i].strip() for _, row in body)]
    for i in kept:
        if not columns[i]:
            raise BadInput(f"{name} has no name for column {i + 1}: give it one in the first row or delete the column.")
        if columns[i] in columns[:i]:
            raise BadInput(f"{name} has two columns named '{columns[i]}': rename or delete one of them.")
    if len(kept) < 2:
        raise BadInput(
            f"{name} has only one column ({columns[kept[0]][:60]}): at least two are needed, such as an input and its "
            "ideal output, in CSV separated by commas, semicolons or tabs."
        )
    rows = tuple(tuple(row[i] for i in kept) for _, row in body)
    return Table(tuple(columns[i] for i in kept), rows, tuple(number for number, _ in body), instruction)


def _check_count(name: str, rows: int, columns: int = 0) -> None:
    if rows > MAX_ROWS:
        raise BadInput(f"{name} has more than {MAX_ROWS:,} rows: give a part of them.")
    if columns > MAX_COLUMNS:
        raise BadInput(f"{name} has {columns:,} columns and at most {MAX_COLUMNS} are read: keep those you need.")


def _text(value: Any) -> str:
    """A cell as text: whole numbers without a point, dates in ISO form, lists and objects as JSON, nothing as ""."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=_text)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
