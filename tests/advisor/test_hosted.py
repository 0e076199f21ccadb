"""The table of hosted prices, as it comes with its package."""

import re

import pytest

from advisor.hosted import HostedPrice, hosted_prices, listed_price, prices_from
from strategies.served.address import ServedAddress


def test_hosted_models_have_two_prices_each_and_none_is_free_altogether() -> None:
    prices = hosted_prices()
    assert len(prices) > 500 and list(prices) == sorted(prices, key=str.lower)
    assert all(one.read_per_million > 0 or one.written_per_million > 0 for one in prices.values())
    assert any(one.written_per_million == 0 for one in prices.values())  # sold by what they read
    assert any(name.startswith("Groq: ") for name in prices)


def test_the_table_is_dated() -> None:
    assert re.fullmatch(r"genai-prices \d+\.\d+\.\d+", prices_from())


@pytest.mark.parametrize(
    ("named", "price"),
    [
        ("served:gpt-4o-mini@https://api.openai.com/v1", HostedPrice(0.15, 0.6)),
        ("served:openai/gpt-4o-mini@https://openrouter.ai/api/v1", HostedPrice(0.15, 0.6)),
        ("served:gpt-4o-mini@http://127.0.0.1:8000/v1", None),
        ("served:gpt-4o-mini@https://gpu.example.com/v1", None),  # the same name on somebody's own server
        ("served:a-model-nobody-sells@https://api.openai.com/v1", None),
    ],
)
def test_a_served_model_has_the_price_of_its_own_service(named: str, price: HostedPrice | None) -> None:
    assert listed_price(ServedAddress.parse(named)) == price
