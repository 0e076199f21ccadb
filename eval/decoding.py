"""The bytes of an upload as text, JSON or unpacked files. Anything else raises BadInput."""

from __future__ import annotations

import codecs
import io
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from eval.task import BadInput

MAX_BYTES = 50 * 1024 * 1024
MAX_UNPACKED_BYTES = 200 * 1024 * 1024  # a small compressed file can hold gigabytes

_SIGNATURES = (
    (b"PK\x03\x04", "a ZIP or Excel file"),
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Office file"),
    (b"%PDF", "a PDF"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def check_size(name: str, content: bytes) -> None:
    """Raises BadInput for an empty upload or one over `MAX_BYTES`."""
    if not content.strip():
        raise BadInput(f"{name} is empty: choose a file that holds data.")
    if len(content) > MAX_BYTES:
        raise BadInput(
            f"{name} has {len(content) / 2**20:.0f} MB and at most {MAX_BYTES // 2**20} MB are read: "
            "give a part of the rows."
        )


def decode(name: str, content: bytes) -> str:
    """Decode UTF-8 (or UTF-16 with a byte order mark), without the byte order mark.

    Raises BadInput, naming the line, if the bytes aren't text in that encoding.
    """
    for signature, meaning in _SIGNATURES:
        if content.startswith(signature):
            raise BadInput(
                f"{name} is {meaning} under another name, not text: give it its right ending or export it again."
            )
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    if encoding == "utf-8-sig" and b"\0" in content:
        line = _line_at(content, content.index(b"\0"))
        raise BadInput(
            f"{name} has a NUL byte in line {line}, so it is damaged or not a text file: export it again as UTF-8 text."
        )
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as wrong:
        line = _line_at(content, wrong.start)
        raise BadInput(
            f"{name} is not UTF-8 text (line {line} breaks it): save it as UTF-8 and give it again."
        ) from wrong


def json_lines(name: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL text with their line numbers (from 1); blank lines are skipped.

    Raises BadInput, naming the line, if a line isn't one complete JSON object.
    """
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: U+2028 is allowed inside a string
        if not line.strip():
            continue
        record = parse_json(name, line, f"line {number}")
        if not isinstance(record, dict):
            raise BadInput(
                f'{name} has no JSON object in line {number}: write each row as {{"input": "…", "target": "…"}}.'
            )
        yield number, record


def parse_json(name: str, text: str, where: str) -> Any:
    """`text` as a JSON value. `where` is the place in the file ("line 12") for the error message."""
    try:
        value = json.loads(text)
        if "\\u" in text:  # an escape can be half a surrogate pair, which isn't valid text
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as wrong:
        raise BadInput(f"{name} has half a character (\\ud800 to \\udfff) in {where}: remove it.") from wrong
    except (ValueError, RecursionError) as wrong:  # RecursionError: thousands of nested brackets
        raise BadInput(
            f"{name} is not complete JSON in {where}, perhaps because the file was cut off: export it again."
        ) from wrong
    return value


def number(text: str) -> float | None:
    """A number as people write it. None for forms only Python accepts: 1_000, nan, digits of other scripts."""
    return float(text) if _NUMBER.fullmatch(text) else None


def unzip(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The files in a ZIP archive (an .xlsx is one too), as path and bytes; nothing is written to disk.

    Raises BadInput if it is damaged, has a password or unpacks to more than `MAX_UNPACKED_BYTES`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [part for part in archive.infolist() if not part.is_dir()]
            # A false size in the header can't get around the limit: `read` stops at the stated size.
            if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
                raise BadInput(f"{name} unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MB: give a part of it.")
            for part in parts:
                yield part.filename, archive.read(part)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError) as wrong:
        raise BadInput(
            f"{name} cannot be unpacked, because it is damaged or has a password: save it again without one."
        ) from wrong


def _line_at(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
