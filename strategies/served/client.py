"""One client of a server: many requests at once from a thread of its own, since strategies are synchronous. It asks
again where that helps, and keeps what was paid for."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
from openai import AsyncStream

from eval.task import BadInput
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept
from strategies.served.bodies import MOST_SHORT_BYTES, content_of
from strategies.served.budget import LimitReachedError, Spending
from strategies.served.connections import client_of
from strategies.served.faults import BadReply, Fault, Then, fault_of
from strategies.served.heard import Heard
from strategies.served.keys import Key, KeyNeededError
from strategies.served.pace import MOST, START, Pace
from strategies.served.replies import Streamed, checked, json_in
from strategies.served.requests import CHAT, Answer, Refusal, Reply, Request
from strategies.served.usage import tokens_taken

Given = TypeVar("Given")
AGAIN = "Start the run again when the server works: answers that are here already are not paid for again."


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for a connection, for the next sign of an answer, for a `whole_answer`, after a
    first failure (doubled after each further one, up to the longest), and in total for a server that answers none of
    many requests. `tries` of a request that fails; `failures` of different requests in a row before all are given up.
    """

    connecting: float = 10.0
    answering: float = 300.0
    whole_answer: float = 600.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    without_answers: float = 900.0
    tries: int = 5
    failures: int = 8


class StoppedError(BadInput):
    """No further request is worth sending. The message says why and what to do."""


class NoReplyError(StoppedError):
    """A request never got a reply, however often it was sent."""


class NoKeyError(StoppedError, KeyNeededError):
    """The server wants a key, or another one."""


class Client:
    """Asks one server. Use it from one thread, and close it.

    Requests run `at_once` at most, `start` of them in the beginning. `kept` holds answers between runs; without it
    every request is sent. `spending` says what may still be spent. `most_bytes` are those of one reply, `MOST_BYTES` of
    `bodies` unless given.
    """

    def __init__(
        self,
        address: ServedAddress,
        key: Key | None = None,
        *,
        at_once: int = MOST,
        start: int = START,
        patience: Patience | None = None,
        kept: AnswersKept | None = None,
        spending: Spending | None = None,
        most_bytes: int | None = None,
    ) -> None:
        self.address = address
        self.patience = patience or Patience()
        self.heard = Heard(address.model)
        self.pace = Pace(start, at_once)
        self._key, self._kept, self._spending = key, kept, spending
        self._failed_in_a_row = 0
        self._slowed = 0  # times the server said that it allows no more requests, since it last answered
        self._silent_since: float | None = None  # on the loop's clock: when the first request since then was sent
        self._over: Exception | None = None  # why nothing more may be sent
        self._on_the_way: set[asyncio.Task[None] | None] = set()  # what was sent, and what is being kept
        self._unsaved = asyncio.Semaphore(at_once)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="served model", daemon=True)
        self._thread.start()
        timeout = httpx2.Timeout(self.patience.answering, connect=self.patience.connecting)
        self._client = client_of(address, key, timeout, most_bytes)

    @property
    def server(self) -> str:
        """The part of a kept answer's key that names the model."""
        return self.address.name

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._run(self._client.close())
        self._run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def ask(self, requests: Sequence[Request], answered: Callable[[int], None] | None = None) -> list[Reply]:
        """A reply to each request, in their order. `answered` hears how many are done.

        Equal requests are sent once. Raises `StoppedError` if the server can't be used any further, and
        `LimitReachedError` if the budget is used up; requests that were already sent are awaited first, and their
        answers kept.
        """
        started = time.perf_counter()
        replies = self._run(self._ask_all(requests, answered))
        self.heard.add(requests, replies, time.perf_counter() - started, self.pace.allowed)
        return replies

    def fetch(self, url: str, payload: Mapping[str, Any] | None = None) -> Any:
        """The JSON at a URL, or what it says to a payload; None if there is none. For what costs nothing. Raises
        `StoppedError` if no server answers, if it refuses the key, if it asks for a longer wait than we have, or if it
        sends us on to another address for what is only looked at."""
        return self._run(self._fetch(url, payload))

    def _run(self, work: Coroutine[Any, Any, Given]) -> Given:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _fetch(self, url: str, payload: Mapping[str, Any] | None) -> Any:
        waited = 0.0
        for attempt in range(self.patience.tries):
            try:
                async with asyncio.timeout(self.patience.whole_answer):
                    return json_in(await self._content_at(url, payload))
            except Exception as wrong:
                fault = fault_of(wrong, self.address, self._key, self.patience.answering)
                if fault.status in (401, 403) or (payload is None and fault.other_address):
                    raise self._stopped(fault) from None
                is_there = fault.status is not None or fault.replied  # some answer any path with the same page
                if not is_there and attempt + 1 == self.patience.tries:
                    raise NoReplyError(fault.sentence) from None
                failed_again = is_there and attempt > 0
                if failed_again or fault.then not in (Then.RETRY, Then.SLOW_DOWN):
                    return None
                wait = self._wait(attempt, fault)
                waited += wait
                if waited > self.patience.without_answers:
                    raise StoppedError(fault.with_wait) from None
                await asyncio.sleep(wait)
        return None

    async def _content_at(self, url: str, payload: Mapping[str, Any] | None) -> bytes:
        stream: AsyncStream[object]
        if payload is None:
            stream = await self._client.get(url, cast_to=object, stream=True, stream_cls=AsyncStream[object])
        else:
            stream = await self._client.post(
                url, cast_to=object, body=payload, stream=True, stream_cls=AsyncStream[object]
            )
        async with stream:
            return await content_of(stream.response, MOST_SHORT_BYTES)

    async def _ask_all(self, requests: Sequence[Request], answered: Callable[[int], None] | None) -> list[Reply]:
        keys = [request.key(self.server) for request in requests]
        distinct = dict(zip(keys, requests, strict=True))
        replies: dict[str, Reply] = {}
        if self._kept is not None:
            replies.update(self._kept.find(list(distinct)))
        self._over = None
        tasks: list[asyncio.Task[None]] = []
        done = 0

        def count(finished: int) -> None:
            nonlocal done
            done += finished
            if answered is not None:
                answered(done)

        shares = {key: keys.count(key) for key in distinct} if len(distinct) < len(keys) else dict.fromkeys(keys, 1)
        if replies:
            count(sum(shares[key] for key in replies))

        async def one(key: str, request: Request) -> None:
            try:
                replies[key] = await self._reply_to(key, request)
            except Exception as wrong:
                self._over = self._over or wrong
                for task in tasks:
                    if task not in self._on_the_way:
                        task.cancel()
            else:
                count(shares[key])

        left = [(key, request) for key, request in distinct.items() if key not in replies]
        tasks += (asyncio.create_task(one(key, request)) for key, request in left)
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._over is not None:
            raise self._over
        return [replies[key] for key in keys]

    async def _reply_to(self, key: str, request: Request) -> Reply:
        failures, waited = 0, 0.0
        while True:
            answer = await self._try(key, request)
            if isinstance(answer, Answer):
                return answer
            fault = answer
            only_path = fault.lacks_path and request.path != CHAT
            if fault.then is Then.STOP and not only_path:
                raise self._stopped(fault)
            if fault.then in (Then.SKIP, Then.STOP):
                return Refusal(fault.sentence, fault.status, fault.parameter)
            failures += fault.then is Then.RETRY
            wait = self._wait(failures + self._slowed, fault)
            waited += wait
            if waited > self.patience.without_answers:
                raise StoppedError(f"{fault.with_wait} {AGAIN}")
            if failures >= self.patience.tries:
                return self._given_up(fault)
            await asyncio.sleep(wait)

    async def _try(self, key: str, request: Request) -> Answer | Fault:
        """An answer counts once it is on disk. So a killed process loses the requests that run, and as many answers at
        most that are being written."""
        saving: Future[None] | None = None
        this = asyncio.current_task()
        try:
            async with self.pace.turn() as sent_at:
                if self._over is not None:
                    raise self._over
                if self._spending is not None and (reached := self._spending.reached()):
                    raise LimitReachedError(reached)
                self._on_the_way.add(this)
                try:
                    answer = await self._send(request)
                except Exception as wrong:
                    fault = fault_of(wrong, self.address, self._key, self.patience.answering)
                    if self._spending is not None and request.is_for_answer:
                        self._spending.add(1)
                    if fault.then in (Then.RETRY, Then.SLOW_DOWN):
                        self._wait_on(sent_at, fault)
                    return fault
                if self._spending is not None and request.is_for_answer:
                    tokens = tokens_taken(request, answer)
                    self._spending.add(1, tokens.read, tokens.written)
                self.pace.went_well()
                self._failed_in_a_row, self._slowed, self._silent_since = 0, 0, None
                if self._kept is not None:
                    await self._unsaved.acquire()
                    saving = self._kept.keep(key, self.server, answer)
            if saving is not None:
                try:
                    await asyncio.wrap_future(saving)
                finally:
                    self._unsaved.release()
            return answer
        finally:
            self._on_the_way.discard(this)

    def _wait_on(self, sent_at: float, fault: Fault) -> None:
        """Raises `StoppedError` if the server has answered no request for too long, or says that it won't."""
        now, wait = self._loop.time(), 0.0
        self._silent_since = sent_at if self._silent_since is None else self._silent_since
        if fault.then is Then.SLOW_DOWN:
            self._slowed += self.pace.tells_new(sent_at)
            wait = self._wait(self._slowed, fault)
        if now + wait - self._silent_since > self.patience.without_answers:
            raise StoppedError(f"{fault.with_wait} {AGAIN}")
        if wait:
            self.pace.was_too_fast(sent_at, wait)

    def _stopped(self, fault: Fault) -> StoppedError:
        return NoKeyError(fault.sentence, self.address.host) if fault.needs_key else StoppedError(fault.sentence)

    def _given_up(self, fault: Fault) -> Refusal:
        """One request may be at fault: some services leave an answer out that they mustn't show."""
        self._failed_in_a_row += 1
        if not (fault.status or fault.replied):
            raise NoReplyError(f"{fault.sentence} {AGAIN}")
        if self._failed_in_a_row >= self.patience.failures:
            raise StoppedError(f"{fault.sentence} {AGAIN}")
        return Refusal(f"{fault.sentence} It was asked {self.patience.tries} times.", fault.status)

    def _wait(self, failures: int, fault: Fault) -> float:
        """Seconds before asking again: what the server says, or longer after each failure, a little by chance so that
        requests don't come back all at once."""
        if fault.wait is not None:
            return fault.wait
        longest = min(self.patience.first_wait * 2.0 ** max(0, failures - 1), self.patience.longest_wait)
        return longest * random.uniform(0.75, 1.0)

    async def _send(self, request: Request) -> Answer:
        body = {"model": self.address.model, **request.payload}
        longest = self.patience.whole_answer
        try:
            async with asyncio.timeout(longest):
                return await self._answer(request, body)
        except TimeoutError:
            raise BadReply(f"didn't end its answer within {longest:,.0f} seconds") from None

    async def _answer(self, request: Request, body: dict[str, Any]) -> Answer:
        asked_at, started = time.time(), time.perf_counter()
        if request.streamed:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        stream: AsyncStream[object] = await self._client.post(
            request.path, cast_to=object, body=body, stream=True, stream_cls=AsyncStream[object]
        )
        first: float | None = None
        try:
            if not request.streamed or "text/event-stream" not in stream.response.headers.get("content-type", ""):
                content = await content_of(stream.response)
                seconds = time.perf_counter() - started
                return Answer(checked(json_in(content), request.path), seconds, None, asked_at)
            streamed = Streamed()
            async for chunk in stream:
                if streamed.add(chunk) and first is None:
                    first = time.perf_counter() - started
        finally:
            await stream.close()
        return Answer(streamed.body(), time.perf_counter() - started, first, asked_at)
