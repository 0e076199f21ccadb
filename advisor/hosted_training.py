"""Hosted fine-tuning in a run: what would be sent where and for how much, the person's consent to it, and the end of
jobs that nobody waits for any more."""

from __future__ import annotations

from advisor.pairing import Pairing, model_words
from advisor.plan import Plan
from advisor.spending import full_name, tuning_prices_of
from advisor.wording import cents_range_text, count_text, rough_text
from eval.task import BadInput, Brief, Split, Task
from strategies.hosted_finetuning import UNTRIED
from strategies.presets import PRESETS
from strategies.registry import BY_SERVICE
from strategies.served.address import ServedAddress
from strategies.served.budget import training_of
from strategies.tuning.chats import TrainingForeseen, foresee_training


def hosted_pairings(plan: Plan) -> tuple[Pairing, ...]:
    """The candidates that a service trains."""
    return tuple(one for one in plan.pairings if one.strategy in BY_SERVICE)


def training_foreseen(plan: Plan, brief: Brief, split: Split) -> TrainingForeseen:
    """What a service would train on; the same for each."""
    return foresee_training(brief, split.without_test, PRESETS[plan.preset].budget(brief.kind))


def training_sentences(plan: Plan, task: Task, split: Split) -> list[str]:
    """What each service will be sent, and what that costs; none if no service trains."""
    trained = hosted_pairings(plan)
    if not trained:
        return []
    foreseen = training_foreseen(plan, task.brief, split)
    return [*(f"{sent_text(one, foreseen, plan)}." for one in trained), UNTRIED]


def sent_text(one: Pairing, foreseen: TrainingForeseen, plan: Plan) -> str:
    """ "Hosted fine-tuning sends 80 training and 20 dev rows to HOST and trains MODEL there on …, for $0.01 to $0.03",
    without a full stop."""
    host = ServedAddress.parse(one.model).host
    tokens = f"{rough_text(foreseen.least_tokens)} to {rough_text(foreseen.most_tokens)} tokens"
    epochs = count_text(foreseen.epochs, "epoch")
    said = (
        f"Hosted fine-tuning sends {rows_text(foreseen)} to {host} and trains {model_words(one.model)} on {tokens} "
        f"({epochs})"
    )
    return f"{said}, {_cost_text(one, foreseen, plan)}"


def rows_text(foreseen: TrainingForeseen) -> str:
    return f"{foreseen.rows:,} training and {foreseen.dev_rows:,} dev rows"


def _cost_text(one: Pairing, foreseen: TrainingForeseen, plan: Plan) -> str:
    price, currency = tuning_prices_of(plan).get(training_of(full_name(one.model))), plan.priorities.currency
    if price is None:
        return "at an unknown price"
    least, most = price.of(foreseen.least_tokens, 0), price.of(foreseen.most_tokens, 0)
    return f"for {cents_range_text(least, most, currency)}"


def check_consent(plan: Plan, brief: Brief, split: Split) -> None:
    """Raises BadInput if a service would be sent training rows, and the person didn't agree to that."""
    trained = hosted_pairings(plan)
    if not trained or plan.sends_training:
        return
    said = sent_text(trained[0], training_foreseen(plan, brief, split), plan)
    raise BadInput(f"{said}. Nothing was sent: agree with --send-training-data, or tick the box on Compare.")


def end_jobs(run_id: str, plan: Plan) -> str | None:
    """Cancels the jobs of a cancelled run. What came of that in words; None if there were none."""
    if not hosted_pairings(plan):
        return None
    from strategies.tuning.training import end_trainings  # its HTTP client takes a second to import

    return " ".join(end_trainings(run_id)) or None
