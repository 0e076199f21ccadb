"""Compare: the earlier run whose adapters fine-tuning goes on from."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from advisor.pages import frame
from advisor.plan import Plan
from advisor.runs.tuning_again import runs_to_start_from
from advisor.sections.run_list import moment
from advisor.storage.stored import StoredRun


def choose_start(plan: Plan) -> Plan:
    """Asked only if there is an earlier run with an adapter that this plan can go on from."""
    runs = {run.id: run for run in runs_to_start_from(frame.store(), plan)}
    if not runs:
        return replace(plan, tunes_from=None)
    names = [None, *runs]
    chosen = st.selectbox(
        "Start fine-tuning from",
        names,
        index=names.index(plan.tunes_from) if plan.tunes_from in runs else 0,
        format_func=lambda name: "The base model" if name is None else _title(runs[name]),
        key="tunes-from",
        help="Training goes on from the adapter that the earlier run trained, with the rows of this data. Dev and test "
        "rows that it has learned from are left out.",
    )
    return replace(plan, tunes_from=chosen)


def _title(run: StoredRun) -> str:
    return f"{run.title}, {moment(run.created_at)}"
