"""The connections to a server, each in a pool of its own.

httpcore's one pool looks at every connection when a request begins and again when it ends, and asks the operating
system about each idle one. A pool of one connection has nothing to look through.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from urllib.request import getproxies

import httpx2
import openai

from strategies.served.address import ServedAddress
from strategies.served.bodies import ACCEPTED, bounded_by
from strategies.served.keys import Key


def client_of(
    address: ServedAddress, key: Key | None, timeout: httpx2.Timeout, most_bytes: int | None = None
) -> openai.AsyncOpenAI:
    """What sends every request to a server. It tries once, follows no redirect, and reads `most_bytes` of a reply, as
    `bounded_by` says."""
    return openai.AsyncOpenAI(
        api_key=key.reveal() if key else "none",
        base_url=address.url,
        max_retries=0,
        timeout=timeout,
        http_client=openai.DefaultAsyncHttpxClient(
            transport=_connections_to(address),
            timeout=timeout,
            trust_env=not address.is_on_this_machine,
            follow_redirects=False,
            headers=ACCEPTED,
            event_hooks={"response": [bounded_by(most_bytes)]},
        ),
    )


def _connections_to(address: ServedAddress) -> Connections | None:
    """None if requests go through a proxy that the environment names: httpx2 looks for one only if it may choose its
    own connections."""
    if getproxies() and not address.is_on_this_machine:
        return None
    return Connections()


class Connections(httpx2.AsyncBaseTransport):
    """As many connections as requests run at once, the last one used first. All its methods belong to one event
    loop."""

    def __init__(self) -> None:
        self._tls = httpx2.create_ssl_context()  # reads a file of certificates, so once for all
        self._idle: list[httpx2.AsyncHTTPTransport] = []
        self._all: list[httpx2.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        connection = self._idle.pop() if self._idle else self._another()
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            self._idle.append(connection)
            raise
        response.stream = _Lent(response.stream, lambda: self._idle.append(connection))
        return response

    async def aclose(self) -> None:
        for connection in self._all:
            await connection.aclose()

    def _another(self) -> httpx2.AsyncHTTPTransport:
        connection = httpx2.AsyncHTTPTransport(verify=self._tls, limits=httpx2.Limits(max_connections=1))
        self._all.append(connection)
        return connection


class _Lent(httpx2.AsyncByteStream):
    """The body of a response. Its connection is free once it is closed."""

    def __init__(self, body: object, give_back: Callable[[], None]) -> None:
        if not isinstance(body, httpx2.AsyncByteStream):
            raise TypeError("the body of an asynchronous response is an asynchronous stream")
        self._body, self._give_back = body, give_back
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            yield part

    async def aclose(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        try:
            await self._body.aclose()
        finally:
            self._give_back()
