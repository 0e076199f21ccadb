"""Run again with changed data: a new file under the meaning and the plan of a run there already is."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from advisor.pages import frame
from advisor.pages.draft import read_upload, setup_of
from advisor.pages.uploads import check_upload, choose_documents, choose_task_file
from advisor.plan import Setup
from advisor.storage.stored import StoredDataset, StoredRun
from advisor.storage.upload import AS_FOUND, Reading, Upload
from eval.task import BadInput


@st.dialog("Run again with changed data")
def ask_for_changed_data(run: StoredRun) -> None:
    st.html(
        '<p class="quiet">Upload the changed file. We keep the columns and settings of this run, '
        "and show you what changed before anything runs.</p>"
    )
    changed = choose_task_file("Changed task file", "changed")
    documents = choose_documents(
        "Changed documents (optional: otherwise we keep those of this run)", "changed-documents"
    )
    given = None if documents.refused else changed.given
    if not st.button("Check the changed data", type="primary", disabled=given is None) or given is None:
        return
    try:
        after = take_changed_file(run, given.name, given.getvalue(), documents.given)
    except BadInput as wrong:
        frame.problem(str(wrong))
        return
    frame.go("Data", dataset=after.id, follows=run.id)


def take_changed_file(
    run: StoredRun, name: str, content: bytes, documents: tuple[str, bytes] | None = None
) -> StoredDataset:
    """The changed file as a dataset of its own, with the setup of the run and, where none are given, its documents."""
    store = frame.store()
    upload = store.as_own(_read_alike(name, content, documents, store.reading(run.dataset_id)))
    check_upload(upload)
    if documents is None and (kept := store.documents_upload(run.dataset_id)):
        upload = replace(upload, documents_file=kept, documents=store.read_upload(run.dataset_id)[1])
    after = store.keep_upload(upload)
    store.save_setup(after.id, kept_setup(run, after))
    return after


def _read_alike(name: str, content: bytes, documents: tuple[str, bytes] | None, reading: Reading) -> Upload:
    """The sheet and the encoding of the run, if the changed file has them."""
    try:
        return Upload.read(name, content, documents, reading)
    except BadInput:
        if reading == AS_FOUND:
            raise
        return Upload.read(name, content, documents)


def kept_setup(run: StoredRun, after: StoredDataset) -> Setup:
    """The setup of the run, with the changes to its rows, as far as the changed file has its columns; without input or
    answer, a fresh one."""
    columns = read_upload(after.id)[0].columns
    try:
        setup = run.plan.setup
    except BadInput:  # of another version
        return setup_of(after)
    if setup.input not in columns or setup.target not in columns:
        return setup_of(after)
    group, split, document = (name if name in columns else None for name in (setup.group, setup.split, setup.document))
    joined = tuple(name for name in setup.joined if name in columns)
    rejected, also = (name if name in columns else None for name in (setup.rejected, setup.also))
    marked = tuple(name for name in setup.marked if name in columns)
    return replace(
        setup,
        group=group,
        split=split,
        document=document,
        joined=joined,
        rejected=rejected,
        marked=marked,
        also=also,
    )
