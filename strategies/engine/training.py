"""Training whatever asks for gradients, an adapter or all weights: rows packed into one sequence, loss on the answer's
tokens only, with smaller steps from the best weights on whenever the dev loss has risen.

Our own loop rather than transformers' Trainer: rows of a batch share the beginning of their prompts, which is read once
for all of them; the loss needs logits at the answers alone, which spares the largest product of the network for most
positions; and stopping, schedule and budget are counted in tokens.
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

from strategies.engine.transformer import common_length

ROWS_A_BATCH = 8
TOKENS_A_ROW = 640  # longer prompts lose their beginning: a CPU cannot train on more in a sitting
WARM_UP_SHARE = 0.06
LARGEST_GRADIENT = 1.0
TOKENS_A_PASS = 512  # enough for full speed
KEPT_SHARE = 0.4  # of free memory; where the way back would need more, each layer is run again on it
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
    """What training came to: the best dev loss (nats a token), where it was, and each (tokens, dev loss) seen."""

    dev_loss: float
    tokens: int
    epochs: float
    history: list[tuple[int, float]]


def keep_within_memory(network: PreTrainedModel, beside: float = 0.0) -> None:
    """Where what a pass keeps for the way back might not fit in free memory, `beside` so many bytes that training will
    take besides, only each layer's input is kept."""
    config = network.config.get_text_config()
    wide = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    numbers = 10 * config.hidden_size + 4 * wide  # of a token in a layer, read off the embedded model: 1.4 MB a token
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
    """Train what of the network asks for gradients until `tokens` were read, `epochs` are over or smaller steps do not
    help either; the best weights are kept."""
    budget = min(tokens, epochs * sum(pair.tokens for pair in pairs))
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0, fused=True)
    best_loss, best_at = math.inf, 0
    best_weights: list[Tensor] = []  # in the machine's memory, which has more room than a GPU's
    history: list[tuple[int, float]] = []
    read = 0
    rate = learning_rate
    network.train()
    for batch in _endless_batches(pairs, seed):
        for group in optimiser.param_groups:
            group["lr"] = rate * _schedule(read / budget)
        answer_tokens = sum(len(pair.answer) for pair in batch)
        for part in _within_memory(batch):
            (_loss_sum(network, part) / answer_tokens).backward()
        torch.nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        read += sum(pair.tokens for pair in batch)
        tokens_done(min(read, budget))
        if read >= budget * (len(history) + 1) / evaluations or read >= budget:
            history.append((read, mean_loss(network, dev)))
            if history[-1][1] < best_loss:
                best_loss, best_at = history[-1][1], len(history)
                best_weights = [parameter.detach().to("cpu", copy=True) for parameter in parameters]
            if read >= budget or len(history) - best_at >= PATIENCE or not best_at:
                break
            if best_at < len(history):  # the steps were too large: back to the best weights, with half of them
                _put_back(parameters, best_weights)
                rate /= 2
    if not best_at:
        raise RuntimeError(f"Training came to nothing: the dev loss is {history[-1][1]}.")
    _put_back(parameters, best_weights)
    network.eval()
    best_tokens = history[best_at - 1][0]
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
    """A pair within `TOKENS_A_ROW`; the answer stays whole as far as it fits."""
    answer = answer[: TOKENS_A_ROW - 1]
    return Pair(prompt[-(TOKENS_A_ROW - len(answer)) :], answer)


def _schedule(share: float) -> float:
    """Linear warm-up, then half a cosine down to a tenth."""
    if share < WARM_UP_SHARE:
        return max(share, 1e-3) / WARM_UP_SHARE
    progress = min(1.0, (share - WARM_UP_SHARE) / (1 - WARM_UP_SHARE))
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * progress))


def _endless_batches(pairs: Sequence[Pair], seed: int) -> Iterator[list[Pair]]:
    """Epoch after epoch in a seeded order; within a stretch of the shuffled rows, like lengths stand together."""
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
    """The batch in parts whose activations fit; their gradients add up to the batch's."""
    part: list[Pair] = []
    for pair in batch:
        if part and sum(one.tokens for one in part) + pair.tokens > TOKENS_A_PASS:
            yield part
            part = []
        part.append(pair)
    yield part


def _loss_sum(network: torch.nn.Module, batch: Sequence[Pair]) -> Tensor:
    """Sum of the answers' negative log-likelihoods. What all prompts begin with stands once, before the rows' own
    tokens, and a row sees that and itself: the same sums as if each row were read alone."""
    parameter = next(network.parameters())
    shared = common_length([pair.prompt[:-1] for pair in batch])  # the last token's logits are wanted
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
