"""The keys and values of tokens a network has run, kept for beginnings that prompts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

NO_KEYS = "This network doesn't keep keys and values for all of its layers."


@dataclass(slots=True)
class Prefix:
    """Tokens that were already run, with the keys and values of each layer."""

    tokens: list[int]
    layers: list[tuple[Tensor, Tensor]]  # keys and values, each [1, key-value heads, tokens, head size]

    def __len__(self) -> int:
        return len(self.tokens)

    def first(self, length: int) -> Prefix:
        layers = [(keys[:, :, :length], values[:, :, :length]) for keys, values in self.layers]
        return Prefix(self.tokens[:length], layers if length else [])

    def followed_by(self, tokens: list[int], cache: Cache) -> Prefix:
        """This prefix extended by tokens that were run after it. Raises RuntimeError for networks without keys and
        values (state-space models)."""
        layers = [(getattr(layer, "keys", None), getattr(layer, "values", None)) for layer in cache.layers]
        run = [(keys, values) for keys, values in layers if keys is not None and values is not None]
        if len(run) < len(layers):
            raise RuntimeError(NO_KEYS)
        if len(self):
            run = [
                (torch.cat([keys, more_keys], dim=2), torch.cat([values, more_values], dim=2))
                for (keys, values), (more_keys, more_values) in zip(self.layers, run, strict=True)
            ]
        return Prefix(self.tokens + tokens, run)


class RoomyCache(Cache):
    """Space for `rows` rows of `tokens` tokens, allocated once, so that adding a token copies nothing.

    The rows may run in parts. The cache also knows at which position each of its tokens stands.
    """

    def __init__(self, rows: int, tokens: int) -> None:
        self._extent = extent = _Extent(rows, tokens, slice(0, rows))
        self._positions = torch.zeros(rows, tokens, dtype=torch.long)
        self._next = 0  # the column of the token that runs next
        super().__init__(layer_class_to_replicate=lambda: _RoomyLayer(extent))  # type: ignore[arg-type]

    def turn_to(self, part: slice, first: int, end: int) -> None:
        """The network runs these rows next. Their tokens so far are in the columns from `first` to `end`."""
        self._extent.part, self._extent.first, self._extent.end = part, first, end
        self._next = end
        for layer in self.layers:
            if isinstance(layer, _RoomyLayer):
                layer.show(end)

    def place(self, positions: Tensor) -> Tensor:
        """Record where the tokens that run next stand, [rows, width]. Returns the positions of all columns that the
        network will see, [rows, columns]."""
        start, part = self._next, self._extent.part
        self._next = end = start + positions.shape[1]
        missing = max(0, end - self._positions.shape[1])
        if missing or self._positions.device != positions.device:
            self._positions = torch.nn.functional.pad(self._positions, (0, missing)).to(positions.device)
        self._positions[part, start:end] = positions
        return self._positions[part, self._extent.first : end]

    @property
    def end(self) -> int:
        return self._extent.end

    def batch_select_indices(self, indices: Tensor) -> None:
        self._extent.rows = len(indices)
        self._extent.part = slice(0, len(indices))
        self._positions = self._positions[indices]
        super().batch_select_indices(indices)


@dataclass(slots=True)
class _Extent:
    """What the cache's layers share. They don't refer to the cache itself, or its memory would outlive its use."""

    rows: int
    tokens: int
    part: slice
    first: int = 0
    end: int = 0


class _RoomyLayer(DynamicLayer):
    def __init__(self, extent: _Extent) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        self._extent = extent

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        super().lazy_initialization(key_states, value_states)
        self._keys, self._values = (self._room(states, self._extent.tokens) for states in (key_states, value_states))
        self._end = self._extent.end

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, width = self._end, key_states.shape[2]
        if missing := max(0, start + width - self._keys.shape[2]):
            self._keys = torch.cat([self._keys, self._room(key_states, missing)], dim=2)
            self._values = torch.cat([self._values, self._room(value_states, missing)], dim=2)
        keys, values = self.show(start + width)
        keys[:, :, -width:] = key_states
        values[:, :, -width:] = value_states
        return keys, values

    def batch_select_indices(self, indices: Tensor) -> None:
        self._keys, self._values = self._keys[indices], self._values[indices]
        self.show(self._end)

    def show(self, end: int) -> tuple[Tensor, Tensor]:
        """The columns up to `end` of the current rows, which the network sees."""
        self._end = end
        part, columns = self._extent.part, slice(self._extent.first, end)
        keys, values = self._keys[part, :, columns], self._values[part, :, columns]
        self.keys, self.values = keys, values
        return keys, values

    def _room(self, states: Tensor, tokens: int) -> Tensor:
        """Zeros, because masked values are still multiplied, and uninitialised memory may hold NaN."""
        return states.new_zeros(self._extent.rows, states.shape[1], tokens, states.shape[3])


def bytes_a_token(network: PreTrainedModel) -> int:
    """The size of a row's cache per token. Raises RuntimeError for networks without attention heads."""
    config = network.config.get_text_config()
    if not hasattr(config, "num_attention_heads"):
        raise RuntimeError(NO_KEYS)
    heads: int = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_size: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    layers: int = config.num_hidden_layers
    return 2 * layers * heads * head_size * network.dtype.itemsize
