"""A candidate of a run: a strategy with the model it asks.

The name of a candidate is its key everywhere: of its step and its folder, in the addresses of pages, in JSON. In a run
with one model it is the strategy's own name, such as "finetuning". In a run with several it also has the model's short
name, such as "finetuning@SmolLM2-135M-Instruct", so that the key alone says both, without the plan.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.task import Example
from strategies.base_models import refusal
from strategies.declaration import lacking
from strategies.engine.models import EMBEDDED, EMBEDDED_NAME, check_training
from strategies.registry import DECLARATIONS, STRATEGIES
from strategies.served.address import is_served, without_way

MOST_CANDIDATES = 12  # more fit into no table or chart

_AT = "@"
_SERVED = re.compile(r"served:(?P<model>.+)@https?://(?P<host>[^/]+).*")
_LONGEST = 40  # characters of a short name, so that a folder can be named after it
_NOT_IN_A_KEY = re.compile(r"[^\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pairing:
    """`name` is the key; `model` is as a plan names it: "embedded", a hub id, a path or the address of a served one."""

    name: str
    strategy: str
    model: str


def pairings_of(chosen: Sequence[tuple[str, Sequence[str]]]) -> tuple[Pairing, ...]:
    """The candidates of these models, each with its strategies, in this order."""
    short = short_names([model for model, _ in chosen])
    return tuple(
        Pairing(with_model(strategy, short[model]) if len(chosen) > 1 else strategy, strategy, model)
        for model, strategies in chosen
        for strategy in strategies
    )


def refusal_of(strategy: str, model: str, ask_hub: bool = False) -> str | None:
    """Why this strategy can't use this model here, in one sentence; None if no problem is known."""
    declared = DECLARATIONS[strategy]
    return refusal(model, declared, ask_hub) or (
        None if is_served(model) else check_training(model, declared.trains, ask_hub)
    )


def lacks(strategy: str, train: Sequence[Example]) -> str | None:
    """What the training rows lack for this strategy, in one sentence; None if nothing."""
    return lacking(DECLARATIONS[strategy], train)


def paired(
    models: Sequence[str], strategies: Sequence[str]
) -> tuple[list[tuple[str, tuple[str, ...]]], tuple[str, ...]]:
    """Each of several models with every strategy that can use it, and a sentence for each that has to do without some.

    Strategies that nobody knows stay, so that they are refused by name.
    """
    chosen, left_out, short = [], [], short_names(models)
    for model in models:
        refused = {
            one: why
            for one in strategies
            if one in STRATEGIES and (why := refusal_of(one, model, ask_hub=True)) is not None
        }
        chosen.append((model, tuple(one for one in strategies if one not in refused)))
        if refused:
            left_out.append(left_out_sentence(short[model], refused))
    return chosen, tuple(left_out)


def left_out_sentence(short: str, refused: Mapping[str, str]) -> str:
    """Which strategies a model has to do without, and why: of the reasons for each in `refused`, one is enough."""
    *others, last = (DECLARATIONS[one].words.name.lower() for one in refused)
    names = f"{', '.join(others)} and {last}" if others else last
    return f"With {short} we leave out {names}. {next(iter(refused.values()))}"


def with_model(strategy: str, short: str) -> str:
    """The name of a candidate in a run with several models."""
    return f"{strategy}{_AT}{short}"


def strategy_of(name: str) -> str:
    """The strategy in the name of a candidate. A baseline, a step or a name from elsewhere stays as it is."""
    strategy, _, model = name.partition(_AT)
    return strategy if model and strategy in STRATEGIES else name


def model_in(name: str) -> str | None:
    """The short name of the model in the name of a candidate; None in a run with one model."""
    strategy, _, model = name.partition(_AT)
    return model if model and strategy in STRATEGIES else None


def model_words(model: str) -> str:
    """A model as people name it, with its server if it has one."""
    if served := _SERVED.fullmatch(model):
        return f"{without_way(served['model'])} at {served['host']}"
    return EMBEDDED_NAME if model == EMBEDDED else without_way(model)


def words_of(models: Sequence[str]) -> dict[str, str]:
    """The words for each model of a run; in full where two would have the same."""
    words = {model: model_words(model) for model in models}
    often = Counter(words.values())
    return {model: name if often[name] == 1 else model for model, name in words.items()}


def short_names(models: Sequence[str]) -> dict[str, str]:
    """A short name for each model, fit for a file name, and different from the others in any spelling."""
    found: dict[str, str] = {}
    for model in dict.fromkeys(models):
        served = _SERVED.fullmatch(model)
        last = re.split(r"[/\\]", (served["model"] if served else model_words(model)).rstrip("/\\"))[-1]
        short = _NOT_IN_A_KEY.sub("-", last.removesuffix(".gguf")).strip("-.")[:_LONGEST] or "model"
        taken = {one.casefold() for one in found.values()}
        name, number = short, 2
        while name.casefold() in taken:
            name, number = f"{short}-{number}", number + 1
        found[model] = name
    return found
