"""Compare: what hosted fine-tuning would send where, what it costs, and the person's yes to it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from advisor.hosted_training import hosted_pairings, rows_text, sent_text, training_foreseen
from advisor.pages import frame
from advisor.pages.draft import draft_of, split_within
from advisor.pages.marks import plain
from advisor.pairing import Pairing, short_names
from advisor.plan import ERROR_BOUNDS, Plan, TuningPrice
from strategies.hosted_finetuning import UNTRIED
from strategies.served.address import ServedAddress


def choose_training(plan: Plan, name: str, currency: str) -> Plan:
    """The plan with the prices of hosted fine-tuning and the person's consent to it, which is never remembered.
    `name` is that of the dataset."""
    trained = hosted_pairings(plan)
    if not trained:
        return replace(plan, tunings=(), sends_training=False)
    short = short_names(plan.models)
    plan = replace(plan, tunings=tuple(_choose_price(plan, one, short[one.model], currency) for one in trained))
    task = draft_of(plan.dataset_id, name, plan.setup).task
    foreseen = training_foreseen(plan, task.brief, split_within(plan.dataset_id, name, plan.setup, plan.preset))
    agreed = []
    for one in trained:
        host = ServedAddress.parse(one.model).host
        said = sent_text(one, foreseen, replace(plan, priorities=replace(plan.priorities, currency=currency)))
        frame.small(f"{said}. What this run spends there counts towards the limit.")
        label = f"Send {rows_text(foreseen)} to {plain(host)}, and pay for training there"
        agreed.append(st.checkbox(label, key=f"send-training-{one.model}-{foreseen.rows}"))
    frame.small(UNTRIED)
    return replace(plan, sends_training=all(agreed))


def _choose_price(plan: Plan, one: Pairing, short: str, currency: str) -> TuningPrice:
    is_same = currency == plan.priorities.currency
    known = next((each for each in plan.tunings if is_same and each.model == one.model), TuningPrice(one.model, None))
    columns = st.columns(3)

    def price(at: int, what: str, value: float | None, key: str) -> float | None:
        return columns[at].number_input(
            f"{short}, {what} per million tokens ({currency})",
            *ERROR_BOUNDS,
            None if value is None else float(value),
            format="%.4f",
            placeholder="Unknown",
            key=f"{key}-price-{currency}-{one.model}",
        )

    training = price(0, "training", known.training, "training")
    read = price(1, "input once tuned", known.read, "tuned-input")
    written = price(2, "output once tuned", known.written, "tuned-output")
    if read is None or written is None:
        read = written = None
    return TuningPrice(one.model, training, read, written)
