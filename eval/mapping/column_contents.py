"""What is in the columns of a table: labels, texts, numbers of rows, dates, addresses, objects."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from eval.reading.layout import is_running_number
from eval.reading.table import Table

LONG_CHARACTERS = 200  # a longer text is a document, not the name of one
_SAMPLE_ROWS = 2_000
_MOSTLY = 0.9
_ROWS_A_LABEL = 2.5
_NUMBERED = re.compile(r"[^\W\d]{0,12}[-_#/ ]?\d{1,15}")
_FORMS = (
    re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}\S*)?( ?[AP]M| UTC)?"),
    re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}([T, ]+\d{1,2}:\d{2}\S*)?( ?[AP]M)?", re.IGNORECASE),
    re.compile(r"\d{4}[./]\d{1,2}[./]\d{1,2}([T, ]+\d{1,2}:\d{2}\S*)?|\d{4}年\d{1,2}月\d{1,2}日"),
    re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AP]M)?", re.IGNORECASE),
    re.compile(r"(https?|ftp|s3|gs)://\S+|www\.\S+"),
    re.compile(r"[^\s@]+@[^\s@]+\.\w+"),
    re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{40}", re.IGNORECASE),
)  # dates and times, addresses, identifiers: never the right answer


@dataclass(slots=True)
class Contents:
    """What is in the columns of a table, from a sample of its rows."""

    table: Table
    _values: dict[str, list[str]] = field(default_factory=dict)

    def of(self, column: str) -> list[str]:
        """The sampled values that aren't empty."""
        if column not in self._values:
            position = self.table.columns.index(column)
            step = max(1, len(self.table.rows) // _SAMPLE_ROWS)
            self._values[column] = [value for row in self.table.rows[::step] if (value := row[position].strip())]
        return self._values[column]

    def filled(self, column: str) -> float:
        step = max(1, len(self.table.rows) // _SAMPLE_ROWS)
        return len(self.of(column)) / max(1, len(self.table.rows[::step]))

    def is_constant(self, column: str) -> bool:
        return len(self.of(column)) > 1 and len(set(self.of(column))) == 1

    def length(self, column: str) -> float:
        return sum(map(len, self.of(column))) / max(1, len(self.of(column)))

    def share(self, column: str, holds: Callable[[str], object]) -> float:
        values = self.of(column)
        return sum(bool(holds(value)) for value in values) / max(1, len(values))

    def has_form(self, column: str) -> bool:
        """Dates, addresses or identifiers, none of them an answer."""
        return any(self.share(column, form.fullmatch) >= _MOSTLY for form in _FORMS)

    def numbers_rows(self, column: str) -> bool:
        """A different number or code for each row."""
        values = self.of(column)
        if len(values) < 3 or len(set(values)) < len(values):
            return False
        codes = [value for value in values if _NUMBERED.fullmatch(value) and not value.isdecimal()]
        return is_running_number(values) or len(codes) >= _MOSTLY * len(values)

    def has_few_values(self, column: str) -> bool:
        """As labels do."""
        values = self.of(column)
        return 1 < len(set(values)) <= max(2, len(values) / _ROWS_A_LABEL) and self.length(column) < LONG_CHARACTERS

    def may_be_text(self, column: str) -> bool:
        """Neither labels nor a number or code for each row."""
        return not self.has_few_values(column) and not self.numbers_rows(column)

    def is_metadata(self, column: str) -> bool:
        return self.share(column, lambda value: value == "{}" or _is_object(value)) >= _MOSTLY


def _is_object(text: str) -> bool:
    if not text.startswith("{"):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
