"""What a run may spend on the served models it asks, and what their tokens cost."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from advisor.hosted import listed_price, prices_from
from advisor.pairing import model_words
from advisor.plan import ModelPrice, Plan, TuningPrice
from advisor.wording import currency_sign, list_text
from eval.money.tokens import Price
from eval.outcomes import Trial
from eval.task import BadInput
from strategies.registry import BY_SERVICE
from strategies.served.address import ServedAddress, is_served
from strategies.served.answers_kept import AnswersKept, kept_file
from strategies.served.budget import Allowance, Limit, training_of, tuned_from

_NUMBER = r"\s*(?P<{}>\d+(\.\d+)?)\s*"
_TUNING_PRICE = re.compile(
    rf"(?P<model>.+)={_NUMBER.format('training')}(/{_NUMBER.format('read')}/{_NUMBER.format('written')})?", re.ASCII
)
_PRICE = re.compile(r"(?P<model>.+)=\s*(?P<read>\d+(\.\d+)?)\s*/\s*(?P<written>\d+(\.\d+)?)\s*", re.ASCII)


def prices_of(plan: Plan) -> Mapping[str, Price]:
    """The known prices of a plan's served models, by their full name."""
    return {full_name(one.model): Price(one.read, one.written) for one in plan.prices if is_served(one.model)}


def tuning_prices_of(plan: Plan) -> Mapping[str, Price]:
    """The known prices of fine-tuning a plan's served models and of asking what comes of it, by the names under which
    an account counts them."""
    found: dict[str, Price] = {}
    for one in plan.tunings:
        name = full_name(one.model)
        if one.training is not None:
            found[training_of(name)] = Price(one.training, 0.0)
        if one.read is not None and one.written is not None:
            found[tuned_from(name)] = Price(one.read, one.written)
    return found


def full_name(model: str) -> str:
    """A served model as its server and its account know it, however the person wrote it."""
    try:
        return ServedAddress.parse(model).name
    except BadInput:
        return model


def listed(model: str, currency: str) -> ModelPrice | None:
    """The price of a served model in the table, which is in US dollars; None if it lists none, or if the person counts
    in another currency."""
    if currency != "USD" or not is_served(model):
        return None
    try:
        price = listed_price(ServedAddress.parse(model))
    except BadInput:
        return None
    if price is None:
        return None
    return ModelPrice(model, price.read_per_million, price.written_per_million, prices_from())


def with_prices(plan: Plan, given: Sequence[ModelPrice]) -> Plan:
    """The plan with the price of each of its served models: the person's, else the listed one, else none."""
    own = {one.model: one for one in given}
    found = (own.get(model) or listed(model, plan.priorities.currency) for model in plan.models)
    return replace(plan, prices=tuple(one for one in found if one is not None))


def price_in(text: str, models: Sequence[str]) -> ModelPrice:
    """Reads "MODEL=0.15/0.60", where MODEL is one of the served `models`, or its name alone. Raises BadInput."""
    form = "write it as MODEL=0.15/0.60, the prices per million input and output tokens"
    written = _PRICE.fullmatch(text)
    if written is None:
        raise BadInput(f"“{text}” isn't the price of a model: {form}.")
    named, served = written["model"].strip(), [model for model in models if is_served(model)]
    meant = [model for model in served if named in (model, full_name(model), ServedAddress.parse(model).model)]
    if not served:
        raise BadInput(f"“{text}” gives the price of {named}, and none of the models is on a server: leave it out.")
    if len(meant) != 1:
        problem = "fits several models" if meant else "is none of the models on a server"
        raise BadInput(f"“{named}” in “{text}” {problem}: name one of {', '.join(served)}.")
    return ModelPrice(meant[0], float(written["read"]), float(written["written"]))


def tuning_price_in(text: str, models: Sequence[str]) -> TuningPrice:
    """Reads "MODEL=25" or "MODEL=25/0.30/1.20", where MODEL is one of the served `models`, or its name alone. Raises
    BadInput."""
    written = _TUNING_PRICE.fullmatch(text)
    if written is None:
        raise BadInput(
            f"“{text}” isn't the price of fine-tuning a model: write it as MODEL=25, the price per million training "
            "tokens, or MODEL=25/0.30/1.20 with those of input and output tokens of the tuned model."
        )
    named = price_in(f"{written['model']}=0/0", models).model
    read, output = (None if written[each] is None else float(written[each]) for each in ("read", "written"))
    return TuningPrice(named, float(written["training"]), read, output)


def at_own_prices(trials: Sequence[Trial], plan: Plan) -> list[Trial]:
    """The trials of a run, those that a server answered with the price of its tokens, if it is known."""
    prices, tunings = prices_of(plan), tuning_prices_of(plan)

    def priced(trial: Trial) -> Trial:
        if not trial.on_server:
            return trial
        name = full_name(plan.pairing(trial.strategy).model)
        if trial.trained_tokens is None:
            return replace(trial, token_price=price) if (price := prices.get(name)) else trial
        training = tunings.get(training_of(name))
        return replace(
            trial, token_price=tunings.get(tuned_from(name)), training_price=training.read if training else None
        )

    return [priced(trial) for trial in trials]


def unpriced(plan: Plan) -> tuple[str, ...]:
    """The served models that a plan asks, and whose price is unknown. What a service tunes has prices of its own."""
    priced = prices_of(plan)
    asked = {one.model for one in plan.pairings if one.strategy not in BY_SERVICE}
    return tuple(
        model for model in plan.models if is_served(model) and model in asked and full_name(model) not in priced
    )


def check_limit(plan: Plan) -> None:
    """Raises BadInput if the limit of a plan can't be held, or has nothing to hold."""
    limit = plan.limit
    given = [value for value in (limit.money, limit.requests, limit.tokens) if value is not None]
    if any(value <= 0 for value in given):
        raise BadInput("The limit on what a run may spend must be more than 0; leave it out for none.")
    if given and not any(map(is_served, plan.models)):
        raise BadInput("None of the models is on a server, so the run pays for no requests: leave out the limit.")
    if limit.money is not None and (unknown := unpriced(plan)):
        names = list_text([model_words(model) for model in unknown])
        raise BadInput(
            f"A limit in money needs the price of every model on a server, and we don't know that of {names}: give its "
            "price, or limit the requests or the tokens instead."
        )
    if limit.money is not None and (unknown := untuned_price(plan)):
        names = list_text([model_words(model) for model in unknown])
        raise BadInput(
            f"A limit in money needs all prices of fine-tuning {names}: for training, and for input and output tokens "
            "of the tuned model. Give them, or limit the tokens instead."
        )


def untuned_price(plan: Plan) -> tuple[str, ...]:
    """The served models that a service trains in this plan, and whose training or answers have no known price."""
    priced = tuning_prices_of(plan)
    trained = dict.fromkeys(one.model for one in plan.pairings if one.strategy in BY_SERVICE)
    return tuple(one for one in trained if not {training_of(full_name(one)), tuned_from(full_name(one))} <= {*priced})


def allowance_of(run_id: str, plan: Plan, step: str) -> Allowance:
    """What a step of a run may spend: what the whole run may, less what it has spent already."""
    sign = currency_sign(plan.priorities.currency)
    return Allowance(run_id, step, plan.limit, {**prices_of(plan), **tuning_prices_of(plan)}, sign)


def probing(plan: Plan) -> Allowance:
    """What finding out what the servers of a planned run can do may spend: as much as the run. The account is a new
    one, since the run has no id yet; `count_probes` moves it to the run."""
    return allowance_of(f"probes/{secrets.token_hex(8)}", plan, "probes")


def count_probes(spent: Allowance, run_id: str, plan: Plan) -> None:
    """Counts for a run what was spent before it had an id."""
    if not any(map(is_served, plan.models)):
        return
    kept = AnswersKept(kept_file())
    try:
        kept.move_spent(spent.account, run_id).result()
    finally:
        kept.close()


def unlimited(run_id: str, use: str) -> Allowance:
    """For what a person does with a finished run, such as trying it. It is counted apart from what the run spent."""
    return Allowance(f"{run_id}/{use}", use, Limit())
