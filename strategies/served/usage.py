"""The tokens of an answer as the server counts them, or about as many as its words need."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strategies.served.answer_text import estimated_tokens, said_in
from strategies.served.requests import Answer, Request

_MOST = 10**9  # tokens of one answer that can be true


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
    read = usage.get("prompt_tokens", usage.get("input_tokens"))
    written = usage.get("completion_tokens", usage.get("output_tokens", 0))
    if not _is_count(read) or not _is_count(written) or not read:
        return None
    details = usage.get("completion_tokens_details")
    thought = details.get("reasoning_tokens") if isinstance(details, Mapping) else None
    return Tokens(read, written, min(thought, written) if _is_count(thought) else 0)


def tokens_taken(request: Request, answer: Answer) -> Tokens:
    """What an answer is counted with in the spending of a run. A server that counts nothing mustn't make it look free,
    so there it is estimated."""
    if (reported := tokens_reported(answer.body)) is not None:
        return reported
    return Tokens(_estimated_read(request.payload), _estimated_written(answer.body))


def _estimated_read(payload: Mapping[str, Any]) -> int:
    prompts = payload.get("prompt", [])
    if isinstance(prompts, list) and prompts and all(isinstance(ids, list) for ids in prompts):  # encoded already
        return sum(map(len, prompts))
    if "questions" in payload:
        return estimated_tokens(f"{payload.get('state')} {json.dumps(payload['questions'], ensure_ascii=False)}")
    said = [str(message.get("content", "")) for message in payload.get("messages", [])]
    return sum(map(estimated_tokens, said or [str(prompts)]))


def _estimated_written(body: Mapping[str, Any]) -> int:
    if not isinstance(body.get("choices"), list) or "message" not in body["choices"][0]:
        return 0
    said = said_in(dict(body))
    return estimated_tokens(f"{said.thoughts} {said.text}".strip())


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
