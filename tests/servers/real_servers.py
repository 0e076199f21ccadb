"""Servers that others wrote, each in a process of its own on a free port of 127.0.0.1."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from strategies.served.address import ServedAddress

SECONDS_TO_START, SECONDS_TO_END = 120, 10


class NotServed(Exception):
    """A server didn't start. Its text says why."""


@contextmanager
def transformers_serve(folder: Path, hub: Path) -> Iterator[ServedAddress]:
    """The model in a folder behind `transformers serve`, in float32 on the processor. `hub` is an empty folder in place
    of the hub's cache, which it lists as its models. Raises NotServed."""
    port = _free_port()
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder), "--port", str(port)]
    offline = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(hub)}
    with _process([*command, "--device", "cpu", "--dtype", "float32"], f"http://127.0.0.1:{port}/health", offline):
        yield ServedAddress.parse(f"served:{folder}@http://127.0.0.1:{port}")


def llama_server_lacks() -> str | None:
    """The package that llama-cpp-python's own server needs and that isn't installed; None if it can start."""
    needed = ("llama_cpp", "uvicorn", "fastapi", "sse_starlette", "starlette_context", "pydantic_settings")
    return next((name for name in needed if importlib.util.find_spec(name) is None), None)


@contextmanager
def llama_server(gguf: Path, *options: str) -> Iterator[ServedAddress]:
    """A GGUF file behind the server of llama-cpp-python, with a context of 2,048 tokens. Raises NotServed."""
    port = _free_port()
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(gguf), "--n_ctx", "2048"]
    with _process([*command, "--port", str(port), *options], f"http://127.0.0.1:{port}/v1/models", {}):
        yield ServedAddress.parse(f"served:{gguf}@http://127.0.0.1:{port}")


@contextmanager
def _process(command: Sequence[str], url: str, environment: Mapping[str, str]) -> Iterator[None]:
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(url, process)
            yield
        finally:
            process.terminate()
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:  # it first finishes what it was asked
                process.kill()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    started = time.monotonic()
    while time.monotonic() - started < SECONDS_TO_START:
        if process.poll() is not None:
            raise NotServed(f"the server ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise NotServed(f"the server didn't start within {SECONDS_TO_START} seconds")
