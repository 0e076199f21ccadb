"""A strategy behind `python -m advisor serve`: many requests at once, each answered, and how long they took.

The embedded model, prompted with clinc_banking15; a tiny network without FULL, which shows what a request costs besides
the answer. The client opens so many connections and sends the next request on each when it has an answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from eval.task import Kind, Split
from strategies.presets import PRESETS
from tests.benchmarks.shared_tasks import shared_task
from tests.fitted_runs import Measured, fitted_run, measured_run

REQUESTS, AT_ONCE = 1_000, 16
STRATEGY = "prompting"


def run(full: bool) -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        if full:
            task, split = shared_task("clinc_banking15")
            split = Split(split.train, split.dev, split.test)
            budget = PRESETS["quick"].budget(task.kind)
            measured = fitted_run(Path(folder), task, split, [STRATEGY], "embedded", budget)
        else:
            measured = measured_run(Path(folder), Kind.CLASSIFICATION, [STRATEGY])
        with _served(measured) as url:
            return [_measure(url, measured, streams) for streams in (False, True)]


def _measure(url: str, measured: Measured, streams: bool) -> dict[str, Any]:
    recorded = measured.outcomes[STRATEGY]
    texts = list(islice(cycle(recorded), REQUESTS))
    started = time.perf_counter()
    answers, seconds = asyncio.run(_ask(url, texts, streams))
    took = time.perf_counter() - started
    same = sum(answer == recorded[text] for answer, text in zip(answers, texts, strict=True) if answer is not None)
    return {
        "stream": "yes" if streams else "no",
        "requests": len(texts),
        "at once": AT_ONCE,
        "lost": sum(answer is None for answer in answers),
        "same as the run": same,
        "requests/s": len(texts) / took,
        "p50, ms": 1000 * float(np.quantile(seconds, 0.5)),
        "p95, ms": 1000 * float(np.quantile(seconds, 0.95)),
        "slowest, ms": 1000 * max(seconds),
    }


async def _ask(url: str, texts: list[str], streams: bool) -> tuple[list[str | None], list[float]]:
    """The answers, None for those that were lost, and the seconds of each."""
    answers: list[str | None] = [None] * len(texts)
    seconds = [0.0] * len(texts)
    left = iter(range(len(texts)))
    split = urlsplit(url)

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(split.hostname, split.port)
        for at in left:
            said = {"model": STRATEGY, "messages": [{"role": "user", "content": texts[at]}], "stream": streams}
            body = json.dumps(said).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {split.netloc}\r\nContent-Type: application/json\r\n"
            began = time.perf_counter()
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answered = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            found = await _body(reader, answered)
            seconds[at] = time.perf_counter() - began
            if answered.startswith("http/1.1 200"):
                answers[at] = _text(found, streams)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(AT_ONCE)))
    return answers, seconds


async def _body(reader: asyncio.StreamReader, head: str) -> bytes:
    if "transfer-encoding: chunked" not in head:
        return await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
    found = b""
    while size := int((await reader.readline()).strip(), 16):
        found += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return found


def _text(body: bytes, streams: bool) -> str | None:
    if not streams:
        return str(json.loads(body)["choices"][0]["message"]["content"])
    events = body.decode().split("\n\n")
    if "data: [DONE]" not in events:
        return None
    chunks = [json.loads(event.removeprefix("data: ")) for event in events if event.startswith("data: {")]
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


@contextmanager
def _served(measured: Measured) -> Iterator[str]:
    command = [sys.executable, "-m", "advisor", "serve", measured.run.id, "--strategy", STRATEGY, "--port", "0"]
    environment = {**os.environ, "THREEWAYS_HOME": str(measured.store.home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            yield said.split(" answers at ")[1].split("/v1")[0]
        finally:
            process.terminate()
            if process.wait() != 0:
                raise RuntimeError("the server didn't end well")
