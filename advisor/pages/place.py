"""Where answers will be made, and what they cost there: fields that the choice of priorities and their trial share."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from advisor.hosted import hosted_prices, prices_from
from advisor.pages import frame
from advisor.plan import ERROR_BOUNDS, FACTOR_BOUNDS, Priorities


def choose_place(was: Priorities, key: str = "") -> Priorities:
    """On this machine, or at a provider that charges per token; `key` begins the keys of the fields."""
    places = ("On this machine", "At a provider")
    place = st.segmented_control(
        "Where the model will run", places, default=places[was.hosted is not None], required=True, key=f"{key}place"
    )
    if place == places[0]:
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
        help="A token is a word or a piece of one. Instructions and retrieved passages are input too.",
    )
    written = first[2].number_input(
        "Price per million output tokens (USD)",
        *ERROR_BOUNDS,
        was.written_per_million if is_kept else listed.written_per_million if listed else None,
        format="%.4f",
        key=f"{key}written-{named}",
    )
    factor = st.columns(3)[0].number_input(
        "Price factor for a fine-tuned model",
        *FACTOR_BOUNDS,
        was.tuned_factor,
        placeholder="Unknown",
        key=f"{key}factor",
        help="How many times as much a fine-tuned model costs per token. If you leave this empty, its cost is "
        "unknown, and we prefer an equally good strategy whose cost is known.",
    )
    frame.small(f"List prices come from {prices_from()}. Setup runs on your machine and is priced by the hour.")
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
