"""Ask a fitted strategy with its adapter switched off: the base model answers the same prompts, so that a person sees
what training changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from advisor.pairing import strategy_of
from advisor.runs.order import StepOrder, load_fitted
from advisor.wording import name_of
from eval.task import BadInput
from strategies.contract import Adapted, AsksModel, Strategy
from strategies.registry import DECLARATIONS


def no_adapter(name: str) -> str | None:
    """Why a candidate or baseline has no adapter to switch off, in one sentence; None if it has one."""
    declared = DECLARATIONS[strategy_of(name)]
    if declared.trains == "adapter":
        return None
    if declared.by_service:
        return f"{name_of(name)} was trained by its service, so nothing can be switched off here."
    if declared.trains:
        return f"{name_of(name)} changed the model's own weights, so it has no adapter to switch off."
    return f"{name_of(name)} trains no adapter, so there is none to switch off."


def load_without_adapter(order: StepOrder, share_model: Callable[[Callable[[], Any]], Any] | None = None) -> Strategy:
    """As `load_fitted`, with the adapter switched off: the model that answers is the one before training, which is
    shared. Raises BadInput if there is no adapter."""
    if problem := no_adapter(order.strategy):
        raise BadInput(problem)
    strategy = load_fitted(order)
    if not isinstance(strategy, Adapted):
        raise BadInput(f"The {order.strategy} of run {order.run_folder.name} was fitted without an adapter.")
    if share_model is not None and isinstance(strategy, AsksModel):
        strategy.load_model = partial(share_model, strategy.load_model)
    strategy.switch_off()
    return strategy
