"""One client of a server: many requests at once from a thread of its own, since strategies are synchronous. It asks
again where that helps, and keeps what was paid for."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
import openai
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk

from eval.task import BadInput
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept
from strategies.served.budget import LimitReachedError, Spending
from strategies.served.connections import connections_to
from strategies.served.faults import BadReply, Fault, Then, fault_of
from strategies.served.heard import Heard
from strategies.served.keys import Key, KeyNeededError
from strategies.served.pace import MOST, START, Pace
from strategies.served.requests import CHAT, COMPLETIONS, DECISIONS, Answer, Refusal, Reply, Request
from strategies.served.usage import tokens_taken

Given = TypeVar("Given")
AGAIN = "Start the run again when the server works: answers that are here already are not paid for again."


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for a connection, for one answer, after a first failure (doubled after each
    further one, up to the longest), and in total for a server that allows no more requests. `tries` of a request that
    fails; `failures` of different requests in a row before all are given up."""

    connecting: float = 10.0
    answering: float = 300.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    waiting_for_turn: float = 900.0
    tries: int = 5
    failures: int = 8


class StoppedError(BadInput):
    """No further request is worth sending. The message says why and what to do."""


class NoKeyError(StoppedError, KeyNeededError):
    """The server wants a key, or another one."""


class Client:
    """Asks one server. Use it from one thread, and close it.

    Requests run `at_once` at most, `start` of them in the beginning. `kept` holds answers between runs; without it
    every request is sent. `spending` says what may still be spent.
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
    ) -> None:
        self.address = address
        self.patience = patience or Patience()
        self.heard = Heard(address.model)
        self.pace = Pace(start, at_once)
        self._key, self._kept, self._spending = key, kept, spending
        self._failed_in_a_row = 0
        self._unsaved = asyncio.Semaphore(at_once)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="served model", daemon=True)
        self._thread.start()
        timeout = httpx2.Timeout(self.patience.answering, connect=self.patience.connecting)
        self._client = AsyncOpenAI(
            api_key=key.reveal() if key else "none",
            base_url=address.url,
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAsyncHttpxClient(
                transport=connections_to(address), timeout=timeout, trust_env=not address.is_on_this_machine
            ),
        )

    @property
    def server(self) -> str:
        """The part of a kept answer's key that names the model."""
        return self.address.name

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._run(self._client.close())
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
        `StoppedError` if no server answers, or if it refuses the key."""
        return self._run(self._fetch(url, payload))

    def _run(self, work: Coroutine[Any, Any, Given]) -> Given:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _fetch(self, url: str, payload: Mapping[str, Any] | None) -> Any:
        for attempt in range(self.patience.tries):
            try:
                if payload is None:
                    response = await self._client.get(url, cast_to=httpx2.Response)
                else:
                    response = await self._client.post(url, cast_to=httpx2.Response, body=payload)
                return json.loads(response.content)
            except Exception as wrong:
                fault = fault_of(wrong, self.address, self._key, self.patience.answering)
                if fault.status in (401, 403):
                    raise self._stopped(fault) from None
                if fault.status is None and attempt + 1 == self.patience.tries:
                    raise StoppedError(fault.sentence) from None
                failed_again = fault.status is not None and attempt > 0
                if failed_again or fault.then not in (Then.RETRY, Then.SLOW_DOWN):
                    return None
                await asyncio.sleep(self._wait(attempt, fault))
        return None

    async def _ask_all(self, requests: Sequence[Request], answered: Callable[[int], None] | None) -> list[Reply]:
        keys = [request.key(self.server) for request in requests]
        distinct = dict(zip(keys, requests, strict=True))
        replies: dict[str, Reply] = {}
        if self._kept is not None:
            replies.update(self._kept.find(list(distinct)))
        stopped: list[StoppedError | LimitReachedError] = []
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
            if stopped:
                return
            try:
                reply = await self._reply_to(key, request)
            except (StoppedError, LimitReachedError) as wrong:
                stopped.append(wrong)
                return
            replies[key] = reply
            count(shares[key])

        left = [(key, request) for key, request in distinct.items() if key not in replies]
        await asyncio.gather(*(one(key, request) for key, request in left))
        if stopped:
            raise stopped[0]
        return [replies[key] for key in keys]

    async def _reply_to(self, key: str, request: Request) -> Reply:
        """An answer counts once it is on disk. So a killed process loses the requests that run, and as many answers at
        most that are being written."""
        failures, slowed, waited = 0, 0, 0.0
        while True:
            fault: Fault | None = None
            saving: Future[None] | None = None
            async with self.pace.turn() as sent_at:
                if self._spending is not None and (reached := self._spending.reached()):
                    raise LimitReachedError(reached)
                try:
                    answer = await self._send(request)
                except Exception as wrong:
                    fault = fault_of(wrong, self.address, self._key, self.patience.answering)
                    if self._spending is not None and request.is_for_answer:
                        self._spending.add(1)
                    if fault.then is Then.SLOW_DOWN:
                        slowed += 1
                        self.pace.was_too_fast(sent_at, self._wait(slowed, fault))
                else:
                    if self._spending is not None and request.is_for_answer:
                        tokens = tokens_taken(request, answer)
                        self._spending.add(1, tokens.read, tokens.written)
                    self.pace.went_well()
                    self._failed_in_a_row = 0
                    if self._kept is not None:
                        await self._unsaved.acquire()
                        saving = self._kept.keep(key, self.server, answer)
            if fault is None:
                if saving is not None:
                    try:
                        await asyncio.wrap_future(saving)
                    finally:
                        self._unsaved.release()
                return answer
            elsewhere = fault.status in (404, 405) and request.path != CHAT  # only this path is missing
            if fault.then is Then.STOP and not elsewhere:
                raise self._stopped(fault) from None
            if fault.then in (Then.SKIP, Then.STOP):
                return Refusal(fault.sentence, fault.status, fault.parameter)
            failures += fault.then is Then.RETRY
            wait = self._wait(failures + slowed, fault)
            waited += wait
            if waited > self.patience.waiting_for_turn:
                raise StoppedError(f"{fault.sentence} {AGAIN}") from None
            if failures >= self.patience.tries:
                return self._given_up(fault)
            await asyncio.sleep(wait)

    def _stopped(self, fault: Fault) -> StoppedError:
        return NoKeyError(fault.sentence, self.address.host) if fault.needs_key else StoppedError(fault.sentence)

    def _given_up(self, fault: Fault) -> Refusal:
        self._failed_in_a_row += 1
        if fault.status is None or self._failed_in_a_row >= self.patience.failures:
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
        asked_at, started = time.time(), time.perf_counter()
        if request.streamed:
            return await self._stream(request, body, asked_at)
        response = await self._client.post(request.path, cast_to=httpx2.Response, body=body)
        seconds = time.perf_counter() - started
        return Answer(_checked(json.loads(response.content), request.path), seconds, None, asked_at)

    async def _stream(self, request: Request, body: dict[str, Any], asked_at: float) -> Answer:
        started = time.perf_counter()
        first: float | None = None
        text: list[str] = []
        thoughts: list[str] = []
        whole: dict[str, Any] = {}
        finish = None
        stream: AsyncStream[ChatCompletionChunk] = await self._client.post(
            request.path,
            cast_to=ChatCompletionChunk,
            body={**body, "stream": True, "stream_options": {"include_usage": True}},
            stream=True,
            stream_cls=AsyncStream[ChatCompletionChunk],
        )
        async with stream:
            if "text/event-stream" not in stream.response.headers.get("content-type", ""):  # it ignores `stream`
                content = await stream.response.aread()
                seconds = time.perf_counter() - started
                return Answer(_checked(json.loads(content), request.path), seconds, None, asked_at)
            async for chunk in stream:
                said = chunk.to_dict()
                whole |= {name: said[name] for name in ("model", "usage", "system_fingerprint") if said.get(name)}
                for choice in said.get("choices") or []:  # type: ignore[attr-defined]
                    delta = choice.get("delta") or {}
                    thought = delta.get("reasoning_content") or delta.get("reasoning") or ""
                    piece = delta.get("content") or ""
                    if (piece or thought) and first is None:
                        first = time.perf_counter() - started
                    text.append(piece)
                    thoughts.append(thought)
                    finish = choice.get("finish_reason") or finish
        if finish is None:
            raise BadReply("broke off its answer before the end")
        seconds = time.perf_counter() - started
        message = {"role": "assistant", "content": "".join(text), "reasoning_content": "".join(thoughts) or None}
        whole["choices"] = [{"index": 0, "message": message, "finish_reason": finish}]
        return Answer(whole, seconds, first, asked_at)


def _checked(body: Any, path: str) -> dict[str, Any]:
    """The body, if it can be an answer. Raises `BadReply` otherwise."""
    if not isinstance(body, dict):
        raise BadReply("sent something else than an answer")
    if body.get("error"):  # some gateways put errors of the model's host into a reply with status 200
        raise BadReply(f"sent an error instead of an answer: {str(body['error'])[:200]}")
    if path == DECISIONS and not isinstance(body.get("answers"), dict):
        raise BadReply("sent a reply without an answer in it")
    if path not in (CHAT, COMPLETIONS):
        return body
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(one, dict) for one in choices):
        raise BadReply("sent a reply without an answer in it")
    if path == CHAT and not isinstance(choices[0].get("message"), dict):
        raise BadReply("sent a reply without a message in it")
    return body
