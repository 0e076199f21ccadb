"""An upload: its original files, and what was read from them, stored so that no file is parsed twice.

The result is stored as lines of JSON: one for the table, then one for every thousand rows and for each document. They
are written and read one at a time, because a table may be as large as memory allows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from pathlib import Path

from advisor.as_json import AsJson
from eval.reading.apart import read_documents_apart, read_table_apart
from eval.reading.decoding import readable_name
from eval.reading.encodings import ENCODINGS, in_utf_8
from eval.reading.table import Table
from eval.task import BadInput, Document

VERSION = 4  # raise it when the readers in eval/ change, so that older datasets are parsed again


@dataclass(frozen=True, slots=True)
class Reading:
    """How the person wants a file to be read; "" leaves it to the reader."""

    sheet: str = ""
    encoding: str = ""

    def named(self, name: str) -> str:
        """The name of a file with its sheet, since each sheet is a dataset of its own."""
        stem, dot, ending = name.rpartition(".")
        return f"{stem} {self.sheet}{dot}{ending}" if self.sheet else name

    def unnamed(self, name: str) -> str:
        """The file's own name."""
        stem, dot, ending = name.rpartition(".")
        return f"{stem.removesuffix(f' {self.sheet}')}{dot}{ending}" if self.sheet else name


AS_FOUND = Reading()


@dataclass(frozen=True, slots=True)
class Upload:
    """A task file and, if there are any, its documents in one file (name and bytes; None without). `owner` is the key
    of the person whose it is; "" if nobody logs in."""

    name: str
    content: bytes
    documents_file: tuple[str, bytes] | None
    table: Table
    documents: list[Document]
    reading: Reading = AS_FOUND
    owner: str = ""

    @staticmethod
    def read(
        name: str,
        content: bytes,
        documents_file: tuple[str, bytes] | None = None,
        reading: Reading = AS_FOUND,
    ) -> Upload:
        """Parses each file once, in a child process. Raises BadInput if one can't be read."""
        name = readable_name(name)
        text = in_utf_8(content, reading.encoding) if reading.encoding else content
        if text is None:
            raise BadInput(f"{name} isn't text in {reading.encoding}; choose among {', '.join(ENCODINGS.values())}.")
        table = read_table_apart(name, text, reading.sheet)
        if reading.encoding:
            table = replace(table, encoding=reading.encoding)
        name = reading.named(name)
        if documents_file is None:
            return Upload(name, content, None, table, [], reading)
        documents_file = (readable_name(documents_file[0]), documents_file[1])
        found = read_documents_apart(*documents_file)
        table = replace(table, notes=table.notes + found.notes)
        return Upload(name, content, documents_file, table, found.documents, reading)

    @property
    def id(self) -> str:
        """Depends on the bytes, on each file's extension, because the extension decides how the bytes are read, on what
        the person chose, and on the person: two who upload the same file must not see each other's changes to it."""
        chosen = [self.reading.sheet.encode(), self.reading.encoding.encode()] if self.reading != AS_FOUND else []
        files = [(self.name, self.content), *([self.documents_file] if self.documents_file else [])]
        parts = [part for name, content in files for part in (Path(name).suffix.lower().encode(), content)]
        digest = hashlib.sha256()
        for part in (*parts, *chosen, *([self.owner.encode()] if self.owner else [])):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line: the table without its rows, and how many lines of rows and of documents follow."""

    version: int
    columns: tuple[str, ...]
    row_numbers: tuple[int, ...]
    instruction: str
    notes: tuple[str, ...]
    sheets: tuple[tuple[str, int], ...]
    encoding: str
    rows: int
    documents: int


READING = AsJson[Reading](Reading)
_Rows = tuple[tuple[str, ...], ...]
_HEAD, _ROWS, _DOCUMENT = AsJson[_Head](_Head), AsJson[_Rows](_Rows), AsJson[Document](Document)
_ROWS_A_LINE = 1_000


def parsed_lines(table: Table, documents: list[Document]) -> Iterator[bytes]:
    """The lines that `read_parsed` reads."""
    head = _Head(
        VERSION,
        table.columns,
        table.row_numbers,
        table.instruction,
        table.notes,
        table.sheets,
        table.encoding,
        len(table.rows),
        len(documents),
    )
    yield _line(_HEAD.plain(head))
    yield from (_line(table.rows[at : at + _ROWS_A_LINE]) for at in range(0, len(table.rows), _ROWS_A_LINE))
    yield from (_line(_DOCUMENT.plain(document)) for document in documents)


def read_parsed(path: Path) -> tuple[Table, list[Document]]:
    """Raises OSError if there is no such file, and ValueError if it is damaged or of another version."""
    with path.open("rb") as lines:
        head = _HEAD.read(next(lines, b""))
        if head.version != VERSION:
            raise ValueError(f"the parsed upload has version {head.version}, expected {VERSION}")
        blocks = islice(lines, ceil(head.rows / _ROWS_A_LINE))
        rows = tuple(row for block in blocks for row in _ROWS.read(block))
        documents = [_DOCUMENT.read(line) for line in lines]
    if (len(rows), len(documents)) != (head.rows, head.documents):
        raise ValueError(
            f"{path} has {len(rows)} rows and {len(documents)} documents, not the numbers in its first line"
        )
    table = Table(head.columns, rows, head.row_numbers, head.instruction, head.notes, head.sheets, head.encoding)
    return table, documents


def _line(value: object) -> bytes:
    """Texts may contain half a surrogate pair. `json.loads` reads it back from bytes like these."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
