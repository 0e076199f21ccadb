"""Runs whose answers a model is to judge: one file each in the home, until the worker is done."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from advisor.as_json import AsJson
from advisor.storage.files import write_whole
from advisor.storage.store import Store


@dataclass(frozen=True, slots=True)
class Judging:
    """`model` is to compare the answers of a run; `done` of `total` pairs are. `problem` says in a sentence why it
    failed, or which key it waits for: that of the server `awaits_key`. `created_at` is in seconds since 1970."""

    run_id: str
    model: str
    created_at: float
    state: Literal["waiting", "running", "failed"] = "waiting"
    done: int = 0
    total: int = 0
    problem: str | None = None
    awaits_key: str = ""


_JUDGING = AsJson[Judging](Judging)


def ask_judge(store: Store, run_id: str, model: str) -> None:
    """Puts it in the queue, instead of an earlier one for this run. Raises BadInput if the run is somebody else's."""
    store.own_run_folder(run_id)
    _folder(store).mkdir(exist_ok=True)
    write_whole(_path(store, run_id), _JUDGING.write(Judging(run_id, model, time.time())))


def judging_of(store: Store, run_id: str) -> Judging | None:
    """None if nobody asked, if it is done, or if another version asked."""
    try:
        return _JUDGING.read(_path(store, run_id).read_bytes())
    except (OSError, ValueError):
        return None


def next_judging(store: Store) -> Judging | None:
    """The one that has waited longest and lacks nothing."""
    found = [one for one in _all(store) if one.state != "failed" and not one.awaits_key]
    return min(found, key=lambda one: one.created_at, default=None)


def save_judging(store: Store, one: Judging) -> None:
    """Unless somebody stopped it meanwhile."""
    if _path(store, one.run_id).exists():
        write_whole(_path(store, one.run_id), _JUDGING.write(one))


def end_judging(store: Store, run_id: str) -> None:
    store.own_run_folder(run_id)
    _path(store, run_id).unlink(missing_ok=True)


def awaited_by_judges(store: Store) -> list[str]:
    """The servers whose keys they wait for."""
    return [one.awaits_key for one in _all(store) if one.awaits_key]


def key_came_for_judges(store: Store, host: str, owner: str | None = None) -> None:
    """Those of this owner's runs, or of all, that wait for the key of this server can go on."""
    runs = {run.id for run in store.runs() if owner is None or run.owner == owner}
    for one in _all(store):
        if one.awaits_key == host.lower() and one.run_id in runs:
            save_judging(store, replace(one, awaits_key="", problem=None))


def _all(store: Store) -> list[Judging]:
    files: list[Path] = []
    with suppress(FileNotFoundError):
        files = sorted(path for path in _folder(store).iterdir() if path.suffix == ".json")
    return [one for file in files if (one := judging_of(store, file.stem))]


def _folder(store: Store) -> Path:
    return store.home / "judging"


def _path(store: Store, run_id: str) -> Path:
    return _folder(store) / f"{run_id}.json"
