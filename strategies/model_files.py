"""What may be read of a model that somebody else made: data, never code.

The files of a model's folder can send transformers, sentence-transformers and peft elsewhere in many ways: to Python
code, to pickled weights, to another model, to compiled kernels on the hub. A folder that does so is refused before any
of them reads it, and of a repository on the hub only files with data are fetched. Doesn't need torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

import huggingface_hub  # its parts are imported on first use: half a second, only for models from the hub

from eval.task import BadInput

# Descriptions, weights and vocabularies. Python files and pickled weights (.bin, .pt) stay on the hub.
FETCHED = ("*.json", "*.safetensors", "*.gguf", "*.jinja", "*.txt", "*.model", "*.tiktoken")
_ADAPTER = "adapter_config.json"
_DEPTH = ("*.json", "*/*.json", "*/*/*.json")  # parts of sentence-transformers lie in folders, those of a router deeper
# The parts of sentence-transformers that load nothing but what lies in their own folder.
_PARTS = "Transformer|Pooling|Normalize|Dense|LayerNorm|Dropout|WeightedLayerPooling|StaticEmbedding|LogitScore|Router"
_PART = re.compile(rf"sentence_transformers(\.[a-z_]+)+\.({_PARTS})", re.ASCII)
_ACTIVATION = re.compile(r"torch\.nn\.modules\.(activation|linear)\.\w+", re.ASCII)
_PLACE = re.compile(r"[\w-][\w.-]*|", re.ASCII)
_SAFETENSORS = re.compile(r"[\w-][\w.-]*\.safetensors", re.ASCII)
_OPTIONS_OF = ("model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs")
# What a folder may ask of the loading of its own network or tokenizer.
_OPTIONS = {
    "add_pooling_layer",
    "attn_implementation",
    "deterministic_flash_attn",
    "do_lower_case",
    "dtype",
    "max_length",
    "model_max_length",
    "num_labels",
    "padding_side",
    "reference_compile",
    "torch_dtype",
    "truncation_side",
    "unpad_inputs",
    "use_fast",
    "use_memory_efficient_attention",
}
_MOST_FILES = 10_000
_SAMPLE_BYTES = 2**20
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # Git's for small files, SHA-256 for large ones


def problem_in(model: Path) -> str | None:
    """Why nothing of a model's folder, or of the folder of a .gguf file, may be loaded, in one sentence; None if it is
    data. Files that aren't JSON are left to what loads them."""
    folder = model if model.is_dir() else model.parent
    for file in sorted(file for depth in _DEPTH[: 3 if folder == model else 1] for file in folder.glob(depth)):
        if file.name == _ADAPTER:  # transformers would load another base model, the one that it names
            return (
                f"The folder {file.parent} contains an adapter: merge it into its base model, and choose the merged "
                "model."
            )
        if folder != model or not ("config" in file.name or file.name == "modules.json"):
            continue
        try:
            described = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if wanted := next(_asked_elsewhere(file.name, described), None):
            return f"The file {file} asks for {wanted}, and Threeways loads nothing but the model's own data."
    return None


def on_disk(name: str) -> Path | None:
    """The folder or file of this name; None if there is none, or if it can't be the name of one."""
    try:
        path = Path(name).expanduser()
        return path if name and path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long; in the home of nobody
        return None


def fetched(name: str) -> Path | None:
    """The folder of a model of the hub, if it was fetched. Doesn't use the network."""
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    repository, commit = parts_of(name)
    try:
        return Path(
            huggingface_hub.snapshot_download(
                repository, revision=commit, allow_patterns=list(FETCHED), local_files_only=True
            )
        )
    except (LocalEntryNotFoundError, HFValidationError):
        return None


def fetch(name: str) -> Path:
    """The folder of a model of the hub, at the commit that this machine looked at first. Raises the hub's errors."""
    repository, commit = pinned(name)
    return Path(huggingface_hub.snapshot_download(repository, revision=commit, allow_patterns=list(FETCHED)))


def data_folder(name: str) -> Path:
    """The folder of a model by its path or hub id, fetched if necessary. Raises BadInput if it asks for more than its
    own data, and the hub's errors."""
    folder = on_disk(name) or fetched(name)
    if folder is None or not (folder.is_file() or any(folder.rglob("*.safetensors"))):  # perhaps its description alone
        folder = on_disk(name) or fetch(name)
    if problem := problem_in(folder):
        raise BadInput(problem)
    return folder


def fingerprint(place: Path | None) -> str:
    """Changes with the files of a folder, or with a file; "" for nothing. Reads no more than their sizes and times."""
    if place is None:
        return ""
    facts = []
    for file in _files_in(place) if place.is_dir() else [place]:
        with suppress(OSError):  # others' files in a folder that is no model, such as /proc
            if file.is_file():
                facts.append((file.name, file.stat().st_size, _changes_with(file)))
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def likeness(place: Path) -> str:
    """The same on every machine where the files of a model are: by their names, their sizes, and the first and last MiB
    of each."""
    found = hashlib.sha256()
    for file in _files_in(place) if place.is_dir() else [place]:
        if file.is_file() and (file == place or any(file.match(pattern) for pattern in FETCHED)):
            with file.open("rb") as stream:
                size = file.stat().st_size
                first = stream.read(_SAMPLE_BYTES)
                stream.seek(max(0, size - _SAMPLE_BYTES))
                found.update(repr((file.name, size)).encode() + first + stream.read(_SAMPLE_BYTES))
    return found.hexdigest()


def _files_in(folder: Path) -> list[Path]:
    """As deep as those of a model lie. In any other folder, the first ones found: it may be a whole disk."""
    found = chain.from_iterable(folder.glob(depth) for depth in ("*", "*/*", "*/*/*"))
    return sorted(islice(found, _MOST_FILES))


def _changes_with(file: Path) -> str | int:
    """The hash of its content if the hub's cache keeps it under that, which is the same on every machine. Otherwise
    the time at which it was written."""
    kept_as = file.resolve().name
    return kept_as if file.is_symlink() and _HASH.fullmatch(kept_as) else file.stat().st_mtime_ns


def parts_of(name: str) -> tuple[str, str | None]:
    """A model's id on the hub, and the commit that may follow an "@", whatever its owner publishes later."""
    repository, _, commit = name.rpartition("@")
    return (repository, commit) if _COMMIT.fullmatch(commit) else (name, None)


def pinned(name: str) -> tuple[str, str | None]:
    """A model's id on the hub, and the commit to use: the one in its name, or the one whose description this machine
    has; None if it has none. So nothing changes between a check, a run and the next run."""
    repository, commit = parts_of(name)
    if commit is None:
        seen = huggingface_hub.try_to_load_from_cache(repository, "config.json")
        commit = commit_of(Path(seen).parent) if isinstance(seen, str) else None
    return repository, commit


def commit_of(folder: Path) -> str | None:
    """The commit of a folder in the hub's cache; None for any other folder."""
    is_commit = _COMMIT.fullmatch(folder.name) and folder.parent.name == "snapshots"
    return folder.name if is_commit else None


def _asked_elsewhere(name: str, described: Any) -> Iterator[str]:
    """What a description asks for that isn't data of its own folder."""
    if name == "modules.json":
        for part in described if isinstance(described, list) else ():
            if isinstance(part, Mapping):
                yield from _other_part(part.get("path", ""), part.get("type"))
    if not isinstance(described, Mapping):
        return
    types = described.get("types")  # of a router: the class of each part, by its folder
    for place, part in types.items() if isinstance(types, Mapping) else ():
        yield from _other_part(place, part)
    for where in _OPTIONS_OF:
        yield from _other_options(where, described.get(where))
    if described.get("tokenizer_name_or_path") is not None:
        yield f"the tokenizer “{described['tokenizer_name_or_path']}”"
    rest: list[Mapping[str, Any] | list[Any]] = [described]
    while rest:  # not recursive: it may be nested as deeply as JSON can be
        inner = rest.pop()
        for key, value in inner.items() if isinstance(inner, Mapping) else (("", value) for value in inner):
            if isinstance(value, (Mapping, list)):
                rest.append(value)
            yield from _other_value(key, value)


def _other_value(key: str, value: Any) -> Iterator[str]:
    if key.endswith(("attn_implementation", "experts_implementation")) and "/" in json.dumps(value):
        yield f"code from the hub ({key}: {json.dumps(value)})"  # transformers takes owner/name for a kernel
    elif key == "transformers_weights" and not _SAFETENSORS.fullmatch(str(value)):
        yield f"weights that aren't safetensors ({key}: {json.dumps(value)})"
    elif "activation" in key and isinstance(value, str) and "." in value and not _ACTIVATION.fullmatch(value):
        yield f"Python code ({key}: {json.dumps(value)})"


def _other_part(place: Any, part: Any) -> Iterator[str]:
    if not (isinstance(part, str) and _PART.fullmatch(part)):
        yield f"the Python class “{part}”"
    if not (isinstance(place, str) and _PLACE.fullmatch(place)):
        yield f"the folder “{place}”"


def _other_options(where: str, options: Any) -> Iterator[str]:
    for key, value in options.items() if isinstance(options, Mapping) else ():
        is_plain = value is None or isinstance(value, (bool, int, float)) or re.fullmatch(r"[\w-]+", str(value))
        if not (key in _OPTIONS and is_plain) and (key, value) != ("trust_remote_code", False):
            yield f"{key} “{value}” ({where})"
