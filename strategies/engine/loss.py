"""The loss of answers behind their prompts. Where our engine runs the network, rows are packed into one sequence; where
transformers does, they go one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from strategies.engine.attention import behind, uses_ours
from strategies.engine.key_values import Prefix
from strategies.engine.plain import alike, last_logits
from strategies.engine.transformer import additive, common_length

TOKENS_A_PASS = 512  # enough for full speed


class Row(Protocol):
    """What is trained on, as far as memory and budgets are concerned."""

    @property
    def tokens(self) -> int: ...


AnyRow = TypeVar("AnyRow", bound=Row)
Trains = TypeVar("Trains", bound=Row, contravariant=True)


class Objective(Protocol[Trains]):
    """What training makes smaller: the sum of `by_row` divided by the rows' `size`."""

    def by_row(self, network: PreTrainedModel | PeftModel, rows: Sequence[Trains]) -> AbstractContextManager[Tensor]:
        """[rows]. A backward pass belongs in the context, because it may run layers again."""
        ...

    def size(self, rows: Sequence[Trains]) -> int: ...


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt and the answer it should get, in tokens. `earlier`: where in the prompt earlier answers of the same
    conversation are, which are learned too; never at its start."""

    prompt: list[int]
    answer: list[int]
    earlier: tuple[range, ...] = ()

    @property
    def tokens(self) -> int:
        return len(self.prompt) + len(self.answer)

    @property
    def learned(self) -> list[int]:
        """The positions of all tokens to learn, in their order."""
        return [at for span in (*self.earlier, range(len(self.prompt), self.tokens)) for at in span]


class Likelihood:
    """The negative log-likelihood of the answers, earlier ones included, in nats a token: supervised training."""

    def by_row(self, network: PreTrainedModel | PeftModel, rows: Sequence[Pair]) -> AbstractContextManager[Tensor]:
        return row_losses(network, rows)

    def size(self, rows: Sequence[Pair]) -> int:
        return sum(len(pair.learned) for pair in rows)


def mean_loss(network: PreTrainedModel | PeftModel, pairs: Sequence[Pair]) -> float:
    """Mean negative log-likelihood of the answers, in nats a token."""
    likelihood = Likelihood()
    return sum(losses_of(likelihood, network, pairs)) / likelihood.size(pairs)


def losses_of(
    objective: Objective[AnyRow], network: PreTrainedModel | PeftModel, rows: Sequence[AnyRow]
) -> list[float]:
    """That of each row."""
    was_training = network.training
    network.eval()
    found: list[float] = []
    with torch.inference_mode():
        for part in within_memory(rows):
            with objective.by_row(network, part) as losses:
                found += losses.tolist()
    network.train(was_training)
    return found


def within_memory(batch: Sequence[AnyRow]) -> Iterator[list[AnyRow]]:
    """The batch in parts whose activations fit. Their gradients add up to the batch's."""
    part: list[AnyRow] = []
    for pair in batch:
        if part and sum(one.tokens for one in part) + pair.tokens > TOKENS_A_PASS:
            yield part
            part = []
        part.append(pair)
    yield part


@contextmanager
def summed_loss(network: PreTrainedModel | PeftModel, batch: Sequence[Pair]) -> Iterator[Tensor]:
    """Sum of the answers' negative log-likelihoods. A backward pass belongs in the context, because it may run layers
    again."""
    with row_losses(network, batch) as losses:
        yield losses.sum()


@contextmanager
def row_losses(network: PreTrainedModel | PeftModel, batch: Sequence[Pair]) -> Iterator[Tensor]:
    """The negative log-likelihood of what each row teaches, summed over its tokens, [rows]. As `summed_loss`."""
    inner = without_adapter(network)
    if uses_ours(inner):
        with _packed(inner, batch) as losses:
            yield losses
    else:
        yield _one_by_one(inner, batch)


def without_adapter(network: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """The network itself, which an adapter's layers are part of."""
    if not isinstance(network, PeftModel):
        return network
    inner = network.get_base_model()
    assert isinstance(inner, PreTrainedModel)
    return inner


@contextmanager
def _packed(network: PreTrainedModel, batch: Sequence[Pair]) -> Iterator[Tensor]:
    """The shared beginning of all prompts comes once, before the rows' own tokens. A row sees that and itself, which
    gives the same sums as reading each row alone."""
    shared = common_length([pair.prompt[:-1] for pair in batch])  # the last token's logits are needed
    ids, positions, rows = list(batch[0].prompt[:shared]), list(range(shared)), [0] * shared
    asked: list[int] = []  # where the logits of learned tokens are read: one before each
    for row, pair in enumerate(batch, start=1):
        own = (pair.prompt + pair.answer)[shared:-1]
        asked += (at - 1 if at <= shared else len(ids) + at - 1 - shared for at in pair.learned)
        ids += own
        positions += range(shared, shared + len(own))
        rows += [row] * len(own)
    row_of = torch.tensor(rows, device=network.device)
    sees = ((row_of[:, None] == row_of) | (row_of == 0)).tril()
    at = torch.tensor([positions], device=network.device)
    with behind(Prefix([], []), at, at):
        logits = network(
            input_ids=torch.tensor([ids], device=network.device),
            position_ids=at,
            attention_mask=additive(sees[None], network.dtype),
            use_cache=False,
            logits_to_keep=torch.tensor(asked, device=network.device),
        ).logits[0]
        wanted = [(pair.prompt + pair.answer)[at] for pair in batch for at in pair.learned]
        losses = _cross_entropy(logits, wanted)
        yield torch.stack([part.sum() for part in losses.split([len(pair.learned) for pair in batch])])


def _one_by_one(network: PreTrainedModel, batch: Sequence[Pair]) -> Tensor:
    """The same on the code of transformers. Rows of equal length run together, because nothing may be padded."""
    losses: dict[int, Tensor] = {}
    lengths = [(pair.tokens - pair.learned[0], pair.tokens) for pair in batch]
    for rows in alike(lengths, lambda length: TOKENS_A_PASS // length[1]):
        whole = torch.tensor([batch[row].prompt + batch[row].answer for row in rows], device=network.device)
        behind_first = lengths[rows[0]][0]
        logits = last_logits(network, whole[:, :-1], behind_first)
        found = _cross_entropy(logits.flatten(0, 1), whole[:, -behind_first:].flatten())
        is_learned = torch.zeros(whole.shape, device=network.device)
        for at, row in enumerate(rows):
            is_learned[at, batch[row].learned] = 1.0
        found = found.view(len(rows), -1) * is_learned[:, -behind_first:]
        losses |= dict(zip(rows, found.sum(1), strict=True))
    return torch.stack([losses[row] for row in range(len(batch))])


def _cross_entropy(logits: Tensor, wanted: Sequence[int] | Tensor) -> Tensor:
    targets = torch.as_tensor(wanted, device=logits.device)
    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
