"""What is asked of a server, and what comes back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CHAT, COMPLETIONS, DECISIONS = "/chat/completions", "/completions", "/systemone"


@dataclass(frozen=True, slots=True)
class Request:
    """One request: a path below the address or a whole URL, and its JSON `payload` without the model's name.

    A `timed` one runs alone to see how long it takes, so it has an answer of its own. It is `streamed` where the server
    streams, so that the time to the first token is known.
    """

    path: str
    payload: Mapping[str, Any] = field(hash=False)
    timed: bool = False
    streamed: bool = False

    @property
    def is_for_answer(self) -> bool:
        """Whether the model is asked, which costs money."""
        return self.path in (CHAT, COMPLETIONS, DECISIONS)

    def key(self, server: str) -> str:
        """What decides the answer: the server and its model (`server`), the path, and all parameters."""
        decisive = json.dumps([server, self.path, self.payload, self.timed], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(decisive.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: the JSON `body`, of a streamed answer put together as if it had not been streamed.

    `seconds` is the wall time of the request that was answered, without earlier tries and without waiting for its turn;
    `first_token_seconds` the time to its first token, None if it was not streamed. `asked_at` is in seconds since 1970.
    `was_kept` says whether it comes from an earlier request.
    """

    body: dict[str, Any]
    seconds: float
    first_token_seconds: float | None = None
    asked_at: float = 0.0
    was_kept: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer to this request, in a sentence. `status` is that of HTTP, None if there was no reply.
    `parameter` is the one that the server named as the reason, "" if it named none."""

    sentence: str
    status: int | None = None
    parameter: str = ""


Reply = Answer | Refusal
