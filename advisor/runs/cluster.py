"""The nodes of a Ray cluster as the place where a run computes. Ray chooses the node for each step.

Only a run with a cluster imports this module, and with it Ray.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    WorkerCrashedError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from advisor.as_json import AsJson
from advisor.runs.carried import land, needed_by, pieces_of
from advisor.runs.child import LOST
from advisor.runs.joining import check, join, why
from advisor.runs.machine_file import installed_versions
from advisor.runs.node import Facts, Heard, NodeChild, look_around
from advisor.runs.order import Hardware, StepOrder
from advisor.storage.files import write_whole
from advisor.storage.trial_files import measured_bytes
from advisor.wording import count_text
from eval.task import BadInput
from strategies.base_models import likeness_of
from strategies.contract import Progress
from strategies.served.keys import Key

_ROOT = Path(__file__).resolve().parents[2]
_ROOMS = {"advisor", "strategies", "eval"}
_LOG, _HARDWARE_FILE = "cluster.log", "hardware.json"
_HARDWARE = AsJson[Hardware](Hardware)
_SECONDS_TO_LOOK = 60.0  # at the nodes: each unpacks the program and starts Python
_SECONDS_FOR_A_NODE = 60.0  # until one like those that are lost comes back
_PATIENCE_SECONDS = 30.0  # until others make room, if there should be room: a process starts meanwhile
_SECONDS_TO_END = 5.0
_SECONDS_BETWEEN_LOOKS = 1.0  # at the list of nodes
_SECONDS_WITHOUT_HEAD = 25.0  # after a minute, Ray ends this process
_WAITING = Progress("waiting for a node of the cluster", 0, 1)
_GONE = (RayActorError, NodeDiedError, ObjectLostError, WorkerCrashedError)


@contextmanager
def connected(address: str, build_strategy: str, run_folder: Path) -> Iterator[ClusterPlace]:
    """The nodes of one kind, as long as the block goes on. A run that was continued gets the kind that it had. Whatever
    computes there for this process then ends, also if this process is killed. What Ray prints goes to a log: standard
    output is for the report. Raises BadInput if the cluster can't be used."""
    check(address)
    excludes = _all_but({*_ROOMS, build_strategy.partition(".")[0]})
    with (run_folder / _LOG).open("a") as printed, redirect_stdout(printed):
        join(address, {"working_dir": str(_ROOT), "excludes": excludes})
        register = _Register()
        try:
            place = ClusterPlace(register, _hardware_of(run_folder))
            write_whole(run_folder / _HARDWARE_FILE, _HARDWARE.write(place.hardware))
            yield place
        finally:
            register.close()
            ray.shutdown()


def _hardware_of(run_folder: Path) -> Hardware | None:
    """What an earlier attempt measured on; None if it measured nothing, so that any kind of node will do."""
    if not measured_bytes(run_folder):
        return None
    try:
        return _HARDWARE.read((run_folder / _HARDWARE_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _all_but(rooms: Iterable[str]) -> list[str]:
    """The lines of a .gitignore that leaves out everything else, whatever its name."""
    return ["/*", "!/.", *(f"!/{room}" for room in sorted(rooms)), "**/__pycache__"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What nodes have in common. `cores` and `gpus` are those that Ray may give out."""

    facts: Facts
    cores: int
    gpus: int

    @property
    def places(self) -> int:
        """How many steps compute on one such node: each has a whole GPU, or else all cores."""
        return self.gpus or 1

    @property
    def cores_of_a_step(self) -> int:
        return max(1, self.cores // self.places)

    @property
    def hardware(self) -> Hardware:
        cores = count_text(self.cores_of_a_step, "core")
        words = f"CPU, {cores} ({self.facts.processor}), a node of a Ray cluster"
        if self.gpus:
            words = f"{self.facts.gpu or 'GPU'} with {cores}, a node of a Ray cluster"
        return Hardware(words, (*self.facts.machine, str(self.cores_of_a_step), self.facts.gpu if self.gpus else ""))


def _chosen(kinds: Sequence[_Kind], before: Hardware | None) -> _Kind:
    """Of the kinds of all nodes: the one of `before`, or else the one with the most GPUs in all, or without GPUs the
    most cores in all. Raises BadInput if no node is of the kind of `before`."""
    if before is not None:
        kinds = [kind for kind in kinds if kind.hardware.facts == before.facts]
        if not kinds:
            raise BadInput(
                f"The cluster has no node like those that measured this run so far ({before.words}): start one and "
                "continue the run, or start the comparison again."
            )
    return max(
        kinds, key=lambda kind: (kind.gpus * kinds.count(kind), kind.cores * kinds.count(kind), kind.hardware.facts)
    )


class _Register:
    """Which nodes there are, as the head of the cluster says. A thread asks it, since without a head Ray answers
    nothing."""

    def __init__(self) -> None:
        self._nodes = _alive()
        self._asked_at = time.monotonic()
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._keep_asking, name="nodes of the cluster", daemon=True)
        self._thread.start()

    @property
    def nodes(self) -> dict[str, dict[str, float]]:
        """Those that may compute, with their resources. Raises BadInput if the head is lost."""
        if self.is_lost:
            raise BadInput("The head of the cluster doesn't answer any more: start it, and continue the run.")
        return self._nodes

    @property
    def is_lost(self) -> bool:
        return time.monotonic() - self._asked_at > _SECONDS_WITHOUT_HEAD

    def close(self) -> None:
        self._is_closed.set()
        if not self.is_lost:
            self._thread.join(_SECONDS_TO_END)

    def _keep_asking(self) -> None:
        while not self._is_closed.wait(_SECONDS_BETWEEN_LOOKS):
            asked_at = time.monotonic()
            with suppress(RayError):
                self._nodes = _alive()
                self._asked_at = asked_at


class ClusterPlace:
    """Nodes of one kind, because latencies of different kinds can't be compared."""

    def __init__(self, register: _Register, before: Hardware | None = None) -> None:
        """`before` is what the run was measured on so far, if it was."""
        self._register = register
        self._kinds: dict[str, _Kind] = {}  # by node
        self._unusable: dict[str, str] = {}  # why, in words, by node
        self._asked: dict[Any, tuple[str, dict[str, float]]] = {}  # a node and its resources, by its answer to come
        self._lock = threading.Lock()
        self._open = 0
        self._look_at_new(_SECONDS_TO_LOOK)
        if not self._kinds:
            raise BadInput(self._why_none())
        self._kind = _chosen(list(self._kinds.values()), before)

    @property
    def hardware(self) -> Hardware:
        return self._kind.hardware

    def nodes(self) -> frozenset[str]:
        """Those of this kind that are alive, as far as they have said what they are. Raises BadInput if the head of the
        cluster is lost."""
        alive = self._look_at_new(0)
        return frozenset(node for node in alive if self._kinds.get(node) == self._kind)

    def is_crowded(self, nodes: Collection[str]) -> bool:
        """Whether more children have begun than can compute on these nodes at once."""
        return self._open > self._kind.places * len(nodes)

    @contextmanager
    def child(
        self, work: Callable[..., None], order: StepOrder, keys: Mapping[str, Key], held_up: Callable[[], None]
    ) -> Iterator[tuple[_NodeChildHere, _NodeChildHere]]:
        """Keys stay here."""
        with self._lock:
            self._open += 1
        try:
            child = _NodeChildHere(self, work, replace(order, hardware=self.hardware), held_up)
            try:
                yield child, child
            finally:
                child.end()
        finally:
            with self._lock:
                self._open -= 1

    def actor(self, nodes: Iterable[str]) -> Any:
        """A new one, which Ray puts on one of these nodes as soon as that has room."""
        return (
            ray.remote(NodeChild)
            .options(
                num_cpus=self._kind.cores_of_a_step,
                num_gpus=1 if self._kind.gpus else 0,
                max_concurrency=4,
                max_restarts=0,
                max_task_retries=0,
                label_selector={"ray.io/node-id": f"in({','.join(sorted(nodes))})"},
            )
            .remote(self._kind.gpus > 0)
        )

    def _look_at_new(self, seconds: float) -> dict[str, dict[str, float]]:
        """The nodes that may compute, with their resources. Finds out what those are that weren't there before. If one
        doesn't answer within these seconds, its answer counts later."""
        with self._lock:
            alive = self._register.nodes
            asked = {node for node, _ in self._asked.values()}
            for node in alive.keys() - asked - self._kinds.keys() - self._unusable.keys():
                there = NodeAffinitySchedulingStrategy(node, soft=False)
                ask = ray.remote(num_cpus=0, max_retries=2)(look_around).options(scheduling_strategy=there)
                self._asked[ask.remote()] = node, alive[node]
            if self._asked:
                for answer in ray.wait(list(self._asked), num_returns=len(self._asked), timeout=seconds)[0]:
                    self._note(answer)
            return alive

    def _note(self, answer: Any) -> None:
        node, has = self._asked.pop(answer)
        try:
            facts: Facts = ray.get(answer)
            problem = _unlike(dict(facts.versions), installed_versions())
        except RayError as wrong:
            problem = why(wrong)
        if problem is None:
            self._kinds[node] = _Kind(facts, int(has["CPU"]), int(has.get("GPU", 0)))
        else:
            self._unusable[node] = problem
            sys.stdout.write(f"Node {node} can't be used: {problem}\n")

    def _why_none(self) -> str:
        for problem in self._unusable.values():
            return f"No node of the cluster can be used ({problem}): install on each what this machine has."
        if self._asked:
            return f"No node of the cluster answered in {_SECONDS_TO_LOOK:.0f} seconds: look at them, and try again."
        return "The cluster has no node with a processor to give out: start one, without `--num-cpus=0`."


def _alive() -> dict[str, dict[str, float]]:
    """The nodes that may compute, with their resources."""
    return {
        node["NodeID"]: node["Resources"]
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
    }


def _unlike(there: Mapping[str, str], here: Mapping[str, str]) -> str | None:
    """Which package has another version on a node, so that its answers could differ. What follows a "+" is for which
    GPU it was built, and Ray compares Python."""
    for name, version in here.items():
        if name != "Python" and there.get(name, "").partition("+")[0] != version.partition("+")[0]:
            return f"it has {name} {there.get(name)}, and this machine has {name} {version}"
    return None


class _NodeChildHere:
    """A child on a node, as its parent sees it. What it leaves is in the run's folder before its parent hears of it.
    It is both the child and the pipe to it."""

    def __init__(
        self, place: ClusterPlace, work: Callable[..., None], order: StepOrder, held_up: Callable[[], None]
    ) -> None:
        self.exitcode: int | None = None
        self._place, self._work, self._order, self._held_up = place, work, order, held_up
        self._actor: Any = None
        self._nodes: frozenset[str] = frozenset()  # those that the actor may run on
        self._ready: Any = None
        self._asked_at = self._saw_nodes_at = time.monotonic()
        self._has_begun = False
        self._hearing: Any = None
        self._messages: deque[Any] = deque([_WAITING])
        self._is_over = False

    def join(self, timeout: float | None = None) -> None:
        """Its exit code comes with its end."""

    def send(self, obj: Any, /) -> None:
        self._actor.send.remote(obj)

    def poll(self, timeout: float | None = 0.0, /) -> bool:
        if not self._messages and not self._is_over:
            try:
                self._look(timeout)
            except _GONE:
                self._is_over, self.exitcode = True, LOST
            except OutOfMemoryError:  # Ray ends processes before the system does
                self._is_over, self.exitcode = True, -signal.SIGKILL
            except RayError as wrong:
                raise BadInput(f"A node of the cluster failed ({why(wrong)}); look at it, and try again.") from wrong
        return bool(self._messages) or self._is_over

    def recv(self) -> Any:
        if not self._messages:
            raise EOFError
        return self._messages.popleft()

    def end(self) -> None:
        with suppress(RayError):
            if self._has_begun and self.exitcode != LOST:
                ray.get(self._actor.end.remote(), timeout=_SECONDS_TO_END)
        self._give_back()

    def _look(self, timeout: float | None) -> None:
        nodes = self._place.nodes()
        if not self._has_begun:
            if not self._has_room(nodes, timeout):
                return
            self._has_begun = True
            self._start()
        if self._hearing is None:
            self._hearing = self._actor.hear.remote()
        if not ray.wait([self._hearing], timeout=timeout)[0]:
            return
        heard: Heard = ray.get(self._hearing)
        self._hearing = None
        land(self._order, heard.parcel, self._pieces)
        self._messages.extend(heard.messages)
        if heard.is_over:
            self._is_over, self.exitcode = True, heard.exit_code

    def _has_room(self, nodes: frozenset[str], timeout: float | None) -> bool:
        """Waits that long for one of these nodes. Raises BadInput if there hasn't been any for a minute."""
        now = time.monotonic()
        if not nodes:
            if now - self._saw_nodes_at > _SECONDS_FOR_A_NODE:
                raise BadInput(
                    f"The cluster has lost all its nodes of this kind ({self._place.hardware.words}): start one, and "
                    "continue the run."
                )
            time.sleep(timeout or 0)
            return False
        self._saw_nodes_at = now
        is_late = now - self._asked_at > _PATIENCE_SECONDS
        if not nodes & self._nodes or (is_late and nodes - self._nodes):
            self._give_back()  # it would wait for the nodes that were there then, also if they are gone
            self._actor, self._nodes, self._asked_at = self._place.actor(nodes), nodes, now
            self._ready = self._actor.is_ready.remote()
        if not ray.wait([self._ready], timeout=timeout)[0]:
            if is_late or self._place.is_crowded(nodes):
                self._held_up()
            return False
        ray.get(self._ready)
        return True

    def _give_back(self) -> None:
        if self._actor is not None:
            with suppress(RayError):
                ray.kill(self._actor)

    def _start(self) -> None:
        run = self._order.run_folder.name
        for path in needed_by(self._order):
            for at, piece in enumerate(pieces_of(self._order.run_folder / path)):
                ray.get(self._actor.put.remote(run, path, piece, at == 0))
        if problem := ray.get(self._actor.start.remote(self._work, self._order, likeness_of(self._order.model))):
            raise BadInput(problem)

    def _pieces(self, path: str) -> Iterator[bytes]:
        start = 0
        while piece := ray.get(self._actor.piece.remote(path, start)):
            yield piece
            start += len(piece)
