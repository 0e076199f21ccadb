"""Requests wait in a line, and one thread answers those at its front together: there is one model in memory."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from advisor.serving.refusal import failed, too_many
from eval.outcomes import Prediction

Predict = Callable[[Sequence[str]], list[Prediction]]


@dataclass(eq=False, slots=True)
class _Waiting:
    input: str
    answer: asyncio.Future[Prediction]


class WaitingLine:
    """`predict` answers at most `at_once` inputs together. At most `most_waiting` requests wait; further ones are
    refused. The details of an error go to `log`."""

    def __init__(self, predict: Predict, at_once: int, most_waiting: int, log: Path) -> None:
        self._predict, self._at_once, self._most_waiting, self._log = predict, at_once, most_waiting, log
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "strategy")

    def __len__(self) -> int:
        """How many wait; those that are being answered don't."""
        return len(self._waiting)

    async def ask(self, input: str) -> Prediction:
        """Raises Refused. A request whose task is cancelled leaves the line."""
        if len(self._waiting) >= self._most_waiting:
            raise too_many(self._most_waiting)
        one = _Waiting(input, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        self._arrived.set()
        try:
            return await one.answer
        finally:
            with suppress(ValueError):  # its turn has come
                self._waiting.remove(one)

    async def work(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            front = [self._waiting.popleft() for _ in range(min(self._at_once, len(self._waiting)))]
            if not self._waiting:
                self._arrived.clear()
            if not front:  # all have gone
                continue
            found = await loop.run_in_executor(self._thread, self._answers, [one.input for one in front])
            for one, answer in zip(front, found, strict=True):
                if one.answer.done():  # its client has gone
                    continue
                if isinstance(answer, Prediction):
                    one.answer.set_result(answer)
                else:
                    one.answer.set_exception(answer)

    def _answers(self, inputs: Sequence[str]) -> Sequence[Prediction | Exception]:
        """If the inputs fail together, each is asked alone, so that one can't spoil the answers of others."""
        if len(inputs) > 1:
            with suppress(Exception):
                return self._predict(inputs)
            return [self._answers([one])[0] for one in inputs]
        try:
            return self._predict(inputs)
        except Exception as wrong:
            with suppress(OSError):
                self._log.write_text("".join(traceback.format_exception(wrong)))
            return [failed()]
