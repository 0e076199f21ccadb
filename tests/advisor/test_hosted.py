"""The table of hosted prices, as it comes with its package."""

import re

from advisor.hosted import hosted_prices, prices_from


def test_hosted_models_have_two_prices_each_and_none_is_free() -> None:
    prices = hosted_prices()
    assert len(prices) > 500 and list(prices) == sorted(prices, key=str.lower)
    assert all(one.read_per_million > 0 and one.written_per_million > 0 for one in prices.values())
    assert any(name.startswith("Groq: ") for name in prices)


def test_the_table_is_dated() -> None:
    assert re.fullmatch(r"genai-prices \d+\.\d+\.\d+", prices_from())
