"""Run again with changed data: a new file under the meaning and the plan of a run there already is."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from advisor.pages import frame
from advisor.pages.draft import read_upload, setup_of
from advisor.plan import Setup
from advisor.stored import StoredDataset, StoredRun
from eval.task import BadInput


@st.dialog("Run again with changed data")
def ask_for_changed_data(run: StoredRun) -> None:
    st.html(
        '<p class="quiet">Upload the changed file. The columns, the choices and the documents of '
        "this run are kept, and you see what changed before anything starts.</p>"
    )
    changed = st.file_uploader("Changed task file", key="changed", label_visibility="collapsed")
    if not st.button("Check the changed data", type="primary"):
        return
    if changed is None:
        frame.problem("Choose the changed file first.")
        return
    try:
        after = take_changed_file(run, changed.name, changed.getvalue())
    except BadInput as wrong:
        frame.problem(str(wrong))
        return
    frame.go("Data", dataset=after.id, follows=run.id)


def take_changed_file(run: StoredRun, name: str, content: bytes) -> StoredDataset:
    """The changed file as a dataset of its own, with the documents and the setup of the run."""
    store = frame.store()
    after = store.add_dataset(name, content, *kept_documents(store.dataset(run.dataset_id)))
    store.save_setup(after.id, kept_setup(run, after))
    return after


def kept_documents(before: StoredDataset) -> tuple[str | None, bytes | None]:
    """The documents of a dataset as they were uploaded."""
    if before.documents_name is None:
        return None, None
    return before.documents_name, (frame.store().home / "datasets" / before.id / "documents").read_bytes()


def kept_setup(run: StoredRun, after: StoredDataset) -> Setup:
    """The setup of the run as far as the changed file has its columns; without input or answer, a fresh one."""
    columns = read_upload(after.id)[0].columns
    setup = run.plan.setup
    if setup.input not in columns or setup.target not in columns:
        return setup_of(after)
    group, split, document = (name if name in columns else None for name in (setup.group, setup.split, setup.document))
    return replace(setup, group=group, split=split, document=document)


def followed_by(run: StoredRun) -> str | None:
    """The run whose data was changed for this one."""
    try:
        return run.plan.follows
    except BadInput:
        return None
