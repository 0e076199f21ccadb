"""Asking a served model through Threeways against bare asyncio clients: the same requests, at the same concurrency, to
the same server in a process of its own, in turn.

The tiny network answers in a few milliseconds, so that it competes with its clients for the processor. That shows what
a request costs here. With the time that a real answer takes, it shows the throughput that people get.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from strategies.engine.language_model import Message, Prompt
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept, KeptAccount
from strategies.served.budget import Spending
from strategies.served.capabilities import Capabilities
from strategies.served.client import Client
from strategies.served.served_model import ServedModel
from tests.benchmarks.side_by_side import rates

ANSWER_SECONDS = (0.0, 0.4)
AT_ONCE = (1, 8, 32)
MOST_REQUESTS = 16  # for each that runs at once: one after the other, more would take minutes
TOKENS = 2

Ask = Callable[[ServedAddress, list[Prompt], int], float]  # seconds with so many at once


def run(full: bool) -> list[dict[str, Any]]:
    requests, rounds = (400, 7) if full else (64, 3)
    found = []
    for seconds in ANSWER_SECONDS:
        with _server(seconds) as address:
            found += [
                _compare(address, seconds, min(requests, MOST_REQUESTS * at_once), at_once, rounds)
                for at_once in AT_ONCE
            ]
    return found


def _compare(address: ServedAddress, seconds: float, requests: int, at_once: int, rounds: int) -> dict[str, Any]:
    clients: dict[str, Ask] = {
        "ours": _with_threeways,
        "AsyncOpenAI": lambda *asked: asyncio.run(_with_openai(*asked)),
        "bare connections": lambda *asked: asyncio.run(_with_connections(*asked)),
    }
    took: dict[str, list[float]] = {name: [] for name in clients}
    for number in range(rounds + 1):
        for name, ask in clients.items():
            prompts: list[Prompt] = [(Message("user", f"Order {at} of {number}, {name}?"),) for at in range(requests)]
            took[name].append(ask(address, prompts, at_once))
    timed = {name: each[1:] for name, each in took.items()}  # the first round warms up
    ratios = {
        name: [their / our for our, their in zip(timed["ours"], each, strict=True)] for name, each in timed.items()
    }
    return {
        "server adds": f"{seconds:g} s",
        "at once": at_once,
        **{f"{name}, requests/s": rates(requests, each) for name, each in timed.items()},
        **{
            f"ours ÷ {name}": f"{median(each):.2f} ({min(each):.2f} to {max(each):.2f})"
            for name, each in ratios.items()
            if name != "ours"
        },
    }


def _with_threeways(address: ServedAddress, prompts: list[Prompt], at_once: int) -> float:
    """With every answer kept on disk and the spending counted, as in a run."""
    with tempfile.TemporaryDirectory() as folder:
        kept = AnswersKept(Path(folder) / "answers.sqlite")
        spending = Spending(KeptAccount(kept, "benchmark"))
        client = Client(address, at_once=at_once, start=at_once, kept=kept, spending=spending)
        model = ServedModel(client, Capabilities(counts=True))
        started = time.perf_counter()
        answers = model.write(prompts, TOKENS)
        seconds = time.perf_counter() - started
        model.close()
        kept.close()
    if any(one.error for one in answers):
        raise RuntimeError("a request failed")
    return seconds


async def _with_openai(address: ServedAddress, prompts: list[Prompt], at_once: int) -> float:
    """What people write: the service's own client and a semaphore."""
    turn = asyncio.Semaphore(at_once)
    http = openai.DefaultAsyncHttpxClient(trust_env=False, limits=httpx2.Limits(max_connections=at_once))
    async with openai.AsyncOpenAI(api_key="none", base_url=address.url, max_retries=0, http_client=http) as client:

        async def ask(prompt: Prompt) -> None:
            async with turn:
                await client.chat.completions.create(**_asked(address, prompt))

        started = time.perf_counter()
        await asyncio.gather(*map(ask, prompts))
        return time.perf_counter() - started


async def _with_connections(address: ServedAddress, prompts: list[Prompt], at_once: int) -> float:
    """The least that a client can do: each open connection sends its next request when it has an answer."""
    split = urlsplit(address.url)
    left = iter(prompts)

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(split.hostname, split.port)
        for prompt in left:
            body = json.dumps(_asked(address, prompt)).encode()
            head = f"POST {split.path}/chat/completions HTTP/1.1\r\nHost: {split.netloc}\r\n"
            writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            answered = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(answered.split("content-length:")[1].split("\r\n")[0])
            if not json.loads(await reader.readexactly(length))["choices"]:
                raise RuntimeError("a request failed")
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(at_once)))
    return time.perf_counter() - started


def _asked(address: ServedAddress, prompt: Prompt) -> dict[str, Any]:
    messages = [{"role": one.role, "content": one.content} for one in prompt]
    return {"model": address.model, "messages": messages, "max_tokens": TOKENS, "temperature": 0, "seed": 0}


@contextmanager
def _server(seconds: float) -> Iterator[ServedAddress]:
    asked = [sys.executable, "-m", "tests.servers.tiny_server", str(seconds)]
    with subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the server has no pipes")
        yield ServedAddress.parse(process.stdout.readline().strip())
        process.stdin.close()
