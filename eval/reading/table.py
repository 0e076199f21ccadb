"""Read an upload as a table of text: CSV, TSV, JSONL, JSON, spreadsheets and Parquet."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from eval.mapping.names import is_known
from eval.reading.chat import flatten_chats, holds_chats, is_chat
from eval.reading.chat_forms import Records
from eval.reading.decoding import (
    MAX_BYTES,
    MAX_UNPACKED_BYTES,
    check_size,
    decode,
    gunzip,
    is_litter,
    json_records,
    parse_json,
    unzip,
)
from eval.reading.delimited import separated_rows
from eval.reading.layout import NumberedRows, is_running_number, is_unnamed, with_header
from eval.reading.preferences import names_winner, with_winners
from eval.reading.question_sets import with_plain_answers
from eval.reading.records import flat, marks_bad_answers, records_in
from eval.reading.text_marks import as_meant
from eval.reading.workbook import WORKBOOK_ENDINGS, workbook_rows
from eval.task import BadInput

__all__ = ["MAX_BYTES", "TABLE_ENDINGS", "Table", "read_table"]

TABLE_ENDINGS = (
    ".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json", *WORKBOOK_ENDINGS, ".parquet", ".zip", ".gz",
)  # fmt: skip
_UNPACKED_ENDINGS = TABLE_ENDINGS[:-2]
MAX_ROWS = 1_000_000
MAX_COLUMNS = 500
_LONGEST_NAME = 300  # characters; some surveys have a whole question as the name of a column

# UTF-8 read as Windows-1252 or Latin-1, such as "Ã©" for "é" or "â€™" for "’".
_MOJIBAKE = re.compile(r"\S{0,20}(?:[ÃÂ][\x80-\xbf‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[\x80-\xbf™œ\x9d˜“”¦¢])\S{0,20}")


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns and rows of text, every row as wide as `columns`.

    `row_numbers` gives each row's place in the file, as in a spreadsheet (the header is row 1) or, for JSON, as line or
    item from 1. If empty, the rows follow the header without gaps. `instruction` is the system message that all rows of
    a chat file share, else "". `notes` are sentences on how the file was read, and what was left out. `sheets` are
    those of a workbook with their rows; another one can be chosen. `encoding` was detected; it is "" for UTF-8.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    row_numbers: tuple[int, ...] = ()
    instruction: str = ""
    notes: tuple[str, ...] = ()
    sheets: tuple[tuple[str, int], ...] = ()
    encoding: str = ""

    def column(self, name: str) -> tuple[str, ...]:
        """Every row's value in one column."""
        position = self.columns.index(name)
        return tuple(row[position] for row in self.rows)

    def without(self, name: str) -> Table:
        """The table without one of its columns."""
        at = self.columns.index(name)
        rows = tuple(row[:at] + row[at + 1 :] for row in self.rows)
        return replace(self, columns=self.columns[:at] + self.columns[at + 1 :], rows=rows)

    def numbers(self) -> Sequence[int]:
        """The place of each row in the file, one number per row."""
        return self.row_numbers or range(2, len(self.rows) + 2)


def read_table(name: str, content: bytes, sheet: str = "") -> Table:
    """Read the table in an uploaded file; the file extension decides how. Empty rows and columns are dropped. `sheet`
    is the one to read in a workbook.

    Raises BadInput if the file is empty, too large, damaged, ragged or in no known encoding, or if it has no rows,
    fewer than two columns, or two columns of the same name.
    """
    check_size(name, content)
    ending = PurePath(name).suffix.casefold()
    notes: list[str] = []
    if ending in (".zip", ".gz"):
        return read_table(*_only_table(name, content), sheet)
    if ending in WORKBOOK_ENDINGS:
        rows, sheets = workbook_rows(name, content, _text, notes, sheet)
        return replace(_laid_out(name, rows, notes), sheets=sheets)
    if ending == ".parquet":
        return _from_records(name, _parquet_records(name, content, notes), notes)
    if ending not in TABLE_ENDINGS:
        raise BadInput(f"{name} is of a type that is not read: give a table as {', '.join(TABLE_ENDINGS)}.")
    text = decode(name, content, notes)
    if ending in (".jsonl", ".ndjson", ".json"):
        table = _from_records(name, _json_rows(name, ending, text.text, notes), notes)
    else:
        preferred = "," if ending == ".csv" else "\t"
        table = _laid_out(name, separated_rows(name, text.text, notes, preferred), notes)
    return replace(table, encoding=text.detected) if text.detected else table


def _only_table(name: str, content: bytes) -> tuple[str, bytes]:
    """The one table in an archive. Raises BadInput if it holds none or several."""
    if name.casefold().endswith(".gz"):
        if not name[:-3].casefold().endswith(_UNPACKED_ENDINGS):
            raise BadInput(f"{name} is no table: unpack it and upload the table in it.")
        return name[:-3], gunzip(name, content)
    files = [(PurePath(path), part) for path, part in unzip(name, content)]
    tables = [
        (path.name, part)
        for path, part in files
        if path.suffix.casefold() in _UNPACKED_ENDINGS and not is_litter(path.parts)
    ]
    if len(tables) != 1:
        raise BadInput(f"{name} holds {len(tables)} tables, not one: unpack it and upload the one with your task.")
    return tables[0]


def _json_rows(name: str, ending: str, text: str, notes: list[str]) -> Records:
    """JSON or JSONL, whichever it is, because people mix up the endings: JSONL is several objects."""
    lines = (line.strip() for line in text.split("\n") if line.strip())
    first, second = next(lines, ""), next(lines, "")
    if (first.endswith(("}", "]")) and second.startswith(("{", "["))) or (
        ending != ".json" and not _is_document(first)
    ):
        return list(json_records(name, text))
    return records_in(name, parse_json(name, text), notes)


def _is_document(line: str) -> bool:
    """Whether a line of JSONL is a list, or an object that holds all rows."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return line.startswith("[")
    return isinstance(value, list) or (
        isinstance(value, dict) and any(isinstance(part, list | dict) for part in value.values()) and not is_chat(value)
    )


def _parquet_records(name: str, content: bytes, notes: list[str]) -> Records:
    import pyarrow
    import pyarrow.parquet

    records: Records = []
    unpacked = 0
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        names = file.schema_arrow.names
        _check_count(name, 0, len(names))
        _check_names(name, names)
        named = _class_names(file.schema_arrow)
        for batch in file.iter_batches(batch_size=_rows_per_batch(file.metadata)):
            columns = [
                _values(name, column, of_column, len(records))
                for column, of_column in zip(names, batch.columns, strict=True)
            ]
            rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
            # Counted in Python: a dictionary-encoded column stores each text once, however often it is used.
            unpacked += sum(len(str(value)) for row in rows for value in row.values())
            if unpacked > MAX_UNPACKED_BYTES:
                raise BadInput(
                    f"{name} unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MB: give a part of the rows."
                )
            for row in rows:
                row.update({column: _named(row[column], labels) for column, labels in named.items()})
            records.extend(enumerate(rows, start=len(records) + 1))
            _check_count(name, len(records))
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as wrong:
        raise BadInput(f"{name} cannot be read as Parquet, perhaps because it was cut off: export it again.") from wrong
    for column in named:
        notes.append(f"{name} numbers the labels of column '{column}' and names them itself; we use its names.")
    return records


def _values(name: str, column: str, values: Any, before: int) -> list[Any]:
    """A column of a batch with `before` rows above it. A number of 32 bits or fewer is the shortest one that is rounded
    to it, as every program shows it: 0.1, not 0.10000000149011612. Raises BadInput for a date that no calendar has."""
    import numpy
    from pyarrow import types

    found: list[Any] = []
    try:
        found.extend(value.as_py() for value in values)
    except OverflowError as wrong:  # such as what databases call infinity
        raise BadInput(
            f"{name} has a date or time in row {before + len(found) + 1} of column '{column[:60]}' that is out of "
            "range (years 1 to 9999): correct it, or leave this column out."
        ) from wrong
    if types.is_float32(values.type) or types.is_float16(values.type):
        narrow = numpy.float32 if types.is_float32(values.type) else numpy.float16
        return [value if value is None else float(str(narrow(value))) for value in found]
    return found


def _class_names(schema: Any) -> dict[str, list[str]]:
    """The names of labels that are stored as numbers, by column: Hugging Face's ClassLabel."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {
            column: [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and column in schema.names
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _named(value: Any, labels: Sequence[str]) -> Any:
    return labels[value] if isinstance(value, int) and 0 <= value < len(labels) else None


def _rows_per_batch(metadata: Any) -> int:
    """Few enough rows that a batch stays within the limit even if each row held its column's largest value."""
    largest = 1
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            largest = max(largest, metadata.row_group(group).column(column).total_uncompressed_size)
    return max(1, min(1024, MAX_UNPACKED_BYTES // largest))


def _from_records(name: str, records: Records, notes: list[str]) -> Table:
    """Objects as a table: columns in the order their keys first appear, a missing key as empty text."""
    records = with_winners(name, flat(name, records, notes), notes)
    records, instruction = flatten_chats(name, records, notes)
    columns = list(dict.fromkeys(key for _, record in records for key in record))
    _check_count(name, len(records), len(columns))
    header: NumberedRows = [(0, columns)] if columns else []
    rows = [(number, [_text(record.get(key)) for key in columns]) for number, record in records]
    return _from_rows(name, header + [(number, row) for number, row in rows if any(row)], notes, instruction)


def _laid_out(name: str, numbered: NumberedRows, notes: list[str]) -> Table:
    """A table from rows that people wrote, perhaps without a header."""
    if not numbered:
        raise BadInput(f"{name} holds no rows: the first row must name the columns and the data follow below it.")
    _check_count(name, len(numbered) - 1, max(len(row) for _, row in numbered[:100]))
    _remove_text_marks(numbered)
    (_, columns), *body = rows = with_header(name, numbered, is_known, notes)
    if body and (
        names_winner(columns)
        or holds_chats(columns, body[0][1])
        or marks_bad_answers(columns, (row for _, row in body))
    ):
        return _from_records(name, [(number, dict(zip(columns, row, strict=False))) for number, row in body], notes)
    return _from_rows(name, rows, notes)


def _with_plain_answers(table: Table) -> Table:
    """The table with the objects of question sets as lists of answers."""
    for position, column in enumerate(table.columns):
        begins = any(row[position].startswith(("{", "[")) for row in table.rows[:20])
        if begins and (cells := with_plain_answers(column, table.column(column))):
            rows = zip(table.rows, cells, strict=True)
            table = replace(table, rows=tuple((*row[:position], cell, *row[position + 1 :]) for row, cell in rows))
    return table


def _remove_text_marks(numbered: NumberedRows) -> None:
    """Apostrophes before a sign such as =, as other programs and our own files have them."""
    for _, row in numbered:
        for i, cell in enumerate(row):
            if "'" in cell:
                row[i] = as_meant(cell)


def _from_rows(name: str, numbered: NumberedRows, notes: list[str], instruction: str = "") -> Table:
    """A table from rows, the header first. Columns without a name are dropped if they are empty or only number the
    rows, else named by their position."""
    if not numbered:
        raise BadInput(f"{name} holds no rows: the first row must name the columns and the data follow below it.")
    (_, header), *body = numbered
    # Cells of Excel have line breaks.
    columns = _short([" ".join(column.replace("\0", "").split()) for column in header])
    if not body:
        raise BadInput(f"{name} has a header ({_named_columns(columns)}) but no rows below it: add the data.")
    kept = []
    for i, column in enumerate(columns):
        if not is_unnamed(column):
            kept.append(i)
        elif any(row[i].strip() for _, row in body) and not is_running_number([row[i] for _, row in body]):
            kept.append(i)
            columns[i] = f"column {i + 1}"
            notes.append(f"Column {i + 1} of {name} has no name, so we call it 'column {i + 1}'.")
    _check_names(name, [columns[i] for i in kept])
    if len(kept) < 2:
        only = columns[kept[0]][:60] if kept else "without a name"
        raise BadInput(
            f"{name} has only one column ({only}): at least two are needed, such as an input and its "
            "ideal output, in CSV separated by commas, semicolons or tabs."
        )
    if len(kept) < len(header):  # a third of the time for most tables, which drop none
        body = [(number, [row[i] for i in kept]) for number, row in body]
    rows = tuple(tuple(row) for _, row in body)
    if nul := sum("\0" in cell for row in rows for cell in row):
        rows = tuple(tuple(cell.replace("\0", "") for cell in row) for row in rows)
        held = "1 value holds" if nul == 1 else f"{nul:,} values hold"
        notes.append(f"{held} the NUL character, which CSV files and databases can't hold, so we left it out.")
    if garbled := _garbled(rows):
        notes.append(garbled)
    numbers = tuple(number for number, _ in body)
    return _with_plain_answers(Table(tuple(columns[i] for i in kept), rows, numbers, instruction, tuple(notes)))


def _check_names(name: str, columns: Sequence[str]) -> None:
    for i, column in enumerate(columns):
        if column in columns[:i]:
            raise BadInput(f"{name} has two columns named '{column[:60]}': rename or delete one of them.")


def _short(columns: list[str]) -> list[str]:
    """The names of columns, of which each may stand in a sentence; as they are if only their ends tell them apart."""
    short = [column if len(column) <= _LONGEST_NAME else f"{column[:_LONGEST_NAME]}…" for column in columns]
    return short if len(set(short)) == len(set(columns)) else columns


def _named_columns(columns: Sequence[str]) -> str:
    """So that a sentence stays one, however many and long they are."""
    return ", ".join([column[:40] for column in columns[:5]] + ["…"] * (len(columns) > 5))


def _garbled(rows: Sequence[Sequence[str]]) -> str:
    """A sentence if letters were decoded wrongly before the file was written, else ""."""
    found = [match for row in rows for cell in row if not cell.isascii() and (match := _MOJIBAKE.search(cell))]
    if not found:
        return ""
    count = "1 value holds" if len(found) == 1 else f"{len(found):,} values hold"
    return f"{count} letters that a program decoded wrongly, such as '{found[0][0]}': export the data again as UTF-8."


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
    if isinstance(value, decimal.Decimal):
        return format(value, "f")  # never 0E-10
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
