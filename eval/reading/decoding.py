"""The bytes of an upload as text, JSON or unpacked files. Anything else raises BadInput."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from eval.reading.encodings import EASTERN, Decoded, decoded
from eval.task import BadInput

MAX_BYTES = 200 * 1024 * 1024
MAX_UNPACKED_BYTES = 200 * 1024 * 1024  # a small compressed file can hold gigabytes
# What `zipfile` raises for damaged, encrypted or unusual archives; an unknown version or method is a RuntimeError.
ZIP_FAULTS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, ValueError, EOFError, RuntimeError, OSError
)  # fmt: skip

_SIGNATURES = (
    (b"PK\x03\x04", "a ZIP or Excel file"),
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Office file"),
    (b"%PDF", "a PDF"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
)
_UTF_8_NAME = 0x800  # a flag of a file in a ZIP
_OF_WINDOWS = 0  # where old programs of Windows packed it, some with a backslash between folders
_NO_UTF_8 = re.compile("[\udc80-\udcff]")  # as Python reads such bytes
_SHOWN_AS = {"Cc": " ", "Cs": "\N{REPLACEMENT CHARACTER}"}  # control characters, and halves of others
_MARK_AT_LINE_START = re.compile(r"(?<![^\r\n])\ufeff+")
_NOT_BLANK = re.compile(r"[^\s,]")  # objects may follow one another with a comma between them
_ODD_WORDS = re.compile(r"(?:[\w'-]{1,30} ){0,2}[\w'-]{0,30}[^\W\x00-\x7f][\w'-]{0,30}")
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


def decode(name: str, content: bytes, notes: list[str]) -> Decoded:
    """The bytes of a text file as text, without byte order marks. `notes` gets a sentence if it isn't UTF-8.

    Raises BadInput, naming the line, if the bytes aren't text in any encoding.
    """
    for signature, meaning in _SIGNATURES:
        if content.startswith(signature):
            raise BadInput(
                f"{name} is {meaning} under another name, not text: give it its right ending or export it again."
            )
    found = decoded(content)
    if found is None:
        if b"\0" in content:
            line = _line_at(content, content.index(b"\0"))
            raise BadInput(
                f"{name} has a NUL byte in line {line}, so it is damaged or not a text file: export it again as UTF-8 "
                "text."
            )
        raise BadInput(
            f"{name} is not UTF-8 text (line {_first_bad_line(content)} breaks it): save it as UTF-8 and give it again."
        )
    if found.detected:
        example = _with_odd_letters(found.text)
        such_as = f', for example "{example}"' if example else ""
        notes.append(
            f"{name} isn't UTF-8 text, so we read it as {found.detected}{such_as}. If letters look wrong, save it as "
            "UTF-8 and upload it again."
        )
    if "\ufeff" in found.text:  # files that were joined have one within, which no editor shows
        return replace(found, text=_MARK_AT_LINE_START.sub("", found.text))
    return found


def json_records(name: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL text with their line numbers (from 1); blank lines are skipped. An object may also reach
    over several lines; then its first line counts.

    Raises BadInput, naming the line, if a line isn't one complete JSON object.
    """
    lines = text.split("\n")  # not splitlines: U+2028 is allowed inside a string
    if any(line.strip() in ("{", "[") for line in lines[:5]):
        values: Iterable[tuple[int, Any]] = _json_values(name, text)
    else:
        values = (
            (number, parse_json(name, line.rstrip().removesuffix(","), number))
            for number, line in enumerate(lines, 1)
            if line.strip()
        )
    for number, record in values:
        if not isinstance(record, dict):
            raise BadInput(
                f'{name} has no JSON object in line {number}: write each row as {{"input": "…", "target": "…"}}.'
            )
        yield number, record


class _SameName(ValueError):
    """An object has two values of one name, of which most programs drop all but the last."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _SameName(next(name for name in names if names.count(name) > 1))
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _json_values(name: str, text: str) -> Iterator[tuple[int, Any]]:
    at, line = 0, 1
    while (found := _NOT_BLANK.search(text, at)) is not None:
        line += text.count("\n", at, found.start())
        try:
            value, end = _DECODER.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            value, end = parse_json(name, text[found.start() :], line), len(text)
        yield line, value
        line, at = line + text.count("\n", found.start(), end), end


def parse_json(name: str, text: str, first_line: int = 1) -> Any:
    """`text` as a JSON value; `first_line` is the line of the file in which it begins.

    Raises BadInput, naming the line and the cause.
    """
    try:
        value = _DECODER.decode(text)
        if "\\u" in text:  # an escape can be half a surrogate pair, which isn't valid text
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as wrong:
        raise BadInput(f"{name} has half a character (\\ud800 to \\udfff) in line {first_line}: remove it.") from wrong
    except json.JSONDecodeError as wrong:
        raise BadInput(_json_fault(name, text, wrong, first_line)) from wrong
    except _SameName as wrong:
        raise BadInput(
            f"{name} has two values for '{str(wrong)[:60]}' in one object, in JSON that begins in line {first_line}: "
            "rename or delete one of them."
        ) from wrong
    except ValueError as wrong:  # Python's limit is 4,300 digits
        raise BadInput(
            f"{name} has a number of thousands of digits in JSON that begins in line {first_line}: shorten it, or "
            "write it as text in double quotes."
        ) from wrong
    except RecursionError as wrong:  # thousands of nested brackets
        raise BadInput(f"{name} has JSON in line {first_line} that is nested too deeply: export it again.") from wrong
    return value


def _json_fault(name: str, text: str, wrong: json.JSONDecodeError, first_line: int) -> str:
    line = first_line + wrong.lineno - 1
    before, after = text[: wrong.pos].rstrip(), text[wrong.pos :].lstrip()
    if after.startswith("'") or (after[:4] in ("None", "True") or after[:5] == "False"):
        return (
            f"{name} has Python in line {line}, not JSON (single quotes, or None, True or False): write each row with "
            "json.dumps."
        )
    if (before.endswith(",") and after[:1] in ("}", "]")) or re.match(r",\s*[}\]]", after):
        return f"{name} has a comma before a closing bracket in line {line}, which JSON doesn't allow: remove it."
    if not after or "Unterminated string" in wrong.msg:
        return f"{name} is not complete JSON in line {line}, perhaps because the file was cut off: export it again."
    near = " ".join(after[:40].split())
    return f"{name} is not valid JSON in line {line}, near '{near}': fix it there or export the file again."


def number(text: str) -> float | None:
    """A number as people write it. None for forms only Python accepts: 1_000, nan, digits of other scripts."""
    return float(text) if _NUMBER.fullmatch(text) else None


def xml_root(content: bytes) -> ElementTree.Element | None:
    """None if it is no XML, or in an encoding that nobody knows."""
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError):
        return None


def unzip(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The files in a ZIP archive (an .xlsx is one too), as path and bytes; nothing is written to disk. Links aren't
    followed, and what has no name is no file.

    Raises BadInput if it is damaged, has a password or unpacks to more than `MAX_UNPACKED_BYTES`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            named = [part for part in archive.infolist() if part.filename]
            parts = [part for part in named if not part.is_dir() and not _is_link(part)]
            # A false size in the header can't get around the limit: `read` stops at the stated size.
            if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
                raise BadInput(f"{name} unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MB: give a part of it.")
            names = _names([part.filename for part in parts if not part.flag_bits & _UTF_8_NAME])
            for part in parts:
                path = names.get(part.filename, part.filename)
                if part.create_system == _OF_WINDOWS:
                    path = path.replace("\\", "/")
                yield readable_name(path), archive.read(part)
    except BadInput:
        raise
    except ZIP_FAULTS as wrong:
        raise BadInput(
            f"{name} cannot be unpacked, because it is damaged or has a password: save it again without one."
        ) from wrong


def links_in(content: bytes) -> list[str]:
    """The symbolic links in a ZIP archive that `unzip` reads. They name a file that lies anywhere."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [part.filename for part in archive.infolist() if _is_link(part)]


def _is_link(part: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(part.external_attr >> 16)


def _names(names: list[str]) -> dict[str, str]:
    """Names of files as they were meant: `zipfile` takes those without a mark of their encoding for an old DOS one."""
    odd = [name for name in names if not name.isascii()]
    found: dict[str, str] = {}
    for name in odd:
        with suppress(UnicodeError):
            found[name] = name.encode("cp437").decode("utf-8")
    if len(found) < len(odd):
        with suppress(UnicodeError):
            guess = decoded("\n".join(odd).encode("cp437"))
            if guess and guess.detected in EASTERN:
                found |= dict(zip(odd, guess.text.split("\n"), strict=True))
    return found


def readable_name(name: str) -> str:
    """The name of a file on one line and in whole characters. Linux takes any bytes for a name, and those that aren't
    UTF-8 mostly come from Windows."""
    name = _NO_UTF_8.sub(lambda found: bytes([ord(found[0]) - 0xDC00]).decode("cp1252", "replace"), name)
    return "".join(_SHOWN_AS.get(unicodedata.category(sign), sign) for sign in name)


def gunzip(name: str, content: bytes) -> bytes:
    """Raises BadInput if it is damaged or unpacks to more than `MAX_UNPACKED_BYTES`."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked = file.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as wrong:
        raise BadInput(f"{name} cannot be unpacked, because it is damaged: compress it again.") from wrong
    if len(unpacked) > MAX_UNPACKED_BYTES:
        raise BadInput(f"{name} unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MB: give a part of it.")
    return unpacked


def is_litter(parts: Iterable[str]) -> bool:
    """Whether a path in an archive belongs to macOS or an editor, not to a person."""
    return any(part.startswith((".", "__MACOSX")) or part == "Thumbs.db" for part in parts)


def _first_bad_line(content: bytes) -> int:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return _line_at(content, wrong.start)
    return 1


def _with_odd_letters(text: str) -> str:
    """The first words with a letter that isn't ASCII, so that a person can see whether it was read correctly."""
    found = _ODD_WORDS.search(text)
    return found[0].strip() if found else ""


def _line_at(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
