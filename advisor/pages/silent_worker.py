"""A worker that has hung: what that means, and a button that ends it."""

from __future__ import annotations

import streamlit as st

from advisor.pages import frame
from advisor.runs.worker import start_worker
from advisor.storage.presence import SILENT_SECONDS, end_worker


def show_silent_worker() -> None:
    """Nothing unless the worker has been silent for long."""
    store = frame.store()
    if not store.worker_silent():
        return
    frame.problem(
        f"The program that executes runs (the worker) has been silent for more than {SILENT_SECONDS // 60} minutes, so "
        "it has probably hung. If you end it, a new one continues the run from its last finished part."
    )
    if st.button("End the worker and start a new one", key="end-worker", icon=":material/restart_alt:"):
        with frame.waiting("Starting a new worker"):
            end_worker(store.home)
            start_worker(store)
        st.rerun(scope="fragment")
