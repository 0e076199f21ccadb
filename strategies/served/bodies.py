"""How much of a reply is read: a server may send without end, and a small packed body may unpack to gigabytes."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing

import httpx2

from strategies.served.faults import BadReply

MOST_BYTES = 1 << 27  # of one reply, unpacked; the largest honest ones, with echoes of many labels, have some 10 MB
MOST_SHORT_BYTES = 1 << 24  # of a list of models, files or jobs, and of an answer to a probe
ACCEPTED = {"Accept-Encoding": "gzip"}  # what httpx2 can unpack is more, but it has no bound
_MOST_OF_AN_ERROR = 1 << 20
_MOST_OF_AN_EVENT = 1 << 20  # in a stream; the openai package sets no limit
_EMPTY_LINE = re.compile(rb"(?>\r\n|\r|\n){2}")  # with the end of the line before
_PIECE = 1 << 16
_TOO_MUCH = "sent more than an answer can be"


def bounded_by(most: int | None = None) -> Callable[[httpx2.Response], Awaitable[None]]:
    """A hook for the responses of a client, through a proxy too: reading one raises `BadReply` beyond `most` unpacked
    bytes, `MOST_BYTES` unless given. An error is cut off instead, because its status says more."""

    async def bound(response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Bounded(response.stream, response, MOST_BYTES if most is None else most)
        response.headers.pop("content-encoding", None)  # unpacked here
        response.encoding = "utf-8"  # a server may name one that unpacks: Python has "zlib" and "bz2"

    return bound


async def content_of(response: httpx2.Response, most: int | None = None) -> bytes:
    """The whole body. Raises `BadReply` beyond `most` bytes, if given, and beyond those of its client."""
    content = bytearray()
    async for part in response.aiter_bytes():
        content += part
        if most is not None and len(content) > most:
            raise BadReply(_TOO_MUCH)
    return bytes(content)


class _Bounded(httpx2.AsyncByteStream):
    """The unpacked body of a response, or its beginning if that is an error."""

    def __init__(self, body: httpx2.AsyncByteStream, response: httpx2.Response, most: int) -> None:
        self._body, self._is_error, self._is_begun = body, not response.is_success, False
        self._most = min(most, _MOST_OF_AN_ERROR) if self._is_error else most
        self._packed = response.headers.get("content-encoding", "").strip().lower()
        is_stream = "text/event-stream" in response.headers.get("content-type", "")
        self._event = _Event() if is_stream and not self._is_error else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # The openai package asks once more to throw away what is left behind the end of a stream.
        pieces = self._as_sent() if self._is_begun else self._unpacked()
        self._is_begun = True
        async with aclosing(pieces):
            try:
                async for piece in pieces:
                    yield piece
            except BadReply:
                if not self._is_error:
                    raise

    async def aclose(self) -> None:
        await self._body.aclose()

    async def _unpacked(self) -> AsyncGenerator[bytes, None]:
        if self._packed not in ("", "identity", "gzip", "x-gzip"):
            raise BadReply("packed its answer in a way that it wasn't asked for")
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16) if "gzip" in self._packed else None
        sent = taken = 0
        async with aclosing(self._as_sent()) as parts:
            async for part in parts:
                sent += len(part)  # what comes behind a packed body unpacks to nothing
                for piece in (part,) if unpacking is None else _pieces(unpacking, part):
                    if self._event is not None:
                        self._event.add(piece)
                    yield piece[: self._most - taken]
                    taken += len(piece)
                    if taken > self._most:
                        raise BadReply(_TOO_MUCH)
                if sent > self._most:
                    raise BadReply(_TOO_MUCH)

    async def _as_sent(self) -> AsyncGenerator[bytes, None]:
        parts = aiter(self._body)
        try:
            async for part in parts:
                yield part
        finally:
            if isinstance(parts, AsyncGenerator):
                await parts.aclose()


def _pieces(unpacking: zlib._Decompress, part: bytes) -> Iterator[bytes]:
    """What a part unpacks to, a little at a time. Raises `BadReply` if it can't be unpacked."""
    piece = b""
    while (part or len(piece) == _PIECE) and not unpacking.eof:
        try:
            piece = unpacking.decompress(part, _PIECE)
        except zlib.error:
            raise BadReply("sent a packed answer that can't be unpacked") from None
        part = unpacking.unconsumed_tail
        yield piece


class _Event:
    """How long the event is that is being streamed. An empty line ends it."""

    def __init__(self) -> None:
        self._end, self._bytes = b"", 0

    def add(self, piece: bytes) -> None:
        """Raises `BadReply` if the event is longer than one can be."""
        seen = self._end + piece
        ends = [found.end() for found in _EMPTY_LINE.finditer(seen)]
        self._bytes = len(seen) - ends[-1] if ends else self._bytes + len(piece)
        self._end = seen[-3:]
        if self._bytes > _MOST_OF_AN_EVENT:
            raise BadReply("streamed more at once than a part of an answer can be")
