"""`python -m advisor delete`: runs, and the uploaded files that no run uses any more."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from advisor.command_line.terminal import harmless
from advisor.sections.run_list import moment
from advisor.storage.files import bytes_in
from advisor.storage.store import Store
from advisor.storage.stored import StoredDataset, StoredRun
from advisor.storage.tuned_models import tuned_models_left
from advisor.wording import count_text, memory_text
from eval.task import BadInput
from strategies.search.vectors_kept import forget_vectors, kept_bytes, vectors_file
from strategies.served.answers_kept import kept_file


def delete(store: Store, options: argparse.Namespace) -> None:
    """Deletes with `--yes`, and otherwise says what it would delete and raises BadInput. Also raises BadInput, before
    anything is deleted, if one of the runs is still running."""
    runs = list({run.id: run for run in map(store.run, options.runs)}.values())
    data = _data(store, runs, options)
    vectors = memory_text(kept_bytes()) if options.vectors and kept_bytes() else ""
    if not runs and not data and not vectors:
        raise BadInput("There is nothing to delete; name runs, which 'python -m advisor runs' lists, or --unused-data.")
    if running := [run.id for run in runs if run.state == "running"]:
        raise BadInput(f"Run {running[0]} is still running; stop it before you delete it.")
    if not options.yes:
        for run in runs:
            _say(f"Run {run.id} ({run.title}), {memory_text(bytes_in(store.run_folder(run.id)))}")
            _say(tuned_models_left(run, store.run_folder(run.id)))
        for one in data:
            _say(f"{one.name} ({count_text(one.rows, 'row')}), uploaded {moment(one.created_at)}")
        if vectors:
            _say(f"Vectors of texts, {vectors}, in {vectors_file()}")
        raise BadInput("Nothing was deleted yet. You can't undo this; add --yes to delete what is listed above.")
    for run in runs:
        store.delete_run(run.id)
        _say(f"Deleted run {run.id} ({run.title}).")
    for one in data:
        store.delete_dataset(one.id)
        _say(f"Deleted {one.name}, which no run used.")
    if vectors:
        forget_vectors()
        _say(f"Deleted {vectors} of vectors, which are computed again when they are needed.")
    if kept_file().exists():
        _say(f"Answers of models behind servers stay in {kept_file()}, so that nobody pays for them twice.")


def _data(store: Store, runs: Sequence[StoredRun], options: argparse.Namespace) -> list[StoredDataset]:
    """The uploads to delete with the runs."""
    of_runs = store.only_used_by(runs) if options.with_data else []
    return [*of_runs, *(store.unused_datasets() if options.unused_data else [])]


def _say(sentence: str) -> None:
    if sentence:
        sys.stdout.write(f"{harmless(sentence)}\n")
