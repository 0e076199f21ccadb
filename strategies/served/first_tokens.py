"""Which label the likeliest first tokens of an answer begin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def first_tokens(body: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The likeliest first tokens of an answer with their log-probabilities; empty if the server gave none that can be
    true."""
    try:
        given: Sequence[Mapping[str, Any]] = body["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        found = [(str(one["token"]), float(one["logprob"])) for one in given]
    except (KeyError, IndexError, TypeError, ValueError):
        return []
    total = sum(math.exp(min(value, 1.0)) for _, value in found)
    return found if len(found) >= 2 and total <= 1.02 and len({token for token, _ in found}) >= 2 else []


def label_by_first_token(body: Mapping[str, Any], labels: Sequence[str]) -> str | None:
    """The label that the likeliest first token of any label begins; None if no token begins a label, or if one that
    begins several is as likely. Labels with the same first token can't be told apart."""
    shares: dict[str, float] = {}
    shared = 0.0
    for token, value in first_tokens(body):
        begun = _begun_by(token, labels)
        if len(begun) == 1:
            shares[begun[0]] = shares.get(begun[0], 0.0) + math.exp(value)
        elif begun:
            shared = max(shared, math.exp(value))
    if not shares:
        return None
    best = max(shares, key=shares.__getitem__)
    return best if shares[best] > shared else None


def _begun_by(token: str, labels: Sequence[str]) -> list[str]:
    bare = token.strip().casefold()
    return [label for label in labels if bare and label.casefold().startswith(bare)]
