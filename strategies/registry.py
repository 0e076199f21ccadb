"""All strategies. A new one needs its file and a line here. Everything else it declares itself."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from eval.task import BadInput, Brief, Kind
from strategies.base_models import loader_of, refusal
from strategies.contract import Strategy
from strategies.declaration import Declaration
from strategies.presets import Preset
from strategies.served.budget import NO_LIMIT, Allowance

STRATEGIES = {  # the simplest first
    "prompting": "strategies.prompting:Prompting",
    "prompting_examples": "strategies.prompting:PromptingWithExamples",
    "retrieval": "strategies.retrieval:Retrieval",
    "finetuning": "strategies.finetuning:Finetuning",
    "last_layers": "strategies.last_layers:LastLayers",
    "full_finetuning": "strategies.full_finetuning:FullFinetuning",
    "retrieval_finetuning": "strategies.retrieval_finetuning:RetrievalFinetuning",
    "preference_tuning": "strategies.preference_tuning:PreferenceTuning",
    "hosted_finetuning": "strategies.hosted_finetuning:HostedFinetuning",
}

# Baselines without a language model, the simplest first.
BASELINES = {
    "majority_label": "strategies.baselines:MajorityLabel",
    "commonest_labels": "strategies.baselines:CommonestLabels",
    "median_number": "strategies.baselines:MedianNumber",
    "nearest_example": "strategies.baselines:NearestExample",
    "tfidf_linear": "strategies.linear_baselines:TfidfLinear",
    "char_linear": "strategies.linear_baselines:CharLinear",
    "embedding_linear": "strategies.linear_baselines:EmbeddingLinear",
    "tuned_encoder": "strategies.tuned_encoder:TunedEncoder",
    "tfidf_regression": "strategies.linear_baselines:TfidfRegression",
    "char_regression": "strategies.linear_baselines:CharRegression",
    "embedding_regression": "strategies.linear_baselines:EmbeddingRegression",
    "best_sentence": "strategies.baselines:BestSentence",
}


def class_at(place: str) -> Callable[..., Strategy]:
    """The class of a strategy. Its heavy imports (torch, scikit-learn) load when it is built, not here."""
    module, attribute = place.split(":")
    found: Callable[..., Strategy] = getattr(importlib.import_module(module), attribute)
    return found


def declared_at(place: str) -> Declaration:
    """The declaration of the class at this place. Raises TypeError if it has no declaration of its own."""
    declaration = vars(class_at(place)).get("declaration")  # an inherited one describes another strategy
    if not isinstance(declaration, Declaration):
        raise TypeError(
            f"{place} does not declare itself: give the class a `declaration` of its own (strategies/declaration.py)."
        )
    return declaration


DECLARATIONS = {name: declared_at(place) for name, place in (STRATEGIES | BASELINES).items()}
TRAINED = tuple(name for name in STRATEGIES if DECLARATIONS[name].trains)  # here
BY_SERVICE = tuple(name for name in STRATEGIES if DECLARATIONS[name].by_service)
LOCAL = tuple(name for name in STRATEGIES if name not in BY_SERVICE)  # with a model on this machine
CHANGES_WEIGHTS = tuple(name for name in STRATEGIES if DECLARATIONS[name].changes_weights)
LOOKS_UP = tuple(name for name in STRATEGIES if DECLARATIONS[name].looks_up)
LEARNS_FROM_NO_ROWS = tuple(name for name in STRATEGIES if not DECLARATIONS[name].learns_from_rows)


def baselines_for(kind: Kind, has_documents: bool) -> list[str]:
    declared = {name: DECLARATIONS[name] for name in BASELINES}
    return [name for name, one in declared.items() if kind in one.kinds and (has_documents or not one.needs_documents)]


def build_strategy(
    name: str, brief: Brief, model: str, preset: Preset, seed: int, allowance: Allowance = NO_LIMIT
) -> Strategy:
    """The strategy or baseline, not yet fitted. This loads torch, so only a process that runs a model calls it.
    `allowance` is what may be spent on a served model.

    Raises BadInput if the model can't be had, or if the strategy can't work with it.
    """
    if name in BASELINES:
        return class_at(BASELINES[name])(brief, preset.budget(brief.kind), seed)
    if problem := refusal(model, DECLARATIONS[name], ask=True):
        raise BadInput(problem)
    return class_at(STRATEGIES[name])(brief, loader_of(model, allowance), preset.budget(brief.kind), seed)
