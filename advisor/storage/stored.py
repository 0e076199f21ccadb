"""The rows of the store. Times are seconds since 1970, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from advisor.estimate import Speed
from advisor.plan import SETUP, Plan, Setup, read_plan

RunState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
StepState = Literal["waiting", "running", "interrupted", "done", "failed", "cancelled", "excluded"]


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """An upload that was read without fault; `documents` counts them."""

    id: str
    name: str
    created_at: float
    rows: int
    documents_name: str | None
    documents: int
    setup_json: str | None

    @property
    def setup(self) -> Setup | None:
        """None until one was saved. One of another version is as good as none: the columns are guessed again."""
        if self.setup_json is None:
            return None
        try:
            return SETUP.read(self.setup_json)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run as it stands; `reason` is a sentence when it failed."""

    id: str
    dataset_id: str
    name: str
    plan_json: str
    state: RunState
    reason: str | None
    cancel_requested: bool
    created_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def plan(self) -> Plan:
        """Raises BadInput when another version of Threeways wrote it, so that a list of runs can still be shown."""
        return read_plan(self.plan_json)


@dataclass(frozen=True, slots=True)
class StoredStep:
    """One strategy in one run: `done` of `total` rows of `stage`, and the seconds it still needs, if known."""

    run_id: str
    strategy: str
    state: StepState = "waiting"
    stage: str = ""
    done: int = 0
    total: int = 0
    remaining_seconds: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    reason: str | None = None

    @property
    def seconds(self) -> float | None:
        """From its start to its end."""
        return None if self.started_at is None or self.ended_at is None else self.ended_at - self.started_at


@dataclass(frozen=True, slots=True)
class StoredSpeed:
    """How fast this machine runs a model, or the `problem` in a sentence, and when that was found; none of them while
    the worker has yet to take the time, and no `speed` where another version measured other things."""

    model: str
    requested_at: float
    made_at: float | None
    speed: Speed | None
    problem: str | None
