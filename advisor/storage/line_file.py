"""What a person clicked or marked: one JSON object per line of a file, which may stand in several folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from advisor.as_json import AsJson
from advisor.storage.files import write_whole
from eval.task import BadInput

Said = TypeVar("Said")


@dataclass(frozen=True, slots=True)
class LineFile(Generic[Said]):
    """`name` is that of the file, `what` is in it for a person: "clicks"."""

    kept: AsJson[Said]
    name: str
    what: str

    def read(self, folder: Path) -> list[Said]:
        """Every line in order; [] if there is no file. A torn last line was never kept. Raises BadInput if the file is
        damaged."""
        path = folder / self.name
        try:
            *lines, last = path.read_bytes().decode(errors="replace").split("\n")
        except FileNotFoundError:
            return []
        except OSError as wrong:
            raise BadInput(
                f"Your {self.what} can't be read from {path} ({wrong}). Move the file away to start over."
            ) from wrong
        said = []
        for number, line in enumerate(lines, 1):
            try:
                said.append(self.kept.read(line))
            except ValueError as wrong:
                raise BadInput(
                    f"Your {self.what} can't be read: line {number} of {path} is damaged. Move the file away to start "
                    "over."
                ) from wrong
        with suppress(ValueError):
            said.append(self.kept.read(last))
        return said

    def readable(self, folder: Path) -> list[Said]:
        """Every line in order; [] also if the file is damaged."""
        try:
            return self.read(folder)
        except BadInput:
            return []

    def append(self, folder: Path, one: Said) -> None:
        """Raises BadInput if the file is damaged, OSError if it can't be written."""
        with (folder / self.name).open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":  # the power was cut while a line was written
                    self.write(folder, [*self.read(folder), one])
                    return
            file.write(self._line(one))
            file.flush()
            os.fsync(file.fileno())

    def write(self, folder: Path, said: Sequence[Said]) -> None:
        """In place of what is there."""
        write_whole(folder / self.name, b"".join(map(self._line, said)))

    def _line(self, one: Said) -> bytes:
        return f"{self.kept.write(one)}\n".encode()
