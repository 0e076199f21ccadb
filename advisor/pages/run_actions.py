"""What can be done with the ticked runs: compare, rename, run again, delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from advisor.pages import frame
from advisor.pages.changed_data import ask_for_changed_data
from advisor.pages.draft import setup_of
from advisor.pages.run_choice import chosen_runs, keep_choice, show_compared
from advisor.pages.running import WAITING_STATES
from advisor.pages.sharing import all_own
from advisor.plan import Plan
from advisor.sections.run_list import moment
from advisor.storage.files import bytes_in
from advisor.storage.stored import StoredDataset, StoredRun
from advisor.storage.tuned_models import tuned_models_left
from advisor.wording import count_text, memory_text
from eval.task import BadInput

MOST_COMPARED = 5
_LONGEST_NAME = 120
_LONGEST_NOTE = 2_000


def show_actions(chosen: Sequence[StoredRun]) -> None:
    """A bar that stays in view while runs are ticked; the actions on a single run need exactly one."""
    if not chosen:
        return
    with st.container(key="run-actions", horizontal=True, vertical_alignment="center"):
        st.html(f'<p role="status"><b>{count_text(len(chosen), "run")} ticked</b></p>')
        if st.button("Clear", key="clear-ticks", type="tertiary"):
            keep_choice([])
            st.rerun()
        is_mine = all_own(chosen)
        if len(chosen) == 1 and is_mine:
            _show_single(chosen[0])
        elif len(chosen) == 1:
            pass
        elif len(chosen) <= MOST_COMPARED:
            if st.button(f"Compare {len(chosen)} runs", type="primary", icon=":material/compare_arrows:"):
                show_compared(True)
                st.rerun()
        else:
            frame.small(f"You can compare up to {MOST_COMPARED}.")
        if not is_mine:
            frame.small("Only the person who started a run can change or delete it.")
        elif st.button("Delete", icon=":material/delete:", key="delete-runs"):
            ask_to_delete(chosen)


def _show_single(run: StoredRun) -> None:
    dataset, plan = _dataset(run), _plan(run)
    if st.button("Name, note, tags", icon=":material/edit:"):
        ask_for_name(run)
    reason = (
        "The uploaded file of this run is gone."
        if dataset is None
        else None if plan else "Another version of Threeways planned this run, so its settings can't be read."
    )  # fmt: skip
    if st.button(
        "Run again with these settings", icon=":material/replay:", disabled=reason is not None, help=reason
    ) and dataset is not None and plan is not None:  # fmt: skip
        run_again(run, dataset, plan)
    if st.button("Run again with changed data", icon=":material/upload_file:"):
        ask_for_changed_data(run)


def _dataset(run: StoredRun) -> StoredDataset | None:
    """None if the uploaded file is no longer there."""
    try:
        found = frame.store().dataset(run.dataset_id)
    except BadInput:
        return None
    return found if frame.store().dataset_folder(found.id).exists() else None


def _plan(run: StoredRun) -> Plan | None:
    """None if another version of Threeways wrote it."""
    try:
        return run.plan
    except BadInput:
        return None


def run_again(run: StoredRun, dataset: StoredDataset, plan: Plan) -> None:
    """To the Compare page with the settings of this run. If the columns or rows of its data were changed since, the
    person says which to use."""
    then = replace(plan.setup, own_metric=None)
    if setup_of(dataset) == then:
        frame.go("Compare", dataset=dataset.id, follows=run.id)
    _ask_which_data(run, dataset, plan)


@st.dialog("The data was changed since this run")
def _ask_which_data(run: StoredRun, dataset: StoredDataset, plan: Plan) -> None:
    st.html(
        "<p>After this run, you changed what the columns of this file mean, the instruction, or some rows. "
        "Using the data as it was discards these later changes.</p>"
    )
    with st.container(horizontal=True):
        if st.button("Use the data as it is now", type="primary"):
            frame.go("Compare", dataset=dataset.id, follows=run.id)
        if st.button("Use the data as it was"):
            frame.store().save_setup(dataset.id, replace(plan.setup, own_metric=None))
            frame.go("Compare", dataset=dataset.id, follows=run.id)


@st.dialog("Name, note and tags")
def ask_for_name(run: StoredRun) -> None:
    known = sorted({tag for each in frame.store().runs() for tag in each.tags})
    name = st.text_input("Name", run.given_name, placeholder=run.name, max_chars=_LONGEST_NAME, key="given-name")
    tags = st.multiselect(
        "Tags", known, list(run.tags), accept_new_options=True, placeholder="Choose or type a tag", key="tags"
    )
    note = st.text_area("Note", run.note, max_chars=_LONGEST_NOTE, key="note")
    if st.button("Save", type="primary", key="save-name"):
        frame.store().describe_run(run.id, name, note, tags)
        st.rerun()


@st.dialog("Delete")
def ask_to_delete(runs: Sequence[StoredRun]) -> None:
    """The one confirmation, which says what is deleted."""
    store = frame.store()
    size = sum(bytes_in(store.run_folder(run.id)) for run in runs)
    waiting = [run for run in runs if run.state in WAITING_STATES]
    for run in runs:
        st.text(f"{run.title}, {moment(run.created_at)}")
    these = "this run, its report" if len(runs) == 1 else f"these {len(runs)} runs, their reports"
    data = store.only_used_by(runs)
    stays = "" if data else " The uploaded files stay."
    st.html(
        f"<p>We delete {these}, every answer and the trained models ({memory_text(size)}). "
        f"You can't undo this.{stays}</p>"
    )
    files = (
        "Also delete the uploaded file, which no other run uses"
        if len(data) == 1
        else "Also delete the uploaded files, which no other run uses"
    )
    with_data = bool(data) and st.checkbox(files, key="delete-data")
    for run in runs:
        if left := tuned_models_left(run, store.run_folder(run.id)):
            st.text(left)
    if any(run.state == "running" for run in waiting):
        frame.problem("A run is still running; stop it on its page before you delete it.")
    elif waiting:
        frame.small("A run that waits in the queue won't start.")
    with st.container(horizontal=True):
        label = "Delete it" if len(runs) == 1 else f"Delete {len(runs)} runs"
        if st.button(label, type="primary", key="really-delete", disabled=any(run.state == "running" for run in runs)):
            for run in runs:
                store.delete_run(run.id)
            for one in data if with_data else ():
                store.delete_dataset(one.id)
            keep_choice(one for one in chosen_runs() if one not in {run.id for run in runs})
            st.rerun()
        if st.button("Keep", key="keep-runs"):
            st.rerun()
