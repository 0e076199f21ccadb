"""Read uploads in a child process, because a file can crash its parser, fill the memory or take forever.

The parsers of Excel, Parquet and PDF files abort on some damaged files and unpack some small ones to gigabytes, which
no `except` catches. So this module runs itself as a child process with limits on memory and time. It doesn't use
multiprocessing, whose children run the parent's main script again: under Streamlit that is the page.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import astuple
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

import psutil

from eval.reading.decoding import check_size
from eval.reading.documents import FoundDocuments, read_documents
from eval.reading.other_tools.answers import AnswerSet, ToolAnswer, ToolResults
from eval.reading.table import Table, read_table
from eval.task import BadInput, Document
from eval.temporary import temporary_folder

MEMORY_BYTES = 2 * 2**30  # on top of what the child uses before it reads
ANSWER_BYTES = 512 * 2**20  # the parent has to hold this much
ROWS_A_LINE = 1_000
SECONDS = 60  # of processor time, and so many more for each MB: 1 MB of PDF can be hundreds of pages
SECONDS_A_TABLE_MB, SECONDS_A_DOCUMENT_MB = 1, 10
WALL_FACTOR = 3  # a run may be using the processor at the same time
_ROOT = Path(__file__).resolve().parents[2]

Found = TypeVar("Found", Table, FoundDocuments, Table | ToolResults)


def read_table_apart(name: str, content: bytes, sheet: str = "") -> Table:
    """`read_table` in a child process. Also raises BadInput if the child crashes or exceeds its memory or time."""
    return _read_apart(read_table, name, content, "export it again as CSV", sheet)


def read_documents_apart(name: str, content: bytes) -> FoundDocuments:
    """`read_documents` in a child process. Also raises BadInput if the child crashes or exceeds its memory or time."""
    return _read_apart(read_documents, name, content, "save it again as plain text")


def read_scores_apart(name: str, content: bytes, folder: str, is_chosen: bool = True) -> Table | ToolResults:
    """`read_scores` in a child process, or `read_if_scores`. Also raises BadInput if the child crashes or exceeds its
    memory or time."""
    from eval.reading.other_tools.reader import read_if_scores, read_scores  # pydantic, which uploads don't need

    return _read_apart(read_scores if is_chosen else read_if_scores, name, content, "export it again", folder)


def _read_apart(read: Callable[..., Found], name: str, content: bytes, remedy: str, detail: str = "") -> Found:
    """`detail` is a third argument of the reader, "" for none."""
    check_size(name, content)
    a_mb = SECONDS_A_DOCUMENT_MB if read is read_documents else SECONDS_A_TABLE_MB
    seconds = SECONDS + a_mb * len(content) // 2**20
    child = None
    what: list[str] = [read.__module__, read.__name__, name, detail]
    with temporary_folder() as folder:
        found_at = folder / "found.jsonl"
        with suppress(subprocess.TimeoutExpired):
            child = subprocess.run(
                [sys.executable, "-m", __name__, json.dumps([seconds, str(found_at), *what])],
                input=content,
                stdout=subprocess.DEVNULL,
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
            raise BadInput(
                f"{name} is damaged, or needs too much memory once unpacked: {remedy}, or give a part of it."
            )
        found = _handed_over(found_at)
    if isinstance(found, BadInput):
        raise found
    return cast(Found, found)


def _answer(seconds: int, found_at: str, module: str, reader: str, name: str, detail: str) -> None:
    """Run in the child: read an upload from standard input, write its content or the BadInput to a file."""
    read, content = getattr(import_module(module), reader), sys.stdin.buffer.read()
    if name.casefold().endswith((".parquet", ".eval")):
        import_module("pyarrow.parquet")  # before the limit: its libraries take much of the address space
    _limit(seconds)
    gc.set_threshold(1_000_000)  # a table leaves no garbage, and collecting takes a third of the time
    try:
        found = read(name, content, detail) if detail else read(name, content)
    except BadInput as wrong:
        found = wrong
    write = json.JSONEncoder(ensure_ascii=False).encode
    with Path(found_at).open("w", encoding="utf-8", errors="surrogatepass") as file:
        file.writelines(f"{write(value)}\n" for value in _values(found))


def _values(found: Table | FoundDocuments | ToolResults | BadInput) -> Iterator[Any]:
    """What was found as JSON, first what it is. Not as a pickle: a damaged parser could put code into one."""
    match found:
        case BadInput():
            yield ["refused", str(found)]
        case FoundDocuments(documents, notes):
            yield ["documents", notes]
            yield from ((document.id, document.title, document.text) for document in documents)
        case Table(columns, rows, row_numbers, instruction, notes, sheets, encoding):
            yield ["table", columns, row_numbers, instruction, notes, sheets, encoding]
            for at in range(0, len(rows), ROWS_A_LINE):  # several at once take half the time
                yield rows[at : at + ROWS_A_LINE]
        case ToolResults(tool, sets, main_metric, better, notes):
            yield ["answers", tool, main_metric, better, notes]
            for facets, answers in ((one.facets, one.answers) for one in sets):
                yield [facets, [astuple(answer) for answer in answers]]


def _handed_over(found_at: Path) -> Table | FoundDocuments | ToolResults | BadInput:
    with found_at.open(encoding="utf-8", errors="surrogatepass") as lines:
        match json.loads(next(lines)):
            case ["documents", notes]:
                return FoundDocuments([Document(*json.loads(line)) for line in lines], tuple(notes))
            case ["table", columns, numbers, instruction, notes, sheets, encoding]:
                rows = tuple(tuple(row) for line in lines for row in json.loads(line))
                sizes = tuple((name, count) for name, count in sheets)
                return Table(tuple(columns), rows, tuple(numbers), instruction, tuple(notes), sizes, encoding)
            case ["answers", tool, main_metric, better, notes]:
                of_file = (json.loads(line) for line in lines)
                sets = (AnswerSet(facets, tuple(ToolAnswer(*each) for each in answers)) for facets, answers in of_file)
                return ToolResults(tool, tuple(sets), main_metric, better, tuple(notes))
            case [_, why]:
                return BadInput(why)
    raise AssertionError("the child handed over something else")


def _limit(seconds: int) -> None:
    memory = psutil.Process().memory_info().vms + MEMORY_BYTES
    limits = {
        resource.RLIMIT_AS: (memory, memory),
        resource.RLIMIT_CPU: (seconds, seconds + 5),  # first SIGXCPU, which tells the parent why; then SIGKILL
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_FSIZE: (ANSWER_BYTES, ANSWER_BYTES),
    }
    for limit, values in limits.items():
        with suppress(ValueError, OSError):  # the system already allows less, or doesn't know this limit
            resource.setrlimit(limit, values)


if __name__ == "__main__":
    _answer(*json.loads(sys.argv[1]))
