"""A person's marks on single answers, in the folder of the run where they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.as_json import AsJson
from advisor.storage.line_file import LineFile
from eval.task import BadInput

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


_FILE = LineFile(AsJson[OwnMark](OwnMark), "marks.jsonl", "marks")


def read_marks(folder: Path) -> tuple[OwnMark, ...]:
    """The marks that stand, in the order in which the answers were first marked: a later one on the same answer counts.
    Raises BadInput if the file is damaged."""
    return _standing(_FILE.read(folder))


def readable_marks(folder: Path) -> tuple[OwnMark, ...]:
    """The marks that stand; () also if the file is damaged."""
    return _standing(_FILE.readable(folder))


def add_mark(folder: Path, mark: OwnMark) -> None:
    """Appends a mark. Raises BadInput if the file is damaged or can't be written."""
    try:
        _FILE.append(folder, mark)
    except OSError as wrong:
        raise BadInput(
            f"Your mark can't be kept: {folder / _FILE.name} can't be written ({wrong.strerror}). Make room there, "
            "then mark the answer again."
        ) from wrong


def write_marks(folder: Path, marks: Sequence[OwnMark]) -> None:
    _FILE.write(folder, marks)


def _standing(said: Sequence[OwnMark]) -> tuple[OwnMark, ...]:
    last = {mark.key: mark for mark in said}
    return tuple(mark for mark in last.values() if mark.is_right is not None)
