"""Read documents: text, Markdown, HTML, PDF, Word, PowerPoint, tables and JSON, and a ZIP of these."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from eval.mapping.names import plain
from eval.reading.decoding import (
    MAX_BYTES,
    ZIP_FAULTS,
    check_size,
    decode,
    is_litter,
    json_records,
    links_in,
    parse_json,
    unzip,
)
from eval.reading.encodings import decoded, page_in_utf_8
from eval.reading.office import html_text, presentation_text, word_text
from eval.reading.pdf import pdf_text
from eval.reading.records import records_in
from eval.reading.table import Table, read_table
from eval.task import BadInput, Document

DOCUMENT_ENDINGS = (
    ".txt", ".md", ".markdown", ".mdx", ".rst", ".html", ".htm", ".pdf", ".docx", ".pptx", ".csv", ".tsv", ".xlsx",
    ".jsonl", ".ndjson", ".json",
)  # fmt: skip
MAX_CHARACTERS = 5_000_000  # of one document: a book has a million

_MARKDOWN = (".md", ".markdown", ".mdx")
_LINES = (".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv", ".xlsx")
_TEXT_KEYS = ("text", "contents", "content", "page_content", "body", "passage", "document", "chunk", "answer")
_ID_KEYS = ("id", "doc_id", "docid", "document_id", "corpus_id", "pid")  # also "_id"
_SOURCE_KEYS = ("source", "file_name", "filename", "file_path", "path", "url")
_TITLE_KEYS = ("title", "name", "heading", "headline")
_MOST_NAMED = 20
_LONGEST_NAME = 200  # characters
_OFFICE_PARTS = {"word": ".docx", "ppt": ".pptx", "xl": ".xlsx"}  # folders in an Office file, which is a ZIP

_EXAMPLE = re.compile(r', for example ".*?"')
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(\S.*)$", re.MULTILINE)
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_HEADINGS = (
    re.compile(r"^#[ \t]+(\S.*)$|^(?=\S)(.+)\n=+[ \t]*$", re.MULTILINE),
    re.compile(r"^#{2,6}[ \t]+(\S.*)$", re.MULTILINE),
)
_CLOSING = re.compile(r"(?<![^ \t])#+$")


@dataclass(frozen=True, slots=True)
class FoundDocuments:
    """`notes` are sentences on what wasn't read, and on how the rest was."""

    documents: list[Document]
    notes: tuple[str, ...] = ()


def read_documents(name: str, content: bytes) -> FoundDocuments:
    """The documents in one uploaded file, or in a ZIP of such files with folders and ZIPs at any depth.

    The content of an uploaded file says what it is before its ending does; a text needs no ending. A document's id is
    the file's stem, or its path if two files share the stem. In JSONL, JSON and tables, each row with a text is a
    document with its own `id` and `title`, else with its number, behind the file's id if there are several such files.
    What has no text or can't be read is left out with a note. Raises BadInput
    if nothing is left, or two documents share an id.
    """
    check_size(name, content)
    path = PurePosixPath(name)
    links: list[str] = []
    ending = _ending_of(path, content)
    if ending == ".zip":
        files = [(path, part) for path, part in _unpacked(name, content, 0, links) if not is_litter(path.parts)]
    else:
        files = [(path if ending == path.suffix.casefold() else path.with_name(f"{path.name}{ending}"), content)]
    known = sorted((file for file in files if _is_document(file[0])), key=lambda file: str(file[0]))
    if not known:
        raise BadInput(
            f"{name} holds no documents of a type that is read: use {', '.join(DOCUMENT_ENDINGS)} or a .zip."
        )
    found: list[tuple[str, str]] = []
    stems = Counter(path.stem for path, _ in known)
    are_several = sum(path.suffix.casefold() in (*_TABLES, *_LINES, ".json") for path, _ in known) > 1
    documents: list[Document] = []
    faults: list[BadInput] = []
    for path, part in known:
        said: list[str] = []
        try:
            identifier = path.stem if stems[path.stem] == 1 else str(path)
            documents += _read_file(path, part, identifier, are_several, said)
        except BadInput as wrong:
            faults.append(wrong)
            said = [str(wrong)]
        found += [(path.name, sentence) for sentence in said]
    full = _with_text(name, documents, faults)
    notes = []
    if links:
        notes.append(f"{_count(len(links), 'link')}, and links aren't followed: {_listed(links)}.")
    if others := [str(path) for path, _ in files if not _is_document(path)]:
        notes.append(f"{_count(len(others), 'file')} of a type that isn't read: {_listed(others)}.")
    if empty := [document.id for document in documents if not document.text]:
        notes.append(f"{_count(len(empty), 'document')} without text, so we left out {_listed(empty)}.")
    if faults:
        notes.append(f"{len(faults):,} of {len(files):,} files of {name} can't be read.")
    return FoundDocuments(full, (*notes, *_once_each(found)))


def _with_text(name: str, documents: list[Document], faults: list[BadInput]) -> list[Document]:
    full = [document for document in documents if document.text]
    if not full:
        raise faults[0] if faults else BadInput(f"{name} holds no document with text in it: add text and try again.")
    [(identifier, count)] = Counter(document.id for document in full).most_common(1)
    if count > 1:
        named = " ".join(identifier[:_LONGEST_NAME].split())
        raise BadInput(f"{name} holds {count} documents with the id '{named}': give each document its own id.")
    return full


def _once_each(found: list[tuple[str, str]]) -> Iterator[str]:
    """Sentences about files; one that holds for several files is said once, with their names."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for name, sentence in found:
        alike.setdefault(_EXAMPLE.sub("", sentence.replace(name, "")), []).append((name, sentence))
    for (_, first), *others in alike.values():
        yield f"{first} The same goes for {_listed([name for name, _ in others])}." if others else first


def _unpacked(name: str, content: bytes, depth: int, links: list[str]) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The files in an archive; those in an archive within it have its path before theirs. Links go to `links`."""
    for path, part in unzip(name, content):
        if path.casefold().endswith(".zip") and depth < 2 and not is_litter(PurePosixPath(path).parts):
            for inner, inner_part in _unpacked(path, part, depth + 1, links):
                yield PurePosixPath(path).with_suffix("") / inner, inner_part
        else:
            yield PurePosixPath(path), part
    links += links_in(content)


def _ending_of(path: PurePosixPath, content: bytes) -> str:
    """The ending that an uploaded file should have. People name files and folders as they like."""
    if content.startswith(b"%PDF"):
        return ".pdf"
    if content.startswith(b"PK\x03\x04") and path.suffix.casefold() not in _OFFICE_PARTS.values():
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                parts = {name.partition("/")[0] for name in archive.namelist()}
        except ZIP_FAULTS:
            return path.suffix.casefold()
        return next(
            (ending for part, ending in _OFFICE_PARTS.items() if {"[Content_Types].xml", part} <= parts), ".zip"
        )
    return path.suffix.casefold() or (".txt" if decoded(content) else "")


def _is_document(path: PurePosixPath) -> bool:
    return path.suffix.casefold() in DOCUMENT_ENDINGS


def _read_file(
    path: PurePosixPath, content: bytes, identifier: str, is_one_of_several: bool, notes: list[str]
) -> list[Document]:
    """Raises BadInput, naming the file, if it can't be read or holds a huge text."""
    if not content.strip():
        return [Document(identifier, path.stem, "")]
    documents = [
        Document(*(text.replace("\0", "") for text in (document.id, document.title, document.text)))
        for document in _documents(path, content, identifier, f"{identifier} " if is_one_of_several else "", notes)
    ]
    for document in documents:
        if len(document.text) > MAX_CHARACTERS:
            raise BadInput(
                f"{path.name} holds a document of {len(document.text):,} characters, and at most {MAX_CHARACTERS:,} "
                "are read: split it."
            )
    return documents


def _documents(
    path: PurePosixPath, content: bytes, identifier: str, before_numbers: str, notes: list[str]
) -> Iterator[Document]:
    ending, name = path.suffix.casefold(), path.name
    readable_stem = re.sub(r"[\s_-]+", " ", path.stem).strip() or path.stem
    if ending in (".csv", ".tsv") and (records := _texts_alone(name, content, notes)):
        yield from _of_records(name, records, before_numbers, notes)
    elif ending in _TABLES:
        yield from _of_table(name, read_table(name, content), identifier, readable_stem, before_numbers, notes)
    elif ending in _LINES:
        records = list(json_records(name, decode(name, content, notes).text))
        yield from _of_records(name, records, before_numbers, notes)
    elif ending == ".json":
        records = records_in(name, parse_json(name, decode(name, content, notes).text), notes)
        yield from _of_records(name, records, before_numbers, notes)
    else:
        title, text = _titled_text(name, ending, content, notes)
        yield Document(identifier, title or readable_stem, text.encode(errors="replace").decode().strip())


def _titled_text(name: str, ending: str, content: bytes, notes: list[str]) -> tuple[str, str]:
    """A document's title ("" without one) and text."""
    binary: Mapping[str, Callable[[str, bytes], tuple[str, str]]] = {".docx": word_text, ".pptx": presentation_text}
    if ending == ".pdf":
        return "", pdf_text(name, content, notes)
    if ending in binary:
        return binary[ending](name, content)
    is_page = ending in (".html", ".htm")
    text = decode(name, page_in_utf_8(content) if is_page else content, notes).text.replace("\r\n", "\n")
    if is_page:
        return html_text(text)
    return _markdown(text) if ending in _MARKDOWN else ("", text)


def _markdown(text: str) -> tuple[str, str]:
    """Without front matter. The title is the one given there, else the first heading."""
    title = ""
    if front := _FRONT_MATTER.match(text):
        found = _FRONT_TITLE.search(front[1])
        title = found[1].strip().strip("'\"") if found else ""
        text = text[front.end() :]
    prose = _FENCED.sub("", text)
    heading = next((match for pattern in _HEADINGS if (match := pattern.search(prose))), None)
    if not title and heading:
        title = _CLOSING.sub("", next(filter(None, heading.groups())).strip()).strip()
    return title, text


def _of_table(
    name: str, table: Table, identifier: str, title: str, before_numbers: str, notes: list[str]
) -> Iterator[Document]:
    """A document for each row, if one column holds texts; else the whole table as one."""
    notes += table.notes
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    if any(plain(column) in _TEXT_KEYS for column in table.columns):
        yield from _of_records(name, list(zip(table.numbers(), rows, strict=True)), before_numbers, notes)
        return
    lines = ("\n".join(f"{column}: {cell}" for column, cell in row.items() if cell.strip()) for row in rows)
    yield Document(identifier, title, "\n\n".join(lines))


def _texts_alone(name: str, content: bytes, notes: list[str]) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a CSV file whose only column holds texts, with their lines: there, a comma is part of the text. None
    of another file."""
    csv.field_size_limit(MAX_BYTES)  # a text may be longer than what Python allows otherwise
    said: list[str] = []
    text = decode(name, content, said).text
    lines = csv.reader(io.StringIO(text, newline=""))
    header = next(lines, [])
    if len(header) != 1 or plain(header[0]) not in _TEXT_KEYS:
        return []
    notes += said
    records, line = [], lines.line_num + 1
    for row in lines:
        if any(row):
            records.append((line, {header[0]: ",".join(row)}))
        line = lines.line_num + 1
    return records


def _of_records(
    name: str, records: list[tuple[int, dict[str, Any]]], before_numbers: str, notes: list[str]
) -> Iterator[Document]:
    """One document for each record, without text where a few have none. Pieces of the same source are one document;
    records without an id are numbered. Raises BadInput if half of them have no text."""
    by_source: dict[str, Document] = {}
    unnamed = 0
    each = [(line, {plain(key): value for key, value in record.items()}) for line, record in records]
    texts = [next((named[key] for key in _TEXT_KEYS if isinstance(named.get(key), str)), None) for _, named in each]
    if None in texts and texts.count(None) * 2 >= len(texts):
        line = each[texts.index(None)][0]
        raise BadInput(
            f'{name} has no text in line {line}: write {{"id": "…", "title": "…", "text": "…"}} on each line.'
        )
    for (line, named), found in zip(each, texts, strict=True):
        text = found or ""
        if isinstance(meta := named.get("metadata"), dict):
            named = {**{plain(key): value for key, value in meta.items()}, **named}
        identifier, source = _first(named, _ID_KEYS), _first(named, _SOURCE_KEYS)
        title = _first(named, _TITLE_KEYS)
        if identifier:
            yield Document(identifier, title or identifier, text.strip())
        elif source:
            before = by_source.get(source)
            joined = f"{before.text}\n\n{text.strip()}" if before else text.strip()
            by_source[source] = Document(
                source, before.title if before else title or _markdown(text)[0] or source, joined
            )
        else:
            unnamed += 1
            number = f"{before_numbers}{line}"
            yield Document(number, title or _markdown(text)[0] or number, text.strip())
    yield from by_source.values()
    if unnamed:
        notes.append(f"{_count(unnamed, 'document')} without an id in {name}, so each has the number of its line.")


def _first(record: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    found = next((record[key] for key in keys if record.get(key) not in (None, "")), "")
    return str(found)


def _count(count: int, noun: str) -> str:
    return f"There is 1 {noun}" if count == 1 else f"There are {count:,} {noun}s"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    named = (name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…" for name in names[:_MOST_NAMED])
    return ", ".join(named) + more
