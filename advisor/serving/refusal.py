"""What a client gets when its request can't be answered: OpenAI's form of an error, with a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Type = Literal["invalid_request_error", "authentication_error", "rate_limit_error", "server_error"]


@dataclass(eq=False)
class Refused(Exception):
    """`sentence` says what is wrong and what to do. `param` is the field of the request that is wrong."""

    status: int
    sentence: str
    code: str
    type: Type = "invalid_request_error"
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"error": {"message": self.sentence, "type": self.type, "param": self.param, "code": self.code}}


def unreadable(sentence: str, code: str = "invalid_request", param: str | None = None) -> Refused:
    return Refused(400, sentence, code, param=param)


def wrong_key() -> Refused:
    return Refused(
        401,
        "The key is missing or wrong: send it as “Authorization: Bearer KEY”.",
        "invalid_api_key",
        "authentication_error",
        headers={"WWW-Authenticate": "Bearer"},
    )


def other_host(host: str) -> Refused:
    return Refused(
        403,
        f"Without a key this server answers only on this machine, and it was asked as {host!r}: start it with --key.",
        "forbidden_host",
        "authentication_error",
    )


def unknown_path(path: str) -> Refused:
    return Refused(
        404,
        f"There is nothing at {path}: use POST /v1/chat/completions, GET /v1/models or GET /health.",
        "not_found",
    )


def wrong_method(method: str, path: str) -> Refused:
    return Refused(405, f"{path} doesn't take {method} requests: see the documentation.", "method_not_allowed")


def unknown_model(asked: str, served: str) -> Refused:
    return Refused(404, f"There is no model {asked!r} here: ask for {served!r}.", "model_not_found", param="model")


def too_large(most_bytes: int) -> Refused:
    return Refused(
        413, f"The request is larger than the {most_bytes:,} bytes allowed: shorten the messages.", "request_too_large"
    )


def not_json_content(content_type: str) -> Refused:
    return Refused(
        415,
        f"The request comes as {content_type or 'nothing in particular'!r}: send “Content-Type: application/json”.",
        "unsupported_content_type",
    )


def too_many(most_waiting: int) -> Refused:
    return Refused(
        429,
        f"{most_waiting:,} requests are waiting already: try again in a moment.",
        "too_many_requests",
        "rate_limit_error",
        headers={"Retry-After": "1"},
    )


def too_slow(seconds: float) -> Refused:
    return Refused(
        504,
        f"The answer took longer than {seconds:g} seconds: try again, or start the server with a longer --timeout.",
        "timeout",
        "server_error",
    )


def too_long(sentence: str) -> Refused:
    return unreadable(sentence, "context_length_exceeded", "messages")


def failed_upstream(sentence: str) -> Refused:
    return Refused(502, sentence, "model_server_failed", "server_error")


def failed() -> Refused:
    """Says nothing of this machine, since anybody may read it."""
    return Refused(
        500, "This answer failed inside the server; its error.log has the details.", "internal_error", "server_error"
    )
