"""Every strategy there is. A new one is a file and a line here; none is imported until it is asked for."""

from __future__ import annotations

import importlib
from typing import Any

from eval.task import Brief, Kind
from strategies.contract import Strategy
from strategies.presets import Preset

STRATEGIES = {
    "prompting": "strategies.prompting:Prompting",
    "prompting_examples": "strategies.prompting:PromptingWithExamples",
    "retrieval": "strategies.retrieval:Retrieval",
    "finetuning": "strategies.finetuning:Finetuning",
    "full_finetuning": "strategies.full_finetuning:FullFinetuning",
    "retrieval_finetuning": "strategies.retrieval_finetuning:RetrievalFinetuning",
}

TRAINED = ("finetuning", "full_finetuning", "retrieval_finetuning")
LOOKS_UP = ("retrieval", "retrieval_finetuning")
LEARNS_FROM_NO_ROWS = ("prompting",)  # but for the names and lengths that its instruction tells

# What needs no language model, the simplest first, and for which kinds of task.
FLOORS = {
    "majority_label": ("strategies.floors:MajorityLabel", (Kind.CLASSIFICATION,)),
    "nearest_example": ("strategies.floors:NearestExample", tuple(Kind)),
    "tfidf_linear": ("strategies.floors:TfidfLinear", (Kind.CLASSIFICATION,)),
    "char_linear": ("strategies.floors:CharLinear", (Kind.CLASSIFICATION,)),
    "embedding_linear": ("strategies.floors:EmbeddingLinear", (Kind.CLASSIFICATION,)),
    "best_sentence": ("strategies.floors:BestSentence", (Kind.ANSWERING, Kind.WRITING)),
}
_NEEDS_DOCUMENTS = {"best_sentence"}


def floors_for(kind: Kind, has_documents: bool) -> list[str]:
    return [
        name for name, (_, kinds) in FLOORS.items() if kind in kinds and (has_documents or name not in _NEEDS_DOCUMENTS)
    ]


def build_strategy(name: str, brief: Brief, model: str, preset: Preset, seed: int) -> Strategy:
    """The strategy or floor, not yet fitted. A strategy imports torch, so only a process that runs a model calls it."""
    if name in FLOORS:
        return _class_at(FLOORS[name][0])(brief, preset.budget(brief.kind), seed)
    from strategies.engine.weights import load_language_model, model_folder

    model_folder(model)  # fetched and unpacked now, before anybody's clock runs

    return _class_at(STRATEGIES[name])(brief, lambda: load_language_model(model), preset.budget(brief.kind), seed)


def _class_at(place: str) -> Any:
    module, attribute = place.split(":")
    return getattr(importlib.import_module(module), attribute)
