"""Child processes for heavy work, so that a crash or a lack of memory only ends that work."""

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

from advisor.storage.files import disk_problem
from advisor.storage.trial_files import measured_bytes
from eval.measuring.other_programs import cores_in_use
from eval.task import BadInput
from eval.temporary import keep_temporary_files_in, temporary_folder

SECONDS_TO_END = 10  # for a child to clean up after its result; then it is ended
_SECONDS_BETWEEN_LOOKS = 0.2
LEAST_IN_USE = 0.5  # cores that other programs use, from which threads wait asleep
_WAITING = "OMP_WAIT_POLICY"
LOST = -1000  # the exit code of a child whose node is gone; those of signals are smaller
MOST_LOSSES = 3  # one after the other, without getting further in between


@contextmanager
def spawned(work: Callable[..., None], *given: Any) -> Iterator[tuple[SpawnProcess, Connection]]:
    """A child that runs `work(*given, reports)`, and this process's end of the pipe `reports`, which goes both ways.

    The child and its temporary files end with the block, whatever happens. Afterwards it has its exit code.
    """
    context = multiprocessing.get_context("spawn")
    heard, reports = context.Pipe()
    with temporary_folder() as folder:
        child = context.Process(target=_work_in, args=(folder, work, *given, reports))
        try:
            child.start()
            reports.close()  # otherwise the pipe would not close with the child
            yield child, heard
        finally:
            if child.pid is not None:
                child.kill()
                child.join()
            heard.close()


def _work_in(folder: Path, work: Callable[..., None], *given: Any) -> None:
    keep_temporary_files_in(folder)
    work(*given)


def result_of(child: SpawnProcess, reports: Connection, is_over: Callable[[], bool]) -> tuple[Any, str | None] | None:
    """The result that a child sends last, with its problem in a sentence if there is none. None if nobody waits for it
    any more."""
    while not reports.poll(_SECONDS_BETWEEN_LOOKS):
        if is_over():
            return None
    try:
        result, problem = reports.recv()
    except (EOFError, OSError):
        child.join(SECONDS_TO_END)
        return None, death_sentence(child.exitcode)
    child.join(SECONDS_TO_END)
    return result, problem


class Deaths:
    """Says whether a child that was killed is started again: once, and then as long as it gets further each time. One
    whose node is gone has more tries. What it measures is kept in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._reached, self._losses = folder, -1, 0

    def may_go_on(self, exit_code: int | None) -> bool:
        reached = measured_bytes(self._folder)
        if exit_code == LOST:  # which says nothing about what it computed
            self._losses = self._losses + 1 if reached <= self._reached else 1
            self._reached = max(reached, self._reached)
            return self._losses < MOST_LOSSES
        if exit_code is None or exit_code >= 0 or reached <= self._reached:
            return False
        self._reached = reached
        return True


def settle_in(log: Path) -> None:
    """The child calls this first: it prints to `log` and doesn't outlive its parent.

    The parent handles what a terminal sends to both: Ctrl-C, and that it was closed.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _print_to(log)
    faulthandler.enable()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def spare_others() -> None:
    """A process that computes calls this before it imports torch. The threads of a product wait for each other by
    turning in a loop. Where another program has one of their cores, that takes most of the time and counts as work of
    the processor, so there they sleep instead. On a quiet machine, they would wake up too late."""
    if not {_WAITING, "GOMP_SPINCOUNT"} & os.environ.keys() and cores_in_use() >= LEAST_IN_USE:
        os.environ[_WAITING] = "passive"


def failure_sentence(wrong: Exception, stage: str) -> str:
    """What went wrong, for a person; the log has the rest."""
    if isinstance(wrong, BadInput):
        return str(wrong)
    message = str(wrong).strip()
    # torch reports it with three types of error, one of them a plain RuntimeError.
    if isinstance(wrong, MemoryError) or "out of memory" in message or "can't allocate memory" in message:
        return f"Memory ran out during “{stage}”; choose a smaller model, or close other programs and try again."
    if problem := disk_problem(wrong, f" during “{stage}”"):
        return problem
    detail = f"{type(wrong).__name__}: {message.splitlines()[0][:200]}" if message else type(wrong).__name__
    return f"It stopped with an error during “{stage}” ({detail})."


def death_sentence(exit_code: int | None) -> str:
    """Why a child ended without a result, as far as its exit code shows."""
    if exit_code == LOST:
        return (
            f"The cluster lost the node that it ran on, {MOST_LOSSES} times in a row; look at the nodes, and try again."
        )
    if exit_code == -signal.SIGKILL:
        return "It was stopped by the system, probably because memory ran out; choose a smaller model."
    if exit_code is not None and exit_code < 0:
        return f"Its process crashed ({signal.Signals(-exit_code).name}); its log has the details."
    return f"Its process ended without a result (exit code {exit_code}); its log has the details."


def _print_to(log: Path) -> None:
    """Also covers C libraries and crashes. On a disk that takes no log, nothing is printed: whatever else has to be
    written there will say what is wrong."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    try:
        opened = os.open(log, flags, 0o600)
    except OSError:
        opened = os.open(os.devnull, flags)
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.flush()
        os.dup2(opened, number)
    os.close(opened)


def _end_after(parent: Any) -> None:
    """An orphan would keep using the processor and write into a folder that the next worker fills."""
    parent.join()
    os._exit(1)
