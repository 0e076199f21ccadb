"""A client that sends exactly what a test says, and reads what comes back, streams too."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return str(self.said["choices"][0]["message"]["content"])

    @property
    def events(self) -> list[Any]:
        """Of a stream that ends as it should."""
        lines = self.body.decode().split("\n\n")
        assert lines[-2:] == ["data: [DONE]", ""]
        return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


def send(
    url: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] = JSON,
    method: str | None = None,
    seconds: float = 60,
) -> Reply:
    split = urlsplit(url)
    connection = http.client.HTTPConnection(split.hostname or "", split.port, timeout=seconds)
    try:
        connection.request(method or ("GET" if body is None else "POST"), path, body, dict(headers))
        answered = connection.getresponse()
        return Reply(answered.status, {name.lower(): value for name, value in answered.getheaders()}, answered.read())
    finally:
        connection.close()


def chat(model: str, *contents: str, **more: Any) -> bytes:
    """A request with these messages of the user."""
    messages = [{"role": "user", "content": content} for content in contents]
    return json.dumps({"model": model, "messages": messages, **more}).encode()
