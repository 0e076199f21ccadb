"""Train whatever has gradients enabled, an adapter or all weights. If the dev loss rises, training goes back to the
best weights and takes smaller steps.

This is our own loop, not transformers' Trainer, for three reasons. Rows of a batch are packed into one sequence and
share the beginning of their prompts, which is read once for all of them. The loss needs logits only at the answers,
which saves the network's largest product at most positions. And stopping, schedule and budget count tokens.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random

import psutil
import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from eval.outcomes import LossPoint
from strategies.engine.attention import own_attention, uses_ours
from strategies.engine.checkpoints import Checkpoint, Reached
from strategies.engine.loss import (
    TOKENS_A_PASS,
    AnyRow,
    Likelihood,
    Objective,
    Pair,
    losses_of,
    mean_loss,
    within_memory,
    without_adapter,
)
from strategies.engine.self_check import rounding

ROWS_A_BATCH = 8
TOKENS_A_ROW = 640  # longer prompts lose their beginning: more would take a CPU too long
WARM_UP_SHARE = 0.06
LARGEST_GRADIENT = 1.0
KEPT_SHARE = 0.4  # of free memory; if the backward pass needs more, it runs each layer again
EVALUATIONS = 10
PATIENCE = 3  # evaluations in a row without a better dev loss before training stops
_RULES = (ROWS_A_BATCH, WARM_UP_SHARE, LARGEST_GRADIENT, PATIENCE)  # a checkpoint under others can't be used


@dataclass(frozen=True, slots=True)
class Trained:
    """The result of training: the best dev loss (nats per token where answers are learned), where it was, and the
    losses on the way. The dev loss is infinite if it never was a number. `dev_rows` are the losses of the dev rows
    behind it, each summed over its tokens. `early_loss` is the mean training loss over
    the second quarter of the budget, None if that has no whole batch. `earlier_seconds` are
    those of a process that was killed while it worked on it, up to its last evaluation."""

    dev_loss: float
    tokens: int
    epochs: float
    history: list[LossPoint]
    early_loss: float | None = None
    earlier_seconds: float = field(default=0.0, compare=False)
    dev_rows: tuple[float, ...] = ()

    @classmethod
    def of(cls, reached: Reached, tokens_an_epoch: int, earlier_seconds: float) -> Trained:
        tokens = reached.history[reached.best_at - 1].tokens if reached.best_at else reached.read
        epochs = tokens / tokens_an_epoch
        return cls(
            reached.best_loss,
            tokens,
            epochs,
            reached.history,
            reached.early_loss,
            earlier_seconds,
            tuple(reached.best_rows),
        )

    def checked(self) -> Trained:
        """Raises RuntimeError if there never was a dev loss."""
        if math.isinf(self.dev_loss):
            raise RuntimeError(f"Training failed: the dev loss is {self.history[-1].dev}.")
        return self


def keep_within_memory(network: PreTrainedModel, beside: float = 0.0) -> None:
    """If the activations for the backward pass might not fit in free memory, keep only each layer's input. `beside` is
    how many bytes training takes in addition."""
    config = network.config.get_text_config()
    sizes = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    wide = max(sizes) if isinstance(sizes, list) else sizes
    numbers = 10 * config.hidden_size + 4 * wide  # per token and layer; in the embedded model, 1.4 MB per token
    kept = TOKENS_A_PASS * config.num_hidden_layers * numbers * network.dtype.itemsize
    if kept > KEPT_SHARE * (free_bytes(network.device) - beside) and network.supports_gradient_checkpointing:
        network.activation_checkpointing_enable()


def free_bytes(device: torch.device) -> float:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return float(free)
    return float(psutil.virtual_memory().available)


def train(
    network: PreTrainedModel | PeftModel,
    pairs: Sequence[Pair],
    dev: Sequence[Pair],
    *,
    learning_rate: float,
    tokens: int,
    epochs: int,
    evaluations: int,
    seed: int,
    tokens_done: Callable[[int], None],
    stops_above: float = math.inf,
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Supervised training: the answers become likelier. As `train_for`. Ends halfway if the early loss is above
    `stops_above`, or no number."""
    return train_for(
        Likelihood(),
        network,
        pairs,
        dev,
        learning_rate=learning_rate,
        tokens=tokens,
        epochs=epochs,
        evaluations=evaluations,
        seed=seed,
        tokens_done=tokens_done,
        stops_above=stops_above,
        checkpoint=checkpoint,
    )


def train_for(
    objective: Objective[AnyRow],
    network: PreTrainedModel | PeftModel,
    rows: Sequence[AnyRow],
    dev: Sequence[AnyRow],
    *,
    learning_rate: float,
    tokens: int,
    epochs: int,
    evaluations: int,
    seed: int,
    tokens_done: Callable[[int], None],
    stops_above: float = math.inf,
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Train the parts with gradients until `tokens` were read, `epochs` are over, or smaller steps don't help either.
    The best weights are kept. Goes on from its `checkpoint`, if an earlier process left one; what a checkpoint without
    weights says is over isn't trained again."""
    budget = min(tokens, epochs * sum(row.tokens for row in rows))
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0, fused=True)
    reached = Reached(learning_rate)
    best_weights: list[Tensor] = []  # in the machine's memory, which is larger than a GPU's
    key = ""
    if checkpoint is not None:
        key = _key(objective, parameters, rows, dev, learning_rate, budget, evaluations, seed)
        if found := checkpoint.read(key, len(parameters), optimiser):
            reached, best_weights = found
    if best_weights:
        _put_back(parameters, best_weights)
    began, earlier_seconds = time.monotonic(), reached.seconds
    losses, size = torch.zeros((), device=parameters[0].device), 0  # summed since the last evaluation
    early = torch.full_like(losses, reached.early)
    batches = islice(_endless_batches(rows, seed), reached.batches, None)
    network.train()
    while not reached.is_over:
        batch = next(batches)
        for group in optimiser.param_groups:
            group["lr"] = reached.rate * _schedule(reached.read / budget)
        batch_size = objective.size(batch)
        before = losses.clone()
        for part in within_memory(batch):
            with objective.by_row(network, part) as of_rows:
                loss = of_rows.sum()
                losses += loss.detach()
                (loss / batch_size).backward()
        size += batch_size
        if budget / 4 <= reached.read < budget / 2:
            early += losses - before
            reached.early_size += batch_size
        torch.nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        reached.batches += 1
        reached.read += sum(row.tokens for row in batch)
        tokens_done(min(reached.read, budget))
        reached.is_over = reached.read >= budget
        if reached.early_loss is None and reached.early_size and reached.read >= budget / 2:
            reached.early_loss = early.item() / reached.early_size
            reached.is_over = reached.is_over or not reached.early_loss <= stops_above
        if reached.read < budget * (len(reached.history) + 1) / evaluations and not reached.is_over:
            continue
        of_dev = losses_of(objective, network, dev)
        reached.history.append(LossPoint(reached.read, losses.item() / size, sum(of_dev) / objective.size(dev)))
        losses.zero_()
        size = 0
        if reached.history[-1].dev < reached.best_loss:
            reached.best_at, reached.best_rows = len(reached.history), of_dev
            best_weights = [parameter.detach().to("cpu", copy=True) for parameter in parameters]
        behind = len(reached.history) - reached.best_at
        reached.is_over = reached.is_over or behind >= PATIENCE or not reached.best_at
        if behind and not reached.is_over:  # the steps were too large: back to the best weights, with half of them
            _put_back(parameters, best_weights)
            reached.rate /= 2
        reached.early, reached.seconds = early.item(), earlier_seconds + time.monotonic() - began
        if checkpoint is not None:
            checkpoint.write(key, reached, best_weights, optimiser)
    network.eval()
    if best_weights:
        _put_back(parameters, best_weights)
    return Trained.of(reached, sum(row.tokens for row in rows), earlier_seconds)


def _key(
    objective: Objective[AnyRow],
    parameters: Sequence[Tensor],
    rows: Sequence[AnyRow],
    dev: Sequence[AnyRow],
    learning_rate: float,
    budget: int,
    evaluations: int,
    seed: int,
) -> str:
    """Of a training within one run, whose model and data are settled: another version of the product may prepare rows
    or train in another way."""
    shapes = [(tuple(one.shape), str(one.dtype)) for one in parameters]
    lengths = [[row.tokens for row in each] for each in (rows, dev)]
    facts = (type(objective).__name__, shapes, lengths, learning_rate, budget, evaluations, seed, *_RULES)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _put_back(parameters: Sequence[Tensor], weights: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for parameter, kept in zip(parameters, weights, strict=True):
            parameter.copy_(kept)


def longest_row(context_tokens: int) -> int:
    """How many tokens a row may have when a model with such a context is trained."""
    return min(TOKENS_A_ROW, context_tokens)


def cut_pair(prompt: list[int], answer: list[int], longest: int = TOKENS_A_ROW, earlier: Sequence[range] = ()) -> Pair:
    """A pair within `longest` tokens; the answer stays whole if it fits. Earlier answers count if they stay whole and
    something stays in front of them."""
    answer = answer[: longest - 1]
    cut = max(0, len(prompt) + len(answer) - longest)
    kept = tuple(range(span.start - cut, span.stop - cut) for span in earlier if span.start > cut)
    return Pair(prompt[cut:], answer, kept)


def _schedule(share: float) -> float:
    """Linear warm-up, then half a cosine down to a tenth."""
    if share < WARM_UP_SHARE:
        return max(share, 1e-3) / WARM_UP_SHARE
    progress = min(1.0, (share - WARM_UP_SHARE) / (1 - WARM_UP_SHARE))
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * progress))


def _endless_batches(rows: Sequence[AnyRow], seed: int) -> Iterator[list[AnyRow]]:
    """Epoch after epoch in a seeded order. Within a stretch of the shuffled rows, similar lengths come together."""
    epoch = 0
    while True:
        random = Random(f"{seed}-{epoch}")
        order = random.sample(rows, len(rows))
        stretch = 16 * ROWS_A_BATCH
        batches = []
        for start in range(0, len(order), stretch):
            alike = sorted(order[start : start + stretch], key=lambda row: row.tokens)
            batches += [alike[at : at + ROWS_A_BATCH] for at in range(0, len(alike), ROWS_A_BATCH)]
        random.shuffle(batches)
        yield from batches
        epoch += 1


def packing_is_right(network: PreTrainedModel | PeftModel, pairs: Sequence[Pair]) -> bool:
    """Whether the packed loss of the shortest and the longest row is the one that transformers computes row by row.
    True if the network doesn't pack rows."""
    inner = without_adapter(network)
    if not uses_ours(inner):
        return True
    few = [min(pairs, key=lambda pair: pair.tokens), max(pairs, key=lambda pair: pair.tokens)]
    was_training = network.training
    network.eval()
    try:
        packed = mean_loss(network, few)
        with own_attention(inner):
            alone = mean_loss(network, few)
    finally:
        network.train(was_training)
    absolute, share = rounding(inner.dtype)
    return abs(packed - alone) <= absolute + share * abs(alone)
