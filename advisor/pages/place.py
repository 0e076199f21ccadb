"""Where answers will be made, and what they cost there: fields that the choice of priorities and their trial share."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from advisor.hosted import hosted_prices, prices_from
from advisor.pages import frame
from advisor.plan import ERROR_BOUNDS, FACTOR_BOUNDS, Priorities


def choose_place(was: Priorities, key: str = "") -> Priorities:
    """On this machine, or by a hosted model at a price a token; `key` begins the keys of the fields."""
    places = ("On this machine", "By a hosted model")
    place = st.segmented_control(
        "Where answers will be made", places, default=places[was.hosted is not None], required=True, key=f"{key}place"
    )
    if place == places[0]:
        return replace(was, hosted=None, read_per_million=None, written_per_million=None, tuned_factor=None)
    prices = hosted_prices()
    first = st.columns(3)
    named = first[0].selectbox(
        "Hosted model",
        list(dict.fromkeys([*([was.hosted] if was.hosted else []), *prices])),
        index=0 if was.hosted else None,
        placeholder="Search a provider or model",
        accept_new_options=True,
        key=f"{key}hosted",
        help="Prices can be changed, and another name typed.",
    )
    listed = prices.get(named or "")
    is_kept = named == was.hosted
    read = first[1].number_input(
        "US dollars for a million tokens read",
        *ERROR_BOUNDS,
        was.read_per_million if is_kept else listed.read_per_million if listed else None,
        format="%.4f",
        key=f"{key}read-{named}",
        help="A token is a word or a piece of one; the instructions and what was looked up are read too.",
    )
    written = first[2].number_input(
        "US dollars for a million tokens written",
        *ERROR_BOUNDS,
        was.written_per_million if is_kept else listed.written_per_million if listed else None,
        format="%.4f",
        key=f"{key}written-{named}",
    )
    factor = st.columns(3)[0].number_input(
        "A trained model costs so many times as much",
        *FACTOR_BOUNDS,
        was.tuned_factor,
        placeholder="Unknown",
        key=f"{key}factor",
        help="Left empty, what answers of a trained model cost is unknown, and it is taken last among equals.",
    )
    frame.small(f"Listed prices are those of {prices_from()}. Getting ready is paid on the machine.")
    if not named or read is None or written is None:
        frame.small("Until a model and its two prices are given, answers cost what they cost on this machine.")
        return was
    return replace(
        was,
        hosted=named,
        read_per_million=read,
        written_per_million=written,
        tuned_factor=factor,
        currency="USD" if listed else was.currency,
    )
