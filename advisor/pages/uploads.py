"""What may be uploaded, and an upload looked at before it is stored."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from advisor.pages.draft import draft_of, guessed_setup
from advisor.samples import zipped
from advisor.storage.upload import Upload
from eval.reading.documents import DOCUMENT_ENDINGS
from eval.reading.table import TABLE_ENDINGS


def choose_documents(label: str, key: str) -> tuple[str, bytes] | None:
    """The documents as one upload: a single one as it came, several as one archive; None when none were chosen."""
    files: list[UploadedFile] = st.file_uploader(
        label, type=[*DOCUMENT_ENDINGS, ".zip"], accept_multiple_files=True, key=key
    )
    if len(files) > 1:
        return "documents.zip", zipped((file.name, file.getvalue()) for file in files)
    return (files[0].name, files[0].getvalue()) if files else None


def choose_task_file(label: str, key: str) -> UploadedFile | None:
    return st.file_uploader(label, type=TABLE_ENDINGS, key=key)


def check_upload(upload: Upload) -> None:
    """Raises BadInput when an upload cannot make a task.

    Where it has more than two columns, others than those that were guessed may do: then it passes, for the person to
    choose.
    """
    if len(upload.table.columns) <= 2:
        setup = guessed_setup(upload.table, upload.documents)
        draft_of(upload.id, upload.name, setup, (upload.table, upload.documents))  # the Data page finds it cached
