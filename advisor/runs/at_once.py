"""Several parts of a run at the same time, where there is more than one machine to compute on. Each has a thread, which
only waits for what computes elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from threading import RLock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def all_at_once(
    works: Sequence[Callable[[], object]], heard: Callable[[], object], give_up: Callable[[], object]
) -> None:
    """Does all of them. After each, `heard` is called in this thread. Raises the first error, after the others have
    ended: `give_up` has to make them."""
    if not works:
        return
    with ThreadPoolExecutor(len(works)) as threads:
        pending = {threads.submit(work) for work in works}
        try:
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for one in done:
                    one.result()
                    heard()
        except BaseException:  # also Ctrl-C, which comes to this thread alone
            give_up()
            raise


def one_at_a_time(function: Callable[P, R], lock: RLock) -> Callable[P, R]:
    """What several threads may call that only expects one."""

    def locked(*given: P.args, **named: P.kwargs) -> R:
        with lock:
            return function(*given, **named)

    return locked
