"""A prediction in the forms of OpenAI's chat completions: whole, and as a stream of server-sent events."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from eval.outcomes import Prediction


@dataclass(frozen=True, slots=True)
class Served:
    """What is served: the strategy's name, which is that of the model, and the run that fitted it."""

    model: str
    run_id: str
    since: int = field(default_factory=lambda: int(time.time()))

    def models(self) -> dict[str, Any]:
        return {
            "object": "list",
            "data": [{"id": self.model, "object": "model", "created": self.since, "owned_by": f"run {self.run_id}"}],
        }

    def completion(self, given: Prediction) -> dict[str, Any]:
        message = {"role": "assistant", "content": given.text}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _ending(given)}
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": _usage(given),
            "sources": list(given.sources),
        }

    def events(self, given: Prediction, counts: bool) -> Iterator[bytes]:
        """The answer is known before the first event, so its text comes in one. The last choice has the sources."""
        head = self._head("chat.completion.chunk")
        for delta, more in (
            ({"role": "assistant", "content": ""}, {}),
            ({"content": given.text}, {}),
            ({}, {"sources": list(given.sources)}),
        ):
            ending = None if delta else _ending(given)
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": ending}
            yield _event({**head, "choices": [choice], **more})
        if counts:
            yield _event({**head, "choices": [], "usage": _usage(given)})
        yield b"data: [DONE]\n\n"

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": kind,
            "created": int(time.time()),
            "model": self.model,
            "system_fingerprint": self.run_id,
        }


def _ending(given: Prediction) -> str:
    return "length" if given.cut_off else "stop"


def _usage(given: Prediction) -> dict[str, int]:
    return {
        "prompt_tokens": given.tokens_in,
        "completion_tokens": given.tokens_out,
        "total_tokens": given.tokens_in + given.tokens_out,
    }


def _event(said: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(said, ensure_ascii=False)}\n\n".encode()
