"""Read CSV, TSV and the like, with the separator and the quoting that fit the file."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any

from eval.reading.decoding import MAX_BYTES
from eval.reading.layout import NumberedRows, without_empty_end, without_titles
from eval.task import BadInput

_SEPARATORS = ",;\t|^~"
_SAMPLE_LINES = 200
_HINT = re.compile(r'"?sep=(.)"?[ ,;\t]*\n')  # Excel's own first line
_LINE_END = re.compile(r"\r+\n")
_LINE = re.compile(r"[^\r\n]*[\r\n]|[^\r\n]+")
_MOST_ENDING_LINES = 3  # such as "(60 rows)" or a total
_SWALLOWED_LINES = 2  # a quoted text that holds so many whole rows was never closed

_Options = Mapping[str, Any]
_USUAL: _Options = MappingProxyType({})
_SPACED: _Options = MappingProxyType({"skipinitialspace": True})
_BACKSLASHES: _Options = MappingProxyType({"escapechar": "\\", "doublequote": False})
_UNQUOTED: _Options = MappingProxyType({"quoting": csv.QUOTE_NONE})


@dataclass(frozen=True, slots=True)
class _Read:
    """Rows with their numbers, the line of the file in which each begins, and a sentence if they can't be used."""

    rows: NumberedRows
    lines: list[int]
    fault: str = ""


def separated_rows(name: str, text: str, notes: list[str], preferred: str = ",") -> NumberedRows:
    """The rows of a text whose values are separated by one of `_SEPARATORS`, the header first. All rows are as
    wide as the header. `preferred` wins if several separators fit.

    Raises BadInput, naming the line, if quotation marks don't close or rows have another number of values.
    """
    csv.field_size_limit(MAX_BYTES)
    text = text.replace("\r\n", "\n")
    text = _LINE_END.sub("\n", text) if "\r\n" in text else text  # a text that was converted twice
    hint = _HINT.match(text)
    text = text[hint.end() :] if hint else text
    skipped = 1 if hint else 0
    sample = "".join(islice(_lines(text), _SAMPLE_LINES))
    separator = hint[1] if hint else _separator(sample, preferred)
    first = None
    for options in _quotings(sample, separator):
        read = _read(name, text, separator, options, skipped)
        if not read.fault:
            read = _whole_rows(name, read, notes)
        if not read.fault:
            if options is _BACKSLASHES:
                notes.append(f"{name} has quotation marks after backslashes; we read each as one quotation mark.")
            if options is _UNQUOTED:
                notes.append(f"{name} has quotation marks that don't close; we kept them as part of the text.")
            return read.rows
        first = read if first is None or options is _USUAL else first
    raise BadInput(first.fault if first else f"{name} holds no rows.")


def _separator(sample: str, preferred: str) -> str:
    """The separator that gives most rows the same width, the header included."""

    def fit(separator: str) -> tuple[float, int, bool]:
        widths = [len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator) if row]
        wide = [width for width in widths if width > 1]
        if not wide:
            return 0.0, 0, separator == preferred
        [(usual, count)] = Counter(wide).most_common(1)
        header = 1.0 if usual - 1 <= wide[0] <= usual else 0.5
        return header * round(count / len(widths), 1), min(widths[0], 2), separator == preferred

    return max(_SEPARATORS, key=fit)


def _quotings(sample: str, separator: str) -> list[_Options]:
    """The ways of quoting to try, the most likely one first."""
    spaced = re.search(rf'{re.escape(separator)} +"', sample) is not None
    ways = [_SPACED, _USUAL] if spaced else [_USUAL]
    return [*ways, *([_BACKSLASHES] if '\\"' in sample else []), *([_UNQUOTED] if separator == "\t" else [])]


def _read(name: str, text: str, separator: str, options: _Options, skipped: int) -> _Read:
    reader = csv.reader(_lines(text), delimiter=separator, strict=True, **options)
    rows: NumberedRows = []
    lines: list[int] = []
    last_line = skipped
    try:
        for number, values in enumerate(reader, start=1 + skipped):
            if any(map(str.strip, values)):
                rows.append((number, values))
                lines.append(last_line + 1)
            if reader.line_num + skipped > last_line + 1 and _swallows_rows(values, separator):
                return _Read(rows, lines, _unclosed(name, last_line + 1))
            last_line = reader.line_num + skipped
    except csv.Error:
        return _Read(rows, lines, _unclosed(name, last_line + 1))
    return _Read(rows, lines)


def _lines(text: str) -> Iterator[str]:
    """The lines of a text, one at a time: a copy of it would take as much memory again. A carriage return ends a line
    too, as spreadsheets read it."""
    if "\r" in text:
        yield from (line[0] for line in _LINE.finditer(text))
        return
    at = 0
    while at < len(text):
        after = text.find("\n", at) + 1 or len(text)
        yield text[at:after]
        at = after


def _unclosed(name: str, line: int) -> str:
    return (
        f"{name} has a quotation mark in line {line} that is not closed, or not doubled inside a quoted text: fix it "
        "or export the file again."
    )


def _swallows_rows(values: list[str], separator: str) -> bool:
    """Whether a value holds whole rows, because its quotation mark closes far below."""
    width = len(values)
    for value in values:
        inner = value.split("\n")[1:-1] if separator in value else []
        whole = sum(line.count(separator) == width - 1 for line in inner)
        if width > 1 and whole >= _SWALLOWED_LINES and whole == len(inner):
            return True
    return False


def _whole_rows(name: str, read: _Read, notes: list[str]) -> _Read:
    """The same rows without comments and closing lines, all as wide as the header."""
    kept = without_titles(name, read.rows, notes)
    first = len(read.rows) - len(kept)
    width = len(without_empty_end(kept[0][1], 0)) if kept else 0
    rows: NumberedRows = []
    lines: list[int] = []
    ragged: list[int] = []
    left_out: list[int] = []
    for position in range(first, len(read.rows)):
        number, values = row = read.rows[position]
        if len(values) == width and values[-1]:  # nearly every row, and faster
            rows.append(row)
            lines.append(read.lines[position])
            continue
        values = without_empty_end(values, width)
        ends = position >= len(read.rows) - _MOST_ENDING_LINES and sum(bool(value.strip()) for value in values) == 1
        if len(values) != width and position > first and (values[0].startswith("#") or ends):
            left_out.append(position)
            continue
        if len(values) != width:
            ragged.append(position)
        rows.append((number, values))
        lines.append(read.lines[position])
    if width > 1 and ragged:
        ragged = sorted(ragged + left_out)
        return _Read(rows, lines, _ragged(name, read, ragged, width, len(kept) - 1))
    if left_out:
        numbers = [str(read.lines[position]) for position in left_out]
        which = f"line {numbers[0]}" if len(numbers) == 1 else f"lines {', '.join(numbers[:5])}"
        notes.append(f"{name} has text that is no row in {which}; we left it out.")
    return _Read(rows, lines)


def _ragged(name: str, read: _Read, ragged: list[int], width: int, rows: int) -> str:
    line, values = read.lines[ragged[0]], read.rows[ragged[0]][1]
    count = "1 row does" if len(ragged) == 1 else f"{len(ragged):,} rows do"
    found = Counter(len(without_empty_end(read.rows[position][1], 0)) for position in ragged)
    [(usual, often)] = found.most_common(1)
    remedy = "put values that contain the separator in double quotes."
    if any(value.lstrip().startswith(("{", "[")) for value in values):
        remedy = "put the JSON in double quotes, with each quotation mark inside doubled, or save the rows as JSONL."
    elif max(found) < width:
        remedy = "write a separator for each empty value, so that every row has one for each column."
    elif often == rows and usual > width:
        remedy = "name every column in the first row, or put values that contain the separator in double quotes."
    return (
        f"{name} has {width} columns, but {count} not have {width} values (the first is in line {line}, with "
        f"{len(without_empty_end(values, 0))}): {remedy}"
    )
