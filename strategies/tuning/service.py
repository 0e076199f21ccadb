"""Requests to a service that fine-tunes. They are few and not timed, so they run one after the other."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx2
from openai._types import RequestOptions

from strategies.served.address import ServedAddress
from strategies.served.bodies import MOST_SHORT_BYTES
from strategies.served.client import NoKeyError, Patience, StoppedError
from strategies.served.connections import client_of
from strategies.served.faults import BadReply, Fault, Then, fault_of
from strategies.served.keys import Key

Json = dict[str, Any]
_SLOWEST_UPLOAD = 1 << 15  # bytes a second


class SentOnError(StoppedError):
    """The server sends a request on to another place. The message says where."""


class Service:
    """The API at an address. Paths begin behind its version: "/files". Close it.

    Every request raises `StoppedError` with a sentence if it fails for good, `NoKeyError` if a key would help,
    `SentOnError` if the server sends it on to another place, where nothing is sent.
    """

    def __init__(self, address: ServedAddress, key: Key | None = None, patience: Patience | None = None) -> None:
        self.address = address
        self._key, self._patience = key, patience or Patience()
        timeout = httpx2.Timeout(self._patience.answering, connect=self._patience.connecting)
        self._loop = asyncio.new_event_loop()
        self._client = client_of(address, key, timeout, MOST_SHORT_BYTES)

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._loop.run_until_complete(self._client.close())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def get(self, path: str) -> Json:
        return self._repeated(lambda: self._client.get(path, cast_to=httpx2.Response)) or {}

    def find(self, path: str) -> Json | None:
        """None if the server has no such address."""
        return self._repeated(lambda: self._client.get(path, cast_to=httpx2.Response), or_none=True)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Sent once more after a failure, so only for what does no harm twice."""
        return self._repeated(lambda: self._client.post(path, cast_to=httpx2.Response, body=dict(body or {}))) or {}

    def post_once(self, path: str, body: Mapping[str, Any], was_done: Callable[[], Json | None]) -> Json:
        """For what mustn't happen twice: after a failure that leaves it open, `was_done` looks before it is sent
        again."""
        return self._repeated(lambda: self._client.post(path, cast_to=httpx2.Response, body=dict(body)), was_done) or {}

    def upload(self, path: str, fields: Mapping[str, str], name: str, content: bytes) -> Json:
        """A file as one field of a form, "file", with other `fields`."""
        options: RequestOptions = {"headers": {"Content-Type": "multipart/form-data"}}
        files = [("file", (name, content, "application/jsonl"))]

        def send() -> Awaitable[httpx2.Response]:
            return self._client.post(path, cast_to=httpx2.Response, body=dict(fields), files=files, options=options)

        return self._repeated(send, seconds=len(content) / _SLOWEST_UPLOAD) or {}

    def delete(self, path: str) -> None:
        """What is gone already counts as deleted."""
        self._repeated(lambda: self._client.delete(path, cast_to=httpx2.Response), or_none=True)

    def _repeated(
        self,
        send: Callable[[], Awaitable[httpx2.Response]],
        was_done: Callable[[], Json | None] | None = None,
        or_none: bool = False,
        seconds: float = 0.0,
    ) -> Json | None:
        """`seconds` is what sending takes on top of a whole answer at most."""
        patience, fault, waited = self._patience, Fault(Then.STOP, ""), 0.0
        for attempt in range(patience.tries):
            if attempt:
                wait = min(patience.first_wait * 2.0 ** (attempt - 1), patience.longest_wait)
                wait = wait if fault.wait is None else fault.wait
                waited += wait
                if waited > patience.without_answers:
                    raise StoppedError(fault.with_wait)
                time.sleep(wait)
                if was_done is not None and (found := was_done()) is not None:
                    return found
            try:
                found = json.loads(self._answer(send, seconds) or b"{}")
                return found if isinstance(found, dict) else {"data": found}
            except Exception as wrong:
                fault = fault_of(wrong, self.address, self._key, patience.answering)
            if or_none and fault.status in (404, 405):
                return None
            if fault.needs_key:
                raise NoKeyError(fault.sentence, self.address.host)
            if fault.is_sent_on:
                raise SentOnError(fault.sentence)
            if fault.then not in (Then.RETRY, Then.SLOW_DOWN):
                break
        raise StoppedError(fault.sentence)

    def _answer(self, send: Callable[[], Awaitable[httpx2.Response]], seconds: float) -> bytes:
        longest = self._patience.whole_answer + seconds

        async def content() -> bytes:
            try:
                async with asyncio.timeout(longest):
                    return (await send()).content
            except TimeoutError:
                raise BadReply(f"didn't end its answer within {longest:,.0f} seconds") from None

        task = self._loop.create_task(content())
        try:
            return self._loop.run_until_complete(task)
        except BaseException:
            task.cancel()
            raise


def items_of(reply: Mapping[str, Any] | None) -> list[Json]:
    """What a list holds."""
    data = reply.get("data") if reply else None
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []


def count_in(reply: Mapping[str, Any], *names: str) -> int | None:
    """The first of these fields that holds a count."""
    values = (reply.get(name) for name in names)
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)
