"""The store's rows. Times are seconds since 1970, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from advisor.estimate import Speed
from advisor.plan import SETUP, Plan, Setup, read_plan

RunState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted", "stopped"]
Origin = Literal["own", "sample", "shared"]
StepState = Literal["waiting", "running", "interrupted", "done", "failed", "cancelled", "excluded"]


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """An upload that was read without errors; `documents` counts its documents. `owner` is the key of the person whose
    it is; "" if nobody logged in."""

    id: str
    name: str
    created_at: float
    rows: int
    documents_name: str | None
    documents: int
    setup_json: str | None
    owner: str = ""

    @property
    def setup(self) -> Setup | None:
        """None until one was saved. One of another version counts as none: the columns are guessed again."""
        if self.setup_json is None:
            return None
        try:
            return SETUP.read(self.setup_json)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class StoredRun:
    """The current state of one run; `reason` is a sentence if it failed, or stopped because it had spent what it may.
    `name` is that of the uploaded file, and
    `given_name` the one that the person gave the run, or "". `origin` is "own" if it was measured in this home, and
    otherwise says where it came from: the sample report, or a file that somebody shared. `awaits_key` is the server,
    with its port, whose key a queued run waits for, as its `reason` says; otherwise "". `attempts` counts the starts of
    a run that hasn't ended, since it last got further, and `measured` is how much it had measured at the last one
    (`measured_bytes`). `owner` is the key of the person who started it, or "" if nobody logged in; `owner_name` is what
    others read. `is_shared` lets everyone who logs in see it."""

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
    given_name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    origin: Origin = "own"
    awaits_key: str = ""
    attempts: int = 0
    measured: int = 0
    owner: str = ""
    owner_name: str = ""
    is_shared: bool = False

    @property
    def is_own(self) -> bool:
        """Other runs were measured elsewhere, so their seconds say nothing about this machine."""
        return self.origin == "own"

    @property
    def title(self) -> str:
        return self.given_name or self.name

    @property
    def plan(self) -> Plan:
        """Raises BadInput if another version of Threeways wrote it. Reading it late means that a list of runs can still
        be shown."""
        return read_plan(self.plan_json)


@dataclass(frozen=True, slots=True)
class StoredStep:
    """One strategy in one run: `done` of `total` rows of `stage`, and the seconds that the whole strategy still needs,
    if known; those of its stage if the run has no estimate. `worked_seconds` are those from its start on, without the
    turns of others; None in older runs."""

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
    worked_seconds: float | None = None

    def elapsed_seconds(self, now: float) -> float | None:
        """Since its start, without the turns of others; None before it."""
        if self.worked_seconds is not None:
            return self.worked_seconds
        return None if self.started_at is None else max(now - self.started_at, 0.0)

    @property
    def seconds(self) -> float | None:
        """What it took, once it has ended."""
        if self.ended_at is not None and self.worked_seconds is not None:
            return self.worked_seconds
        if self.started_at is None or self.ended_at is None:
            return None
        return max(self.ended_at - self.started_at, 0.0)  # somebody may have set the clock back


@dataclass(frozen=True, slots=True)
class StoredSpeed:
    """How fast this machine runs a model, or the `problem` in a sentence, and when that was found. All are None until
    the worker has timed it, and `speed` is None if another version measured different things."""

    model: str
    requested_at: float
    made_at: float | None
    speed: Speed | None
    problem: str | None
