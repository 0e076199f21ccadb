"""What hosted models cost per token: the table in the package genai-prices, as of its release. Fetches nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version

from eval.task import BadInput
from strategies.served.address import ServedAddress

_TOKENS = 1_000
_PER_MILLION = 1_000_000 // _TOKENS
_NAMES_SHOWN = 3  # at most, if the model isn't found


@dataclass(frozen=True, slots=True)
class HostedPrice:
    """US dollars per million tokens read, and per million tokens written."""

    read_per_million: float
    written_per_million: float


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model in the table, by the table's ids of it and of its provider. `is_deprecated` where the table marks it."""

    provider: str
    id: str
    is_deprecated: bool


@cache
def hosted_prices() -> dict[str, HostedPrice]:
    """Prices by "provider: model", in alphabetical order, without models that aren't sold by the token.

    A model whose written tokens are free is listed: deciders and extractors are sold by what they read. One that is
    free altogether isn't. Such offers are trials with narrow limits, which say nothing about what a month of requests
    costs, and the table writes "free" and "not known" the same way.
    """
    priced = ((name, _price(one.id, provider_id=one.provider)) for name, one in hosted_models().items())
    return {name: price for name, price in sorted(priced, key=lambda one: one[0].lower()) if price is not None}


@cache
def hosted_models() -> dict[str, ListedModel]:
    """All models of the table, with or without a price, by "provider: model"."""
    from genai_prices.data import providers  # takes a second, only needed for prices

    return {
        f"{provider.name}: {model.name or model.id}": ListedModel(provider.id, model.id, bool(model.deprecated))
        for provider in providers
        for model in provider.models
    }


@cache
def listed_price(address: ServedAddress) -> HostedPrice | None:
    """What the service at this address charges for this model; None if the table doesn't list both, or lists the model
    as free altogether."""
    if address.is_on_this_machine:
        return None
    return _price(address.model, provider_api_url=address.url)


@cache
def is_marked_deprecated(address: ServedAddress) -> bool:
    """Whether the table says that the service at this address is about to give this model up, or has."""
    if address.is_on_this_machine:
        return False
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(Usage(input_tokens=_TOKENS), model_ref=address.model, provider_api_url=address.url)
    except (LookupError, ValueError):
        return False
    return bool(found.model.deprecated)


def _price(model: str, **where: str) -> HostedPrice | None:
    from genai_prices import Usage, calc_price

    def dollars(read: int, written: int) -> Decimal:
        usage = Usage(input_tokens=read, output_tokens=written)
        return calc_price(usage, model_ref=model, **where).total_price * _PER_MILLION  # type: ignore[call-overload, no-any-return]

    try:
        read, written = dollars(_TOKENS, 0), dollars(0, _TOKENS)
    except (LookupError, ValueError):  # not sold by the token, or only under conditions
        return None
    return HostedPrice(float(read), float(written)) if read or written else None


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
