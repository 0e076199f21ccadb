"""Which rows run together: as many as fit in memory, and of similar length, because padding costs time too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from strategies.engine.key_values import bytes_a_token

CPU_FULL_SPEED = 192  # tokens; more don't make a CPU's matrix products faster
LIKE_LENGTH = 0.9  # of the longest row; for shorter rows, padding costs more than another pass
CPU_TOKENS, GPU_TOKENS = 1024, 16_384
CPU_ROWS, GPU_ROWS = 32, 256  # each token written reads all weights once, whatever the number of rows
CPU_CACHE_BYTES = 3 << 28  # 0.8 GB of keys and values
GPU_CACHE_SHARE = 0.4  # of the memory that is free once the model is loaded
LOGITS = 1 << 28  # 1 GB as float32


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be in memory at once: this many `rows`, keys and values of `remembered_tokens`, and in one pass `tokens`
    and `logit_positions`. From `full_speed` tokens on, a larger pass isn't faster per token."""

    rows: int
    remembered_tokens: int
    tokens: int
    logit_positions: int
    full_speed: int

    @staticmethod
    def of(network: PreTrainedModel) -> Limits:
        logit_positions = LOGITS // network.config.get_text_config().vocab_size
        if network.device.type != "cuda":
            remembered = CPU_CACHE_BYTES // bytes_a_token(network)
            return Limits(CPU_ROWS, remembered, CPU_TOKENS, logit_positions, CPU_FULL_SPEED)
        free, _ = torch.cuda.mem_get_info(network.device)
        remembered = int(GPU_CACHE_SHARE * free) // bytes_a_token(network)
        # Padding costs a GPU less than starting another pass (docs/benchmarks.md).
        return Limits(GPU_ROWS, remembered, GPU_TOKENS, logit_positions, full_speed=GPU_TOKENS)

    def batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Batches of row indices, given the tokens each row needs. Rows of similar length come together, the longest
        first, so that running out of memory happens at once."""
        order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
        start = 0
        while start < len(order):
            rows = max(1, min(self.rows, self.remembered_tokens // lengths[order[start]]))
            yield order[start : start + rows]
            start += rows

    def passes(self, lengths: Sequence[int], logits_a_row: int = 1) -> Iterator[slice]:
        """Split a batch, the longest row first, into passes. Once a pass is large enough for full speed, it only takes
        rows of similar length."""
        start = 0
        while start < len(lengths):
            widest, end = lengths[start], start + 1
            while (
                end < len(lengths)
                and (end + 1 - start) * widest <= self.tokens
                and (end + 1 - start) * logits_a_row <= self.logit_positions
                and ((end - start) * widest < self.full_speed or lengths[end] > LIKE_LENGTH * widest)
            ):
                end += 1
            yield slice(start, end)
            start = end
