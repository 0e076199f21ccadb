"""Where the children of a run compute: on this machine, or on the nodes of a Ray cluster.

Only a run with a cluster imports `advisor.runs.cluster`, and with it Ray.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from advisor.plan import BASELINES_STEP, Plan
from advisor.runs.child import spawned
from advisor.runs.order import Hardware, StepOrder
from eval.task import BadInput
from strategies.served.keys import Key

CLUSTER = "THREEWAYS_CLUSTER"  # in the environment of the pages: the address of the cluster that they offer
NO_RAY = "Comparing on a cluster needs Ray, which isn't installed here: run `make cluster`."


class Child(Protocol):
    """A process that computes for a run, here or elsewhere."""

    @property
    def exitcode(self) -> int | None: ...

    def join(self, timeout: float | None = None) -> None: ...


class Pipe(Protocol):
    """What leads to a child and back, as a `multiprocessing.connection.Connection` does."""

    def send(self, obj: Any, /) -> None: ...

    def poll(self, timeout: float | None = 0.0, /) -> bool: ...

    def recv(self) -> Any: ...


class Place(Protocol):
    """Where children are started. `hardware` is what they compute on, None for this machine."""

    @property
    def hardware(self) -> Hardware | None: ...

    def child(
        self, work: Callable[..., None], order: StepOrder, keys: Mapping[str, Key], held_up: Callable[[], None]
    ) -> AbstractContextManager[tuple[Child, Pipe]]:
        """A child that runs `work(order, keys, pipe)` and ends with the block. `held_up` is called again and again
        while there is no room for it."""
        ...


class _ThisMachine:
    hardware = None

    def child(
        self, work: Callable[..., None], order: StepOrder, keys: Mapping[str, Key], held_up: Callable[[], None]
    ) -> AbstractContextManager[tuple[Child, Pipe]]:
        return spawned(work, order, keys)


HERE: Place = _ThisMachine()


@contextmanager
def place_of(plan: Plan, build_strategy: str, run_folder: Path) -> Iterator[Place]:
    """Where a run computes. Raises BadInput if its cluster can't be used."""
    if not plan.cluster:
        yield HERE
        return
    with _cluster().connected(plan.cluster, build_strategy, run_folder) as place:
        yield place


def check_cluster(address: str) -> None:
    """Raises BadInput if no cluster that this machine can use answers there, within about 20 seconds."""
    _cluster().check(address)


def _cluster() -> Any:
    try:
        from advisor.runs import cluster
    except ModuleNotFoundError as wrong:
        if wrong.name is None or wrong.name.partition(".")[0] != "ray":
            raise
        raise BadInput(NO_RAY) from wrong
    return cluster


def nearest(order: StepOrder, place: Place) -> Place:
    """What asks a server stays on this machine: servers answer many at once, and their keys never leave it."""
    return HERE if order.asks_server and order.strategy != BASELINES_STEP else place
