"""Attention to a beginning that all rows of a batch share, without copying it for each row.

All queries of the batch meet the shared keys in one product, and each row's own keys in another. The two results are
mixed by the weight each had, which is the same sum in another order (known as cascade attention, or Hydragen).

What a layer asks for besides is honoured: a window (the last tokens that a query sees), a soft cap on the scores, and a
sink (a weight per head that takes part in the softmax and has no value).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

from strategies.engine.key_values import Prefix

NAME = "shared_beginning"


class _Pass:
    """What the layers of one pass don't get as arguments: the shared beginning, and the positions of its queries
    [rows, width] and of each row's own keys [rows, columns]. Masks of a window are made once for all layers."""

    def __init__(self, prefix: Prefix, queries: Tensor, keys: Tensor) -> None:
        self.layers = prefix.layers
        self.shared = len(prefix)
        self.was_seen = False
        self._queries, self._keys = queries, keys
        self._too_far: dict[int, Tensor] = {}
        self._within: dict[int, tuple[int, Tensor | None]] = {}

    def own_mask(self, mask: Tensor | None, window: int, dtype: torch.dtype) -> Tensor:
        """The additive mask of a row's own keys, without those that are too far back; [rows, 1, width, columns]."""
        if window not in self._too_far:
            self._too_far[window] = (self._queries[:, :, None] - self._keys[:, None] >= window)[:, None]
        too_far = self._too_far[window]
        if mask is None:  # causal
            mask = torch.zeros(too_far.shape, dtype=dtype, device=too_far.device)
            too_far = too_far | (self._queries[:, :, None] < self._keys[:, None])[:, None]
        return mask.masked_fill(too_far, torch.finfo(dtype).min)

    def within(self, window: int, dtype: torch.dtype) -> tuple[int, Tensor | None]:
        """The first token of the shared beginning that any query sees, and the additive mask [rows, width, tokens] of
        the tokens from there on; None if every query sees them all."""
        if window not in self._within:
            first = max(0, min(self.shared, int(self._queries.min()) - window + 1))
            mask = None
            if first < self.shared and int(self._queries.max()) - window >= first:
                at = torch.arange(first, self.shared, device=self._queries.device)
                too_far = self._queries[:, :, None] - at >= window
                mask = torch.zeros(too_far.shape, dtype=dtype, device=at.device)
                mask.masked_fill_(too_far, torch.finfo(dtype).min)
            self._within[window] = first, mask
        return self._within[window]


# Not a context variable: on a GPU, a backward pass runs checkpointed layers again on threads of its own.
_running: _Pass | None = None


@contextmanager
def behind(prefix: Prefix, queries: Tensor, keys: Tensor) -> Iterator[None]:
    """Every row the network runs within this context comes after `prefix` and sees all of it that its layers' windows
    leave. `queries` are the positions of the tokens that run, [rows, width]; `keys` those of each row's own tokens so
    far, including the ones that run, [rows, columns]."""
    global _running
    before, _running = _running, _Pass(prefix, queries, keys)
    running = _running
    try:
        yield
    finally:
        _running = before
    if len(prefix) and not running.was_seen:
        raise RuntimeError("This network's attention did not look at the shared beginning.")


def share_beginnings(network: PreTrainedModel) -> bool:
    """Let the network's attention see the shared beginning. False if the network implements attention in another
    way."""
    if not uses_ours(network):
        network.own_attention = network.config._attn_implementation
        network.set_attn_implementation(NAME)
    return uses_ours(network)


def attend_as_its_own(network: PreTrainedModel) -> None:
    """Undo `share_beginnings`: the network's attention is that of transformers again."""
    if uses_ours(network):
        network.set_attn_implementation(str(vars(network)["own_attention"]))


@contextmanager
def own_attention(network: PreTrainedModel) -> Iterator[None]:
    """Within this context the network's attention is that of transformers."""
    was_ours = uses_ours(network)
    attend_as_its_own(network)
    try:
        yield
    finally:
        if was_ours:
            share_beginnings(network)


def uses_ours(network: torch.nn.Module) -> bool:
    """Whether the network's attention is the one in this file; also of a network with an adapter."""
    config: Any = network.config
    return bool(config.get_text_config()._attn_implementation == NAME)


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    position_bias: Tensor | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention with the interface of transformers. `query` is [rows, heads, width, size]; keys and values of the rows'
    own tokens are [rows, key-value heads, tokens, size]; the mask is additive, [rows, 1, width, tokens], or None for
    causal rows. A query sees the last `sliding_window` tokens including itself. `softcap` bounds the scores. `s_aux` is
    the sink of each head, [heads]. Returns [rows, width, heads, size].

    Raises RuntimeError if the layer has a position bias, or a window in a pass that isn't within `behind`.
    """
    running = _running
    if position_bias is not None:
        raise RuntimeError("This network adds a bias to its attention.")
    mask = attention_mask
    if sliding_window is not None:
        if running is None:
            raise RuntimeError("This network looks back through a window, and no positions are known.")
        mask = running.own_mask(mask, sliding_window, query.dtype)
    shared = running.shared if running else 0
    if not shared and softcap is None and s_aux is None:
        return sdpa_attention_forward(module, query, key, value, mask, scaling=scaling, **options)

    mixed, weight = _attend_own(query, key, value, scaling, mask, softcap)
    if running and shared:
        running.was_seen = True
        first, too_far = running.within(sliding_window, query.dtype) if sliding_window is not None else (0, None)
        if first < shared:
            keys, values = (part[:, :, first:] for part in running.layers[module.layer_idx])  # type: ignore[index]
            behind_it, its_weight = _attend_shared(query, keys, values, scaling, too_far, softcap)
            mixed = torch.lerp(behind_it, mixed, (weight - its_weight).sigmoid()[..., None].to(mixed.dtype))
            if s_aux is not None:
                weight = torch.logaddexp(weight, its_weight)
    if s_aux is not None:  # its share of the total weight is lost
        mixed = mixed * (weight - s_aux.float()[:, None]).sigmoid()[..., None].to(mixed.dtype)
    return mixed.transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, attend)


def _attend_own(
    query: Tensor, key: Tensor, value: Tensor, scaling: float | None, mask: Tensor | None, softcap: float | None
) -> tuple[Tensor, Tensor]:
    """Attention of each row to its own tokens, [rows, heads, width, size], and the log of their total weight, [rows,
    heads, width]."""
    rows, heads, width, size = query.shape
    groups, in_group = key.shape[1], heads // key.shape[1]
    if mask is None:
        key, value = repeat_kv(key, in_group), repeat_kv(value, in_group)
        return _attend(query, key, value, scaling, causal=width > 1, softcap=softcap)
    # Heads that share keys become queries of one long row: repeating the mask is cheaper than keys and values.
    packed = query.reshape(rows, groups, in_group * width, size)
    own, weight = _attend(packed, key, value, scaling, mask=mask.repeat(1, 1, in_group, 1), softcap=softcap)
    return own.reshape(rows, heads, width, -1), weight.reshape(rows, heads, width)


def _attend_shared(
    query: Tensor, keys: Tensor, values: Tensor, scaling: float | None, mask: Tensor | None, softcap: float | None
) -> tuple[Tensor, Tensor]:
    """The same of all rows to the shared beginning. The mask is [rows, width, tokens]."""
    rows, heads, width, size = query.shape
    groups, in_group = keys.shape[1], heads // keys.shape[1]
    packed = query.reshape(rows, groups, in_group, width, size).permute(1, 2, 0, 3, 4).reshape(1, groups, -1, size)
    repeated = None if mask is None else mask.reshape(1, 1, rows * width, -1).repeat(1, 1, in_group, 1)
    shared, weight = _attend(packed, keys, values, scaling, mask=repeated, softcap=softcap)
    shared = shared.reshape(groups, in_group, rows, width, -1).permute(2, 0, 1, 3, 4).reshape(rows, heads, width, -1)
    return shared, weight.view(groups, in_group, rows, width).permute(2, 0, 1, 3).reshape(rows, heads, width)


def _attend(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    scaling: float | None,
    *,
    mask: Tensor | None = None,
    causal: bool = False,
    softcap: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Attention, and the log of the total weight of all keys, [rows, heads, width].

    `scaled_dot_product_attention` doesn't return that weight, although its CPU kernel computes it. The kernel knows no
    soft cap, and no gradient of the weight.
    """
    if query.device.type != "cpu" or softcap is not None or query.requires_grad or query.shape[-1] != values.shape[-1]:
        return attend_plainly(query, keys, values, scaling, mask=mask, causal=causal, softcap=softcap)
    # The kernel assumes that the numbers of a head are contiguous.
    query, keys, values = (part if part.stride(-1) == 1 else part.contiguous() for part in (query, keys, values))
    attended: tuple[Tensor, Tensor] = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, keys, values, is_causal=causal, attn_mask=mask, scale=scaling
    )
    return attended


def attend_plainly(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    scaling: float | None,
    *,
    mask: Tensor | None = None,
    causal: bool = False,
    softcap: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The same by its formula, on any device."""
    scores = (query @ keys.transpose(-1, -2)).float() * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if softcap is not None:
        scores = softcap * (scores / softcap).tanh()
    if causal:
        scores += torch.full(scores.shape[-2:], -torch.inf, device=scores.device).triu(1)
    if mask is not None:
        scores += mask
    weight = scores.logsumexp(-1)
    return (scores - weight[..., None]).exp().to(values.dtype) @ values, weight
