"""The endpoint: who may ask, how large a request may be and how long it may take, and what comes back."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from advisor.serving.limits import Address, Limits
from advisor.serving.reading import Asked, read_request
from advisor.serving.refusal import (
    Refused,
    failed_upstream,
    not_json_content,
    other_host,
    too_large,
    too_long,
    too_slow,
    unknown_path,
    wrong_key,
    wrong_method,
)
from advisor.serving.replies import Served
from advisor.serving.waiting_line import WaitingLine
from eval.outcomes import Prediction

_CLIENT_GONE = 499


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`key` must come with each request; without one, requests must name this machine as their host, so that no web
    page can ask under a name of its own. `keeps_turns` is as in `read_request`. `asks_server`: the model is behind
    another server."""

    served: Served
    line: WaitingLine
    limits: Limits
    key: str | None = None
    keeps_turns: bool = False
    asks_server: bool = False

    def app(self) -> Starlette:
        @asynccontextmanager
        async def working(_: Starlette) -> AsyncIterator[None]:
            work = asyncio.create_task(self.line.work())
            yield
            work.cancel()

        return Starlette(
            routes=[
                Route("/health", self._health, methods=["GET"]),
                Route("/v1/models", self._models, methods=["GET"]),
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
            ],
            exception_handlers={Refused: _refuse, HTTPException: _refuse_path},
            lifespan=working,
        )

    async def _health(self, _: Request) -> Response:
        """Needs no key, and says nothing but that answers are possible."""
        return JSONResponse({"status": "ok"})

    async def _models(self, request: Request) -> Response:
        self._check_sender(request)
        return JSONResponse(self.served.models())

    async def _complete(self, request: Request) -> Response:
        self._check_sender(request)
        content_type = request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise not_json_content(content_type)
        try:
            async with asyncio.timeout(self.limits.seconds):
                asked = read_request(await self._body(request), self.served.model, self.keeps_turns)
                given = await self._answer(request, asked)
        except TimeoutError as wrong:
            raise too_slow(self.limits.seconds) from wrong
        except ClientDisconnect:
            return Response(status_code=_CLIENT_GONE)  # nobody reads it
        if asked.streams:
            events: Iterator[bytes] = self.served.events(given, asked.counts)
            return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        return JSONResponse(self.served.completion(given))

    def _check_sender(self, request: Request) -> None:
        if self.key is not None:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self.key.encode()):
                raise wrong_key()
            return
        host = request.headers.get("host", "")
        if not _is_local(host):
            raise other_host(host)

    async def _body(self, request: Request) -> bytes:
        """What is too large isn't read to its end."""
        most, length = self.limits.most_bytes, request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > most:
            raise too_large(most)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise too_large(most)
        return bytes(body)

    async def _answer(self, request: Request, asked: Asked) -> Prediction:
        """A request whose client has gone leaves the line. Raises Refused, or ClientDisconnect."""
        asking, leaving = asyncio.create_task(self.line.ask(asked.input)), asyncio.create_task(_gone(request))
        try:
            await asyncio.wait([asking, leaving], return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise ClientDisconnect
            given = asking.result()
        finally:
            for task in (asking, leaving):
                task.cancel()
        if given.error is not None:
            raise failed_upstream(given.error) if self.asks_server else too_long(given.error)
        return given


def _is_local(host: str) -> bool:
    try:
        return Address(urlsplit(f"//{host}").hostname or "").is_loopback
    except ValueError:  # brackets that don't match
        return False


async def _gone(request: Request) -> None:
    with suppress(ClientDisconnect):
        while (await request.receive())["type"] != "http.disconnect":
            pass


async def _refuse(_: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, Refused)
    return JSONResponse(wrong.to_json(), wrong.status, headers=dict(wrong.headers))


async def _refuse_path(request: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, HTTPException)
    path, is_known = request.url.path, wrong.status_code == 405
    return await _refuse(request, wrong_method(request.method, path) if is_known else unknown_path(path))
