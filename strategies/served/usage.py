"""The tokens of an answer as the server counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens `read` and `written`; `thought` of those written were reasoning."""

    read: int
    written: int
    thought: int = 0


def tokens_reported(body: Mapping[str, Any]) -> Tokens | None:
    """What a reply says about its tokens; None if it says nothing that can be true."""
    usage = body.get("usage")
    if not isinstance(usage, Mapping):
        return None
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens", 0)
    if not _is_count(read) or not _is_count(written) or not read:
        return None
    details = usage.get("completion_tokens_details")
    thought = details.get("reasoning_tokens") if isinstance(details, Mapping) else None
    return Tokens(read, written, min(thought, written) if _is_count(thought) else 0)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
