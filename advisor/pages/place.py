"""Where answers will be made, and what they cost there: fields that the choice of priorities and their trial share."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import streamlit as st

from advisor.hosted import hosted_prices, prices_from
from advisor.pages import frame
from advisor.plan import ERROR_BOUNDS, FACTOR_BOUNDS, Priorities
from advisor.shutdowns import hosted_shutdown_sentence

_PLACES = ("On this machine", "At a provider")


def starting_place(was: Priorities, key: str) -> dict[str, object]:
    """The values that the fields begin with, by their keys."""
    starts: dict[str, object] = {f"{key}place": _PLACES[was.hosted is not None], f"{key}factor": was.tuned_factor}
    if was.hosted is not None:
        starts |= {
            f"{key}hosted": was.hosted,
            f"{key}read-{was.hosted}": was.read_per_million,
            f"{key}written-{was.hosted}": was.written_per_million,
        }
    return starts


def choose_place(was: Priorities, key: str = "") -> Priorities:
    """On this machine, or at a provider that charges per token; `key` begins the keys of the fields, whose values the
    address then keeps."""
    bind: Literal["query-params"] | None = "query-params" if key else None
    place = st.segmented_control(
        "Where the model will run",
        _PLACES,
        default=_PLACES[was.hosted is not None],
        required=True,
        key=f"{key}place",
        bind=bind,
    )
    if place == _PLACES[0]:
        return replace(was, hosted=None, read_per_million=None, written_per_million=None, tuned_factor=None)
    prices = hosted_prices()
    first = st.columns(3)
    named = first[0].selectbox(
        "Hosted model",
        list(dict.fromkeys([*([was.hosted] if was.hosted else []), *prices])),
        index=0 if was.hosted else None,
        placeholder="Search for a provider or model",
        accept_new_options=True,
        key=f"{key}hosted",
        bind=bind,
        help="You can type another name and change the prices.",
    )
    listed = prices.get(named or "")
    is_kept = named == was.hosted
    read = first[1].number_input(
        "Price per million input tokens (USD)",
        *ERROR_BOUNDS,
        was.read_per_million if is_kept else listed.read_per_million if listed else None,
        format="%.4f",
        key=f"{key}read-{named}",
        bind=bind,
        help="A token is a word or a piece of one. Instructions and retrieved passages are input too.",
    )
    written = first[2].number_input(
        "Price per million output tokens (USD)",
        *ERROR_BOUNDS,
        was.written_per_million if is_kept else listed.written_per_million if listed else None,
        format="%.4f",
        key=f"{key}written-{named}",
        bind=bind,
    )
    factor = st.columns(3)[0].number_input(
        "Price factor for a fine-tuned model",
        *FACTOR_BOUNDS,
        was.tuned_factor,
        placeholder="Unknown",
        key=f"{key}factor",
        bind=bind,
        help="How many times as much a fine-tuned model costs per token. If you leave this empty, its cost is "
        "unknown, and we prefer an equally good strategy whose cost is known.",
    )
    frame.small(f"List prices come from {prices_from()}. Setup runs on your machine and is priced by the hour.")
    if ends := hosted_shutdown_sentence(named):
        frame.small(ends)
    if not named or read is None or written is None:
        frame.small("Choose a model and give both prices. Until then, we use the costs on this machine.")
        return was
    return replace(
        was,
        hosted=named,
        read_per_million=read,
        written_per_million=written,
        tuned_factor=factor,
        currency="USD" if listed else was.currency,
    )
