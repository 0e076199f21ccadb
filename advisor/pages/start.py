"""Start: what this is, the upload, and four samples."""

from __future__ import annotations

from html import escape

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from advisor.pages import frame
from advisor.pages.marks import mark, plain
from advisor.pages.sample_report import offer_sample
from advisor.pages.uploads import check_upload, choose_documents, choose_task_file
from advisor.samples import SAMPLES, Sample, load_sample
from advisor.storage.upload import Upload
from advisor.wording import words_of
from eval.reading.table import MAX_BYTES
from eval.task import BadInput


def show_upload() -> None:
    with st.container(border=True, key="upload", gap="medium"):
        task_side, documents_side = st.columns(2, gap="medium")
        with task_side:
            task_file = choose_task_file("Your task: an input and its ideal answer in each row", "task-file")
            frame.small(f"CSV, TSV, JSONL, JSON, Excel or Parquet, up to {MAX_BYTES // 2**20} MB")
        with documents_side:
            documents = choose_documents("Documents that contain the answers (optional)", "documents")
            frame.small("Text, Markdown, HTML, PDF, Word, PowerPoint, CSV, JSON, or a ZIP of these")
        # Off until the file is here: Streamlit would take a click during the upload for one without a file.
        given = None if documents.refused else task_file.given
        if st.button("Check my data", type="primary", key="check", disabled=given is None) and given is not None:
            keep_upload(given, documents.given)


def keep_upload(task_file: UploadedFile, documents: tuple[str, bytes] | None) -> None:
    """Store what was uploaded and go on; an upload that makes no task gives one sentence, and nothing is kept."""
    name, content = task_file.name, task_file.getvalue()
    try:
        with frame.waiting(f"Reading {plain(name)}"):
            upload = frame.store().as_own(Upload.read(name, content, documents))
            check_upload(upload)
            dataset = frame.store().keep_upload(upload)
    except BadInput as wrong:
        frame.problem(str(wrong))
        return
    frame.go("Data", dataset=dataset.id)


def show_sample(sample: Sample) -> None:
    expected = words_of(sample.expected)
    with st.container(border=True, key=f"sample-{sample.name}", height="stretch"):
        st.html(
            f'<h3 class="card-title">{escape(sample.title)}</h3><p>{escape(sample.sentence)}</p>'
            f'<p class="quiet small expected">{mark(sample.expected)}<span>Expected winner: '
            f"<b>{escape(expected.name.lower())}</b>. {escape(sample.why)}</span></p>"
        )
        if st.button("Use this sample", key=f"use-{sample.name}", width="stretch"):
            with frame.waiting(f"Reading {sample.file}"):
                dataset = frame.store().add_dataset(*load_sample(sample.name))
            frame.go("Data", dataset=dataset.id)


frame.heading(
    "Prompt it, look it up, or train it?",
    "Upload inputs with the answers you want, and documents if you have any. Threeways runs prompting, retrieval and "
    "fine-tuning on your own examples and recommends one, with its score, latency, cost and confidence.",
)
offer_sample()
show_upload()
frame.small("Your data stays on this machine, and everything runs here.")
with st.container(key="no-data"):
    st.page_link(frame.page_path("Advice"), label="No data yet? Answer six questions for first advice.")
frame.section("Or start with a sample")
for pair in zip(SAMPLES[::2], SAMPLES[1::2], strict=True):
    for column, sample in zip(st.columns(2), pair, strict=True):
        with column:
            show_sample(sample)
