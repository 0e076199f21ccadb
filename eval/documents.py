"""Read documents: text, Markdown, JSONL, PDF, and a ZIP of these."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from eval.decoding import check_size, decode, json_lines, unzip
from eval.task import BadInput, Document

DOCUMENT_ENDINGS = (".txt", ".md", ".jsonl", ".pdf")

_FIRST_HEADING = re.compile(r"^# +(.+)$", re.MULTILINE)


def read_documents(name: str, content: bytes) -> list[Document]:
    """The documents in one uploaded file, or in a ZIP of such files with folders at any depth.

    A document's id is the file's stem, or its path if two files share the stem. In JSONL each line has its own id (`id`
    or `doc_id`), `title` and `text`. Documents without text are dropped. Raises BadInput if a file can't be read, no
    document has text, or two documents share an id.
    """
    check_size(name, content)
    if not name.casefold().endswith(".zip"):
        return _from_files(name, [(PurePosixPath(name), content)])
    return _from_files(name, [(PurePosixPath(path), part) for path, part in unzip(name, content)])


def _from_files(name: str, files: list[tuple[PurePosixPath, bytes]]) -> list[Document]:
    known = sorted(((path, content) for path, content in files if _is_document(path)), key=lambda file: str(file[0]))
    if not known:
        raise BadInput(
            f"{name} holds no documents of a type that is read: use {', '.join(DOCUMENT_ENDINGS)} or a .zip."
        )
    stems = Counter(path.stem for path, _ in known)
    documents = [
        document
        for path, content in known
        for document in _read_file(path, content, path.stem if stems[path.stem] == 1 else str(path))
        if document.text
    ]
    if not documents:
        raise BadInput(f"{name} holds no document with text in it: add text and give it again.")
    [(identifier, count)] = Counter(document.id for document in documents).most_common(1)
    if count > 1:
        raise BadInput(f"{name} holds {count} documents with the id '{identifier}': give each document its own id.")
    return documents


def _is_document(path: PurePosixPath) -> bool:
    """Whether the extension is supported. Hidden files from macOS and editors are skipped."""
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and path.suffix.casefold() in DOCUMENT_ENDINGS


def _read_file(path: PurePosixPath, content: bytes, identifier: str) -> Iterator[Document]:
    ending = path.suffix.casefold()
    readable_stem = re.sub(r"[\s_-]+", " ", path.stem).strip() or path.stem
    if ending == ".pdf":
        yield Document(identifier, readable_stem, _pdf_text(path.name, content))
        return
    text = decode(path.name, content)
    if ending == ".jsonl":
        yield from _jsonl_documents(path.name, text)
        return
    heading = _FIRST_HEADING.search(text) if ending == ".md" else None
    yield Document(identifier, heading[1].strip() if heading else readable_stem, text.strip())


def _jsonl_documents(name: str, text: str) -> Iterator[Document]:
    for line, record in json_lines(name, text):
        identifier = record.get("id", record.get("doc_id"))
        if identifier in (None, "") or not isinstance(record.get("text"), str):
            raise BadInput(
                f"{name} has no id or no text in line {line}: "
                'write {"id": "…", "title": "…", "text": "…"} on each line.'
            )
        yield Document(str(identifier), str(record.get("title") or identifier), record["text"].strip())


def _pdf_text(name: str, content: bytes) -> str:
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(content))
        locked = reader.is_encrypted and not reader.decrypt("")
        text = "" if locked else "\n\n".join(page.extract_text() for page in reader.pages).strip()
    except Exception as wrong:  # a damaged PDF can make pypdf raise almost anything
        raise BadInput(f"{name} cannot be read as a PDF, perhaps because it is damaged: save it again.") from wrong
    if locked:
        raise BadInput(f"{name} has a password: save it without one.")
    if not text:
        raise BadInput(f"{name} holds no text, only pictures of pages: run text recognition (OCR) on it first.")
    return text.encode(errors="replace").decode()  # a broken font table gives half surrogate pairs
