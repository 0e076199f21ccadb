"""How far a training got, on disk, so that one that was killed goes on from its last evaluation.

`checkpoint.json` names the file of tensors and holds its hash. It replaces the one before when everything else is on
disk. One that is damaged, or of another training, counts as absent.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.outcomes import LossPoint
from strategies.engine.sealed_folder import file_hash

if TYPE_CHECKING:  # the process that names the folder may never train
    import torch
    from torch import Tensor

# Of the time at most, if writing takes longer than that: all weights of a network and their moments are gigabytes.
WRITING_SHARE, QUICK_SECONDS = 0.05, 0.5
CHECKPOINT = "checkpoint.json"


@dataclass
class Reached:
    """Where a training stands after an evaluation. `best_at` is the evaluation with the lowest dev loss, counted from
    1, 0 if there was none; `best_rows` are the losses of the dev rows there. `early` is the training loss summed over
    `early_size`, in nats; `seconds` are those of all processes that worked on it."""

    rate: float
    read: int = 0
    batches: int = 0
    history: list[LossPoint] = field(default_factory=list)
    best_at: int = 0
    best_rows: list[float] = field(default_factory=list)
    early: float = 0.0
    early_size: int = 0
    early_loss: float | None = None
    is_over: bool = False
    seconds: float = 0.0

    @property
    def best_loss(self) -> float:
        return self.history[self.best_at - 1].dev if self.best_at else math.inf


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Those of all trainings of one strategy, in a folder for each. `written` is called after each that was written."""

    folder: Path
    written: Callable[[], None] = lambda: None

    def of(self, training: str, keeps_weights: bool = True) -> Checkpoint:
        """Without weights, only the result of the whole training is kept."""
        return Checkpoint(self.folder / training, self.written, keeps_weights)


@dataclass
class Checkpoint:
    """That of one training."""

    folder: Path
    written: Callable[[], None]
    keeps_weights: bool
    _last: float = field(default=0.0, init=False)  # when the last one was written, and
    _took: float = field(default=0.0, init=False)  # how long that took, in seconds

    def read(self, key: str, weights: int, optimiser: torch.optim.Optimizer) -> tuple[Reached, list[Tensor]] | None:
        """Where the training with this key stands, and its best weights, so many, which are those to go on from; none
        if there never were any, or if they weren't kept. Puts `optimiser` and the random state back as they were. None
        if there is no checkpoint."""
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            facts = json.loads((self.folder / CHECKPOINT).read_bytes())
            if facts["key"] != key:
                return None
            reached = Reached(**facts["reached"])
            reached.history = [LossPoint(**point) for point in facts["reached"]["history"]]
            if facts["tensors"] is None:
                return (reached, []) if reached.is_over else None
            if file_hash(self.folder / facts["tensors"]) != facts["hash"]:
                return None
            tensors = load_file(self.folder / facts["tensors"])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError):
            return None
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("moment."):
                _, at, moment = name.split(".")
                moments.setdefault(int(at), {})[moment] = tensor
        optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
        torch.set_rng_state(tensors["random"])
        if "random.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random.cuda"])
        return reached, [tensors[f"weight.{at}"] for at in range(weights)] if reached.best_at else []

    def write(
        self,
        key: str,
        reached: Reached,
        best: Sequence[Tensor],
        optimiser: torch.optim.Optimizer,
    ) -> None:
        """Kept with the best weights, from which training goes on after every evaluation. Skipped if the last one took
        so long that it isn't worth it yet. Training goes on if the disk is full."""
        if not (self.keeps_weights or reached.is_over):
            return
        began = time.monotonic()
        if self._took > QUICK_SECONDS and began - self._last < self._took / WRITING_SHARE:
            return
        try:
            self._write(key, reached, _tensors(best, optimiser) if self.keeps_weights else None)
            self.written()
        except OSError as wrong:
            logging.getLogger(__name__).warning("This evaluation has no checkpoint: %s", wrong)
            return
        self._last = time.monotonic()
        self._took = self._last - began

    def _write(self, key: str, reached: Reached, tensors: dict[str, Tensor] | None) -> None:
        from safetensors.torch import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        facts: dict[str, Any] = {"key": key, "reached": asdict(reached), "tensors": None}
        if tensors is not None:
            facts["tensors"] = f"{len(reached.history)}.safetensors"
            at = self.folder / facts["tensors"]
            save_file(tensors, at)
            _sync(at)
            facts["hash"] = file_hash(at)
        beside = self.folder / f".{CHECKPOINT}"
        beside.write_text(json.dumps(facts))
        _sync(beside)
        beside.replace(self.folder / CHECKPOINT)
        _sync(self.folder)
        for old in self.folder.glob("*.safetensors"):
            if old.name != facts["tensors"]:
                old.unlink()


def _tensors(best: Sequence[Tensor], optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    import torch

    found = {f"weight.{at}": weight for at, weight in enumerate(best)}
    for at, moments in optimiser.state_dict()["state"].items():
        found |= {f"moment.{at}.{name}": moment.contiguous() for name, moment in moments.items()}
    found["random"] = torch.get_rng_state()
    if torch.cuda.is_initialized():
        found["random.cuda"] = torch.cuda.get_rng_state()
    return found


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
