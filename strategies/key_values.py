"""What a network remembers of the tokens it has run: keys and values, kept for beginnings that prompts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers import Cache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from eval.task import BadInput

NO_ATTENTION = "This model is not a plain attention network, which is what Threeways runs; choose another."


@dataclass(slots=True)
class Prefix:
    """Tokens that were run before, with what each layer remembers of them."""

    tokens: list[int]
    layers: list[tuple[Tensor, Tensor]]  # keys and values, each [1, key-value heads, tokens, head size]

    def __len__(self) -> int:
        return len(self.tokens)

    @staticmethod
    def of(tokens: list[int], cache: Cache) -> Prefix:
        """Raises BadInput for networks that remember in another way (state-space models)."""
        layers = [(getattr(layer, "keys", None), getattr(layer, "values", None)) for layer in cache.layers]
        if any(keys is None or values is None for keys, values in layers):
            raise BadInput(NO_ATTENTION)
        return Prefix(tokens, [(keys, values) for keys, values in layers if keys is not None and values is not None])

    def first(self, length: int) -> Prefix:
        layers = [(keys[:, :, :length], values[:, :, :length]) for keys, values in self.layers]
        return Prefix(self.tokens[:length], layers if length else [])

    def fill(self, cache: Cache, rows: int) -> Cache:
        """Puts this at the beginning of `rows` rows of an empty cache, which is returned."""
        for at, (keys, values) in enumerate(self.layers):
            cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), at)
        return cache


class RoomyCache(Cache):
    """Room for `rows` rows of `tokens` tokens, made once: another token is written beside the others, uncopied.

    The rows may be run a part at a time.
    """

    def __init__(self, rows: int, tokens: int) -> None:
        self._extent = extent = _Extent(rows, tokens, slice(0, rows))
        super().__init__(layer_class_to_replicate=lambda: _RoomyLayer(extent))  # type: ignore[arg-type]

    def turn_to(self, part: slice, tokens: int) -> None:
        """The network runs these rows next, each of which holds so many tokens by now."""
        self._extent.part = part
        for layer in self.layers:
            if isinstance(layer, _RoomyLayer):
                layer.show(tokens)

    def batch_select_indices(self, indices: Tensor) -> None:
        self._extent.rows = len(indices)
        self._extent.part = slice(0, len(indices))
        super().batch_select_indices(indices)


@dataclass(slots=True)
class _Extent:
    """What a cache's layers all know of it; the cache itself they do not, or its memory would outlive its use."""

    rows: int
    tokens: int
    part: slice


class _RoomyLayer(DynamicLayer):
    def __init__(self, extent: _Extent) -> None:
        super().__init__()
        self._extent = extent
        self._tokens = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        super().lazy_initialization(key_states, value_states)
        self._keys, self._values = (
            states.new_empty(self._extent.rows, states.shape[1], self._extent.tokens, states.shape[3])
            for states in (key_states, value_states)
        )

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self._tokens
        keys, values = self.show(start + key_states.shape[2])
        keys[:, :, start:] = key_states
        values[:, :, start:] = value_states
        return keys, values

    def batch_select_indices(self, indices: Tensor) -> None:
        self._keys, self._values = self._keys[indices], self._values[indices]
        self.show(self._tokens)

    def show(self, tokens: int) -> tuple[Tensor, Tensor]:
        """The first tokens of the part's rows, which is what the network sees."""
        self._tokens = tokens
        part = self._extent.part
        keys, values = self._keys[part, :, :tokens], self._values[part, :, :tokens]
        self.keys, self.values = keys, values
        return keys, values


def bytes_a_token(network: PreTrainedModel) -> int:
    """What a row's cache takes for each token. Raises BadInput for networks without attention heads."""
    config = network.config.get_text_config()
    if not hasattr(config, "num_attention_heads"):
        raise BadInput(NO_ATTENTION)
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * config.num_hidden_layers * heads * head_size * network.dtype.itemsize
