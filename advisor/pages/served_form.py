"""A model behind a server: its address, its name and its key, and what the server can do."""

from __future__ import annotations

from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.key_field import KEPT_IN_MEMORY, taken_from
from advisor.pages.marks import definitions
from advisor.pairing import model_words
from advisor.runs.connection import Connected, ConnectionTest
from advisor.served_words import capabilities_in_words
from advisor.wording import count_text
from eval.task import BadInput
from strategies.served.adapters import adapter_sentence
from strategies.served.address import ServedAddress
from strategies.served.keys import typed_key

_SECONDS_BETWEEN_LOOKS = 1.0
_TRAINS = (
    "The server offers fine-tuning, so a run can have this model trained there. Nothing is sent for that before you "
    "agree."
)


def ask_for_served(place: str) -> Connected | None:
    """The form and what its last test found; None until a model has answered. `place` tells the forms apart."""
    test: ConnectionTest | None = st.session_state.get(_key(place, "test"))
    found = test.found if test else None
    models = found.models if found else ()
    if found and found.address.model and not st.session_state.get(_key(place, "model")):
        st.session_state[_key(place, "model")] = found.address.model
    with st.form(_key(place, "form"), border=False):
        left, right = st.columns(2, gap="medium")
        left.text_input(
            "Address of the server",
            key=_key(place, "url"),
            placeholder="http://localhost:8000/v1",
            help="Where its OpenAI-compatible API begins. vLLM, SGLang, llama.cpp, Ollama, LM Studio, OpenRouter, "
            "Azure and OpenAI have one.",
        )
        known = st.session_state.get(_key(place, "model"))
        right.selectbox(
            "Model",
            list(dict.fromkeys([*models, *([known] if known else [])])),
            index=None,
            accept_new_options=True,
            key=_key(place, "model"),
            placeholder="Choose or type its name" if models else "Leave it empty to see what the server has",
        )
        left, right = st.columns(2, gap="medium")
        left.text_input(
            "Key",
            type="password",
            key=_key(place, "key"),
            placeholder="Only if the server wants one",
            help=f"{KEPT_IN_MEMORY} It is never written to disk. A key in an environment variable is found too.",
        )
        with right.container(height="stretch", vertical_alignment="bottom"):
            st.form_submit_button("Test the connection", on_click=lambda: _start(place), width="stretch")
    if said := st.session_state.get(_key(place, "problem")):
        frame.problem(said)
        return None
    if test is None:
        frame.small(
            "The test asks some twenty short questions. A paid service charges for them, usually less than a cent."
        )
        return None
    if found is None:
        _wait_for(test)
        return None
    return found if _show(found) else None


def _start(place: str) -> None:
    st.session_state.pop(_key(place, "problem"), None)
    typed = taken_from(_key(place, "key"))
    try:
        model = st.session_state.get(_key(place, "model")) or ""
        address = ServedAddress.typed(st.session_state.get(_key(place, "url")) or "", model)
        key = typed_key(typed) if typed.strip() else None
    except BadInput as wrong:
        st.session_state[_key(place, "problem")] = str(wrong)
        return
    st.session_state[_key(place, "test")] = ConnectionTest(frame.store(), address, key)


def _wait_for(test: ConnectionTest) -> None:
    @st.fragment(run_every=_SECONDS_BETWEEN_LOOKS)
    def look_again() -> None:
        if test.found is not None:
            st.rerun()
        st.html(
            f'<p class="quiet small" role="status">We\'re asking the server at {escape(test.address.host)}: '
            f"{test.seconds:.0f} s so far.</p>"
        )

    look_again()


def _show(found: Connected) -> bool:
    """Whether the model answered."""
    host = found.address.host
    if found.problem:
        frame.problem(found.problem)
    elif found.capabilities is None:
        frame.small(f"{host} has {count_text(len(found.models), 'model')}. Choose one, and test the connection again.")
    else:
        st.html(f'<p role="status"><b>{escape(model_words(found.address.name))} answers.</b></p>')
        said = capabilities_in_words(found.capabilities, found.first_token_seconds)
        if found.adapter_of:
            said.append(("Adapter", adapter_sentence(found.address.model, found.adapter_of)))
        if found.trains:
            said.append(("Fine-tuning", _TRAINS))
        st.html(definitions(said))
        if not found.address.is_on_this_machine:
            frame.small(f"A run sends your rows, and passages of your documents, to {host}.")
        if found.address.is_open_to_readers:
            frame.small(
                f"The connection to {host} isn't encrypted, so others on the way could read your data and your key. "
                "Use an https address if there is one."
            )
        return True
    return False


def _key(place: str, part: str) -> str:
    return f"served-{part}-{place}"
