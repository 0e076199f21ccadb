"""Runs the product's command in a fork of this process, which has imported the libraries that take seconds to import.
What the command would spawn, it forks as well. For benchmarks that give it hundreds of times.

A fork starts with what its parent had in memory. So the caller must not have computed with several threads, and has to
have closed its databases.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing.util
import os
import runpy
import select
import signal
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = (
    "faiss",
    "numpy",
    "pandas",
    "peft",
    "sentence_transformers",
    "sklearn.linear_model",
    "torch",
    "transformers.models.llama.modeling_llama",
)
_OWN_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def import_libraries() -> None:
    for library in LIBRARIES:
        importlib.import_module(library)


def ended(
    arguments: Sequence[str],
    out: Path,
    err: Path,
    environment: Mapping[str, str],
    seconds: float,
    begin: Callable[[], object],
) -> int:
    """The exit code of `python -m advisor` with these arguments, negative after a signal. It runs in a session of its
    own in the folder of `out`, after `begin()`, and is killed after so many seconds."""
    process = os.fork()
    if process == 0:

        def program() -> None:
            os.setsid()
            os.chdir(out.parent)
            for path, number in ((out, 1), (err, 2)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            os.environ |= environment
            sys.argv = ["advisor", *arguments]
            vars(multiprocessing.util)["spawnv_passfds"] = _fork_instead
            begin()
            runpy.run_module("advisor", run_name="__main__", alter_sys=True)

        _run_and_end(program)
    watched = os.pidfd_open(process)
    try:
        if not select.select([watched], [], [], seconds)[0]:
            os.killpg(process, signal.SIGKILL)
    finally:
        os.close(watched)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _fork_instead(_path: object, arguments: Sequence[str], keep: Sequence[int]) -> int:
    """In place of a new Python, which `multiprocessing` starts with a line of code. Returns its process id."""
    process = os.fork()
    if process == 0:

        def program() -> None:
            kept = sorted({0, 1, 2, *keep})
            for before, after in pairwise([*kept, os.sysconf("SC_OPEN_MAX")]):
                os.closerange(before + 1, after)
            code, *rest = arguments[arguments.index("-c") + 1 :]
            sys.argv = ["-c", *rest]
            exec(code, {"__name__": "__main__"})

        _run_and_end(program)
    return process


def _run_and_end(program: Callable[[], Any]) -> NoReturn:
    """As an interpreter does it, and without going back into the code that forked."""
    code = 1
    try:
        vars(weakref.finalize)["_registry"].clear()  # or it would delete its parent's temporary folders at its end
        for number in _OWN_SIGNALS:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        code = _code_of(program)
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _code_of(program: Callable[[], Any]) -> int:
    try:
        program()
    except SystemExit as said:
        return said.code if isinstance(said.code, int) else int(said.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
