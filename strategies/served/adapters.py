"""Models that a server lists as adapters of others. vLLM gives each adapter a card with its base as `parent`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def base_in(listed: Any, model: str) -> str:
    """The base of this model in a server's list of models; "" if it is no adapter, as far as the list says."""
    cards = listed.get("data") if isinstance(listed, Mapping) else None
    for card in cards if isinstance(cards, list) else []:
        if isinstance(card, Mapping) and card.get("id") == model:
            parent = card.get("parent")
            return parent if isinstance(parent, str) and parent != model else ""
    return ""


def adapter_sentence(model: str, base: str) -> str:
    return (
        f"{model} is an adapter of {base} on this server. We don't know what it was trained on: if your test rows were "
        "among it, its score is too high."
    )
