"""Joining a Ray cluster, and saying in a sentence why that isn't possible. With Ray, as `advisor.runs.cluster`."""

from __future__ import annotations

import logging
import platform
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError, RuntimeEnvSetupError

from eval.task import BadInput

_ADDRESS = re.compile(r"(?P<host>[\w.-]+|\[[\da-fA-F:.]+\]):(?P<port>\d{1,5})")
_SECONDS_TO_CONNECT, _SECONDS_TO_JOIN = 3.0, 17.0


def check(address: str) -> None:
    """Raises BadInput if no cluster answers at this address that this process could join. Another process tries it,
    because Ray waits for minutes and may end the process."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise BadInput(
            f"“{address}” isn't the address of a cluster: give its head node and port, such as 10.0.0.5:6379."
        )
    host, port = found["host"].strip("[]"), int(found["port"])
    try:
        socket.create_connection((host, port), _SECONDS_TO_CONNECT).close()
    except (OSError, OverflowError, UnicodeError) as wrong:  # such as a port above 65535, or two dots in a row
        raise BadInput(f"Nothing answers at {address}: check the address, and that the cluster is running.") from wrong
    program = [sys.executable, "-P", "-c", "import ray, sys; ray.init(sys.argv[1], log_to_driver=False)", address]
    try:
        tried = subprocess.run(program, capture_output=True, text=True, timeout=_SECONDS_TO_JOIN, check=False)
    except subprocess.TimeoutExpired as wrong:
        raise BadInput(f"{_unanswered(address)} If it has joined, it may be too busy: try again.") from wrong
    if tried.returncode:
        raise BadInput(_why_not_joined(address, tried.stderr))


def _unanswered(address: str) -> str:
    return (
        f"No Ray cluster answers at {address} that this machine belongs to: join it first, with "
        f"`ray start --address={address} --num-cpus=0`."
    )


def join(address: str, environment: Mapping[str, Any] | None = None) -> None:
    """Raises BadInput if this process can't."""
    if ray.is_initialized():  # by a notebook of its own
        raise BadInput("This program already uses Ray: call `ray.shutdown()` first, or compare in another program.")
    handled = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in handled}
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            runtime_env=dict(environment) if environment else None,
        )
    except Exception as wrong:
        ray.shutdown()  # it may have connected half-way
        said = _why_not_joined(address, str(wrong))
        if isinstance(wrong, RuntimeEnvSetupError):
            said = f"The cluster at {address} didn't take our code ({why(wrong)}); look at its head, and try again."
        raise BadInput(said) from wrong
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _why_not_joined(address: str, said: str) -> str:
    if re.search("AuthenticationError|Token authentication is enabled", said):
        return (
            f"The cluster at {address} asks for a token: put it into ~/.ray/auth_token on this machine, and set "
            "RAY_AUTH_MODE=token."
        )
    theirs = re.search(r"cluster was started with:\s+Ray: (\S+)\s+Python: (\S+)", said)
    if theirs is None:
        return _unanswered(address)
    return (
        f"The cluster at {address} has Ray {theirs[1]} with Python {theirs[2]}, and this machine has Ray "
        f"{ray.__version__} with Python {platform.python_version()}: install the same versions."
    )


def why(wrong: RayError) -> str:
    """One line of what Ray tells in many."""
    cause = wrong.cause if isinstance(wrong, RayTaskError) and wrong.cause is not None else wrong
    lines = [line for line in str(cause).strip().splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[-1].strip()[:200]}" if lines else type(cause).__name__
