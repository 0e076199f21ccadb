"""The plain path: a network on the code of transformers, for everything that our engine doesn't compute exactly.

Nothing is padded, because networks with a recurrent state would read the padding: prompts of equal length run together,
and nothing is kept between calls. Slower than transformer.py, and right for every causal language model that
transformers loads.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from eval.measuring.phases import READING, WRITING, phase
from strategies.engine.attention import attend_as_its_own
from strategies.engine.held import Grammar, Held
from strategies.engine.label_tree import LabelTree
from strategies.engine.language_model import Compare, RowsDone
from strategies.engine.local_model import Answer, LocalModel

CPU_TOKENS, GPU_TOKENS = 1024, 16_384  # in one pass
ROWS = 32  # written together

Length = TypeVar("Length", int, tuple[int, int])


class PlainModel(LocalModel):
    """Runs on transformers' own attention, forward and `generate`."""

    def __init__(
        self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, slow_because: str | None = None
    ) -> None:
        super().__init__(network, tokenizer)
        self.slow_because = slow_because
        attend_as_its_own(network)
        self._tokens = GPU_TOKENS if self.device.type == "cuda" else CPU_TOKENS

    @torch.inference_mode()
    def score_tokens(
        self,
        encoded: list[list[int]],
        tree: LabelTree,
        rows_done: RowsDone | None = None,
        compare: Compare | None = None,
    ) -> NDArray[np.float64]:
        """Each label is read in full behind its prompt. All labels are scored, whatever `compare` needs."""
        labels = tree.labels()
        results = np.zeros((len(encoded), len(labels)))
        for at, prompt in enumerate(encoded):
            lengths = [(len(label), len(prompt) + len(label)) for label in labels]
            for rows in alike(lengths, lambda length: self._tokens // length[1]):
                answers = [labels[row] for row in rows]
                ids = torch.tensor([[*prompt, *answer[:-1]] for answer in answers], device=self.device)
                self.tokens_taken += ids.numel()
                steps = last_logits(self.network, ids, len(answers[0])).float().log_softmax(-1)
                wanted = torch.tensor(answers, device=self.device)
                results[at, rows] = steps.gather(2, wanted[..., None]).sum((1, 2)).double().cpu().numpy()
            if rows_done:
                rows_done(at + 1)
        return results

    @torch.inference_mode()
    def write_tokens(
        self,
        encoded: list[list[int]],
        max_tokens: int,
        rows_done: RowsDone | None = None,
        grammar: Grammar | None = None,
    ) -> list[Answer]:
        answers: list[Answer] = [([], False)] * len(encoded)
        done = 0
        lengths = [len(tokens) for tokens in encoded]
        for rows in alike(lengths, lambda length: min(ROWS, self._tokens // length)):
            written = self._generate([encoded[row] for row in rows], max_tokens, grammar)
            for row, answer in zip(rows, written, strict=True):
                answers[row] = answer
            done += len(rows)
            if rows_done:
                rows_done(done)
        return answers

    def _generate(self, prompts: list[list[int]], max_tokens: int, grammar: Grammar | None) -> list[Answer]:
        """Greedy answers to prompts of equal length. What a folder sets for writing, such as a penalty for repetition,
        is left out, as our engine does."""
        ids = torch.tensor(prompts, device=self.device)
        held = grammar.hold(len(prompts)) if grammar else None
        ends = sorted(self.ends)
        kept, greedy = self.network.generation_config, GenerationConfig(
            max_new_tokens=max_tokens, do_sample=False, eos_token_id=ends or None, pad_token_id=ends[0] if ends else 0
        )  # fmt: skip
        self.tokens_taken += ids.numel()
        self.network.generation_config = greedy
        try:
            with _reading_then_writing(self.network):
                found = self.network.generate(
                    ids, attention_mask=torch.ones_like(ids), logits_processor=[] if held is None else [_only(held)]
                )
        finally:
            self.network.generation_config = kept
        answers = [_ended(row, self.ends, max_tokens) for row in found[:, ids.shape[1] :].tolist()]
        self.tokens_taken += sum(len(tokens) for tokens, _ in answers)
        return [
            (tokens, cut_off and not (held and held.is_complete(row))) for row, (tokens, cut_off) in enumerate(answers)
        ]


@contextmanager
def _reading_then_writing(network: torch.nn.Module) -> Iterator[None]:
    """The phase is reading up to the network's first output."""
    with ExitStack() as current:
        current.enter_context(phase(READING))

        def turn(*_: Any) -> None:
            first.remove()
            current.close()
            current.enter_context(phase(WRITING))

        first = network.register_forward_hook(turn)
        current.callback(first.remove)
        yield


def _only(held: Held) -> Callable[[Tensor, Tensor], Tensor]:
    """What makes `generate` choose as `held` does."""

    def process(ids: Tensor, scores: Tensor) -> Tensor:
        chosen = held.choose(scores, range(len(scores)))
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen[:, None], 0.0)

    return process


def _ended(tokens: list[int], ends: set[int], max_tokens: int) -> Answer:
    length = next((at for at, token in enumerate(tokens) if token in ends), None)
    return (tokens, len(tokens) >= max_tokens) if length is None else (tokens[:length], False)


def last_logits(network: Any, ids: Tensor, keep: int) -> Tensor:
    """The logits after the last `keep` tokens of rows without padding, [rows, keep, vocabulary]."""
    accepted = inspect.signature(network.forward).parameters
    options: dict[str, Any] = {"use_cache": False, "logits_to_keep": keep}
    output = network(input_ids=ids, **{name: value for name, value in options.items() if name in accepted})
    logits: Tensor = output.logits
    return logits[:, -keep:]


def alike(lengths: Sequence[Length], rows_of: Callable[[Length], int]) -> Iterator[list[int]]:
    """Row indices in batches of equal length, the longest first; at most `rows_of(length)` rows in one."""
    groups: dict[Length, list[int]] = defaultdict(list)
    for row, length in enumerate(lengths):
        groups[length].append(row)
    for length in sorted(groups, reverse=True):
        rows, size = groups[length], max(1, rows_of(length))
        yield from (rows[at : at + size] for at in range(0, len(rows), size))
