"""Keep a changed list of steps, unless it would leave too little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from advisor.pages import frame
from advisor.pages.draft import draft_of
from advisor.plan import Setup
from advisor.storage.stored import StoredDataset
from eval.mapping.steps import Step
from eval.task import BadInput


def keep_steps(dataset: StoredDataset, setup: Setup, steps: Sequence[Step]) -> None:
    """Stores the steps and shows the page again. Undoing is always possible, even where what is left makes no task."""
    changed = replace(setup, steps=tuple(steps))
    if len(changed.steps) >= len(setup.steps):
        try:
            draft_of(dataset.id, dataset.name, changed)
        except BadInput as wrong:
            frame.problem(str(wrong))
            return
    frame.store().save_setup(dataset.id, changed)
    st.rerun()
