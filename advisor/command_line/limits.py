"""The limits on what a run may spend on served models, as the command line takes them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

from strategies.served.budget import Limit


def add_limits(
    parser: argparse.ArgumentParser, number: Callable[[str], float], whole: Callable[[str], int], default: str
) -> None:
    """`default` says what holds without them."""
    parser.add_argument(
        "--max-money",
        type=number,
        metavar="USD",
        help="stop when requests to served models have cost this much; needs the price of each of them "
        f"(default: {default})",
    )
    parser.add_argument(
        "--max-requests", type=whole, metavar="N", help="stop after this many requests to served models"
    )
    parser.add_argument(
        "--max-tokens", type=whole, metavar="N", help="stop after this many input and output tokens of served models"
    )


def limit_of(options: argparse.Namespace, before: Limit) -> Limit:
    """The limit so far, with what the command line says now."""
    given = {"money": options.max_money, "requests": options.max_requests, "tokens": options.max_tokens}
    return replace(before, **{name: value for name, value in given.items() if value is not None})
