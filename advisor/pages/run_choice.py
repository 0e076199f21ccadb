"""Which runs of the history are ticked, kept in the address: `?runs=ID,ID`; with `&view=compare` they are compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from advisor.pages.marks import plain
from advisor.sections.run_list import moment
from advisor.storage.stored import StoredRun

_RUNS, _VIEW, _COMPARE = "runs", "view", "compare"


def chosen_runs() -> list[str]:
    return [run_id for run_id in st.query_params.get(_RUNS, "").split(",") if run_id]


def comparison_address(run_ids: Iterable[str]) -> dict[str, str]:
    """The address at which the history compares these runs."""
    return {_RUNS: ",".join(run_ids), _VIEW: _COMPARE}


def is_comparing() -> bool:
    return st.query_params.get(_VIEW) == _COMPARE and len(chosen_runs()) > 1


def forget_deleted(runs: Sequence[StoredRun]) -> None:
    """Forgets ticks of runs that were deleted."""
    present = {run.id for run in runs}
    chosen = chosen_runs()
    if not present.issuperset(chosen):
        keep_choice(one for one in chosen if one in present)


def keep_choice(run_ids: Iterable[str]) -> None:
    kept = ",".join(run_ids)
    if kept:
        st.query_params[_RUNS] = kept
    else:
        st.query_params.pop(_RUNS, None)


def show_compared(is_it: bool) -> None:
    if is_it:
        st.query_params[_VIEW] = _COMPARE
    else:
        st.query_params.pop(_VIEW, None)


def tick(run: StoredRun, place: DeltaGenerator) -> None:
    """A box that puts the run among the chosen ones."""
    key = f"tick-{run.id}"
    st.session_state[key] = run.id in chosen_runs()
    place.checkbox(
        f"Choose {plain(run.title)}, {moment(run.created_at)}",
        key=key,
        label_visibility="collapsed",
        on_change=_toggle,
        args=(run.id,),
    )


def _toggle(run_id: str) -> None:
    chosen = chosen_runs()
    keep_choice([one for one in chosen if one != run_id] if run_id in chosen else [*chosen, run_id])
