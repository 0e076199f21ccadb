"""Attention to a beginning that all rows of a batch share, without copying it for each row.

All queries of the batch meet the shared keys in one product, and each row's own keys in another. The two results are
mixed by the weight each had, which is the same sum in another order (known as cascade attention, or Hydragen).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

from strategies.engine.key_values import Prefix

NAME = "shared_beginning"


class _Beginning:
    """The shared beginning that a pass attends to, and whether any layer did."""

    def __init__(self, prefix: Prefix) -> None:
        self.layers = prefix.layers
        self.was_seen = False


_beginning: ContextVar[_Beginning | None] = ContextVar("beginning", default=None)


@contextmanager
def behind(prefix: Prefix) -> Iterator[None]:
    """Every row the network runs within this context comes after `prefix` and sees all of it."""
    beginning = _Beginning(prefix)
    before = _beginning.set(beginning if len(prefix) else None)
    try:
        yield
    finally:
        _beginning.reset(before)
    if len(prefix) and not beginning.was_seen:
        raise RuntimeError("This network's attention did not look at the shared beginning.")


def share_beginnings(network: PreTrainedModel) -> bool:
    """Let the network's attention see the shared beginning. False if the network implements attention in another
    way."""
    network.set_attn_implementation(NAME)
    return bool(network.config.get_text_config()._attn_implementation == NAME)


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention with the interface of transformers. `query` is [rows, heads, width, size]; keys and values of the rows'
    own tokens are [rows, key-value heads, tokens, size]; the mask is additive, [rows, 1, width, tokens], or None for
    causal rows. Returns [rows, width, heads, size]."""
    beginning = _beginning.get()
    if beginning is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)
    beginning.was_seen = True
    shared_keys, shared_values = beginning.layers[module.layer_idx]  # type: ignore[index]
    rows, heads, width, size = query.shape
    groups, in_group = key.shape[1], heads // key.shape[1]

    if attention_mask is None:
        own, own_weight = _attend(
            query, repeat_kv(key, in_group), repeat_kv(value, in_group), scaling, causal=width > 1
        )
    else:  # heads that share keys become queries of one long row: repeating the mask is cheaper than keys and values
        packed = query.reshape(rows, groups, in_group * width, size)
        own, own_weight = _attend(packed, key, value, scaling, mask=attention_mask.repeat(1, 1, in_group, 1))
    packed = query.reshape(rows, groups, in_group, width, size).permute(1, 2, 0, 3, 4).reshape(1, groups, -1, size)
    shared, shared_weight = (
        part.view(groups, in_group, rows, width, -1).permute(2, 0, 1, 3, 4).reshape(rows, heads, width, -1)
        for part in _attend(packed, shared_keys, shared_values, scaling)
    )
    share_of_own = (own_weight.reshape(shared_weight.shape) - shared_weight).sigmoid().to(own.dtype)
    mixed = torch.lerp(shared, own.reshape(shared.shape), share_of_own)
    return mixed.transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, attend)


def _attend(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    scaling: float | None,
    *,
    mask: Tensor | None = None,
    causal: bool = False,
) -> tuple[Tensor, Tensor]:
    """Attention, and the log of the total weight of all keys, [rows, heads, width].

    `scaled_dot_product_attention` doesn't return that weight, although its CPU kernel computes it.
    """
    if query.device.type != "cpu":
        return attend_plainly(query, keys, values, scaling, mask=mask, causal=causal)
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
) -> tuple[Tensor, Tensor]:
    """The same by its formula, on any device."""
    scores = (query @ keys.transpose(-1, -2)).float() * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if causal:
        scores += torch.full(scores.shape[-2:], -torch.inf, device=scores.device).triu(1)
    if mask is not None:
        scores += mask
    weight = scores.logsumexp(-1)
    return (scores - weight[..., None]).exp().to(values.dtype) @ values, weight
