"""The worker: takes requested timings, queued runs, tries and judges, one at a time, until it was idle for long.

It never loads a model itself: every timing, every strategy and every try runs in a child process.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from advisor.runs.experiment import run_experiment
from advisor.runs.judge_desk import judge_next
from advisor.runs.key_socket import receiving_keys
from advisor.runs.order import BUILD_STRATEGY
from advisor.runs.timing import take_speed
from advisor.runs.trying import TryDesk
from advisor.storage.database import UnusableError
from advisor.storage.judge_queue import awaited_by_judges, key_came_for_judges
from advisor.storage.leftovers import sweep
from advisor.storage.presence import present
from advisor.storage.store import Store
from eval.task import BadInput
from strategies.served.address import ServedAddress
from strategies.served.keys import Key, accept, key_for, use_keys_of

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS_BETWEEN_LOOKS, _WHILE_WARM = 0.5, 0.1  # while a try's strategies are in memory, the next try may be near
_SECONDS_FOR_LOCK = 2  # in which a worker that is ending lets go of it
_SECONDS_TO_START = 15  # Python and its imports, on a busy machine
_IDLE_SECONDS = 600
_NICENESS = 10  # about a tenth of the processor time of a page that needs it at the same moment
_SESSION_PRIORITY = Path("/proc/self/autogroup")


def start_worker(store: Store) -> subprocess.Popen[bytes] | None:
    """Starts a worker that outlives this process, and waits until it is there. None if there already is one.

    Its output goes to worker.log.
    """
    if store.worker_alive():
        return None
    with (store.home / "worker.log").open("ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "advisor.runs.worker", "--home", str(store.home)],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _SECONDS_TO_START
    while not store.worker_alive() and worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return worker


def work(store: Store, build_strategy: str = BUILD_STRATEGY, idle_seconds: float = _IDLE_SECONDS) -> None:
    """Returns if there is another worker, if the home folder is gone, if there was nothing to do for `idle_seconds`, or
    if the code on disk changed. Ends with SystemExit on SIGTERM.

    A run that SIGTERM ends stays interrupted: the next worker continues it. Keys that were typed on pages are
    forgotten, and a run that needs one waits until it is typed again.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    idle_since = time.monotonic()

    def take_key(host: str, key: Key, whose: str) -> None:
        nonlocal idle_since
        accept({host: key}, whose)
        store.key_came(host, whose)
        key_came_for_judges(store, host, whose)
        idle_since = time.monotonic()  # the run that it is for may come later

    try:
        with (
            FileLock(store.home / "worker.lock", timeout=_SECONDS_FOR_LOCK),
            present(store.home) as beat,
            closing(TryDesk(store, build_strategy, beat=beat)) as desk,
            receiving_keys(store, take_key),
        ):
            code = _code_on_disk()
            sweep(store.home)
            _look_for_awaited_keys(store)
            while store.exists():
                beat()
                if _work_once(store, build_strategy, desk, beat):
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since >= idle_seconds or _code_on_disk() != code:
                    return
                time.sleep(_WHILE_WARM if desk.is_warm else _SECONDS_BETWEEN_LOOKS)
    except Timeout:
        return
    except UnusableError as wrong:
        if store.exists():  # otherwise the home folder was removed meanwhile
            sys.exit(str(wrong))
    except OSError:
        if store.exists():
            raise


def _work_once(store: Store, build_strategy: str, desk: TryDesk, beat: Callable[[], None]) -> bool:
    """Whether there was anything to do. Tries come last, and what they keep in memory makes room for the others."""

    def after_beat(is_over: bool) -> bool:
        beat()
        return is_over

    if model := store.requested_speed():
        desk.close()
        take_speed(store, model, lambda: after_beat(store.requested_speed() != model))
    elif run_id := store.next_run():
        desk.close()
        with suppress(BadInput):  # deleted meanwhile
            use_keys_of(store.run(run_id).owner)
        cancelled = partial(store.cancel_requested, run_id)
        run_experiment(store, run_id, lambda _: None, lambda: after_beat(cancelled()), build_strategy)
    elif not desk.answer_next() and not judge_next(store, beat):
        desk.rest()
        return False
    return True


def _look_for_awaited_keys(store: Store) -> None:
    """The environment of this worker may have keys that the one before lacked."""
    for host in {*store.awaited_keys(), *awaited_by_judges(store)}:
        if key_for(ServedAddress("", f"https://{host}/v1")) is not None:
            store.key_came(host)
            key_came_for_judges(store, host)


def _code_on_disk() -> dict[Path, int]:
    """When each source file last changed. An upgrade changes it."""
    return {
        file: file.stat().st_mtime_ns
        for package in ("advisor", "strategies", "eval")
        for file in (_ROOT / package).rglob("*.py")
    }


def yield_to_pages() -> None:
    """Lowers the priority of this process and its children, so that pages stay quick while a run goes on. It costs a
    run nothing while the processor is free.

    If Linux groups processes by session, `os.nice` only counts within a session (man 7 sched, "autogroup"). The worker
    that a page starts has a session of its own, so the priority of its group is lowered too.
    """
    os.nice(_NICENESS)
    if os.getsid(0) == os.getpid():  # otherwise a terminal shares the session
        with suppress(OSError):  # another system, or no such groups
            _SESSION_PRIORITY.write_text(str(_NICENESS))


def main() -> None:
    yield_to_pages()
    arguments = argparse.ArgumentParser(prog="python -m advisor.runs.worker", description=__doc__)
    arguments.add_argument("--home", type=Path, help="the folder for datasets and runs (default: ~/.threeways)")
    work(Store(arguments.parse_args().home))


if __name__ == "__main__":
    main()
