"""How many requests may run at once. A server that says "too many requests" halves it; answers raise it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

START, MOST = 8, 32


class Pace:
    """Additive increase, multiplicative decrease, as in TCP. All its methods belong to one event loop."""

    def __init__(self, start: int = START, most: int = MOST) -> None:
        self._allowed, self._most = float(min(start, most)), most
        self._running = 0
        self._slowed_at = self._open_at = 0.0  # of the loop's clock
        self._changed: asyncio.Condition | None = None

    @property
    def allowed(self) -> int:
        """Requests at once."""
        return max(1, int(self._allowed))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[float]:
        """Waits until a request may be sent, and yields when that is, in seconds of the loop's clock."""
        loop = asyncio.get_running_loop()
        if self._changed is None:
            self._changed = asyncio.Condition()
        async with self._changed:
            await self._changed.wait_for(lambda: self._running < self.allowed)
            self._running += 1
        try:
            while (closed := self._open_at - loop.time()) > 0:
                await asyncio.sleep(closed)
            yield loop.time()
        finally:
            async with self._changed:
                self._running -= 1
                self._changed.notify(max(0, self.allowed - self._running))  # not all of thousands that wait

    def went_well(self) -> None:
        """One more at once after as many answers as now run at once."""
        self._allowed = min(self._allowed + 1 / self._allowed, self._most)

    def tells_new(self, sent_at: float) -> bool:
        """Whether a refusal of a request sent at `sent_at` tells something new: one that was sent before the last
        slowing down doesn't."""
        return sent_at >= self._slowed_at

    def was_too_fast(self, sent_at: float, wait: float) -> None:
        """The server refused a request sent at `sent_at` because there were too many. No other is sent for `wait`
        seconds."""
        loop = asyncio.get_running_loop()
        self._open_at = max(self._open_at, loop.time() + wait)
        if self.tells_new(sent_at):
            self._allowed = max(1.0, self._allowed / 2)
            self._slowed_at = loop.time()
