"""Train whatever has gradients enabled, an adapter or all weights. Rows are packed into one sequence, and the loss
covers only the answer's tokens. If the dev loss rises, training goes back to the best weights and takes smaller steps.

This is our own loop, not transformers' Trainer, for three reasons. Rows of a batch share the beginning of their
prompts, which is read once for all of them. The loss needs logits only at the answers, which saves the network's
largest product at most positions. And stopping, schedule and budget count tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import psutil
import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from eval.outcomes import LossPoint
from strategies.engine.transformer import common_length

ROWS_A_BATCH = 8
TOKENS_A_ROW = 640  # longer prompts lose their beginning: more would take a CPU too long
WARM_UP_SHARE = 0.06
LARGEST_GRADIENT = 1.0
TOKENS_A_PASS = 512  # enough for full speed
KEPT_SHARE = 0.4  # of free memory; if the backward pass needs more, it runs each layer again
EVALUATIONS = 10
PATIENCE = 3  # evaluations in a row without a better dev loss before training stops


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt and the answer it should get, in tokens."""

    prompt: list[int]
    answer: list[int]

    @property
    def tokens(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True, slots=True)
class Trained:
    """The result of training: the best dev loss (nats per token), where it was, and the losses on the way."""

    dev_loss: float
    tokens: int
    epochs: float
    history: list[LossPoint]


def keep_within_memory(network: PreTrainedModel, beside: float = 0.0) -> None:
    """If the activations for the backward pass might not fit in free memory, keep only each layer's input. `beside` is
    how many bytes training takes in addition."""
    config = network.config.get_text_config()
    wide = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
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
) -> Trained:
    """Train the parts with gradients until `tokens` were read, `epochs` are over, or smaller steps don't help either.
    The best weights are kept."""
    budget = min(tokens, epochs * sum(pair.tokens for pair in pairs))
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0, fused=True)
    best_loss, best_at = math.inf, 0
    best_weights: list[Tensor] = []  # in the machine's memory, which is larger than a GPU's
    history: list[LossPoint] = []
    losses, answered = torch.zeros((), device=parameters[0].device), 0  # summed since the last evaluation
    read = 0
    rate = learning_rate
    network.train()
    for batch in _endless_batches(pairs, seed):
        for group in optimiser.param_groups:
            group["lr"] = rate * _schedule(read / budget)
        answer_tokens = sum(len(pair.answer) for pair in batch)
        for part in _within_memory(batch):
            loss = _loss_sum(network, part)
            losses += loss.detach()
            (loss / answer_tokens).backward()
        answered += answer_tokens
        torch.nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        read += sum(pair.tokens for pair in batch)
        tokens_done(min(read, budget))
        if read >= budget * (len(history) + 1) / evaluations or read >= budget:
            history.append(LossPoint(read, losses.item() / answered, mean_loss(network, dev)))
            losses.zero_()
            answered = 0
            if history[-1].dev < best_loss:
                best_loss, best_at = history[-1].dev, len(history)
                best_weights = [parameter.detach().to("cpu", copy=True) for parameter in parameters]
            if read >= budget or len(history) - best_at >= PATIENCE or not best_at:
                break
            if best_at < len(history):  # the steps were too large: back to the best weights, with half of them
                _put_back(parameters, best_weights)
                rate /= 2
    if not best_at:
        raise RuntimeError(f"Training failed: the dev loss is {history[-1].dev}.")
    _put_back(parameters, best_weights)
    network.eval()
    best_tokens = history[best_at - 1].tokens
    return Trained(best_loss, best_tokens, best_tokens / sum(pair.tokens for pair in pairs), history)


def _put_back(parameters: Sequence[Tensor], weights: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for parameter, kept in zip(parameters, weights, strict=True):
            parameter.copy_(kept)


def mean_loss(network: torch.nn.Module, pairs: Sequence[Pair]) -> float:
    """Mean negative log-likelihood of the answers, in nats a token."""
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        total = sum(_loss_sum(network, part).item() for part in _within_memory(pairs))
    network.train(was_training)
    return total / sum(len(pair.answer) for pair in pairs)


def cut_pair(prompt: list[int], answer: list[int]) -> Pair:
    """A pair within `TOKENS_A_ROW`; the answer stays whole if it fits."""
    answer = answer[: TOKENS_A_ROW - 1]
    return Pair(prompt[-(TOKENS_A_ROW - len(answer)) :], answer)


def _schedule(share: float) -> float:
    """Linear warm-up, then half a cosine down to a tenth."""
    if share < WARM_UP_SHARE:
        return max(share, 1e-3) / WARM_UP_SHARE
    progress = min(1.0, (share - WARM_UP_SHARE) / (1 - WARM_UP_SHARE))
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * progress))


def _endless_batches(pairs: Sequence[Pair], seed: int) -> Iterator[list[Pair]]:
    """Epoch after epoch in a seeded order. Within a stretch of the shuffled rows, similar lengths come together."""
    epoch = 0
    while True:
        random = Random(f"{seed}-{epoch}")
        order = random.sample(pairs, len(pairs))
        stretch = 16 * ROWS_A_BATCH
        batches = []
        for start in range(0, len(order), stretch):
            alike = sorted(order[start : start + stretch], key=lambda pair: pair.tokens)
            batches += [alike[at : at + ROWS_A_BATCH] for at in range(0, len(alike), ROWS_A_BATCH)]
        random.shuffle(batches)
        yield from batches
        epoch += 1


def _within_memory(batch: Sequence[Pair]) -> Iterator[list[Pair]]:
    """The batch in parts whose activations fit. Their gradients add up to the batch's."""
    part: list[Pair] = []
    for pair in batch:
        if part and sum(one.tokens for one in part) + pair.tokens > TOKENS_A_PASS:
            yield part
            part = []
        part.append(pair)
    yield part


def _loss_sum(network: torch.nn.Module, batch: Sequence[Pair]) -> Tensor:
    """Sum of the answers' negative log-likelihoods. The shared beginning of all prompts comes once, before the rows'
    own tokens. A row sees that and itself, which gives the same sums as reading each row alone."""
    parameter = next(network.parameters())
    shared = common_length([pair.prompt[:-1] for pair in batch])  # the last token's logits are needed
    ids, positions, rows = list(batch[0].prompt[:shared]), list(range(shared)), [0] * shared
    asked: list[int] = []  # where the logits of answer tokens are read
    for row, pair in enumerate(batch, start=1):
        own = (pair.prompt + pair.answer)[shared:-1]
        asked += range(len(ids) + len(own) - len(pair.answer), len(ids) + len(own))
        ids += own
        positions += range(shared, shared + len(own))
        rows += [row] * len(own)
    row_of = torch.tensor(rows, device=parameter.device)
    sees = ((row_of[:, None] == row_of) | (row_of == 0)).tril()
    mask = torch.zeros(sees.shape, dtype=parameter.dtype, device=parameter.device)
    logits = network(
        input_ids=torch.tensor([ids], device=parameter.device),
        position_ids=torch.tensor([positions], device=parameter.device),
        attention_mask=mask.masked_fill_(~sees, torch.finfo(mask.dtype).min)[None, None],
        use_cache=False,
        logits_to_keep=torch.tensor(asked, device=parameter.device),
    ).logits[0]
    wanted = torch.tensor([token for pair in batch for token in pair.answer], device=parameter.device)
    return torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="sum")
