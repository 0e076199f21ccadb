"""What Threeways stores: datasets, runs, their steps and the machine's speed, in SQLite and folders next to it.

Locks show who is working, not clocks or process ids. A run is "running" only while the process that runs it holds
`device.lock`, and the system releases that lock when the process ends in any way. So a process that gets the lock knows
that any run still marked "running" was interrupted.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, astuple, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from advisor.as_json import AsJson
from advisor.estimate import SPEED, Speed, read_speed
from advisor.migration import read_report
from advisor.plan import PLAN, SETUP, Plan, Setup
from advisor.schema import Report
from advisor.storage.about import About, Names, read_about, write_about, write_names
from advisor.storage.clicks import clicks_in, write_clicks
from advisor.storage.database import Transaction
from advisor.storage.databases import open_database
from advisor.storage.files import keep_private, remove_folder, whole_folder, write_whole
from advisor.storage.own_marks import readable_marks, write_marks
from advisor.storage.person import Person
from advisor.storage.presence import is_present, is_silent
from advisor.storage.run_files import REPORT_FILE
from advisor.storage.seals import check_sealed, read_sealed, write_sealed
from advisor.storage.start import keep_start
from advisor.storage.stored import RunState, StoredDataset, StoredRun, StoredSpeed, StoredStep
from advisor.storage.upload import AS_FOUND, READING, Reading, Upload, parsed_lines, read_parsed
from advisor.wording import in_sentence
from eval.reading.table import Table
from eval.task import BadInput, Document
from strategies.engine.sealed_folder import DamagedError
from strategies.served.budget import Limit

_RUN, _STEP = AsJson[StoredRun](StoredRun), AsJson[StoredStep](StoredStep)
_PARSED = "parsed.jsonl"  # next to an upload: what was read from it
_DRAFT = "draft.json"  # next to an upload: what the person chose to compare, before a run
MOST_ATTEMPTS = 3  # of a run that is interrupted again and again
_SEALED = ("plan.json", "task.json", REPORT_FILE)  # of a run
_READING = "reading.json"  # how the person wants it to be read, if they said so
_SAVE_SPEED = (
    "INSERT INTO speeds (model, requested_at, made_at, measured, problem) VALUES (?, ?, ?, ?, ?) ON CONFLICT (model)"
    " DO UPDATE SET requested_at = excluded.requested_at, made_at = excluded.made_at, measured = excluded.measured,"
    " problem = excluded.problem"
)


def home_at(home: Path | None = None) -> Path:
    """The argument, or $THREEWAYS_HOME, or ~/.threeways."""
    return (home or Path(os.environ.get("THREEWAYS_HOME") or "~/.threeways")).expanduser().absolute()


class Store:
    """Everything under one home folder (`home_at`).

    Threads can share it. Raises BadInput if the folder can't be made or written to. Every method raises UnusableError
    if the database is gone or damaged by then.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = home_at(home)
        try:
            keep_private(self.home)
            self._database = open_database(self.home)
        except OSError as wrong:
            raise BadInput(
                f"Threeways can't write to {self.home} ({wrong}); set THREEWAYS_HOME to a folder you can write to."
            ) from wrong

    @cached_property
    def device_lock(self) -> FileLock:
        """Held while a run or a timing uses the processor: two at once would be far slower than one after the other."""
        return FileLock(self.home / "device.lock")

    @property
    def person(self) -> Person | None:
        """Whose runs and uploads are added here; None where nobody logs in."""
        return None

    @property
    def owner(self) -> str:
        """The key of that person, or ""."""
        return self.person.key if self.person else ""

    @property
    def machine(self) -> Store:
        """The store that shows everything on this machine."""
        return self

    def _seen(self) -> tuple[str, tuple[str, ...]]:
        """The condition on the runs that this store shows, with its values."""
        return "1 = 1", ()

    def _own_data(self) -> tuple[str, tuple[str, ...]]:
        """The condition on the datasets that this store shows, with its values."""
        return "1 = 1", ()

    def owns(self, run_id: str) -> bool:
        """Whether this run may be changed here. On the command line, and where nobody logs in, every run may."""
        return True

    def exists(self) -> bool:
        """False if the home folder was removed."""
        return self._database.exists()

    # Datasets

    def add_dataset(
        self,
        name: str,
        content: bytes,
        documents_name: str | None = None,
        documents_content: bytes | None = None,
    ) -> StoredDataset:
        """Reads an upload, then stores it. Raises BadInput if it can't be read."""
        documents = None if documents_name is None or documents_content is None else (documents_name, documents_content)
        return self.keep_upload(Upload.read(name, content, documents))

    def keep_upload(self, upload: Upload) -> StoredDataset:
        """Stores the original bytes and what was read from them. The same content of the same person gives the same
        dataset."""
        upload = self.as_own(upload)
        folder = self._dataset_folder(upload.id)
        if not folder.exists():
            try:
                with whole_folder(folder) as unnamed:
                    write_whole(unnamed / "upload", upload.content)
                    if upload.reading != AS_FOUND:
                        write_whole(unnamed / _READING, READING.write(upload.reading))
                    if upload.documents_file:
                        write_whole(unnamed / "documents", upload.documents_file[1])
                    documents = upload.documents_file[0] if upload.documents_file else None
                    write_names(unnamed, Names(upload.name, documents, upload.owner))
                    write_sealed(unnamed / _PARSED, parsed_lines(upload.table, upload.documents))
            except OSError:
                if not folder.exists():  # otherwise another process stored the same content meanwhile
                    raise
        documents_name = upload.documents_file[0] if upload.documents_file else None
        with self._database.transaction() as database:
            database.execute(
                "INSERT INTO datasets VALUES (?, ?, ?, ?, ?, ?, NULL, ?) ON CONFLICT DO NOTHING",
                (
                    upload.id,
                    upload.name,
                    time.time(),
                    len(upload.table.rows),
                    documents_name,
                    len(upload.documents),
                    upload.owner,
                ),
            )
        return self.dataset(upload.id)

    def as_own(self, upload: Upload) -> Upload:
        """The upload as the one of this store's person, which gives it its id."""
        return upload

    def dataset(self, dataset_id: str) -> StoredDataset:
        """Raises BadInput if there is no dataset with this id."""
        condition, values = self._own_data()
        row = self._database.row(f"SELECT * FROM datasets WHERE id = ? AND {condition}", dataset_id, *values)
        if row is None:
            raise BadInput(f"There is no dataset {dataset_id!r} in {self.home}; upload the file again.")
        return StoredDataset(**row)

    def read_upload(self, dataset_id: str) -> tuple[Table, list[Document]]:
        """The table and the documents (an empty list if there are none). Parses the files again only if an earlier
        version stored no readable result."""
        parsed = self.dataset_folder(dataset_id) / _PARSED
        try:
            check_sealed(parsed)
            return read_parsed(parsed)
        except (OSError, ValueError):
            upload = self.upload_as(dataset_id, self.reading(dataset_id))
            with suppress(OSError):  # the disk may be full; the next reader parses again
                write_sealed(parsed, parsed_lines(upload.table, upload.documents))
            return upload.table, upload.documents

    def reading(self, dataset_id: str) -> Reading:
        """How the person wants the file of a dataset to be read."""
        path = self.dataset_folder(dataset_id) / _READING
        try:
            return READING.read(path.read_bytes())
        except (OSError, ValueError):  # almost always, because there is none
            return AS_FOUND

    def upload_as(self, dataset_id: str, reading: Reading) -> Upload:
        """The files of a dataset, read in this way. Raises BadInput if they can't be, or if they are gone or aren't the
        files that were uploaded."""
        if problem := self.upload_problem(dataset_id):
            raise BadInput(problem)
        content = (self.dataset_folder(dataset_id) / "upload").read_bytes()
        name = self.reading(dataset_id).unnamed(self.dataset(dataset_id).name)
        return Upload.read(name, content, self.documents_upload(dataset_id), reading)

    def upload_problem(self, dataset_id: str) -> str | None:
        """What is wrong with the stored files of a dataset, in a sentence; None if they are what was uploaded."""
        dataset, folder = self.dataset(dataset_id), self.dataset_folder(dataset_id)
        try:
            content, documents = (folder / "upload").read_bytes(), self.documents_upload(dataset_id)
        except OSError as wrong:
            return f"The files of {dataset.name} are gone from {folder} ({wrong.strerror}); upload them again."
        reading = self.reading(dataset_id)
        if Upload(dataset.name, content, documents, Table((), ()), [], reading, dataset.owner).id == dataset_id:
            return None
        return f"The files of {dataset.name} in {folder} aren't those that were uploaded; upload them again."

    def documents_upload(self, dataset_id: str) -> tuple[str, bytes] | None:
        """The original documents file with its name; None if there was none. Raises OSError if it is gone."""
        name = self.dataset(dataset_id).documents_name
        return None if name is None else (name, (self.dataset_folder(dataset_id) / "documents").read_bytes())

    def save_setup(self, dataset_id: str, setup: Setup) -> None:
        with self._database.transaction() as database:
            database.execute("UPDATE datasets SET setup_json = ? WHERE id = ?", (SETUP.write(setup), dataset_id))

    def save_draft(self, plan: Plan) -> None:
        """Keeps what a person chose for the next run of a dataset."""
        with suppress(OSError):  # the disk may be full: then only the choices of this visit hold
            write_whole(self.dataset_folder(plan.dataset_id) / _DRAFT, PLAN.write(plan, indent=2))

    def draft(self, dataset_id: str) -> Plan | None:
        """None if nothing was chosen yet, or by another version."""
        try:
            return PLAN.read((self.dataset_folder(dataset_id) / _DRAFT).read_bytes())
        except (OSError, ValueError):
            return None

    def dataset_folder(self, dataset_id: str) -> Path:
        return self._dataset_folder(dataset_id)

    def _dataset_folder(self, dataset_id: str) -> Path:
        return self.home / "datasets" / dataset_id

    # Runs

    def add_run(self, plan: Plan, task_json: str) -> StoredRun:
        """Queues a run with its folder: the plan, the task with each example on its side of the split, and the person's
        earlier clicks, on the data or on the run that this one follows, and their marks there; and the adapters that
        its fine-tuning goes on from."""
        dataset, created_at = self.dataset(plan.dataset_id), time.time()
        run_id = f"{datetime.fromtimestamp(created_at, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
        plan_json = PLAN.write(plan, indent=2)
        owner_name = self.person.name if self.person else ""
        followed = self._run_folder(plan.follows) if plan.follows and self.owns(plan.follows) else None
        with whole_folder(self._run_folder(run_id)) as unnamed:
            write_sealed(unnamed / "plan.json", plan_json)
            write_sealed(unnamed / "task.json", task_json)
            write_about(unnamed, About(dataset.name, created_at, owner=self.owner, owner_name=owner_name))
            earlier = [self.dataset_folder(dataset.id), *([followed] if followed else [])]
            if clicks := clicks_in(earlier):
                write_clicks(unnamed, clicks)
            if plan.tunes_from:
                earlier_run = self.run(plan.tunes_from)
                keep_start(unnamed, plan, self.own_run_folder(earlier_run.id), earlier_run.id, earlier_run.plan)
            if followed and (marks := readable_marks(followed)):
                write_marks(unnamed, marks)
        with self._database.transaction() as database:
            database.execute(
                "INSERT INTO runs (id, dataset_id, name, plan_json, state, created_at, owner, owner_name)"
                " VALUES (?, ?, ?, ?, 'queued', ?, ?, ?)",
                (run_id, plan.dataset_id, dataset.name, plan_json, created_at, self.owner, owner_name),
            )
            database.executemany(
                "INSERT INTO steps (run_id, strategy) VALUES (?, ?)", [(run_id, each) for each in plan.steps]
            )
        return self.run(run_id)

    def add_finished(
        self,
        dataset: StoredDataset,
        run: StoredRun,
        steps: Iterable[StoredStep],
        dataset_files: Mapping[str, bytes],
        run_files: Mapping[str, bytes],
    ) -> StoredRun:
        """A run that was measured elsewhere, with its data. Files are given by their path in the run's folder. If
        anything fails, nothing of it is left. Raises BadInput if there is a run with this id."""
        if self._database.row("SELECT 1 FROM runs WHERE id = ?", run.id):
            raise BadInput(f"Run {run.id} is already in {self.home}; you can find it in History.")
        _clear_unfinished(self.run_folder(run.id))
        made: list[Path] = []
        try:
            folder = self.dataset_folder(dataset.id)
            if not folder.exists():  # otherwise somebody has the same data, whose name stays
                with whole_folder(folder) as unnamed:
                    _write_files(unnamed, dataset_files)
                    write_names(unnamed, Names(dataset.name, dataset.documents_name))
                made.append(folder)
            folder = self.run_folder(run.id)
            with whole_folder(folder) as unnamed:
                _write_files(unnamed, run_files)
                # Before the folder has its name, so that a rebuilt database never takes the run for one of this home.
                write_about(unnamed, About(run.name, run.created_at, run.origin))
            made.append(folder)
            self._insert_finished(dataset, run, steps)
        except BaseException:
            for folder in made:
                with suppress(OSError):
                    remove_folder(folder)
            raise
        return self.run(run.id)

    def _insert_finished(self, dataset: StoredDataset, run: StoredRun, steps: Iterable[StoredStep]) -> None:
        with self._database.transaction() as database:
            database.execute(
                "INSERT INTO datasets VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", astuple(dataset)
            )
            database.execute(
                "INSERT INTO runs (id, dataset_id, name, plan_json, state, created_at, started_at, ended_at, origin)"
                " VALUES (:id, :dataset_id, :name, :plan_json, :state, :created_at, :started_at, :ended_at, :origin)",
                asdict(run),
            )
            database.executemany(
                "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [astuple(step) for step in steps]
            )

    def runs(self) -> list[StoredRun]:
        """Newest first."""
        self._notice_interruption()
        condition, values = self._seen()
        rows = self._database.rows(f"SELECT * FROM runs WHERE {condition} ORDER BY rowid DESC", *values)
        return [_run(row) for row in rows]

    def run(self, run_id: str) -> StoredRun:
        """By its id or the beginning of it. Raises BadInput if that matches no run, or more than one."""
        self._notice_interruption()
        condition, values = self._seen()
        beginning = f"SELECT * FROM runs WHERE substr(id, 1, length(?)) = ? AND {condition}"
        found = self._database.rows(beginning, run_id, run_id, *values)
        if len(found) != 1:
            many = "More than one run begins" if found else "No run begins"
            raise BadInput(f"{many} with {run_id!r}; 'python -m advisor runs' lists them.")
        return _run(found[0])

    def run_folder(self, run_id: str) -> Path:
        """To read in it."""
        return self._run_folder(run_id)

    def own_run_folder(self, run_id: str) -> Path:
        """To change something in it, or to read what isn't part of the report."""
        return self._run_folder(run_id)

    def _run_folder(self, run_id: str) -> Path:
        return self.home / "runs" / run_id

    def steps(self, run_id: str) -> list[StoredStep]:
        """In the order they run."""
        rows = self._database.rows("SELECT * FROM steps WHERE run_id = ? ORDER BY rowid", run_id)
        return [_step(row) for row in rows]

    def report(self, run_id: str) -> Report | None:
        """None if there is no report that this version can read, or if it was damaged (`why_no_report`)."""
        try:
            return read_report(read_sealed(self.run_folder(run_id) / REPORT_FILE))
        except (OSError, DamagedError):
            return None

    def queue_position(self, run_id: str) -> int | None:
        """1 for the run that starts next; None if this one isn't waiting."""
        waiting = self._waiting()
        return waiting.index(run_id) + 1 if run_id in waiting else None

    def next_run(self) -> str | None:
        """The run that has waited longest. Interrupted runs wait like new ones."""
        self._notice_interruption()
        return next(iter(self._waiting()), None)

    def start_run(self, run_id: str, measured: int = 0) -> bool:
        """Marks the run as running; the caller holds `device_lock`. False if it is no longer waiting (cancelled, or
        done).

        `measured` is how much the run has measured. If as many attempts as a run has were interrupted without
        measuring more, the run fails instead, because it would keep the others in the queue from starting.
        """
        with self._database.transaction() as database:
            started = database.execute(
                "UPDATE runs SET state = 'running', started_at = coalesce(started_at, :now), ended_at = NULL,"
                " attempts = CASE WHEN state = 'interrupted' AND measured >= :measured THEN attempts + 1 ELSE 1 END,"
                " measured = :measured WHERE id = :id AND state IN ('queued', 'interrupted') AND awaits_key = ''"
                " RETURNING attempts",
                {"now": time.time(), "measured": measured, "id": run_id},
            ).fetchone()
            if started is not None and started["attempts"] > MOST_ATTEMPTS:
                _end_run(database, run_id, "failed", self._given_up(run_id))
                return False
            return started is not None

    def excuse_attempt(self, run_id: str) -> None:
        """The present attempt doesn't count: the process was asked to end."""
        with self._database.transaction() as database:
            database.execute("UPDATE runs SET attempts = attempts - 1 WHERE id = ? AND attempts > 0", (run_id,))

    def _given_up(self, run_id: str) -> str:
        at = next((step for step in self.steps(run_id) if step.state == "interrupted" and step.stage), None)
        where = f" The last time, {in_sentence(at.strategy)} was at “{at.stage}”." if at else ""
        return (
            f"The process of this run was ended {MOST_ATTEMPTS} times before it got any further, perhaps because "
            f"memory ran out.{where} Close other programs or choose a smaller model, and start the run again."
        )

    def await_key(self, run_id: str, host: str, reason: str) -> None:
        """The running run waits until somebody gives the key of this server; others in the queue go on."""
        with self._database.transaction() as database:
            database.execute(
                "UPDATE runs SET state = 'queued', awaits_key = ?, reason = ? WHERE id = ? AND state = 'running'",
                (host.lower(), reason, run_id),
            )
            database.execute(
                "UPDATE steps SET state = 'waiting', stage = '', done = 0, total = 0, remaining_seconds = NULL,"
                " started_at = NULL, worked_seconds = NULL WHERE run_id = ? AND state = 'running'",
                (run_id,),
            )

    def key_came(self, host: str, owner: str | None = None) -> None:
        """The runs of this owner, or of everyone, that wait for the key of this server can start."""
        with self._database.transaction() as database:
            came = "UPDATE runs SET awaits_key = '', reason = NULL WHERE awaits_key = ?"
            if owner is None:
                database.execute(came, (host.lower(),))
            else:
                database.execute(f"{came} AND owner = ?", (host.lower(), owner))

    def awaited_keys(self) -> list[str]:
        """The servers whose keys runs wait for."""
        rows = self._database.rows("SELECT DISTINCT awaits_key FROM runs WHERE awaits_key != ''")
        return [row["awaits_key"] for row in rows]

    def end_run(self, run_id: str, state: RunState, reason: str | None = None) -> None:
        """Steps without a result are cancelled with the run."""
        with self._database.transaction() as database:
            _end_run(database, run_id, state, reason)

    def cancel(self, run_id: str) -> None:
        """Cancels a waiting run at once and asks a running one to stop. A run that has ended stays as it is."""
        self._notice_interruption()
        with self._database.transaction() as database:
            database.execute("UPDATE runs SET cancel_requested = 1 WHERE id = ? AND state = 'running'", (run_id,))
            waiting = "SELECT 1 FROM runs WHERE id = ? AND state IN ('queued', 'interrupted')"
            if database.execute(waiting, (run_id,)).fetchone():
                _end_run(database, run_id, "cancelled")

    def cancel_requested(self, run_id: str) -> bool:
        query = "SELECT 1 FROM runs WHERE id = ? AND (cancel_requested = 1 OR state = 'cancelled')"
        return self._database.row(query, run_id) is not None

    def save_step(self, step: StoredStep) -> None:
        with self._database.transaction() as database:
            database.execute(
                "UPDATE steps SET state = :state, stage = :stage, done = :done, total = :total,"
                " remaining_seconds = :remaining_seconds, started_at = :started_at, ended_at = :ended_at,"
                " reason = :reason, worked_seconds = :worked_seconds WHERE run_id = :run_id AND strategy = :strategy",
                asdict(step),
            )

    def retry_step(self, run_id: str, *strategies: str) -> None:
        """Deletes the results of these strategies and queues the ended run again; the other results are kept. Raises
        BadInput if the run was measured elsewhere."""
        self._check_measured_here(run_id)
        with self._database.transaction() as database:
            queued = database.execute(
                "UPDATE runs SET state = 'queued', reason = NULL, ended_at = NULL"
                " WHERE id = ? AND state IN ('done', 'failed', 'cancelled', 'stopped')",
                (run_id,),
            )
            if not queued.rowcount:
                return
            for strategy in strategies:
                step = "SELECT 1 FROM steps WHERE run_id = ? AND strategy = ? AND state = 'cancelled'"
                if database.execute(step, (run_id, strategy)).fetchone() is None:  # otherwise it continues where it was
                    shutil.rmtree(self.run_folder(run_id) / strategy, ignore_errors=True)
                database.execute(
                    "UPDATE steps SET state = 'waiting', reason = NULL, started_at = NULL, ended_at = NULL,"
                    " worked_seconds = NULL"
                    " WHERE run_id = ? AND (strategy = ? OR state = 'cancelled')",
                    (run_id, strategy),
                )

    def continue_run(self, run_id: str, limit: Limit) -> None:
        """Queues a run again that ended before its last step, with this limit on what it may spend in all. What it
        finished is kept. Raises BadInput if the run was measured elsewhere."""
        self._check_measured_here(run_id)
        plan_json = PLAN.write(replace(self.run(run_id).plan, limit=limit), indent=2)
        with self._database.transaction() as database:
            queued = database.execute(
                "UPDATE runs SET state = 'queued', reason = NULL, ended_at = NULL, plan_json = ?"
                " WHERE id = ? AND state IN ('failed', 'cancelled', 'stopped', 'interrupted', 'queued')",
                (plan_json, run_id),
            )
            if not queued.rowcount:
                return
            write_sealed(self.run_folder(run_id) / "plan.json", plan_json)
            database.execute(
                "UPDATE steps SET state = 'waiting', reason = NULL, started_at = NULL, ended_at = NULL,"
                " worked_seconds = NULL"
                " WHERE run_id = ? AND state = 'cancelled'",
                (run_id,),
            )

    def _check_measured_here(self, run_id: str) -> None:
        """The plan of another run may name any server, and nobody here agreed to that."""
        row = self._database.row("SELECT origin FROM runs WHERE id = ?", run_id)
        if row is not None and row["origin"] != "own":
            raise BadInput(
                f"Run {run_id} was measured on another machine, so it can't be continued here; compare its data again."
            )

    def describe_run(self, run_id: str, given_name: str, note: str, tags: Iterable[str]) -> None:
        """What the person says about a run; each may be empty."""
        kept = [tag.strip() for tag in tags]
        with self._database.transaction() as database:
            database.execute(
                "UPDATE runs SET given_name = ?, note = ?, tags_json = ? WHERE id = ?",
                (given_name.strip(), note.strip(), json.dumps(list(dict.fromkeys(filter(None, kept)))), run_id),
            )
        self._write_about(run_id)

    def share_run(self, run_id: str, is_shared: bool) -> None:
        """Lets everyone who logs in see a run, or its owner alone."""
        with self._database.transaction() as database:
            database.execute("UPDATE runs SET is_shared = ? WHERE id = ?", (is_shared, run_id))
        self._write_about(run_id)

    def _write_about(self, run_id: str) -> None:
        with suppress(OSError):  # its folder may be gone
            write_about(self._run_folder(run_id), About.of(self.run(run_id)))

    def delete_run(self, run_id: str) -> None:
        """Deletes a run with its folder; the dataset stays. Raises BadInput while it is running, or if its folder can't
        be deleted."""
        self._notice_interruption()
        with self._database.transaction() as database:
            found = database.execute("SELECT state FROM runs WHERE id = ?", (run_id,)).fetchone()
            if found is None:
                return
            if found["state"] == "running":
                raise BadInput("This run is still running; stop it before you delete it.")
            _remove(self.home / "runs", run_id)  # first, because a full disk has no room for the next lines
            database.execute("DELETE FROM steps WHERE run_id = ?", (run_id,))
            database.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def unused_datasets(self) -> list[StoredDataset]:
        """Those that no run uses."""
        condition, values = self._own_data()
        unused = f"SELECT * FROM datasets WHERE id NOT IN (SELECT dataset_id FROM runs) AND {condition}"
        rows = self._database.rows(unused, *values)
        return [StoredDataset(**row) for row in rows]

    def only_used_by(self, runs: Collection[StoredRun]) -> list[StoredDataset]:
        """The datasets of these runs that no other run uses, and that are still there."""
        going = {run.id for run in runs}
        used = {run.dataset_id for run in self.runs() if run.id not in going}
        condition, values = self._own_data()
        rows = self._database.rows(f"SELECT * FROM datasets WHERE {condition} ORDER BY rowid", *values)
        return [StoredDataset(**row) for row in rows if row["id"] in {run.dataset_id for run in runs} - used]

    def delete_dataset(self, dataset_id: str) -> None:
        """Deletes the uploaded files with what was chosen and clicked on them. Raises BadInput if a run uses them, or
        if their folder can't be deleted."""
        with self._database.transaction() as database:
            if database.execute("SELECT 1 FROM runs WHERE dataset_id = ?", (dataset_id,)).fetchone():
                raise BadInput(f"A run uses {self.dataset(dataset_id).name}; delete that run first.")
            if database.execute("SELECT 1 FROM datasets WHERE id = ?", (dataset_id,)).fetchone():
                _remove(self.home / "datasets", dataset_id)
                database.execute("DELETE FROM datasets WHERE id = ?", (dataset_id,))

    def _waiting(self) -> list[str]:
        rows = self._database.rows(
            "SELECT id FROM runs WHERE state IN ('queued', 'interrupted') AND awaits_key = '' ORDER BY rowid"
        )
        return [row["id"] for row in rows]

    def _notice_interruption(self) -> None:
        if self._database.row("SELECT 1 FROM runs WHERE state = 'running'") is None:
            return
        try:
            # Not `self.device_lock`: the thread that holds it could take it again.
            with FileLock(self.home / "device.lock", timeout=0), self._database.transaction() as database:
                # A run that died during cancellation has nothing to continue.
                asked = database.execute("SELECT id FROM runs WHERE state = 'running' AND cancel_requested = 1")
                for row in asked.fetchall():
                    _end_run(database, row["id"], "cancelled")
                database.execute(
                    "UPDATE steps SET state = 'interrupted', remaining_seconds = NULL WHERE state = 'running'"
                )
                database.execute("UPDATE runs SET state = 'interrupted' WHERE state = 'running'")
        except Timeout:
            return

    # The worker and the machine

    def worker_alive(self) -> bool:
        """Whether a process is the worker of this home."""
        return is_present(self.home)

    def worker_silent(self) -> bool:
        """Whether there is a worker that has probably hung."""
        return is_silent(self.home)

    def request_speed(self, model: str) -> None:
        """Asks the worker to time this machine with a model, and deletes an earlier timing or problem."""
        with self._database.transaction() as database:
            database.execute(_SAVE_SPEED, (model, time.time(), None, None, None))

    def speed(self, model: str) -> StoredSpeed | None:
        """None if it was never requested."""
        row = self._database.row("SELECT * FROM speeds WHERE model = ?", model)
        if row is None:
            return None
        measured = row.pop("measured")
        return StoredSpeed(**row, speed=read_speed(measured) if measured else None)

    def requested_speed(self) -> str | None:
        """The model whose timing has waited longest."""
        row = self._database.row("SELECT model FROM speeds WHERE made_at IS NULL ORDER BY requested_at")
        return None if row is None else str(row["model"])

    def save_speed(self, model: str, speed: Speed | None, problem: str | None = None) -> None:
        """Stores the timing or, if it failed, the problem in a sentence, even if nobody requested it."""
        now, found = time.time(), None if speed is None else SPEED.write(speed)
        with self._database.transaction() as database:
            database.execute(_SAVE_SPEED, (model, now, now, found, problem))


def _end_run(database: Transaction, run_id: str, state: RunState, reason: str | None = None) -> None:
    database.execute(
        "UPDATE runs SET state = ?, reason = ?, ended_at = ?, cancel_requested = 0, awaits_key = '', attempts = 0,"
        " measured = 0 WHERE id = ?",
        (state, reason, time.time(), run_id),
    )
    database.execute(
        "UPDATE steps SET state = 'cancelled', remaining_seconds = NULL, ended_at = ?"
        " WHERE run_id = ? AND state IN ('waiting', 'running', 'interrupted')",
        (time.time(), run_id),
    )


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (write_sealed if name in _SEALED else write_whole)(folder / name, content)


def _clear_unfinished(folder: Path) -> None:
    """Removes what an attempt to add a run from elsewhere left, if its process was killed before the database had the
    run. Raises BadInput if the folder holds another run that the database lacks."""
    if not folder.exists():
        return
    about = read_about(folder)
    if about is None or about.origin == "own":
        raise BadInput(
            f"{folder} holds a run that the database lacks; get it back with: python -m advisor doctor --repair"
        )
    remove_folder(folder)


def _remove(parent: Path, name: str) -> None:
    """Raises BadInput if the folder can't be deleted. A damaged database must not name another one."""
    if name in ("", ".", "..") or "/" in name:
        return
    try:
        remove_folder(parent / name)
    except OSError as wrong:
        raise BadInput(
            f"{parent / name} can't be deleted ({wrong.strerror}); allow Threeways to write to {parent}."
        ) from wrong


def _run(row: dict[str, Any]) -> StoredRun:
    """A damaged row must not hide the others."""
    tags = row.pop("tags_json")
    try:
        return _RUN.of({**row, "tags": json.loads(tags)})
    except (ValueError, TypeError):
        return StoredRun(
            id=str(row["id"]),
            dataset_id=str(row["dataset_id"]),
            name=str(row["name"]),
            plan_json=str(row["plan_json"]),
            state="failed",
            reason="What the database says of this run is damaged; delete the run, or put a copy of the database back.",
            cancel_requested=False,
            created_at=0.0,
            started_at=None,
            ended_at=None,
            origin="own" if row["origin"] == "own" else "shared",
        )


def _step(row: dict[str, Any]) -> StoredStep:
    try:
        return _STEP.of(row)
    except ValueError:
        return StoredStep(str(row["run_id"]), str(row["strategy"]), "failed", reason="Its entry is damaged.")
