"""Which documents a cell names: one or several, with or without their file's ending, as text, list or number."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from eval.task import Document

_ENDING = re.compile(r"\.[A-Za-z]{2,8}$")
_NUMBER = re.compile(r"(\d+)\.0")


class DocumentNames:
    """The ids of documents, found by the names that people write for them."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.ids = [document.id for document in documents]
        found: dict[str, str | None] = {}
        for identifier in self.ids:
            for name in {*_names(identifier)} - {identifier}:
                found[name] = None if name in found else identifier  # a name of two documents names neither
        self._by_name = {**found, **{identifier: identifier for identifier in self.ids}}

    def find(self, name: str) -> str | None:
        """The id of the document that is meant, or None."""
        return next((found for one in _names(name) if (found := self._by_name.get(one))), None)

    def in_cell(self, cell: str) -> tuple[str, ...]:
        """The ids in a cell: one, a JSON or Python list, or several separated by |, ;, a comma or a new line. Names of
        unknown documents are kept as they are."""
        cell = cell.strip()
        if not cell or self.find(cell):
            return (self.find(cell) or cell,) if cell else ()
        parts = _listed(cell) or [part.strip() for part in re.split(r"[|;\n]", cell) if part.strip()]
        if len(parts) == 1 and "," in parts[0]:
            by_comma = [part.strip() for part in parts[0].split(",") if part.strip()]
            parts = by_comma if any(map(self.find, by_comma)) else parts
        return tuple(dict.fromkeys(self.find(part) or part for part in parts))


def _names(identifier: str) -> Iterator[str]:
    """The forms in which an id may be written, the most exact first."""
    path = PurePosixPath(identifier.strip().replace("\\", "/"))
    for name in (identifier, identifier.strip().casefold(), path.name.casefold()):
        yield name
        yield _ENDING.sub("", name)
    if number := _NUMBER.fullmatch(identifier.strip()):
        yield number[1]


def _listed(cell: str) -> list[str]:
    """The texts in a list, nested or not; empty if the cell is no list."""
    if not cell.startswith(("[", "(")):
        return []
    for read in (json.loads, ast.literal_eval):
        try:
            return list(_flat(read(cell)))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    words: Sequence[str] = re.findall(r"'([^']*)'|\"([^\"]*)\"", cell)  # numpy writes lists without commas
    return [next(filter(None, word), "") for word in words]


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _flat(one)
    elif value is not None:
        yield str(value)
