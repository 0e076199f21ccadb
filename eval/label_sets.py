"""Several labels in one answer: how they are written, and columns that hold them."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from eval.table import Table

SEPARATOR = ";"
NO_LABEL = "none"  # the answer for a row without labels

_SEPARATORS = (";", "|", ",")
_MIXED = 0.1  # at least this share of the cells holds several labels
_USES_A_LABEL = 3  # on average
_MOST_WORDS = 5  # in a label
_MOST_CHARACTERS = 20_000  # a longer cell isn't a list of labels
_FEWEST_COLUMNS = 3  # two columns of yes and no may as well be facts about a row
_MARKS = (
    ("0", "1"),
    ("0.0", "1.0"),
    ("false", "true"),
    ("no", "yes"),
    ("n", "y"),
    ("", "x"),
    ("", "✓"),
    ("", "✔"),
    ("", "1"),
    ("", "yes"),
)


def labels_in(answer: str) -> tuple[str, ...]:
    """The different labels of an answer, in its order."""
    parts = (part.strip() for part in answer.split(SEPARATOR))
    found = tuple(dict.fromkeys(part for part in parts if part))
    return () if found == (NO_LABEL,) else found


def as_answer(labels: Iterable[str]) -> str:
    """Labels as one answer. A label's own separators become commas."""
    return f"{SEPARATOR} ".join(label.replace(SEPARATOR, ",") for label in labels) or NO_LABEL


def all_labels(answers: Iterable[str]) -> tuple[str, ...]:
    """Every label of these answers, sorted, and `NO_LABEL` if an answer has none."""
    return tuple(sorted({label for answer in answers for label in labels_in(answer) or (NO_LABEL,)}))


def label_sets(cells: Sequence[str], may_be_numbers: bool = False) -> list[tuple[str, ...]] | None:
    """The labels of each cell, if the cells look like several labels: lists, or parts between ";", "|" or ",". They do
    if enough cells hold several parts and the parts come back, in other combinations if they aren't lists. Numbers only
    count if `may_be_numbers`."""
    are_lists = all(cell.startswith("[") for cell in cells)
    for found in _ways_to_read(cells):
        several = sum(len(labels) > 1 for labels in found)
        uses = Counter(label for labels in found for label in labels)
        combined = Counter(label for labels in set(found) for label in labels)
        are_combined = sum(count > 1 for count in combined.values()) * 2 > len(combined)
        if (
            several >= _MIXED * len(cells)
            and len(uses) * _USES_A_LABEL <= sum(uses.values())
            and (are_lists or (are_combined and any(len(labels) == 1 for labels in found)))
            and all(len(label.split()) <= _MOST_WORDS for label in uses)
            and (may_be_numbers or any(any(map(str.isalpha, label)) for label in uses))
        ):
            return found
    return None


def as_label_sets(cells: Sequence[str]) -> list[tuple[str, ...]]:
    """The labels of each cell, in the way that finds several in most cells."""
    return max(_ways_to_read(cells), key=lambda found: sum(len(labels) > 1 for labels in found))


def _ways_to_read(cells: Sequence[str]) -> list[list[tuple[str, ...]]]:
    lists = [_items_of(cell) for cell in cells]
    if sum(items is not None for items in lists) > _MIXED * len(cells):
        return [[_parts((cell,)) if items is None else items for cell, items in zip(cells, lists, strict=True)]]
    return [[_parts(cell.split(separator)) for cell in cells] for separator in _SEPARATORS]


def _parts(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _items_of(cell: str) -> tuple[str, ...] | None:
    """The items of a JSON or Python list of texts or numbers, which Label Studio keeps in an object of its own."""
    if cell[:1] + cell[-1:] not in ("[]", "{}") or len(cell) > _MOST_CHARACTERS:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            items = read(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(items, dict) and len(items) == 1:
            (items,) = items.values()
        if isinstance(items, list) and all(isinstance(item, str | int | float) for item in items):
            return _parts(map(str, items))
        return None
    return None


def marked_columns(table: Table, target: str, free: Iterable[str]) -> tuple[str, ...]:
    """The columns, `target` among them, that each say yes or no for one label; empty if there are fewer than three.

    All use the same two signs. `free` are the columns that have no other role.
    """
    signs = _signs(table.column(target))
    if signs is None:
        return ()
    others = {name for name in free if _signs(table.column(name)) == signs}
    columns = [name for name in table.columns if name == target or name in others]
    return tuple(columns) if len(columns) >= _FEWEST_COLUMNS else ()


def marked_labels(cells: Mapping[str, str], columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that say yes in this row, as labels."""
    return tuple(name for name in columns if cells[name].strip().casefold() in {yes for _, yes in _MARKS})


def _signs(values: Iterable[str]) -> tuple[str, str] | None:
    """The signs for no and yes in a column that holds nothing else; a label that no row has says only no."""
    found = {value.strip().casefold() for value in values}
    return next((signs for signs in _MARKS if found and found <= {*signs} and found != {""}), None)
