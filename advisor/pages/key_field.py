"""The key of a server, typed on a page: handed to the worker at once, and kept by no page."""

from __future__ import annotations

import streamlit as st

from advisor.pages import frame
from advisor.pages.marks import plain
from advisor.runs.key_socket import send_key
from advisor.runs.worker import start_worker
from eval.task import BadInput
from strategies.served.address import ServedAddress
from strategies.served.keys import typed_key, variable_for

KEPT_IN_MEMORY = "The key stays in the memory of the program that executes runs, and is forgotten when that ends."


def ask_for_key(host: str) -> None:
    """A field for the key that a run waits for."""
    field, problem = f"key-of-{host}", f"problem-of-{host}"
    with st.form(f"ask-{host}", border=False):
        st.text_input(f"Key of {plain(host)}", type="password", key=field, help=KEPT_IN_MEMORY)
        st.form_submit_button("Use this key", type="primary", on_click=lambda: _take(host, field, problem))
    if said := st.session_state.get(problem):
        frame.problem(said)


def taken_from(field: str) -> str:
    """What was typed into a field, which is empty from now on. Only a callback may do this."""
    typed = str(st.session_state.get(field) or "")
    st.session_state[field] = ""
    return typed


def _take(host: str, field: str, problem: str) -> None:
    st.session_state.pop(problem, None)
    try:
        key = typed_key(taken_from(field))
        start_worker(frame.store())
        send_key(frame.store(), host, key, variable_for(ServedAddress("", f"https://{host}/v1")))
    except BadInput as wrong:
        st.session_state[problem] = str(wrong)
