"""What is wrong in a home folder: damaged or missing files of runs and datasets, and what killed processes left."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from advisor.plan import BASELINES_STEP, CURVES_STEP
from advisor.storage.about import About, Names, spoiled_about, spoiled_names, write_about, write_names
from advisor.storage.database import TABLE_NAMES, UnusableError
from advisor.storage.databases import open_database, postgres_address
from advisor.storage.files import DATABASE
from advisor.storage.leftovers import leftovers, remove_leftover
from advisor.storage.rebuild import rebuild_database
from advisor.storage.run_files import has_lost_report, why_no_report
from advisor.storage.seals import check_sealed, remove_sealed, write_sealed
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import FIT_KEY_FILE, MACHINE_FILE, MANIFEST, read_trial
from advisor.storage.tries import leave_queue, read_try, waiting_tries
from advisor.wording import count_text
from eval.task import BadInput
from strategies.engine.sealed_folder import DamagedError, check_folder

_BESIDE = {  # a trial, and what doesn't happen without them
    MACHINE_FILE: "the report may not say what measured this strategy",
    FIT_KEY_FILE: "a later comparison measures this strategy again",
}
_TRIALS = ("*", f"{BASELINES_STEP}/*", f"{CURVES_STEP}/*/*")  # their folders


@dataclass(frozen=True, slots=True)
class Problem:
    """`what` is a sentence. `mend` puts it right, and `mended` says in a sentence what it did; None if nothing can."""

    what: str
    mend: Callable[[], object] | None = None
    mended: str = ""


def problem_of_database(home: Path) -> str | None:
    """In a sentence; None if the database is sound, or if there is none and no run that it would have to name."""
    if postgres_address():
        return _problem_of_postgres(home)
    path = home / DATABASE
    if not path.exists() or not path.stat().st_size:
        return f"The database {path} is gone." if any(home.glob("runs/*/plan.json")) else None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(1)")]
            for table in TABLE_NAMES:
                connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall()  # one of ours
    except sqlite3.Error as wrong:
        return f"The database {path} is damaged ({wrong})."
    return None if found == ["ok"] else f"The database {path} is damaged ({found[0]})."


def _problem_of_postgres(home: Path) -> str | None:
    try:
        database = open_database(home)
        for table in TABLE_NAMES:
            database.rows(f"SELECT 1 FROM {table} LIMIT 1")  # one of ours
    except UnusableError as wrong:
        return str(wrong)
    return None


def check_home(store: Store, write_report: Callable[[StoredRun], object]) -> Iterator[Problem]:
    """The database must be sound. `write_report` writes the report of a run again, from its answers."""
    yield from _unlisted(store)
    for run in store.runs():
        yield from _check_run(store, run, write_report)
    for folder in _folders(store.home / "datasets"):
        yield from _check_dataset(store, folder)
    yield from _leftovers(store)


def _unlisted(store: Store) -> Iterator[Problem]:
    listed = {run.id for run in store.runs()}
    missing = [folder for folder in _folders(store.home / "runs") if folder.name not in listed]
    readable = [folder.name for folder in missing if (folder / "plan.json").exists()]
    if readable:
        yield Problem(
            f"The database lacks {count_text(len(readable), 'run')} whose folders are there: {', '.join(readable)}.",
            partial(rebuild_database, store.home),
            "We rebuilt it from the folders.",
        )
    for folder in missing:
        if folder.name not in readable:
            yield Problem(f"{folder} holds nothing of a run that can be read; delete it if you don't need it.")


def _check_run(store: Store, run: StoredRun, write_report: Callable[[StoredRun], object]) -> Iterator[Problem]:
    folder, name = store.run_folder(run.id), f"Run {run.id} ({run.title})"
    if not folder.is_dir():
        yield Problem(f"{name}: its folder is gone ({folder}). Delete the run in History.")
        return
    if spoiled := spoiled_about(folder, run):
        yield Problem(
            f"{name}: {spoiled} doesn't hold what the database does, so if the database is lost, so is what you wrote "
            "about the run.",
            partial(write_about, folder, About.of(run)),
            "We wrote it again from the database.",
        )
    try:
        check_sealed(folder / "plan.json")
    except (OSError, DamagedError):
        yield Problem(
            f"{name}: {folder / 'plan.json'} is damaged or gone, so if the database is lost, so is the run.",
            partial(write_sealed, folder / "plan.json", run.plan_json),
            "We wrote it again from the database.",
        )
    try:
        _ = run.plan
        read_task(folder)
    except BadInput as wrong:
        yield Problem(f"{name}: {wrong}")
    for path in _beside_trials(folder, MANIFEST):
        if read_trial(path.parent) is None:
            yield Problem(
                f"{name}: the answers in {path.parent} are damaged, so they don't count. Continue the run or compare "
                "again to measure them once more."
            )
    for path in (path for file in _BESIDE for path in _beside_trials(folder, file)):
        try:
            check_sealed(path)
        except (OSError, DamagedError):
            yield Problem(
                f"{name}: {path} is damaged, so {_BESIDE[path.name]}.", partial(remove_sealed, path), "We removed it."
            )
    for fitted in (
        *sorted(folder.glob("*/fitted")),
        *sorted(folder.glob(f"{BASELINES_STEP}/*/fitted")),
        folder / "start",
    ):
        try:
            check_folder(fitted)
        except DamagedError as wrong:
            yield Problem(f"{name}: {wrong} Compare again to try or download this strategy.")
    if run.state == "done" and has_lost_report(folder):
        yield Problem(
            f"{name}: {why_no_report(folder)}", partial(write_report, run), "We wrote it again from the answers."
        )


def _beside_trials(folder: Path, file: str) -> Iterator[Path]:
    for pattern in _TRIALS:
        yield from sorted(folder.glob(f"{pattern}/{file}"))


def _check_dataset(store: Store, folder: Path) -> Iterator[Problem]:
    try:
        problem = store.upload_problem(folder.name)
    except BadInput:
        yield Problem(f"The data in {folder} isn't in the database; delete the folder, or upload the file again.")
        return
    if problem:
        yield Problem(problem)
        return
    dataset = store.dataset(folder.name)
    if spoiled := spoiled_names(folder, dataset):
        yield Problem(
            f"{dataset.name}: {spoiled} doesn't hold what the database does, so if the database is lost, so is the "
            "file's name.",
            partial(write_names, folder, Names.of(dataset)),
            "We wrote it again from the database.",
        )
    try:
        check_sealed(folder / "parsed.jsonl")
    except FileNotFoundError:  # it is read again from the upload when somebody needs it
        pass
    except (OSError, DamagedError) as wrong:
        yield Problem(str(wrong), partial(store.read_upload, folder.name), f"We read {dataset.name} once more.")


def _leftovers(store: Store) -> Iterator[Problem]:
    """What processes that were killed left, and inputs in the queue whose run is gone."""
    for path in leftovers(store.home):
        yield Problem(f"{path} was left by a process that was killed.", partial(remove_leftover, path), "Deleted.")
    for manifest in sorted(store.home.glob("runs/*/*/manifest.json")):
        for begun in (manifest.parent / "begun", manifest.parent / "begun_next"):
            if begun.exists() and read_trial(manifest.parent) is not None:
                yield Problem(
                    f"{begun} was left by a process that was killed.", partial(remove_leftover, begun), "Deleted."
                )
    for run_id, try_id in waiting_tries(store):
        if read_try(store, run_id, try_id) is None:
            yield Problem(
                f"The queue has an input whose run is gone ({store.home / 'tries' / try_id}).",
                partial(leave_queue, store, try_id),
                "Deleted.",
            )


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
