"""What a run may spend on the served models it asks, and what their tokens cost."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.plan import Plan
from advisor.wording import currency_sign
from eval.task import BadInput
from strategies.served.address import ServedAddress, is_served
from strategies.served.budget import Allowance, Limit, Price


def prices_of(plan: Plan) -> Mapping[str, Price]:
    """The known prices of a plan's served models, by their full name."""
    return {full_name(one.model): Price(one.read, one.written) for one in plan.prices if is_served(one.model)}


def full_name(model: str) -> str:
    """A served model as its server and its account know it, however the person wrote it."""
    try:
        return ServedAddress.parse(model).name
    except BadInput:
        return model


def allowance_of(run_id: str, plan: Plan, step: str) -> Allowance:
    """What a step of a run may spend: what the whole run may, less what it has spent already."""
    sign = currency_sign(plan.priorities.currency)
    return Allowance(run_id, step, plan.limit, prices_of(plan), sign)


def unlimited(run_id: str, use: str) -> Allowance:
    """For what a person does with a finished run, such as trying it. It is counted apart from what the run spent."""
    return Allowance(f"{run_id}/{use}", use, Limit())
