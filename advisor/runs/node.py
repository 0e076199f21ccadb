"""The part of a run on another machine: in a process that Ray starts there, which starts the same children as a run on
one machine does, and passes on what they say. It keeps the step's files in a folder of its own.

Nothing here imports Ray.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from time import monotonic
from typing import Any

from advisor.pairing import refusal_of, strategy_of
from advisor.runs.carried import PIECE_BYTES, Changes, Parcel
from advisor.runs.child import SECONDS_TO_END, spawned
from advisor.runs.fit_key import machine_facts
from advisor.runs.machine_file import installed_versions
from advisor.runs.order import StepOrder
from advisor.wording import name_of
from eval.temporary import remove_leftovers, temporary_folder
from strategies.base_models import check_model, is_here, likeness_of
from strategies.contract import Progress
from strategies.registry import STRATEGIES

_SECONDS_OF_A_LOOK = 20.0  # the parent asks again after that
_SECONDS_BETWEEN_COPIES = 30.0  # of a training that goes on


@dataclass(frozen=True, slots=True)
class Heard:
    """What a child said since it was last asked, what it changed, and whether it has ended. The exit code is that of
    the child; None if it had to be ended."""

    messages: tuple[Any, ...] = ()
    parcel: Parcel = field(default_factory=Parcel)
    is_over: bool = False
    exit_code: int | None = None


class NodeChild:
    """One child on a node, and its files. Ray makes an actor of it and calls its methods, some at once."""

    def __init__(self, has_gpu: bool = True) -> None:
        """Without a GPU of its own, it may not use those that the machine has: Ray doesn't hide them."""
        if not has_gpu:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self._files = temporary_folder()
        self._home = self._files.__enter__()
        self._outbox = self._home / "outbox"
        self._copied_at = monotonic()
        self._alive: AbstractContextManager[Any] | None = None
        self._child: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._changes: Changes | None = None

    def is_ready(self) -> bool:
        """Answered as soon as there is room for it on a node."""
        return True

    def put(self, run: str, path: str, piece: bytes, is_first: bool) -> None:
        """A file that the step needs, piece by piece."""
        target = self._folder(run) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb" if is_first else "ab") as stream:
            stream.write(piece)

    def start(self, work: Callable[..., None], order: StepOrder, likeness: str) -> str | None:
        """Starts the child, which gets no keys: no step that asks a server comes here. Otherwise returns why this node
        can't, in a sentence. `likeness` is that of the model's files where the run was started, "" if it isn't
        there."""
        if problem := _problem_of(order, likeness):
            return f"A node of the cluster can't run {name_of(order.strategy)}: {problem}"
        order = replace(order, run_folder=self._folder(order.run_folder.name))
        order.folder.mkdir(parents=True, exist_ok=True)
        self._changes = Changes(order.run_folder, order.folder, self._outbox)
        # The child needs nothing of Ray's own program, which it would load otherwise.
        vars(sys.modules["__main__"])["__file__"] = None
        self._alive = spawned(work, order, {})
        self._child, self._pipe = self._alive.__enter__()
        return None

    def send(self, turn: Any) -> None:
        assert self._pipe is not None
        with suppress(OSError):  # it has ended, which `hear` tells
            self._pipe.send(turn)

    def hear(self) -> Heard:
        """Waits until the child says something or ends, for some seconds at most."""
        assert self._pipe is not None and self._child is not None and self._changes is not None
        messages: list[Any] = []
        try:
            if self._pipe.poll(_SECONDS_OF_A_LOOK):
                messages.append(self._pipe.recv())
                while isinstance(messages[-1], Progress) and self._pipe.poll():
                    messages.append(self._pipe.recv())
        except (EOFError, OSError):  # it finished and closed its end, or died
            self._child.join(SECONDS_TO_END)
            return Heard(tuple(messages), self._changes.pack(True), True, self._child.exitcode)
        is_at_rest = bool(messages) and not isinstance(messages[-1], Progress)
        if not is_at_rest and monotonic() - self._copied_at < _SECONDS_BETWEEN_COPIES:
            return Heard(tuple(messages))
        self._copied_at = monotonic()
        return Heard(tuple(messages), self._changes.pack(is_at_rest))

    def piece(self, path: str, start: int) -> bytes:
        """Of a file that the last parcel named."""
        with (self._outbox / path).open("rb") as stream:
            stream.seek(start)
            return stream.read(PIECE_BYTES)

    def end(self) -> None:
        """Ends the child, and leaves nothing on the node."""
        if self._alive is not None:
            self._alive.__exit__(None, None, None)
        self._files.__exit__(None, None, None)

    def _folder(self, run: str) -> Path:
        return self._home / "runs" / run


@dataclass(frozen=True, slots=True)
class Facts:
    """About one node. `gpu` is the name of its first one, "" if it has none. `versions` are those of the packages that
    compute, by name."""

    processor: str
    gpu: str
    machine: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]


def look_around() -> Facts:
    """What this machine is. Cleans it up, also if no step comes here."""
    remove_leftovers()
    machine = [str(each) for each in machine_facts()]
    processor = machine[0].partition(":")[2].strip() or machine[0] or platform.machine()
    return Facts(processor, _gpu(), tuple(machine), tuple(installed_versions().items()))


def _gpu() -> str:
    try:
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return next(iter(said.splitlines()), "").strip()


def _problem_of(order: StepOrder, likeness: str) -> str | None:
    """Why a strategy can't use its model on this node."""
    if strategy_of(order.strategy) not in STRATEGIES:  # baselines ask no model
        return None
    if not is_here(order.model) and (problem := check_model(order.model)):
        return problem
    if likeness and likeness_of(order.model) != likeness:
        return f"The files of {order.model} on the node aren't those on this machine; copy them there."
    return refusal_of(strategy_of(order.strategy), order.model)
