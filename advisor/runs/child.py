"""Processes spawned for one piece of heavy work, so that a crash or a lack of memory ends that piece alone."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from eval.task import BadInput

SECONDS_TO_END = 10  # for a child that has left its result to clear up after itself; then it is ended


@contextmanager
def spawned(work: Callable[..., None], *given: Any) -> Iterator[tuple[SpawnProcess, Connection]]:
    """A child running `work(*given, reports)`, and the end of the pipe `reports` at which this process listens.

    The child is ended with the block, whatever happens; after the block it has its exit code.
    """
    context = multiprocessing.get_context("spawn")
    heard, reports = context.Pipe(duplex=False)
    child = context.Process(target=work, args=(*given, reports))
    try:
        child.start()
        reports.close()  # else the pipe would not end with the child
        yield child, heard
    finally:
        if child.pid is not None:
            child.kill()
            child.join()
        heard.close()


def settle_in(log: Path) -> None:
    """Called by the child first: it prints to `log` and does not outlive its parent.

    What a terminal sends to both, Ctrl-C and that it was closed, is left to the parent.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _print_to(log)
    faulthandler.enable()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def failure_sentence(wrong: Exception, stage: str) -> str:
    """What went wrong, for a person; the log has the rest."""
    if isinstance(wrong, BadInput):
        return str(wrong)
    message = str(wrong).strip()
    # torch says so in errors of three types, one of them a plain RuntimeError.
    if isinstance(wrong, MemoryError) or "out of memory" in message or "can't allocate memory" in message:
        return f"Memory ran out during “{stage}”; choose a smaller model, or close other programs and try again."
    if "No space left on device" in message:  # three types of error too: of Python, safetensors and FAISS
        return f"The disk was full during “{stage}”; free some space and try again."
    detail = f"{type(wrong).__name__}: {message.splitlines()[0][:200]}" if message else type(wrong).__name__
    return f"It stopped with an error during “{stage}” ({detail})."


def death_sentence(exit_code: int | None) -> str:
    """Why a child ended without a result, as far as its exit code tells."""
    if exit_code == -signal.SIGKILL:
        return "It was stopped by the system, most likely because memory ran out; choose a smaller model."
    if exit_code is not None and exit_code < 0:
        return f"Its process crashed ({signal.Signals(-exit_code).name}); its log has the details."
    return f"Its process ended without a result (exit code {exit_code}); its log has the details."


def _print_to(log: Path) -> None:
    """Also what C libraries print, and what a crash leaves behind."""
    with log.open("ab") as opened:
        for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
            stream.flush()
            os.dup2(opened.fileno(), number)


def _end_after(parent: Any) -> None:
    """An orphan would go on using the processor, and write into a folder that the next worker is filling."""
    parent.join()
    os._exit(1)
