"""The rows of a table that make no example, and the sentences that say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from eval.mapping.columns import Columns
from eval.mapping.names import side_of
from eval.reading.table import Table

_BLANK_SIGNS = {"-1", "-100", "?", "-", "nan", "None", "null", "unknown"}


@dataclass(slots=True)
class Gaps:
    """The numbers of rows that lack an input, an answer or a side of the split. `unknown` are values that name no side,
    by row. `blank`: what stands for no answer, by side. `needs_mark`: a row without any sign in its columns of labels
    lacks an answer, since "no" has a sign; other blank cells are `blank_marks`."""

    blank: frozenset[tuple[str | None, str]] = frozenset()
    needs_mark: bool = False
    blank_marks: int = 0
    without_input: list[int] = field(default_factory=list)
    without_target: list[int] = field(default_factory=list)
    without_side: list[int] = field(default_factory=list)
    unknown: dict[int, str] = field(default_factory=dict)
    given: Counter[str | None] = field(default_factory=Counter)
    lost: Counter[str | None] = field(default_factory=Counter)

    def found(self, number: int, cells: Mapping[str, str], columns: Columns, side: str | None) -> bool:
        self.given[side] += 1
        blank_marks = sum(not cells[name] for name in columns.marked) if self.needs_mark else 0
        is_marked = bool(columns.marked) and not (self.needs_mark and blank_marks == len(columns.marked))
        if not any(cells[name] for name in columns.inputs):
            self.without_input.append(number)
        elif not is_marked and (not cells[columns.target] or (side, cells[columns.target]) in self.blank):
            self.without_target.append(number)
        elif columns.split and side is None and cells[columns.split]:
            self.unknown[number] = cells[columns.split]
        else:
            if columns.split and side is None:
                self.without_side.append(number)
            self.blank_marks += blank_marks
            return False
        self.lost[side] += 1
        return True

    def sentences(self, columns: Columns) -> tuple[str, ...]:
        sides = tuple(
            f"All {count:,} rows marked as {side} in column '{columns.split}' lack an answer, so the {side} rows are "
            "taken from the others."
            for side, count in self.given.items()
            if side in ("dev", "test") and self.lost[side] == count
        )
        return (
            *rows_without(self.without_input, "no input"),
            *rows_without(self.without_target, "no answer"),
            *self._of_marks(),
            *self._of_split(columns.split or ""),
            *sides,
        )

    def _of_marks(self) -> tuple[str, ...]:
        if not self.blank_marks:
            return ()
        cells = "1 blank cell" if self.blank_marks == 1 else f"{self.blank_marks:,} blank cells"
        return (f"{cells} in the columns of labels {'counts' if self.blank_marks == 1 else 'count'} as no.",)

    def _of_split(self, column: str) -> tuple[str, ...]:
        said = []
        if self.unknown:
            lack = f"a value in column '{column}' that isn't train, dev or test ({most_common(self.unknown.values())})"
            fix = "Correct the values, or choose no column for the split to use all rows."
            said.append(f"{rows_without([*self.unknown], lack)[0]} {fix}")
        if empty := len(self.without_side):
            rows = "1 row has nothing" if empty == 1 else f"{empty:,} rows have nothing"
            said.append(f"{rows} in column '{column}' and {'counts' if empty == 1 else 'count'} as training rows.")
        return tuple(said)


def blank_answers(table: Table, columns: Columns) -> frozenset[tuple[str | None, str]]:
    """Answers that a public test set hides behind one sign, such as -1, which no other row has."""
    if columns.split is None:
        return frozenset()
    answers: dict[str | None, set[str]] = {}
    for value, target in zip(table.column(columns.split), table.column(columns.target), strict=True):
        answers.setdefault(side_of(value, columns.split), set()).add(target.strip())
    return frozenset(
        (side, sign)
        for side, found in answers.items()
        for sign in found & _BLANK_SIGNS
        if found <= {"", sign} and not any(sign in others for other, others in answers.items() if other != side)
    )


def most_common(values: Iterable[str]) -> str:
    """The most common values, and how many more there are."""
    found = [f"'{value[:60]}'" for value, _ in Counter(values).most_common()]
    more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
    return f"{', '.join(found[:3])}{more}"


def rows_without(numbers: Sequence[int], lack: str) -> tuple[str, ...]:
    if not numbers:
        return ()
    if len(numbers) == 1:
        return (f"Row {numbers[0]} has {lack} and was left out.",)
    named = [str(number) for number in numbers[:5]]
    if len(numbers) > len(named):
        listed = f"the first are {', '.join(named)}"
    else:
        listed = f"rows {', '.join(named[:-1])} and {named[-1]}"
    return (f"{len(numbers):,} rows have {lack} and were left out: {listed}.",)
