"""The files of a run that a step needs on another machine, and those that it leaves there.

Paths are relative to the run's folder, with slashes. Content travels in pieces, because weights are large.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from advisor.runs.order import FITTED, StepOrder, sibling_of
from advisor.storage.files import write_whole
from advisor.storage.trial_files import MANIFEST, replacing
from eval.task import BadInput
from strategies.engine.checkpoints import CHECKPOINT

PIECE_BYTES = 16 * 2**20
_OF_RUN = ("task.json", "task.json.sha256")
_START = "start"
_WHOLE = (FITTED, "begun", "kept")  # folders that are replaced as a whole
_LAST = (MANIFEST, CHECKPOINT)  # files that say that others are whole
_WHILE_IT_COMPUTES = ("log.txt", "first_answers.json")

Pieces = Callable[[str], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a step changed since the last parcel: files to fetch, and files that are gone."""

    files: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def needed_by(order: StepOrder) -> list[str]:
    """The files that a step reads."""
    folder = order.run_folder
    found = [folder / name for name in _OF_RUN]
    found += _files_in(folder / _START)
    found += _files_in(order.folder)
    if order.rows is not None:  # what it chose on all rows
        found += (path for path in replace(order, rows=None).folder.glob("[!.]*"))
    if order.again:  # likewise
        found += _files_in(replace(order, again=0).begun)
    if (sibling := sibling_of(order)) is not None:
        found += _files_in(folder / sibling / FITTED)
    return sorted({path.relative_to(folder).as_posix() for path in found if path.is_file()})


def pieces_of(path: Path) -> Iterator[bytes]:
    """At least one, which is empty if the file is."""
    with path.open("rb") as stream:
        yield stream.read(PIECE_BYTES)
        while piece := stream.read(PIECE_BYTES):
            yield piece


def land(order: StepOrder, parcel: Parcel, pieces: Pieces) -> None:
    """Puts what a parcel holds into the run's folder. A process that is killed meanwhile leaves what was there before,
    or what counts as not finished. Raises BadInput if a path leads out of the step's folder."""
    run_folder = order.run_folder
    for path in (*parcel.files, *parcel.gone):
        if ".." in PurePosixPath(path).parts or not (run_folder / path).is_relative_to(order.folder):
            raise BadInput(f"A node of the cluster left a file outside its step's folder ({path}); look at that node.")
    whole: dict[str, list[str]] = {}
    for path in parcel.files:
        whole.setdefault(_unit_of(path) or "", []).append(path)
    loose = whole.pop("", [])
    last = [path for path in loose if PurePosixPath(path).name in _LAST]
    fitted = [unit for unit in whole if PurePosixPath(unit).name == FITTED]
    for unit in fitted:
        _replace(run_folder, unit, whole.pop(unit), pieces)
    for path in (path for path in loose if path not in last):
        _write(run_folder / path, pieces(path))
    for unit, paths in whole.items():
        _replace(run_folder, unit, paths, pieces)
    for path in last:
        _write(run_folder / path, pieces(path))
    for path in parcel.gone:
        with suppress(OSError):
            (run_folder / path).unlink()
        for parent in PurePosixPath(path).parents:
            with suppress(OSError):  # it holds something else
                (run_folder / parent).rmdir()


def _replace(run_folder: Path, unit: str, paths: Sequence[str], pieces: Pieces) -> None:
    with replacing(run_folder / unit) as unnamed:
        for path in paths:
            _write(unnamed / PurePosixPath(path).relative_to(unit), pieces(path))


def _write(path: Path, content: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


@dataclass
class Changes:
    """Notices what changes in a step's folder. What changed is linked into `outbox`, where the step can't replace it
    while it is fetched."""

    run_folder: Path
    folder: Path
    outbox: Path
    _known: dict[str, tuple[int, ...]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._known = self._look()

    def pack(self, is_at_rest: bool) -> Parcel:
        """Everything if the step is at rest; else only what it needs to go on with its training, and what people look
        at meanwhile."""
        shutil.rmtree(self.outbox, ignore_errors=True)
        now = self._look()
        changed = [path for path, state in now.items() if self._known.get(path) != state]
        if not is_at_rest:
            changed = [path for path in changed if _may_travel(path)]
        units = {unit for path in changed if (unit := _unit_of(path))}
        files = [path for path in now if path in changed or _unit_of(path) in units]
        packed = [path for path in files if self._link(path)]
        gone = [path for path in self._known if path not in now and (is_at_rest or _may_travel(path))]
        for path in gone:
            del self._known[path]
        self._known |= {path: now[path] for path in packed}
        return Parcel(tuple(packed), tuple(gone))

    def _look(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for path in _files_in(self.folder):
            with suppress(FileNotFoundError):
                state = path.stat()
                found[path.relative_to(self.run_folder).as_posix()] = (
                    state.st_ino,
                    state.st_size,
                    state.st_mtime_ns,
                )
        return found

    def _link(self, path: str) -> bool:
        target = self.outbox / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(self.run_folder / path, target)
        except FileNotFoundError:
            return False
        except OSError:  # a file system without links
            shutil.copy2(self.run_folder / path, target)
        return True


def _files_in(folder: Path) -> list[Path]:
    """Without those that aren't whole: files and folders are written under a name with a dot first. Unlike
    `Path.rglob`, this doesn't fail when a folder is deleted meanwhile."""
    found: list[Path] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent) / name for name in files if not name.startswith(".")]
    return found


def _unit_of(path: str) -> str | None:
    """The folder that is replaced as a whole, if the file is in one."""
    parts = PurePosixPath(path).parts
    for at, part in enumerate(parts[:-1]):
        if part in _WHOLE:
            return "/".join(parts[: at + 1])
    return None


def _may_travel(path: str) -> bool:
    parts: Sequence[str] = PurePosixPath(path).parts
    return parts[-1] in _WHILE_IT_COMPUTES or "training" in parts[:-1]
