"""HTTP that closes a connection on which nobody asks anything. Each one counts towards the limit on connections, also
without the key, so a few hundred silent ones would keep all others out."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS_TO_ASK = 10.0  # until the head of a request is there; at most twice that after an answer
_ANSWERING = object()


class Punctual(H11Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look_later(None)

    def _look_later(self, last: object) -> None:
        self.loop.call_later(SECONDS_TO_ASK, self._look, last)

    def _look(self, last_before: object) -> None:
        """`last_before` is the last request that had been answered at the look before, or `_ANSWERING`."""
        if self.transport.is_closing():
            return
        last = _ANSWERING if self.cycle is not None and not self.cycle.response_complete else self.cycle
        if last is last_before is not _ANSWERING:
            self.transport.close()
        else:
            self._look_later(last)
