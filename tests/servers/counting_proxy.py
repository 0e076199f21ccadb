"""A proxy on 127.0.0.1 in front of a server, which counts the requests that are paid for."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import suppress
from urllib.parse import urlsplit

from strategies.served.address import ServedAddress
from strategies.served.requests import COMPLETIONS, DECISIONS

_PART_BYTES = 1 << 16
_PROBES = (b"hello to a visitor", b"The visitor's badge is")
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class CountingProxy:
    """Passes everything on within `with`, but for paths that end with `without`: it answers these with status 404.
    `sent` counts the requests for answers by their path and body, `whole` those whose reply was passed on to its end.
    With `at_once`, further requests wait: some servers compute all that come at the same time, each ever slower."""

    def __init__(self, server: ServedAddress, without: str | None = None, at_once: int = 1_000) -> None:
        self._server, self._without = server, without
        self._turn = asyncio.Semaphore(at_once)
        self._upstream = urlsplit(server.url)
        self.sent: Counter[tuple[str, bytes]] = Counter()
        self.whole: Counter[tuple[str, bytes]] = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._port = 0

    def __enter__(self) -> CountingProxy:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._port = started.result().sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    @property
    def address(self) -> ServedAddress:
        """The same model, asked through the proxy."""
        return ServedAddress(self._server.model, f"http://127.0.0.1:{self._port}{self._upstream.path}")

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """One request a connection."""
        with suppress(OSError, asyncio.IncompleteReadError):  # a client that is killed breaks its connections off
            head = await client.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0)
            body = await client.readexactly(length)
            path = first.split()[1]
            if self._without is not None and path.endswith(self._without):
                to_client.write(_NOT_FOUND)
                to_client.close()
                return
            async with self._turn:
                if client.at_eof():  # it was killed while it waited
                    return
                request, is_paid = (path, body), path.endswith((COMPLETIONS, DECISIONS))
                self.sent[request] += is_paid
                server, to_server = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
                kept = [line for line in lines if line and not line.lower().startswith("connection:")]
                to_server.write("\r\n".join([first, *kept, "Connection: close", "", ""]).encode("latin-1") + body)
                answered = await server.readuntil(b"\r\n")
                to_client.write(answered + b"Connection: close\r\n")  # or the client would send another request on it
                while part := await server.read(_PART_BYTES):
                    to_client.write(part)
                    await to_client.drain()
                self.whole[request] += is_paid
                to_server.close()
        to_client.close()


def answers_asked(requests: Counter[tuple[str, bytes]]) -> Counter[tuple[str, bytes]]:
    """Without the probes, which ask each time and whose findings are kept."""
    return Counter(
        {one: times for one, times in requests.items() if times and not any(words in one[1] for words in _PROBES)}
    )
