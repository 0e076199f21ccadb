"""Look for wrong labels, in a process of its own: it needs the sentence encoder, and pages never load torch.

The result lies in the dataset's folder, under the meaning of its columns. While the process works, it holds a lock
there. The result begins as a failure, so that a process that dies leaves a sentence.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from filelock import FileLock, Timeout

from advisor.as_json import AsJson
from advisor.plan import SETUP, Setup
from advisor.runs.child import SECONDS_TO_END, death_sentence, failure_sentence, settle_in, spawned
from advisor.storage.files import write_whole
from advisor.storage.store import Store
from eval.checks import Finding, check_wrong_labels
from eval.mapping.steps import Row, rows_by_id
from eval.scoring.paraphrases import Encode
from eval.task import BadInput, Task
from strategies.search.embedder import phrase_encoder

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS_FOR_LOCK = 2  # longer than a page holds the lock to see whether somebody has it
_SECONDS_TO_START = 15
_DIED = "The search for wrong labels ended without a result, probably because memory ran out. Try again."


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row whose label may be wrong: how a step names it, its label then, and the label that would fit."""

    id: str
    row: Row
    label: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class LabelCheck:
    """What was found, or the problem in a sentence. `finding` is None if no label looks wrong."""

    finding: Finding | None = None
    suspects: tuple[Suspect, ...] = ()
    problem: str | None = None


_CHECK = AsJson[LabelCheck](LabelCheck)


def check_labels(read: Task, task: Task, encode: Encode) -> LabelCheck:
    """`read` is the task before the person's steps, which name its rows."""
    finding = check_wrong_labels(task, encode)
    if finding is None:
        return LabelCheck()
    rows = rows_by_id(read)
    labels = {example.id: example.target for example in task.examples}
    suspects = tuple(Suspect(one, rows[one], labels[one], suggestion) for one, suggestion in finding.suggested)
    return LabelCheck(finding, suspects)


def check_labels_apart(read: Task, task: Task, log: Path) -> LabelCheck:
    """`check_labels` with the sentence encoder, in a child process. For the command line: under Streamlit, a spawned
    child would run the page."""
    with spawned(_child, read, task, log) as (child, results):
        try:
            found: LabelCheck = results.recv()
            child.join(SECONDS_TO_END)
        except EOFError:
            child.join()
            found = LabelCheck(problem=death_sentence(child.exitcode))
    return found


def _child(read: Task, task: Task, log: Path, results: Connection) -> None:
    settle_in(log)
    results.send(_with_encoder(read, task))


def label_check(store: Store, dataset_id: str, setup: Setup) -> LabelCheck | None:
    """None if nobody looked under this setup. Steps make no difference: what they settle is no longer shown."""
    try:
        return _CHECK.read(_file(store, dataset_id, setup).read_bytes())
    except (OSError, ValueError):  # none, or of another version
        return None


def is_looking(store: Store, dataset_id: str) -> bool:
    try:
        with _lock(store, dataset_id, 0):
            return False
    except Timeout:
        return True


def start_looking(store: Store, dataset_id: str, setup: Setup) -> None:
    """Starts the process unless there is one, and waits until it is there. It outlives this one."""
    if is_looking(store, dataset_id):
        return
    store.save_setup(dataset_id, setup)  # the process reads it
    _file(store, dataset_id, setup).unlink(missing_ok=True)
    with (store.dataset_folder(dataset_id) / "label_check.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, "--home", str(store.home), "--dataset", dataset_id],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _SECONDS_TO_START
    while not is_looking(store, dataset_id) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


def look(store: Store, dataset_id: str) -> None:
    """Waits until the machine is free, looks, and writes what it found. Returns at once if another process is at it."""
    with suppress(Timeout), _lock(store, dataset_id, _SECONDS_FOR_LOCK):
        dataset = store.dataset(dataset_id)
        setup = dataset.setup
        if setup is None:
            return
        file = _file(store, dataset_id, setup)
        write_whole(file, _CHECK.write(LabelCheck(problem=_DIED)))
        with store.device_lock:
            write_whole(file, _CHECK.write(_looked(store, dataset_id, dataset.name, setup)))


def _looked(store: Store, dataset_id: str, name: str, setup: Setup) -> LabelCheck:
    try:
        table, documents = store.read_upload(dataset_id)
        read = setup.read(table, name, documents).task
        return _with_encoder(read, setup.clean(read).task)
    except BadInput as wrong:
        return LabelCheck(problem=str(wrong))


def _with_encoder(read: Task, task: Task) -> LabelCheck:
    try:
        encode = phrase_encoder()
        if encode is None:
            raise BadInput("The sentence encoder isn't installed: run 'make install' to look for wrong labels.")
        return check_labels(read, task, encode)
    except Exception as wrong:
        traceback.print_exc()
        return LabelCheck(problem=failure_sentence(wrong, "looking for wrong labels"))


def _file(store: Store, dataset_id: str, setup: Setup) -> Path:
    meaning = Setup(setup.input, setup.target, kind=setup.kind, joined=setup.joined, marked=setup.marked)
    key = hashlib.sha256(SETUP.write(meaning).encode()).hexdigest()[:12]
    return store.dataset_folder(dataset_id) / f"wrong_labels-{key}.json"


def _lock(store: Store, dataset_id: str, seconds: float) -> FileLock:
    return FileLock(store.dataset_folder(dataset_id) / "label_check.lock", timeout=seconds)


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m advisor.runs.label_check", description=__doc__)
    arguments.add_argument("--home", type=Path, required=True)
    arguments.add_argument("--dataset", required=True)
    given = arguments.parse_args()
    look(Store(given.home), given.dataset)


if __name__ == "__main__":
    main()
