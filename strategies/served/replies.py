"""The bodies of replies: from bytes, or from the pieces of a streamed answer, to one that can be an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from strategies.served.answer_text import text_of, thoughts_of
from strategies.served.faults import BadReply, message_in
from strategies.served.requests import CHAT, COMPLETIONS, DECISIONS


def json_in(content: bytes) -> Any:
    """Half a pair of UTF-16 becomes U+FFFD, because no file can hold it: servers send it where they cut an emoji.
    Raises `BadReply` if it isn't JSON."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise BadReply("sent an answer that is not valid JSON") from None
    return json.loads(_whole_pairs(json.dumps(body, ensure_ascii=False))) if b"\\u" in content else body


def checked(body: Any, path: str) -> dict[str, Any]:
    """The body, if it can be an answer. Raises `BadReply` otherwise."""
    if not isinstance(body, dict):
        raise BadReply("sent something else than an answer")
    if wrong := body.get("error"):  # some gateways put errors of the model's host into a reply with status 200
        raise BadReply(f"sent an error instead of an answer: {message_in(wrong) or wrong}")
    if path == DECISIONS and not isinstance(body.get("answers"), dict):
        raise BadReply("sent a reply without an answer in it")
    if path not in (CHAT, COMPLETIONS):
        return body
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(one, dict) for one in choices):
        raise BadReply("sent a reply without an answer in it")
    if path == CHAT and not isinstance(choices[0].get("message"), dict):
        raise BadReply("sent a reply without a message in it")
    return body


class Streamed:
    """The pieces of one streamed answer."""

    def __init__(self) -> None:
        self._whole: dict[str, Any] = {}
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._finish: Any = None
        self._letters = 0

    def add(self, chunk: Any) -> bool:
        """Whether the chunk says something of the answer or of the thoughts before it. Raises `BadReply` if it can't be
        a piece of an answer."""
        if not isinstance(chunk, Mapping):
            raise BadReply("streamed something else than an answer")
        self._whole |= {name: chunk[name] for name in ("model", "usage", "system_fingerprint") if chunk.get(name)}
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            raise BadReply("streamed something else than an answer")
        before = self._letters
        for choice in choices:
            if not isinstance(choice, Mapping) or not isinstance(choice.get("delta") or {}, Mapping):
                raise BadReply("streamed something else than an answer")
            if choice.get("index"):  # not the one answer that was asked for
                continue
            delta = choice.get("delta") or {}
            content = delta.get("content")
            thought = text_of(delta.get("reasoning_content") or delta.get("reasoning"))
            self._thoughts.append(thought or thoughts_of(content))
            self._text.append(text_of(content))
            self._letters += len(self._thoughts[-1]) + len(self._text[-1])
            self._finish = choice.get("finish_reason") or self._finish
        return self._letters > before

    def body(self) -> dict[str, Any]:
        """As if the answer had not been streamed. Raises `BadReply` if its end is missing."""
        if self._finish is None:
            raise BadReply("broke off its answer before the end")
        text, thoughts = (_whole_pairs("".join(pieces)) for pieces in (self._text, self._thoughts))
        message = {"role": "assistant", "content": text, "reasoning_content": thoughts or None}
        return {**self._whole, "choices": [{"index": 0, "message": message, "finish_reason": self._finish}]}


def _whole_pairs(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
