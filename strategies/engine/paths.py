"""Which path a network takes: our engine (`transformer.py`) where the self-check finds it right, else the code of
transformers (`plain.py`).

The result is kept on disk, so that a network is checked once and not in every process of a run.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import transformers
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from eval.task import BadInput
from strategies.engine.few_rows import FewRowsLinear, compute_as_torch_does, hasten_few_rows
from strategies.engine.local_model import LocalModel
from strategies.engine.plain import PlainModel
from strategies.engine.self_check import reads_ahead, trouble
from strategies.engine.transformer import Transformer


def on_its_path(
    network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, kept_in: Path
) -> LocalModel:
    """The network that was loaded from `folder`, on the path that is right for it. `kept_in` is where the results of
    self-checks are. Raises BadInput if the network doesn't continue a text."""
    file = kept_in / f"{_fingerprint(network, folder)}.json"
    try:
        slow_because = json.loads(file.read_text("utf-8"))["slow_because"]
    except (OSError, ValueError, KeyError, TypeError):
        with _as_torch_computes(network):
            ahead = reads_ahead(network, tokenizer)
        if ahead:
            raise BadInput(
                f"The model in {folder} reads a text in both directions, and Threeways needs a model that continues a "
                "text: choose another."
            ) from None
        slow_because = trouble(network, tokenizer)
        _keep(file, json.dumps({"slow_because": slow_because}))
    if slow_because:
        compute_as_torch_does(network)
    return PlainModel(network, tokenizer, slow_because) if slow_because else Transformer(network, tokenizer)


@contextmanager
def _as_torch_computes(network: PreTrainedModel) -> Iterator[None]:
    hastened = any(type(module) is FewRowsLinear for module in network.modules())
    compute_as_torch_does(network)
    try:
        yield
    finally:
        if hastened:
            hasten_few_rows(network)


def _fingerprint(network: PreTrainedModel, folder: Path) -> str:
    """Changes with everything that decides whether our engine is right: the config, the names and sizes of the weights,
    the device, and the code of both sides. The values of the weights don't."""
    found = hashlib.sha256()
    found.update(f"{torch.__version__} {transformers.__version__} {network.device.type} {network.dtype}".encode())
    found.update((folder / "config.json").read_bytes())
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as opened:
            length = opened.read(8)
            found.update(length + opened.read(int.from_bytes(length, "little")))
    for source in sorted(Path(__file__).parent.glob("*.py")):
        found.update(source.read_bytes())
    return found.hexdigest()


def _keep(file: Path, content: str) -> None:
    """Written beside and renamed, because several processes may do this at once. A folder that can't be written only
    means that the next process checks again."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(content)
        Path(beside).replace(file)
    except OSError:
        return
