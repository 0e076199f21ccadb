"""The worker: takes requested timings and queued runs, one at a time, until its home is gone or it is told to end.

It never loads a model itself; every timing and every strategy runs in a spawned child.
"""

from __future__ import annotations

import argparse
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from advisor.child import death_sentence, failure_sentence, settle_in, spawned
from advisor.experiment import run_experiment
from advisor.step import BUILD_STRATEGY
from advisor.store import Store

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_FOR_LOCK = 2  # longer than anyone who only looks whether there is a worker holds its lock


def start_worker(store: Store) -> subprocess.Popen[bytes] | None:
    """Starts a worker that outlives this process; None when there is one already. Its output is in worker.log."""
    if store.worker_alive():
        return None
    with (store.home / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "advisor.worker", "--home", str(store.home)],
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def work(store: Store, build_strategy: str = BUILD_STRATEGY) -> None:
    """Returns when there is another worker, or when the home is gone; ends with SystemExit on SIGTERM.

    A run that SIGTERM ends is left interrupted: the next worker takes it up where it was.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with FileLock(store.home / "worker.lock", timeout=_SECONDS_FOR_LOCK):
            while store.exists():
                if not _work_once(store, build_strategy):
                    time.sleep(_SECONDS_BETWEEN_LOOKS)
    except Timeout:
        return
    except (sqlite3.Error, OSError):
        if store.exists():  # else the home was removed in the middle of something
            raise


def _work_once(store: Store, build_strategy: str) -> bool:
    """Whether there was anything to do."""
    model = store.requested_speed()
    if model is not None:
        with store.device_lock:
            store.save_speed(model, *_take_speed(model, store.home / "timing.log"))
        return True
    run_id = store.next_run()
    if run_id is not None:
        run_experiment(store, run_id, lambda _: None, lambda: store.cancel_requested(run_id), build_strategy)
        return True
    return False


def _take_speed(model: str, log: Path) -> tuple[dict[str, Any] | None, str | None]:
    """The timing, or the problem in a sentence."""
    with spawned(_time_machine, model, log) as (child, results):
        try:
            return results.recv()
        except EOFError:
            child.join()
    return None, death_sentence(child.exitcode)


def _time_machine(model: str, log: Path, results: Connection) -> None:
    """What the child does: it alone imports what loads a model."""
    settle_in(log)
    try:
        from advisor.estimate import measure_speed

        results.send((asdict(measure_speed(model)), None))
    except Exception as wrong:
        traceback.print_exc()
        results.send((None, failure_sentence(wrong, "timing this machine")))


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m advisor.worker", description=__doc__)
    arguments.add_argument("--home", type=Path, help="where datasets and runs are kept (default: ~/.threeways)")
    work(Store(arguments.parse_args().home))


if __name__ == "__main__":
    main()
