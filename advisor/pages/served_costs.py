"""Compare: what the models on servers cost per token, and the most that the run may spend on them."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from advisor.hosted import prices_from
from advisor.pages import frame
from advisor.pages.draft import draft_of, split_within
from advisor.pages.training_costs import choose_training
from advisor.pairing import model_words, short_names
from advisor.plan import ERROR_BOUNDS, ModelPrice, Plan
from advisor.request_estimate import estimate_requests, sentences_on
from advisor.runs.worker import start_worker
from advisor.shutdowns import shutdown_sentence
from advisor.spending import listed, unpriced, untuned_price
from advisor.storage.stored import StoredRun
from strategies.base_models import known_capabilities
from strategies.served.address import is_served
from strategies.served.budget import Limit

_MONEY_BOUNDS = (0.01, 1e6)
_COUNT_BOUNDS = (1, 1_000_000_000_000)


def choose_served_costs(plan: Plan, name: str) -> Plan:
    """The plan with the prices of its served models, a limit, and the person's consent to what a service would be sent
    to train on; unchanged but for old ones if it has none. `name` is that of the dataset."""
    served = [model for model in plan.models if is_served(model)]
    if not served:
        return replace(plan, prices=(), limit=Limit(), tunings=(), sends_training=False)
    currency = st.session_state.get("currency") or plan.priorities.currency  # chosen further down
    frame.section("Before anything runs", "What the models on servers cost, and the most that this run may spend.")
    short = short_names(plan.models)
    found = [_choose_price(plan, model, short[model], currency) for model in served]
    priced = replace(plan, prices=tuple(one for one in found if one is not None))
    priced = choose_training(priced, name, currency)
    return replace(priced, limit=_choose_limit(priced, currency))


def _choose_price(plan: Plan, model: str, short: str, currency: str) -> ModelPrice | None:
    """None as long as the person and the table don't give both prices."""
    of_table = listed(model, currency)
    kept = {one.model: one for one in plan.prices}.get(model) if currency == plan.priorities.currency else None
    start = kept or of_table
    columns = st.columns(2)
    read, written = (
        column.number_input(
            f"{short}: price per million {tokens} tokens ({currency})",
            *ERROR_BOUNDS,
            None if value is None else float(value),
            format="%.4f",
            placeholder="Unknown",
            key=f"{tokens}-price-{currency}-{model}",
        )
        for column, tokens, value in (
            (columns[0], "input", None if start is None else start.read),
            (columns[1], "output", None if start is None else start.written),
        )
    )
    if ends := shutdown_sentence(model):
        frame.small(ends)
    if read is None or written is None:
        frame.small(f"Without both prices, what {model_words(model)} costs stays unknown.")
        return None
    if of_table is not None and (read, written) == (of_table.read, of_table.written):
        frame.small(f"The list price of {model_words(model)}, from {prices_from()}.")
        return of_table
    return ModelPrice(model, read, written)


def _choose_limit(plan: Plan, currency: str) -> Limit:
    """In money where all prices are known, else in requests and tokens."""
    columns = st.columns(3)
    if unpriced(plan) or untuned_price(plan):
        requests = _count(columns[0], "Maximum requests of this run", plan.limit.requests, "max-requests", 100)
        tokens = _count(columns[1], "Maximum tokens of this run", plan.limit.tokens, "max-tokens", 1000)
        frame.small("With all prices, you can limit the money instead.")
        return Limit(requests=requests, tokens=tokens)
    return Limit(money=_money(columns[0], f"Maximum cost of this run ({currency})", plan.limit.money, "max-money"))


def show_requests(plan: Plan, name: str) -> None:
    """What a complete plan will ask of its served models, and what that will cost."""
    if not any(map(is_served, plan.models)):
        return
    task = draft_of(plan.dataset_id, name, plan.setup).task
    split = split_within(plan.dataset_id, name, plan.setup, plan.preset)
    for sentence in sentences_on(estimate_requests(task, split, plan, known_capabilities), plan):
        frame.small(sentence)


def show_stopped(run: StoredRun) -> None:
    """A run that has spent what it may goes on with a higher limit."""
    before, currency = run.plan.limit, run.plan.priorities.currency
    columns = iter(st.columns(3))
    money, requests, tokens = before.money, before.requests, before.tokens
    if money is not None:
        money = _money(next(columns), f"Maximum cost of this run ({currency})", money, "new-max-money")
    if requests is not None:
        requests = _count(next(columns), "Maximum requests of this run", requests, "new-max-requests", 100)
    if tokens is not None:
        tokens = _count(next(columns), "Maximum tokens of this run", tokens, "new-max-tokens", 1000)
    after = Limit(money, requests, tokens)
    pressed = st.button("Continue with this limit", key="continue-with-limit", disabled=after == before, type="primary")
    if pressed:
        frame.store().continue_run(run.id, after)
        start_worker(frame.store())
        st.rerun()


def _money(column: DeltaGenerator, label: str, value: float | None, key: str) -> float | None:
    return column.number_input(
        label,
        *_MONEY_BOUNDS,
        value,
        step=0.5,
        key=key,
        placeholder="No limit",
        help="When requests to servers have cost this much, the run stops and keeps what it has. You can raise the "
        "limit and continue it; no answer is paid for twice.",
    )


def _count(column: DeltaGenerator, label: str, value: int | None, key: str, step: int) -> int | None:
    chosen = column.number_input(
        label,
        *_COUNT_BOUNDS,
        value,
        step=step,
        key=key,
        placeholder="No limit",
        help="When servers have counted this many, the run stops and keeps what it has. You can raise the limit and "
        "continue it; no answer is paid for twice.",
    )
    return None if chosen is None else int(chosen)
