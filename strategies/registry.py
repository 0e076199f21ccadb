"""Every strategy there is. A new one is a file and a line here: what else must be known of it, it declares itself."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from eval.task import Brief, Kind
from strategies.contract import Strategy
from strategies.declaration import Declaration
from strategies.presets import Preset

STRATEGIES = {  # the simplest first
    "prompting": "strategies.prompting:Prompting",
    "prompting_examples": "strategies.prompting:PromptingWithExamples",
    "retrieval": "strategies.retrieval:Retrieval",
    "finetuning": "strategies.finetuning:Finetuning",
    "last_layers": "strategies.last_layers:LastLayers",
    "full_finetuning": "strategies.full_finetuning:FullFinetuning",
    "retrieval_finetuning": "strategies.retrieval_finetuning:RetrievalFinetuning",
}

# What needs no language model, the simplest first.
BASELINES = {
    "majority_label": "strategies.baselines:MajorityLabel",
    "nearest_example": "strategies.baselines:NearestExample",
    "tfidf_linear": "strategies.baselines:TfidfLinear",
    "char_linear": "strategies.baselines:CharLinear",
    "embedding_linear": "strategies.baselines:EmbeddingLinear",
    "best_sentence": "strategies.baselines:BestSentence",
}


def class_at(place: str) -> Callable[..., Strategy]:
    """The class of a strategy. What computes (torch, scikit-learn) is loaded when it is built, not here."""
    module, attribute = place.split(":")
    found: Callable[..., Strategy] = getattr(importlib.import_module(module), attribute)
    return found


def declared_at(place: str) -> Declaration:
    """What the class at this place declares. Raises TypeError where it declares nothing of its own."""
    declaration = vars(class_at(place)).get("declaration")  # one that is inherited speaks of another strategy
    if not isinstance(declaration, Declaration):
        raise TypeError(
            f"{place} does not declare itself: give the class a `declaration` of its own (strategies/declaration.py)."
        )
    return declaration


DECLARATIONS = {name: declared_at(place) for name, place in (STRATEGIES | BASELINES).items()}
TRAINED = tuple(name for name in STRATEGIES if DECLARATIONS[name].trains)
LOOKS_UP = tuple(name for name in STRATEGIES if DECLARATIONS[name].looks_up)
LEARNS_FROM_NO_ROWS = tuple(name for name in STRATEGIES if not DECLARATIONS[name].learns_from_rows)


def baselines_for(kind: Kind, has_documents: bool) -> list[str]:
    declared = {name: DECLARATIONS[name] for name in BASELINES}
    return [name for name, one in declared.items() if kind in one.kinds and (has_documents or not one.needs_documents)]


def build_strategy(name: str, brief: Brief, model: str, preset: Preset, seed: int) -> Strategy:
    """The strategy or baseline, not yet fitted. It loads torch, so only a process that runs a model calls it."""
    if name in BASELINES:
        return class_at(BASELINES[name])(brief, preset.budget(brief.kind), seed)
    from strategies.engine.weights import load_language_model, model_folder

    model_folder(model)  # fetched and unpacked now, before anybody's clock runs

    return class_at(STRATEGIES[name])(brief, lambda: load_language_model(model), preset.budget(brief.kind), seed)
