"""A person's marks on single answers, one per line, in the folder of the run where they were made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.as_json import AsJson
from advisor.storage.files import write_whole
from eval.task import BadInput

_FILE = "marks.jsonl"

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class OwnMark:
    """What a person says of an answer to an input. It names no strategy and no row, so it applies to any run with the
    same texts. `is_right` is None if the person took the mark back. `at` is ISO 8601; `marked_in` is the id of the
    run."""

    input: str
    answer: str
    is_right: bool | None
    note: str
    at: str
    marked_in: str

    @property
    def key(self) -> Key:
        return self.input, self.answer


_MARK = AsJson[OwnMark](OwnMark)


def read_marks(folder: Path) -> tuple[OwnMark, ...]:
    """The marks that stand, in the order in which the answers were first marked: a later one on the same answer counts.
    Raises BadInput if the file is damaged."""
    last: dict[Key, OwnMark] = {}
    for mark in _read(folder):
        last[mark.key] = mark
    return tuple(mark for mark in last.values() if mark.is_right is not None)


def add_mark(folder: Path, mark: OwnMark) -> None:
    """Appends a mark. Raises BadInput if the file is damaged or can't be written."""
    path = folder / _FILE
    try:
        with path.open("a+b") as file:
            if file.tell() and _is_torn(path):  # the power was cut while a line was written
                write_marks(folder, [*_read(folder), mark])
                return
            file.write(f"{_MARK.write(mark)}\n".encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as wrong:
        raise BadInput(f"Your mark can't be kept: {path} can't be written ({wrong}).") from wrong


def write_marks(folder: Path, marks: Sequence[OwnMark]) -> None:
    write_whole(folder / _FILE, "".join(f"{_MARK.write(mark)}\n" for mark in marks))


def readable_marks(folder: Path) -> tuple[OwnMark, ...]:
    """The marks that stand; () also if the file is damaged."""
    try:
        return read_marks(folder)
    except BadInput:
        return ()


def _is_torn(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _read(folder: Path) -> list[OwnMark]:
    """Every line, also of marks that were changed or taken back; a last line that is torn was never kept."""
    path = folder / _FILE
    try:
        lines = path.read_bytes().decode(errors="replace").split("\n")[:-1]
    except FileNotFoundError:
        return []
    except OSError as wrong:
        raise BadInput(f"Your marks can't be read from {path} ({wrong}). Move the file away to start over.") from wrong
    marks = []
    for number, line in enumerate(lines, 1):
        try:
            marks.append(_MARK.read(line))
        except ValueError as wrong:
            raise BadInput(
                f"Your marks can't be read: line {number} of {path} is damaged. Move the file away to start over."
            ) from wrong
    return marks
