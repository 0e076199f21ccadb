"""What a run will ask of its served models, estimated before it starts, and what that will cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from advisor.as_json import AsJson
from advisor.pairing import model_words
from advisor.plan import Plan
from advisor.spending import full_name, prices_of, tuning_prices_of
from advisor.wording import cents_range_text, rough_text
from eval.money.tokens import Price
from eval.statistics.learning_curve import sizes_of
from eval.task import Split, Task
from strategies.presets import PRESETS
from strategies.registry import BY_SERVICE, LEARNS_FROM_NO_ROWS
from strategies.served.address import is_served
from strategies.served.budget import tuned_from
from strategies.served.capabilities import Capabilities
from strategies.served_workload import LEAST, MOST, Foreseen, foresee_requests, foresee_requests_for_fewer

FORESEEN = AsJson[dict[str, Foreseen]](dict[str, Foreseen])


def estimate_requests(
    task: Task, split: Split, plan: Plan, can: Callable[[str], Capabilities | None]
) -> dict[str, Foreseen]:
    """By served model, as the plan names it; for what a service fine-tunes from it, by `tuned_from` that name. `can`
    gives what its server was seen to do, None if that isn't known."""
    preset = PRESETS[plan.preset]
    budget, test_rows = preset.budget(task.kind), preset.curve_test_rows(task.kind)
    sizes = sizes_of(len(split.train), preset.curve_shares)
    found: dict[str, Foreseen] = {}
    for one in plan.pairings:
        if not is_served(one.model):
            continue
        by_service = one.strategy in BY_SERVICE
        able = can(one.model)
        asked = foresee_requests(one.strategy, task.brief, split, task.documents, budget, able)
        for rows in () if by_service or one.strategy in LEARNS_FROM_NO_ROWS else sizes:
            asked += foresee_requests_for_fewer(
                one.strategy, task.brief, split, task.documents, budget, rows, test_rows, able
            )
        name = tuned_from(one.model) if by_service else one.model
        found[name] = found.get(name, Foreseen()) + asked
    return found


def sentences_on(foreseen: Mapping[str, Foreseen], plan: Plan) -> list[str]:
    """One for each served model and for what is fine-tuned from it, and what isn't foreseen."""
    prices, tunings, currency = prices_of(plan), tuning_prices_of(plan), plan.priorities.currency
    each = []
    for model in plan.models:
        if one := foreseen.get(model):
            each.append(f"{model_words(model)}: {estimate_text(one, prices.get(full_name(model)), currency)}.")
        if one := foreseen.get(tuned_from(model)):
            text = estimate_text(one, tunings.get(tuned_from(full_name(model))), currency)
            each.append(f"{model_words(model)}, once fine-tuned: {text}.")
    return [*each, "These are estimates. Answers kept from earlier runs cost nothing, thoughts of a model cost more."]


def estimate_text(foreseen: Foreseen, price: Price | None, currency: str) -> str:
    """ "about 1,200 requests, 90,000 to 220,000 input and 800 to 2,000 output tokens, $0.01 to $0.04"."""
    read = f"{rough_text(LEAST * foreseen.read)} to {rough_text(MOST * foreseen.read)} input"
    written = f"{rough_text(LEAST * foreseen.written)} to {rough_text(MOST * foreseen.written)} output tokens"
    tokens = (
        f"about {rough_text(foreseen.requests)} requests, {read} "
        f"{f'and {written}' if foreseen.written else 'tokens and no output'}"
    )
    if price is None:
        return f"{tokens}, at an unknown price"
    money = price.of(foreseen.read, foreseen.written)
    return f"{tokens}, {cents_range_text(LEAST * money, MOST * money, currency)}"
