"""What a run asked of its served models, and at which prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.pairing import words_of
from advisor.plan import Plan
from advisor.schema import ServedFacts
from advisor.shutdowns import shutdown_sentence
from advisor.spending import full_name, prices_of
from eval.money.tokens import Spent
from eval.outcomes import Trial
from strategies.served.address import ServedAddress, is_served
from strategies.served.budget import tuned_from
from strategies.served_workload import Foreseen


def served_facts(
    plan: Plan,
    trials: Sequence[Trial],
    fewer: Mapping[str, Mapping[int, Trial]],
    foreseen: Mapping[str, Foreseen],
) -> tuple[ServedFacts, ...]:
    """One for each served model of the plan, and for each that a service fine-tuned. `fewer` are the trials of learning
    curves, by candidate; `foreseen` the estimates, by model."""
    words = words_of(plan.models)
    prices, sources = prices_of(plan), {full_name(one.model): one.source for one in plan.prices}
    asked = [*trials, *(trial for points in fewer.values() for trial in points.values())]

    def paid_for(model: str) -> Spent | None:
        known = [
            one.paid
            for one in asked
            if one.paid is not None and one.trained_tokens is None and plan.pairing(one.strategy).model == model
        ]
        return sum(known, Spent()) if known else None

    def tuned(trial: Trial) -> ServedFacts:
        host = ServedAddress.parse(plan.pairing(trial.strategy).model).host
        name = f"{trial.settings.get('tuned_model', 'the tuned model')} at {host}"
        trained, price = trial.trained_tokens, trial.training_price
        expected = foreseen.get(tuned_from(plan.pairing(trial.strategy).model))
        return ServedFacts(name, trial.token_price, "", trial.paid, expected, trained=trained, training_price=price)

    base = tuple(
        ServedFacts(
            words[model],
            prices.get(full_name(model)),
            sources.get(full_name(model), ""),
            paid_for(model),
            foreseen.get(model),
            shutdown_sentence(model),
        )
        for model in plan.models
        if is_served(model)
    )
    return (*base, *(tuned(one) for one in trials if one.trained_tokens is not None))
