"""What this machine can do at best, and what share of it reading, writing and training reach."""

from __future__ import annotations

from statistics import median
from typing import Any

import torch

from strategies.engine.adapter import LEFT_AS_THEY_ARE, add_adapter
from strategies.engine.language_model import Message
from strategies.engine.local_model import LocalModel
from strategies.engine.loss import Pair, summed_loss
from strategies.engine.weights import load_language_model
from tests.benchmarks.side_by_side import seconds_of

BYTES = 1 << 28
SIDE = 1536


def run(full: bool) -> list[dict[str, Any]]:
    rounds = 9 if full else 3
    model = load_language_model("embedded")
    body = sum(
        weight.numel() for name, weight in model.network.named_parameters() if weight.dim() == 2 and "embed" not in name
    )
    weights = sum(weight.numel() * weight.element_size() for weight in model.network.parameters())
    where: dict[str, Any] = {"device": model.device, "dtype": model.network.dtype}
    left, right = torch.randn(SIDE, SIDE, **where), torch.randn(SIDE, SIDE, **where)
    source = torch.ones(BYTES, dtype=torch.uint8, device=model.device)
    target = torch.empty_like(source)
    rows = [(Message("user", " ".join(str(number) for number in range(row, row + 60))),) for row in range(16)]
    labels = ("yes", "no")
    seconds: dict[str, list[float]] = {}
    model.score(rows, labels)
    for _ in range(rounds):
        for name, work in {
            "product": lambda: left @ right,
            "copy": lambda: target.copy_(source),
            "read": lambda: model.score(rows, labels),
            "write": lambda: model.write(rows[:1], 16),
            "read before writing": lambda: model.write(rows[:1], 1),
            "train": lambda: _train_once(model),
        }.items():
            seconds.setdefault(name, []).append(seconds_of(work)[1])
    middle = {name: median(taken) for name, taken in seconds.items()}
    tokens = int(model.score(rows, labels).tokens_in.sum())
    product = 2 * SIDE**3 / middle["product"] / 1e9
    bandwidth = 2 * BYTES / middle["copy"] / 1e9
    reading = 2 * body * tokens / middle["read"] / 1e9
    writing = 15 * weights / (middle["write"] - middle["read before writing"]) / 1e9
    passes = 2 - LEFT_AS_THEY_ARE  # forward, and back through the frozen weights of the adapted layers
    training = 2 * passes * body * _TRAINED_TOKENS / middle["train"] / 1e9
    return [
        {"what": "matrix product", "measured": f"{product:.0f} GFLOP/s", "share": "1"},
        {"what": "memory, copied", "measured": f"{bandwidth:.1f} GB/s", "share": "1"},
        {"what": "reading prompts", "measured": f"{reading:.0f} GFLOP/s", "share": f"{reading / product:.2f}"},
        {
            "what": "writing, one row",
            "measured": f"{writing:.1f} GB/s of weights",
            "share": f"{writing / bandwidth:.2f}",
        },
        {"what": "training", "measured": f"{training:.0f} GFLOP/s", "share": f"{training / product:.2f}"},
    ]


_PAIRS = [Pair(list(range(100 + row, 136 + row)), [5, 6, 7, 8]) for row in range(8)]
_TRAINED_TOKENS = sum(pair.tokens for pair in _PAIRS)


def _train_once(model: LocalModel) -> None:
    adapted = add_adapter(model.network, seed=0)
    with summed_loss(adapted, _PAIRS) as loss:
        loss.backward()
    model.network = adapted.unload()
