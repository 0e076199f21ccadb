"""What may be uploaded, and an upload looked at before it is stored.

Streamlit's own uploader refuses a wrong type or size in a tooltip, where nobody looks. So it takes every file, and a
red line under it says what is wrong and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Generic, TypeVar

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from advisor.pages import frame
from advisor.pages.draft import draft_of, guessed_setup
from advisor.samples import zipped
from advisor.storage.upload import Upload
from eval.reading.documents import DOCUMENT_ENDINGS
from eval.reading.table import MAX_BYTES, TABLE_ENDINGS

_MB = 2**20
_MOST = MAX_BYTES // _MB

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Chosen(Generic[Given]):
    """What was chosen; None if nothing was, or if it was `refused`."""

    given: Given | None
    refused: bool = False


def choose_task_file(label: str, key: str) -> Chosen[UploadedFile]:
    file: UploadedFile | None = st.file_uploader(label, key=key)
    if file is not None and (problem := task_file_problem(file.name, file.size)):
        frame.problem(problem)
        return Chosen(None, refused=True)
    return Chosen(file)


def choose_documents(label: str, key: str) -> Chosen[tuple[str, bytes]]:
    """The documents as one upload: a single one as it came, several as one archive."""
    files: list[UploadedFile] = st.file_uploader(label, accept_multiple_files=True, key=key)
    if problem := documents_problem([(file.name, file.size) for file in files]):
        frame.problem(problem)
        return Chosen(None, refused=True)
    if len(files) > 1:
        return Chosen(("documents.zip", zipped((file.name, file.getvalue()) for file in files)))
    return Chosen((files[0].name, files[0].getvalue()) if files else None)


def task_file_problem(name: str, size: int) -> str | None:
    """Why a file can't be a task file, judged by its name and its size in bytes."""
    if PurePath(name).suffix.casefold() not in TABLE_ENDINGS:
        return f"{name} isn't a table that we can read. Save it as CSV, TSV, JSONL, JSON, Excel or Parquet."
    if size > MAX_BYTES:
        return f"{name} has {_in_mb(size)} MB, and we read at most {_MOST} MB. Upload fewer rows, or a Parquet file."
    return None


def documents_problem(files: list[tuple[str, int]]) -> str | None:
    """Why these can't be the documents, judged by their names and sizes in bytes. A text needs no ending."""
    for name, size in files:
        ending = PurePath(name).suffix.casefold()
        if ending and ending not in (*DOCUMENT_ENDINGS, ".zip"):
            return (
                f"{name} isn't a document that we can read. Save it as text, Markdown, HTML, PDF, Word or PowerPoint, "
                "or remove it."
            )
        if size > MAX_BYTES:
            return f"{name} has {_in_mb(size)} MB, and we read at most {_MOST} MB. Leave out what no question needs."
    total = sum(size for _, size in files)
    if total > MAX_BYTES:
        return (
            f"The documents have {_in_mb(total)} MB together, and we read at most {_MOST} MB. Remove those that no "
            "question needs."
        )
    return None


def _in_mb(size: int) -> str:
    """Rounded up, so that a file just over the limit doesn't seem to be within it."""
    return f"{-(-size // _MB):,}"


def check_upload(upload: Upload) -> None:
    """Raises BadInput when an upload cannot make a task.

    Where it has more than two columns, others than those that were guessed may do: then it passes, for the person to
    choose.
    """
    if len(upload.table.columns) <= 2:
        setup = guessed_setup(upload.table, upload.documents)
        draft_of(upload.id, upload.name, setup, (upload.table, upload.documents))  # the Data page finds it cached
