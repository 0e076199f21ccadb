"""What `make gpu` measures with: networks, prompts and rows, full on a GPU and tiny in a rehearsal on a CPU.

Needs torch, transformers and peft alone, and nothing but this checkout: where the embedded model's package is missing,
a network of its shape with random weights takes its place.
"""

from __future__ import annotations

import csv
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, LlamaConfig, PreTrainedModel

from eval.task import BadInput
from strategies.engine.few_rows import hasten_few_rows
from strategies.engine.language_model import Message, Prompt
from strategies.engine.local_model import LocalModel
from strategies.engine.loss import Pair
from strategies.engine.models import BYTES_TRAINED, EMBEDDED, EMBEDDED_NAME
from strategies.engine.training import cut_pair, free_bytes
from strategies.engine.transformer import Transformer
from strategies.engine.weights import model_folder
from tests.tiny_networks import TESTED

ROOT = Path(__file__).parents[3]
TOKENIZER = ROOT / "tests" / "fixtures" / "tiny_tokenizer"
ROWS = ROOT / "examples" / "support_tickets.csv"
EMBEDDED_SHAPE = {
    "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
    "intermediate_size": 1536, "vocab_size": 49_152, "tie_word_embeddings": True,
}  # fmt: skip
# Of the sizes that people serve: 1.7 and 0.5 billion parameters. The first that can be trained in full is taken.
LARGER_SHAPES = (
    {"hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 32, "num_key_value_heads": 32,
     "intermediate_size": 8192, "vocab_size": 49_152, "tie_word_embeddings": True},
    {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "num_key_value_heads": 16,
     "intermediate_size": 4096, "vocab_size": 49_152, "tie_word_embeddings": True},
)  # fmt: skip
TINY_SHAPE = {
    "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 96, "vocab_size": 2_048, "tie_word_embeddings": True,
}  # fmt: skip
Rows = list[dict[str, Any]]  # of a part: what a figure is called, and the figure
SPREAD = 0.1  # of random weights; with the usual 0.02, logits would be so alike that rounding decides a text


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: prompts compared with the CPU and tokens written to each; rows trained on with an adapter
    and with all weights, and the learning rates; prompts and rows timed, tokens written in that time, and rounds; and
    the architectures whose path is looked at."""

    compared: int
    written: int
    adapted: int
    adapter_rate: float
    fully_trained: int
    full_rate: float
    timed: int
    timed_tokens: int
    rounds: int
    kinds: tuple[str, ...]


FULL = Sizes(
    64, 16, adapted=160, adapter_rate=1e-3, fully_trained=64, full_rate=1e-4, timed=64, timed_tokens=64, rounds=3,
    kinds=TESTED,
)  # fmt: skip
REHEARSAL = Sizes(
    4, 3, adapted=8, adapter_rate=1e-2, fully_trained=8, full_rate=1e-2, timed=2, timed_tokens=3, rounds=1,
    kinds=("gemma2", "mamba", "mistral"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bench:
    """The device to try, the folder of the model that is compared with the CPU and what its weights are, the folder of
    a larger one with random weights, and the sizes."""

    device: torch.device
    folder: Path
    weights: str
    larger: Path
    larger_parameters: int
    sizes: Sizes

    @staticmethod
    def prepared(device: torch.device, folder: Path) -> Bench:
        """With everything that has to be on disk, in `folder`. On a CPU it is a rehearsal."""
        if device.type == "cpu":
            small, weights, shape = saved_at_random(folder / "model", TINY_SHAPE, device), "random, tiny", TINY_SHAPE
        else:
            small, weights = embedded_or_random(folder / "model", device)
            shape = next((shape for shape in LARGER_SHAPES if fits_in_training(shape, device)), LARGER_SHAPES[-1])
        larger = saved_at_random(folder / "larger", shape, device)
        sizes = REHEARSAL if device.type == "cpu" else FULL
        return Bench(device, small, weights, larger, parameters_of(shape), sizes)

    def model(self, device: torch.device, dtype: torch.dtype) -> Transformer:
        """The compared model on our engine, fresh."""
        return _model(self.folder, device, dtype)

    def larger_model(self) -> Transformer:
        """The larger model on our engine in bfloat16, fresh."""
        return _model(self.larger, self.device, torch.bfloat16)

    def network(self) -> PreTrainedModel:
        """The larger model as transformers loads it, fresh."""
        return _network(self.larger, self.device, torch.bfloat16)


def embedded_or_random(folder: Path, device: torch.device) -> tuple[Path, str]:
    """The embedded model's folder, or one of its shape with random weights; and which it is."""
    try:
        return model_folder(EMBEDDED), EMBEDDED_NAME
    except (BadInput, ImportError):  # its package, or what reads it, isn't installed
        return saved_at_random(folder, EMBEDDED_SHAPE, device), f"random, in the shape of {EMBEDDED_NAME}"


def saved_at_random(folder: Path, shape: dict[str, Any], device: torch.device) -> Path:
    """A model folder in Llama's architecture with random weights in bfloat16 and a small tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    config = _config(shape, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    torch.manual_seed(0)
    with device:
        network = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def fits_in_training(shape: dict[str, Any], device: torch.device) -> bool:
    return 1.2 * parameters_of(shape) * BYTES_TRAINED < free_bytes(device)


def parameters_of(shape: dict[str, Any]) -> int:
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(_config(shape))
    return sum(weight.numel() for weight in network.parameters())


def _config(shape: dict[str, Any], **ids: Any) -> LlamaConfig:
    return LlamaConfig(**shape, **ids, max_position_embeddings=4_096, initializer_range=SPREAD)


def _model(folder: Path, device: torch.device, dtype: torch.dtype) -> Transformer:
    network = _network(folder, device, dtype)
    if device.type == "cpu":
        hasten_few_rows(network)
    return Transformer(network, AutoTokenizer.from_pretrained(folder))


def _network(folder: Path, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
    config = AutoConfig.from_pretrained(folder)  # of its own: setting our attention on a network changes its config
    network: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=dtype)
    network.to(device)  # type: ignore[arg-type]  # the stub of a decorated method loses its self
    network.eval()
    return network


@dataclass(frozen=True, slots=True)
class Tickets:
    """Messages to a shop and their categories, asked as prompting does; labels in the order of the alphabet."""

    prompts: list[Prompt]
    targets: list[str]
    labels: list[str]

    @staticmethod
    def read() -> Tickets:
        with ROWS.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        labels = sorted({row["category"] for row in rows})
        instruction = Message("system", f"Sort the message into one of these categories: {', '.join(labels)}.")
        prompts: list[Prompt] = [(instruction, Message("user", row["message"])) for row in rows]
        return Tickets(prompts, [row["category"] for row in rows], labels)

    def pairs(self, model: LocalModel, rows: slice) -> list[Pair]:
        asked = zip(self.prompts[rows], self.targets[rows], strict=True)
        return [cut_pair(model.encode(prompt), [*model.encode_answer(target), model.end]) for prompt, target in asked]


@contextmanager
def peak_memory(device: torch.device) -> Iterator[list[float]]:
    """The most GB of GPU memory that tensors took within the block, in a list that is filled at its end; not measured
    on a CPU, where it stays empty."""
    peak: list[float] = []
    free_memory(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    yield peak
    if device.type == "cuda":
        peak.append(torch.cuda.max_memory_allocated() / 1e9)


def free_memory(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
