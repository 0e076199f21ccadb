"""A finished run in one file: its data, plan, task, trials and report, to ship as the sample or to share.

A packed run is a ZIP whose manifest names every other file with its hash. Trained models and what a person added (name,
note, tags, clicks, marks) stay at home. Packed files come from other people, so nothing in one is trusted: only files
that `pack` writes are taken, sizes are limited while reading, and hashes, types and values must fit
(`advisor.storage.packed_content`).
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from advisor.as_json import AsJson
from advisor.migration import read_report
from advisor.plan import PLAN
from advisor.samples import SAMPLE_REPORT, zipped
from advisor.schema import REPORT
from advisor.storage.foreign_json import read_foreign
from advisor.storage.packed_content import (
    DATASET,
    RENDERED,
    RUN,
    RUN_FILES,
    PackedRun,
    has_needed,
    is_known,
    is_packed,
    is_sound_content,
    is_sound_json,
    is_sound_manifest,
)
from advisor.storage.store import Store
from advisor.storage.stored import Origin, StoredDataset, StoredRun
from advisor.storage.task_file import StoredTask, read_stored_task
from advisor.storage.trial_files import MACHINE_FILE, named_by, read_trial
from advisor.storage.upload import AS_FOUND, READING, Upload
from eval.reading.decoding import ZIP_FAULTS
from eval.reading.table import Table
from eval.task import BadInput

FORMAT = 1  # raise it when a packed run of the version before can't be read any more
MOST_BYTES, _MOST_UNPACKED_BYTES, _MOST_MANIFEST_BYTES = 256 * 2**20, 2**30, 2**24
_MOST_FILES = 2_000
_MANIFEST = "manifest.json"
_TRIALS = ("*/manifest.json", "baselines/*/manifest.json", "curves/*/*/manifest.json")
_PACKED = AsJson[PackedRun](PackedRun)


def pack(store: Store, run_id: str) -> bytes:
    """The content of the file. The same run always gives the same bytes. Raises BadInput if the run hasn't finished, or
    if something of it is gone."""
    run = store.run(run_id)
    report, plan = store.report(run.id), run.plan
    if run.state != "done" or report is None:
        raise BadInput(f"Run {run.id} has no report to share; pack a run that has finished with this version.")
    if plan.setup.own_metric:
        raise BadInput(f"Run {run.id} was scored by code of your own, which isn't shared; pack a run without it.")
    dataset, folder = store.dataset(run.dataset_id), store.run_folder(run.id)
    shared = report.for_others()
    try:
        found = {f"{DATASET}{name}": content for name, content in _dataset_files(store, dataset)}
        found |= {f"{RUN}{name}": content for name, content in _run_files(folder, shared == report)}
    except OSError as wrong:
        raise BadInput(f"A file of run {run.id} can't be read ({wrong}); pack another run.") from wrong
    files = {each: found[each] for each in found if is_packed(each, plan, dataset.documents_name is not None)}
    if shared != report:
        files[f"{RUN}report.json"] = REPORT.write(shared, indent=2).encode()
    # On a server with log-in, the id of a dataset depends on whose it is, which isn't shared. A cluster's address says
    # something about a network.
    dataset_id = _id_of(dataset, {name.removeprefix(DATASET): content for name, content in files.items()})
    if dataset_id != dataset.id or plan.cluster:
        files[f"{RUN}plan.json"] = PLAN.write(replace(plan, dataset_id=dataset_id, cluster=""), indent=2).encode()
    manifest = PackedRun(
        FORMAT,
        run.id,
        run.created_at,
        run.started_at,
        run.ended_at,
        dataset.name,
        dataset_id,
        dataset.rows,
        dataset.documents_name,
        dataset.documents,
        tuple(store.steps(run.id)),
        {name: _hash(content) for name, content in files.items()},
    )
    return zipped([(_MANIFEST, _PACKED.write(manifest, indent=1).encode()), *files.items()])


def unpack(store: Store, name: str, content: bytes, origin: Origin) -> StoredRun:
    """Stores a packed run under its id. `name` is that of the file, for the sentence of the BadInput that says why it
    can't be read. What was rendered elsewhere is only kept of the sample: a page may say anything."""
    manifest, files = _read(name, content)
    if not is_sound_json(files):
        raise BadInput(_damaged(name))
    dataset_files = {path.removeprefix(DATASET): each for path, each in files.items() if path.startswith(DATASET)}
    run_files = {path.removeprefix(RUN): each for path, each in files.items() if path.startswith(RUN)}
    dataset = StoredDataset(
        manifest.dataset_id,
        manifest.data_name,
        manifest.created_at,
        manifest.rows,
        manifest.documents_name,
        manifest.documents,
        None,
    )
    try:
        plan_json = run_files["plan.json"].decode()
        plan, report = PLAN.read(plan_json), read_report(run_files["report.json"])
        task = read_stored_task(run_files["task.json"])
        is_same = plan.dataset_id == dataset.id == _id_of(dataset, dataset_files) and not plan.cluster
    except (LookupError, ValueError, TypeError, AttributeError) as wrong:
        raise BadInput(_by_other_version(name)) from wrong
    if report is None or not is_known(plan):
        raise BadInput(_by_other_version(name))
    if not is_same or report.run_id != manifest.run_id or not _is_moment(report.created_at):
        raise BadInput(_damaged(name))
    if not (is_sound_manifest(manifest, plan) and is_sound_content(files, task)):
        raise BadInput(_damaged(name))
    if _needs_own_code(plan.setup.own_metric, task):
        raise BadInput(f"{name} was scored by somebody's own code, which Threeways doesn't run; ask for another run.")
    run = StoredRun(
        id=manifest.run_id,
        dataset_id=dataset.id,
        name=dataset.name,
        plan_json=plan_json,
        state="done",
        reason=None,
        cancel_requested=False,
        created_at=manifest.created_at,
        started_at=manifest.started_at,
        ended_at=manifest.ended_at,
        origin=origin,
    )
    if origin != "sample":
        run_files = {path: each for path, each in run_files.items() if path not in RENDERED}
    return store.add_finished(dataset, run, manifest.steps, dataset_files, run_files)


def open_sample(store: Store) -> StoredRun:
    """The sample report's run, unpacked if it isn't in the store yet; it replaces that of an earlier version."""
    try:
        content = SAMPLE_REPORT.read_bytes()
    except OSError as wrong:
        raise BadInput(f"The sample report can't be read ({wrong}); install Threeways again.") from wrong
    run_id = sample_id(content)
    there = store.runs()
    for run in there:
        if run.id == run_id:
            return run
    sample = unpack(store, SAMPLE_REPORT.name, content, "sample")
    for run in there:
        if run.origin == "sample":
            store.delete_run(run.id)
    return sample


def sample_id(content: bytes) -> str:
    return _manifest(SAMPLE_REPORT.name, _archive(SAMPLE_REPORT.name, content)).run_id


def _dataset_files(store: Store, dataset: StoredDataset) -> Iterator[tuple[str, bytes]]:
    """The original files. What was read from them is read again when somebody needs it."""
    folder = store.dataset_folder(dataset.id)
    yield "upload", (folder / "upload").read_bytes()
    if dataset.documents_name is not None:
        yield "documents", (folder / "documents").read_bytes()
    if (folder / "reading.json").exists():
        yield "reading.json", (folder / "reading.json").read_bytes()


def _run_files(folder: Path, also_rendered: bool) -> Iterator[tuple[str, bytes]]:
    """Rendered reports that speak of a person's clicks or marks are left out."""
    for name in (*RUN_FILES, *(RENDERED if also_rendered else ())):
        if (folder / name).exists():
            yield name, (folder / name).read_bytes()
    for manifest in sorted(path for pattern in _TRIALS for path in folder.glob(pattern)):
        if read_trial(manifest.parent) is None:  # never finished, or changed since
            continue
        *measured, last = named_by(manifest.read_bytes())
        for name in (*measured, MACHINE_FILE, last):
            if (manifest.parent / name).exists():
                yield (manifest.parent / name).relative_to(folder).as_posix(), (manifest.parent / name).read_bytes()


def _read(name: str, content: bytes) -> tuple[PackedRun, dict[str, bytes]]:
    archive = _archive(name, content)
    manifest = _manifest(name, archive)
    names = [entry.filename for entry in archive.infolist()]
    if len(names) > _MOST_FILES or sorted(names) != sorted([_MANIFEST, *manifest.files]) or not has_needed(manifest):
        raise BadInput(_damaged(name))
    files, left = {}, _MOST_UNPACKED_BYTES
    for each, expected in manifest.files.items():
        files[each] = _read_entry(name, archive, each, left)
        left -= len(files[each])
        if _hash(files[each]) != expected:
            raise BadInput(_damaged(name))
    return manifest, files


def _archive(name: str, content: bytes) -> zipfile.ZipFile:
    if len(content) > MOST_BYTES:
        raise BadInput(_too_large(name))
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except ZIP_FAULTS as wrong:
        raise BadInput(_damaged(name)) from wrong


def _manifest(name: str, archive: zipfile.ZipFile) -> PackedRun:
    try:
        stored = read_foreign(_read_entry(name, archive, _MANIFEST, _MOST_MANIFEST_BYTES))
    except ValueError as wrong:
        raise BadInput(_damaged(name)) from wrong
    if not isinstance(stored, dict) or "format" not in stored:
        raise BadInput(_damaged(name))
    if stored["format"] != FORMAT:
        raise BadInput(_by_other_version(name))
    try:
        return _PACKED.of(stored)
    except ValueError as wrong:
        raise BadInput(_damaged(name)) from wrong


def _read_entry(name: str, archive: zipfile.ZipFile, entry: str, most: int) -> bytes:
    """At most so many bytes, whatever size the archive claims."""
    try:
        with archive.open(entry) as stream:
            content = stream.read(most + 1)
    except (*ZIP_FAULTS, KeyError) as wrong:
        raise BadInput(_damaged(name)) from wrong
    if len(content) > most:
        raise BadInput(_too_large(name))
    return content


def _id_of(dataset: StoredDataset, files: Mapping[str, bytes]) -> str:
    """What a store calls these bytes, so that a packed run can't put other content under the id of somebody's data."""
    documents = None if dataset.documents_name is None else (dataset.documents_name, files["documents"])
    reading = READING.read(files["reading.json"]) if "reading.json" in files else AS_FOUND
    return Upload(dataset.name, files["upload"], documents, Table((), ()), [], reading).id


def _needs_own_code(own_metric: str | None, task: StoredTask) -> bool:
    return own_metric is not None or (task.metric is not None and task.metric.own is not None)


def _is_moment(text: str) -> bool:
    """Whether pages can show it as a day."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _damaged(name: str) -> str:
    return f"{name} isn't a packed run, or it is damaged; get the file again from where it came."


def _by_other_version(name: str) -> str:
    return f"Another version of Threeways packed {name}; pack the run again with this version."


def _too_large(name: str) -> str:
    return f"{name} is larger than a packed run can be ({_MOST_UNPACKED_BYTES // 2**20:,} MB unpacked)."
