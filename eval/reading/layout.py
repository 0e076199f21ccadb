"""How people lay out a table: titles above the header, no header, columns without a name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from eval.words import count_words

NumberedRows = list[tuple[int, list[str]]]

_TOP_ROWS = 20  # the header is looked for among these
_SAMPLE_ROWS = 200
_REPEATED = 3  # a value of the first row that occurs so often below it is data
_SENTENCE_WORDS = 5
_UNNAMED = re.compile(r"(Unnamed: \d+)?")  # also pandas' name for a column without one
_RULE = re.compile(r":?-{3,}:?")
_NUMBER = re.compile(r"[+-]?\d[\d.,:/ -]*")  # also dates and times


def without_empty_end(values: list[str], width: int) -> list[str]:
    """Drop empty values at the end, but keep at least `width` values."""
    end = len(values)
    while end > width and not values[end - 1].strip():
        end -= 1
    return values[:end]


def header_position(rows: Sequence[Sequence[str]]) -> int:
    """Where the header is: below comments, and below titles, which fill at most half as many cells as the rows do."""
    filled = [sum(bool(value.strip()) for value in row) for row in rows[:_SAMPLE_ROWS]]
    if not filled:
        return 0
    counts = Counter(filled[1:] or filled)
    usual = max(counts, key=lambda cells: (counts[cells], cells))
    for position, cells in enumerate(filled[:_TOP_ROWS]):
        if cells * 2 > usual and not rows[position][0].startswith("# "):
            return position
    return 0


def without_titles(name: str, rows: NumberedRows, notes: list[str]) -> NumberedRows:
    """The rows from the header on; `notes` gets a sentence on what stands above it."""
    at = header_position([values for _, values in rows])
    if at:
        titles = " ".join(value.strip() for _, values in rows[:at] for value in values if value.strip())
        notes.append(f"{name} has text above its header, which we left out: '{titles[:80]}'.")
    return rows[at:]


def with_header(name: str, rows: NumberedRows, is_known: Callable[[str], bool], notes: list[str]) -> NumberedRows:
    """The rows, with names for the columns by their position if the first row is no header. `is_known`: whether a name
    is one that columns usually have."""
    rows = [*rows[:1], *(row for row in rows[1:2] if not _is_rule(row[1])), *rows[2:]]
    header, body = rows[0][1], [values for _, values in rows[1:]]
    if not any(map(is_known, header)) and _is_data(header, body):
        first = ", ".join(f"'{value.strip()[:40]}'" for value in header[:3])
        notes.append(
            f"The first row of {name} looks like data ({first}), so we named the columns ourselves. If it holds names, "
            "rename them, for example to input and output."
        )
        return [(0, [f"column {position}" for position in range(1, len(header) + 1)]), *rows]
    repeated = sum(values == header for values in body)
    if repeated:
        count = "1 row repeats" if repeated == 1 else f"{repeated:,} rows repeat"
        notes.append(f"{count} the header and {'was' if repeated == 1 else 'were'} left out.")
        rows = [rows[0], *(row for row in rows[1:] if row[1] != header)]
    return rows


def _is_rule(values: Sequence[str]) -> bool:
    """Whether this is the line below the header of a Markdown table."""
    filled = [value.strip() for value in values if value.strip()]
    return bool(filled) and all(_RULE.fullmatch(value) for value in filled)


def _is_data(header: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first row isn't a header: all of its cells are filled, and one occurs again and again below it, or
    has the form of the values below it."""
    cells = [value.strip() for value in header]
    sample = body[:_SAMPLE_ROWS]
    if not all(cells) or len(set(cells)) < len(cells) or len(sample) < _REPEATED or is_running_number(cells):
        return False
    columns = [[row[position].strip() for row in sample] for position in range(len(cells))]
    if any(column.count(cell) >= _REPEATED for cell, column in zip(cells, columns, strict=True)):
        return True
    return any(_is_sentence_among(cell, column) for cell, column in zip(cells, columns, strict=True)) and not any(
        _is_name_of_others(cell, column) for cell, column in zip(cells, columns, strict=True)
    )


def _is_sentence_among(cell: str, column: Sequence[str]) -> bool:
    sentences = sum(count_words(value) >= _SENTENCE_WORDS for value in column)
    return count_words(cell) >= _SENTENCE_WORDS and sentences * 2 > len(column)


def _is_name_of_others(cell: str, column: Sequence[str]) -> bool:
    """A word over numbers or sentences, a sentence over words, or a question over answers."""
    if cell.endswith("?") and sum(value.endswith("?") for value in column) * 2 < len(column):
        return True
    numbers = sum(_NUMBER.fullmatch(value) is not None for value in column) * 2 > len(column)
    sentences = sum(count_words(value) >= _SENTENCE_WORDS for value in column) * 2 > len(column)
    return numbers != (_NUMBER.fullmatch(cell) is not None) or sentences != (count_words(cell) >= _SENTENCE_WORDS)


def is_unnamed(column: str) -> bool:
    """Whether a header cell names nothing."""
    return _UNNAMED.fullmatch(column.strip()) is not None


def is_running_number(values: Sequence[str]) -> bool:
    """0, 1, 2 … or 1, 2, 3 …, as programs number rows."""
    first = values[0].strip() if values else ""
    return first in ("0", "1") and all(
        value.strip() == str(number) for number, value in enumerate(values, start=int(first))
    )
