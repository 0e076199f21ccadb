"""Read uploads in a child process, because a file can crash its parser, fill the memory or take forever.

The parsers of Excel, Parquet and PDF files abort on some damaged files and unpack some small ones to gigabytes, which
no `except` catches. So this module runs itself as a child process with limits on memory and time. It doesn't use
multiprocessing, whose children run the parent's main script again: under Streamlit that is the page.
"""

from __future__ import annotations

import gc
import io
import os
import pickle
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import psutil

from eval.decoding import check_size
from eval.documents import FoundDocuments, read_documents
from eval.table import Table, read_table
from eval.task import BadInput

MEMORY_BYTES = 2 * 2**30  # on top of what the child uses before it reads
ANSWER_BYTES = 256 * 2**20  # the parent has to hold this much
SECONDS, SECONDS_A_MB = 60, 10  # of processor time: 1 MB of PDF can be hundreds of pages
WALL_FACTOR = 3  # a run may be using the processor at the same time
_ROOT = Path(__file__).resolve().parents[1]

Found = TypeVar("Found")


def read_table_apart(name: str, content: bytes, sheet: str = "") -> Table:
    """`read_table` in a child process. Also raises BadInput if the child crashes or exceeds its memory or time."""
    return _read_apart(
        partial(read_table, sheet=sheet) if sheet else read_table, name, content, "export it again as CSV"
    )


def read_documents_apart(name: str, content: bytes) -> FoundDocuments:
    """`read_documents` in a child process. Also raises BadInput if the child crashes or exceeds its memory or time."""
    return _read_apart(read_documents, name, content, "save it again as plain text")


def _read_apart(read: Callable[[str, bytes], Found], name: str, content: bytes, remedy: str) -> Found:
    check_size(name, content)
    seconds = SECONDS + SECONDS_A_MB * len(content) // 2**20
    child = None
    with suppress(subprocess.TimeoutExpired):
        child = subprocess.run(
            [sys.executable, "-m", __name__, str(seconds)],
            input=pickle.dumps((read, name, content)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            # Keep both from reserving address space, which counts towards the limit.
            env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system", "OPENBLAS_NUM_THREADS": "1"},
            timeout=WALL_FACTOR * seconds,
            check=False,
        )
    if child is None or child.returncode == -signal.SIGXCPU:
        raise BadInput(
            f"{name} takes too long to read ({seconds} seconds were not enough): give a part of it, or {remedy}."
        )
    if child.returncode:
        raise BadInput(f"{name} is damaged, or needs too much memory once unpacked: {remedy}, or give a part of it.")
    found: Found | BadInput = pickle.loads(child.stdout)
    if isinstance(found, BadInput):
        raise found
    return found


def _answer(seconds: int) -> None:
    """Run in the child: read an upload from standard input, write its content or the BadInput to standard output."""
    read, name, content = pickle.load(sys.stdin.buffer)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a parser's own prints must not get into the answer
    if name.casefold().endswith(".parquet"):
        import_module("pyarrow.parquet")  # before the limit: its libraries take much of the address space
    _limit(seconds)
    gc.set_threshold(1_000_000)  # a table leaves no garbage, and collecting takes a third of the time
    try:
        found = read(name, content)
    except BadInput as wrong:
        found = wrong
    answer = io.BytesIO()
    pickler = pickle.Pickler(answer)
    pickler.fast = True  # no memo of what it wrote: for millions of cells that takes longer than reading them
    pickler.dump(found)
    if answer.tell() > ANSWER_BYTES:
        raise MemoryError
    out.write(answer.getbuffer())
    out.close()


def _limit(seconds: int) -> None:
    memory = psutil.Process().memory_info().vms + MEMORY_BYTES
    limits = {
        resource.RLIMIT_AS: (memory, memory),
        resource.RLIMIT_CPU: (seconds, seconds + 5),  # first SIGXCPU, which tells the parent why; then SIGKILL
        resource.RLIMIT_CORE: (0, 0),
    }
    for limit, values in limits.items():
        with suppress(ValueError, OSError):  # the system already allows less, or doesn't know this limit
            resource.setrlimit(limit, values)


if __name__ == "__main__":
    _answer(int(sys.argv[1]))
