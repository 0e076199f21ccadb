"""What must be right on a GPU, against float32 on the CPU: scoring, writing, both kinds of training, 4-bit weights, and
the path of each architecture. Every row says whether it is as expected.

bfloat16 rounds, so its numbers are compared with those of transformers in the same precision: ours may be about as far
from the CPU as theirs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel
from safetensors.torch import load_model, save_model
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedModel

from strategies.engine.adapter import add_adapter
from strategies.engine.all_weights import open_all_weights
from strategies.engine.attention import own_attention
from strategies.engine.local_model import LocalModel
from strategies.engine.loss import Pair, mean_loss
from strategies.engine.paths import on_its_path
from strategies.engine.plain import PlainModel
from strategies.engine.self_check import rounding
from strategies.engine.training import Trained, train
from strategies.engine.transformer import Transformer
from tests.benchmarks.gpu.bench import Bench, Rows, Tickets, free_memory
from tests.tiny_networks import save_tiny_network

CPU = torch.device("cpu")
AS_ROUGH = (0.02, 1.25)  # nats, and times the mean error of transformers in bfloat16, that ours may have
SAME_TEXTS = 0.99  # of float32's; a tie in the likeliest token may fall either way
TRAINED_ALIKE = {torch.float32: (0.02, 0.02), torch.bfloat16: (0.05, 0.1)}  # dev loss: nats, and a share of it
SAVED_ALIKE = {torch.float32: 1e-3, torch.bfloat16: 0.1}  # nats per token that merging in this precision may change
DEV_ROWS = 8


def scoring(bench: Bench, tickets: Tickets) -> Rows:
    """Log-probabilities of the labels after some prompts."""
    prompts = tickets.prompts[: bench.sizes.compared]
    wanted = bench.model(CPU, torch.float32).score(prompts, tickets.labels).log_probabilities
    rows = []
    for dtype in (torch.float32, torch.bfloat16):
        model = bench.model(bench.device, dtype)
        found = model.score(prompts, tickets.labels).log_probabilities
        with own_attention(model.network):
            plain = PlainModel(model.network, model.tokenizer).score(prompts, tickets.labels).log_probabilities
        absolute, share = rounding(dtype)
        within = np.abs(found - plain) / (absolute + share * np.abs(plain))
        ours, theirs = np.abs(found - wanted), np.abs(plain - wanted)
        right = (
            within.max() <= 1 if dtype == torch.float32 else ours.mean() <= AS_ROUGH[0] + AS_ROUGH[1] * theirs.mean()
        )
        rows.append(
            {
                "precision": named(dtype),
                "same label as the CPU": alike(found.argmax(1), wanted.argmax(1)),
                "transformers, same label as the CPU": alike(plain.argmax(1), wanted.argmax(1)),
                "mean nats from the CPU": float(ours.mean()),
                "transformers, mean nats from the CPU": float(theirs.mean()),
                "largest nats from transformers": float(np.abs(found - plain).max()),
                "share of what the self-check allows": float(within.max()),
                "as expected": bool(right and np.isfinite(found).all()),
            }
        )
        del model
    return rows


def writing(bench: Bench, tickets: Tickets) -> Rows:
    """Greedy answers to the same prompts."""
    prompts, tokens = tickets.prompts[: bench.sizes.compared], bench.sizes.written
    reference = bench.model(CPU, torch.float32)
    encoded = [reference.encode(prompt) for prompt in prompts]
    wanted = reference.write_tokens(encoded, tokens)
    rows = []
    for dtype in (torch.float32, torch.bfloat16):
        model = bench.model(bench.device, dtype)
        found = model.write_tokens(encoded, tokens)
        with own_attention(model.network):
            plain = PlainModel(model.network, model.tokenizer).write_tokens(encoded, tokens)
        same, theirs = share_alike(found, wanted), share_alike(plain, wanted)
        rows.append(
            {
                "precision": named(dtype),
                "same text as the CPU": alike(found, wanted),
                "transformers, same text as the CPU": alike(plain, wanted),
                "same text as transformers": alike(found, plain),
                "as expected": bool(same >= SAME_TEXTS if dtype == torch.float32 else same >= theirs - 0.1),
            }
        )
        del model
    return rows


def adapter_training(bench: Bench, tickets: Tickets) -> Rows:
    """An adapter trained on the same rows, then saved, loaded into a fresh model and merged."""

    def keep(network: Any, folder: Path) -> None:
        network.save_pretrained(str(folder))

    def load(network: PreTrainedModel, folder: Path) -> Any:
        return PeftModel.from_pretrained(network, str(folder)).merge_and_unload().eval()

    return _trainings(bench, tickets, bench.sizes.adapted, bench.sizes.adapter_rate, _Kept(add_adapter, keep, load))


def full_training(bench: Bench, tickets: Tickets) -> Rows:
    """All weights trained in float32, then saved and loaded into a fresh model."""

    def keep(network: Any, folder: Path) -> None:
        save_model(network, str(folder / "model.safetensors"), metadata={"format": "pt"})

    def load(network: PreTrainedModel, folder: Path) -> Any:
        load_model(network, str(folder / "model.safetensors"))
        return network

    return _trainings(
        bench, tickets, bench.sizes.fully_trained, bench.sizes.full_rate, _Kept(open_all_weights, keep, load)
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    """How a part of a network is opened for training, kept in a folder, and loaded into a fresh network."""

    open: Callable[[PreTrainedModel, int], Any]
    keep: Callable[[Any, Path], None]
    load: Callable[[PreTrainedModel, Path], Any]


def _trainings(bench: Bench, tickets: Tickets, rows: int, rate: float, kept: _Kept) -> Rows:
    found: Rows = []
    reference: Trained | None = None
    for device, dtype in ((CPU, torch.float32), (bench.device, torch.float32), (bench.device, torch.bfloat16)):
        model = bench.model(device, dtype)
        dev, learned = tickets.pairs(model, slice(DEV_ROWS)), tickets.pairs(model, slice(DEV_ROWS, DEV_ROWS + rows))
        network = kept.open(model.network, 0)
        before = mean_loss(network, dev)
        trained = train_once(network, learned, dev, rate)
        with TemporaryDirectory() as folder:
            kept.keep(network, Path(folder))
            del network, model
            free_memory(device)
            fresh = bench.model(device, dtype)
            loaded = mean_loss(kept.load(fresh.network, Path(folder)), dev)
        reference = reference or trained
        absolute, share = TRAINED_ALIKE[dtype]
        saved_alike = abs(loaded - trained.dev_loss) <= SAVED_ALIKE[dtype] * max(1.0, trained.dev_loss)
        trained_alike = abs(trained.dev_loss - reference.dev_loss) <= absolute + share * reference.dev_loss
        found.append(
            {
                "on": device.type,
                "precision": named(dtype),
                "dev loss before": before,
                "after": trained.dev_loss,
                "loaded again": loaded,
                "as expected": bool(trained.dev_loss < before and saved_alike and trained_alike),
            }
        )
        del fresh
        free_memory(device)
    return found


def train_once(network: Any, pairs: Sequence[Pair], dev: Sequence[Pair], rate: float) -> Trained:
    """One epoch, with one look at the dev rows at its end."""
    tokens = sum(pair.tokens for pair in pairs)
    return train(
        network, pairs, dev, learning_rate=rate, tokens=tokens, epochs=1, evaluations=1, seed=0,
        tokens_done=lambda read: None,
    )  # fmt: skip


def four_bit(bench: Bench, tickets: Tickets) -> Rows:
    """Weights in 4 bits (bitsandbytes, NF4): our engine beside transformers on the same weights, and an adapter."""
    if importlib.util.find_spec("bitsandbytes") is None:
        return [{"not measured": "bitsandbytes isn't installed."}]
    prompts = tickets.prompts[: bench.sizes.compared]
    model = _in_four_bit(bench)
    encoded = [model.encode(prompt) for prompt in prompts]
    found = model.score(prompts, tickets.labels).log_probabilities
    texts = model.write_tokens(encoded, bench.sizes.written)
    with own_attention(model.network):
        plain = PlainModel(model.network, model.tokenizer)
        wanted = plain.score(prompts, tickets.labels).log_probabilities
        same = share_alike(texts, plain.write_tokens(encoded, bench.sizes.written))
    exact = bench.model(CPU, torch.float32).score(prompts, tickets.labels).log_probabilities
    rows = slice(DEV_ROWS, DEV_ROWS + bench.sizes.adapted)
    dev, learned = tickets.pairs(model, slice(DEV_ROWS)), tickets.pairs(model, rows)
    before = mean_loss(model.network, dev)
    network = add_adapter(model.network, seed=0)
    trained = train_once(network, learned, dev, bench.sizes.adapter_rate)
    with TemporaryDirectory() as folder:
        network.save_pretrained(folder)
        loaded = mean_loss(PeftModel.from_pretrained(_in_four_bit(bench).network, folder).eval(), dev)
    largest = float(np.abs(found - wanted).max())
    absolute, share = rounding(torch.bfloat16)
    right = (np.abs(found - wanted) <= absolute + share * np.abs(wanted)).all()
    saved_alike = abs(loaded - trained.dev_loss) <= SAVED_ALIKE[torch.bfloat16]
    return [
        {
            "largest nats from transformers": largest,
            "same text as transformers": f"{same:.0%}",
            "same label as the CPU without 4 bits": alike(found.argmax(1), exact.argmax(1)),
            "dev loss before": before,
            "after": trained.dev_loss,
            "loaded again": loaded,
            "as expected": bool(right and trained.dev_loss < before and saved_alike),
        }
    ]


def _in_four_bit(bench: Bench) -> Transformer:
    settings = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
    network = AutoModelForCausalLM.from_pretrained(
        bench.folder, quantization_config=settings, dtype=torch.bfloat16, device_map={"": bench.device}
    )
    return Transformer(network.eval(), AutoTokenizer.from_pretrained(bench.folder))


def architectures(bench: Bench, tickets: Tickets) -> Rows:
    """The path that the self-check takes for tiny networks in bfloat16, beside the one it takes on a CPU in float32."""
    return [_architecture(kind, bench, tickets) for kind in bench.sizes.kinds]


def _architecture(kind: str, bench: Bench, tickets: Tickets) -> dict[str, Any]:
    prompts, labels = tickets.prompts[:4], tickets.labels[:4]
    with TemporaryDirectory() as folder:
        save_tiny_network(kind, Path(folder))
        exact = _on_its_path(Path(folder), CPU, torch.float32)
        model = _on_its_path(Path(folder), bench.device, torch.bfloat16)
        plain = PlainModel(_loaded(Path(folder), bench.device, torch.bfloat16), model.tokenizer)
        found, wanted = (one.score(prompts, labels).log_probabilities for one in (model, plain))
    absolute, share = rounding(torch.bfloat16)
    within = np.abs(found - wanted) / (absolute + share * np.abs(wanted))
    return {
        "type": kind,
        "path on the CPU": path_of(exact),
        "path here": path_of(model),
        "largest nats from transformers": float(np.abs(found - wanted).max()),
        "share of what the self-check allows": float(within.max()),
        "why": model.slow_because or "",
        "as expected": bool(path_of(model) == "plain" or within.max() <= 1),
    }


def _on_its_path(folder: Path, device: torch.device, dtype: torch.dtype) -> LocalModel:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return on_its_path(_loaded(folder, device, dtype), tokenizer, folder, folder / "checks")


def _loaded(folder: Path, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
    network: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    network.to(device)  # type: ignore[arg-type]  # the stub of a decorated method loses its self
    return network


def path_of(model: LocalModel) -> str:
    return "plain" if model.slow_because else "fast"


def named(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def alike(one: Sequence[Any] | NDArray[Any], other: Sequence[Any] | NDArray[Any]) -> str:
    return f"{sum(_equal(one, other))} of {len(one)}"


def share_alike(one: Sequence[Any], other: Sequence[Any]) -> float:
    return sum(_equal(one, other)) / len(one)


def _equal(one: Sequence[Any] | NDArray[Any], other: Sequence[Any] | NDArray[Any]) -> Iterator[bool]:
    return (bool(first == second) for first, second in zip(one, other, strict=True))
