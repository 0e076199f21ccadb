"""Where people log in: the switch that shares a run with everyone, and who shared the run of somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.storage.stored import StoredRun

ANOTHER = "another comparison"  # what a run is called that the person may not see


def show_sharing(run: StoredRun) -> None:
    """Nothing where nobody logs in."""
    if frame.store().person is None or not run.is_own:
        return
    if not frame.store().owns(run.id):
        st.html(f'<p class="origin" role="note">{escape(_shared_by(run))}</p>')
        return
    key = f"share-{run.id}"
    st.session_state[key] = run.is_shared  # as it is stored by now, also from another tab
    st.toggle(
        "Share this run with everyone who can log in",
        key=key,
        help="They see the report with its test rows and answers, and what those were made from: prompts with solved "
        "examples from your training rows, and passages of your documents. They also see the name, note and tags. "
        "They can't change or delete the run. Your clicks and marks, the files that you uploaded, trained models and "
        "other runs stay private.",
        on_change=_share,
        args=(run.id, key),
    )


def _share(run_id: str, key: str) -> None:
    frame.store().share_run(run_id, bool(st.session_state[key]))


def _shared_by(run: StoredRun) -> str:
    if not run.owner_name:
        return "The person who runs this server shared this run. You can read it, but not change it."
    return f"{run.owner_name} shared this run. You can read it, but not change it."


def sharing_tags(run: StoredRun) -> tuple[str, ...]:
    """Marks a run of somebody else, and an own one that others can see."""
    if frame.store().person is None or not run.is_own:
        return ()
    if not frame.store().owns(run.id):
        return (f"By {run.owner_name}" if run.owner_name else "Shared",)
    return ("Shared",) if run.is_shared else ()


def all_own(runs: Sequence[StoredRun]) -> bool:
    return all(frame.store().owns(run.id) for run in runs)


def title_for_all(run: StoredRun) -> str:
    """What anybody may read of a run that is at work: its title only for those who may see it."""
    seen = {one.id for one in frame.store().runs()}
    return run.title if run.id in seen else ANOTHER
