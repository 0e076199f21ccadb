"""Every strategy there is. A new one is a file and a line here; none is imported until it is asked for."""

from __future__ import annotations

import importlib

from eval.task import Brief
from strategies.contract import Strategy
from strategies.presets import Preset

STRATEGIES = {
    "prompting": "strategies.prompting:Prompting",
    "retrieval": "strategies.retrieval:Retrieval",
    "finetuning": "strategies.finetuning:Finetuning",
}


def build_strategy(name: str, brief: Brief, model: str, preset: Preset, seed: int) -> Strategy:
    """The strategy, not yet fitted. Imports torch, so only a process that runs a model calls it."""
    from strategies.weights import load_language_model, model_folder

    model_folder(model)  # fetched and unpacked now, before anybody's clock runs

    module, attribute = STRATEGIES[name].split(":")
    strategy_class = getattr(importlib.import_module(module), attribute)
    return strategy_class(brief, lambda: load_language_model(model), preset.budget(brief.kind), seed)
