"""What hosted models cost per token: the table in the package genai-prices, as of its release. Fetches nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version

from eval.task import BadInput

_TOKENS = 1_000
_PER_MILLION = 1_000_000 // _TOKENS
_NAMES_SHOWN = 3  # at most, if the model isn't found


@dataclass(frozen=True, slots=True)
class HostedPrice:
    """US dollars per million tokens read, and per million tokens written."""

    read_per_million: float
    written_per_million: float


@cache
def hosted_prices() -> dict[str, HostedPrice]:
    """Prices by "provider: model", in alphabetical order, without models that aren't sold by the token."""
    from genai_prices import Usage, calc_price  # takes a second, only needed for prices
    from genai_prices.data import providers

    def price(provider: str, model: str, usage: Usage) -> Decimal:
        return calc_price(usage, model_ref=model, provider_id=provider).total_price * _PER_MILLION

    found = {}
    for provider in providers:
        for model in provider.models:
            try:
                read = price(provider.id, model.id, Usage(input_tokens=_TOKENS, output_tokens=0))
                written = price(provider.id, model.id, Usage(input_tokens=0, output_tokens=_TOKENS))
            except (LookupError, ValueError):  # not sold by the token, or only under conditions
                continue
            if read and written:
                found[f"{provider.name}: {model.name or model.id}"] = HostedPrice(float(read), float(written))
    return dict(sorted(found.items(), key=lambda one: one[0].lower()))


def listed_name(named: str) -> str:
    """The table's name for the model a person means. Capitals don't matter, and the provider is optional if only one
    sells the model. Raises BadInput with the nearest names."""
    prices = hosted_prices()
    if named in prices:
        return named
    asked = named.strip().lower()
    called = {name: (name.lower(), name.lower().partition(": ")[2]) for name in prices}
    meant = [name for name, forms in called.items() if asked in forms]
    if len(meant) == 1:
        return meant[0]
    if meant:
        more = f" and {len(meant) - _NAMES_SHOWN:,} more" if len(meant) > _NAMES_SHOWN else ""
        raise BadInput(f"“{named}” is listed as {'; '.join(meant[:_NAMES_SHOWN])}{more}: name one of them.")
    spelt = {form: name for name, forms in called.items() for form in forms}
    near = dict.fromkeys(spelt[form] for form in get_close_matches(asked, spelt, 2 * _NAMES_SHOWN, cutoff=0.5))
    nearest = f" (the nearest names: {'; '.join([*near][:_NAMES_SHOWN])})" if near else ""
    raise BadInput(f"{prices_from()} doesn't list “{named}”{nearest}; name another model, or give both its prices.")


def prices_from() -> str:
    """The table's name and version, which gives its date."""
    return f"genai-prices {version('genai-prices')}"
