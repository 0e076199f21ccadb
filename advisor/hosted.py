"""What hosted models cost a token: a table that comes with the package genai-prices, as of its release; nothing is
fetched."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.metadata import version

_TOKENS = 1_000
_PER_MILLION = 1_000_000 // _TOKENS


@dataclass(frozen=True, slots=True)
class HostedPrice:
    """In US dollars for a million tokens read, and for a million written."""

    read_per_million: float
    written_per_million: float


@cache
def hosted_prices() -> dict[str, HostedPrice]:
    """By "provider: model", in alphabetical order. What is not sold by the token is left out."""
    from genai_prices import Usage, calc_price  # a second: only for whoever asks
    from genai_prices.data import providers

    def price(provider: str, model: str, usage: Usage) -> Decimal:
        return calc_price(usage, model_ref=model, provider_id=provider).total_price * _PER_MILLION

    found = {}
    for provider in providers:
        for model in provider.models:
            try:
                read = price(provider.id, model.id, Usage(input_tokens=_TOKENS, output_tokens=0))
                written = price(provider.id, model.id, Usage(input_tokens=0, output_tokens=_TOKENS))
            except (LookupError, ValueError):  # sold by something else, or under conditions
                continue
            if read and written:
                found[f"{provider.name}: {model.name or model.id}"] = HostedPrice(float(read), float(written))
    return dict(sorted(found.items(), key=lambda one: one[0].lower()))


def prices_from() -> str:
    """The table's name and version, which date it."""
    return f"genai-prices {version('genai-prices')}"
