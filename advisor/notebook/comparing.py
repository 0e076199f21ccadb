"""`compare` runs a comparison and waits for it; `load` reads an earlier one."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from advisor.command_line.comparing import model_named
from advisor.command_line.terminal import Screen, progress_bars
from advisor.command_line.uploads import documents_upload, read_file
from advisor.notebook.comparison import Comparison
from advisor.plan import DEFAULT_MODEL, DEFAULT_STRATEGIES, Plan, Priorities, Setup
from advisor.runs.experiment import prepare, run_experiment
from advisor.runs.order import BUILD_STRATEGY
from advisor.runs.place import check_cluster
from advisor.storage.store import Store
from advisor.storage.upload import Upload
from eval.mapping.columns import guess_columns
from eval.task import BadInput, Kind

Data = str | Path | pd.DataFrame | Sequence[Mapping[str, Any]]
Documents = str | Path | Sequence[str] | Mapping[str, str]


def compare(
    data: Data,
    *,
    documents: Documents | None = None,
    input: str | None = None,
    target: str | None = None,
    instruction: str = "",
    kind: Kind | str | None = None,
    strategies: Sequence[str] = DEFAULT_STRATEGIES,
    model: str = DEFAULT_MODEL,
    preset: str = "quick",
    seed: int = 0,
    priorities: Priorities | None = None,
    all_rows: bool = False,
    fresh: bool = False,
    cluster: str = "",
    home: Path | None = None,
    build_strategy: str = BUILD_STRATEGY,
) -> Comparison:
    """Measures the strategies on a task, and waits until that is done. The run is in the history, too.

    `data` is a file, a data frame, or rows as dicts; `documents` are a file or folder, texts, or texts by name. The
    columns and the kind of task are guessed where they aren't given. Options mean what they mean on the command line.
    Raises BadInput if the data or the options can't be used, or if nothing could be measured.
    """
    if multiprocessing.parent_process() is not None:  # a child that runs the script again to import it
        raise RuntimeError('Call compare() under `if __name__ == "__main__":`, because it starts processes.')
    if cluster:
        check_cluster(cluster)
    store = Store(home)
    name, content = _table(data)
    upload = Upload.read(name, content, _documents(documents))
    setup = Setup.of(guess_columns(upload.table, upload.documents))
    setup = replace(
        setup,
        input=input or setup.input,
        target=target or setup.target,
        joined=() if input else setup.joined,
        marked=() if target else setup.marked,
        instruction=instruction,
        kind=Kind(kind) if kind else None,
    )
    dataset = store.keep_upload(upload)
    store.save_setup(dataset.id, setup)
    plan = Plan(
        dataset.id,
        setup,
        preset=preset,
        strategies=tuple(strategies),
        model=model_named(model),
        seed=seed,
        priorities=priorities or Priorities(),
        asks_all_rows=all_rows,
        reuses=not fresh,
        cluster=cluster,
    )
    run = prepare(store, plan)
    try:
        with progress_bars(Screen(stderr=True), plan.steps) as show:
            run_experiment(store, run.id, show, lambda: store.cancel_requested(run.id), build_strategy)
    except KeyboardInterrupt:
        store.end_run(run.id, "cancelled")
        raise
    ended = store.run(run.id)
    if ended.state != "done":
        raise BadInput(f"Run {run.id} has no result: {ended.reason or ended.state}")
    return Comparison.of(store, run.id, build_strategy)


def load(run: str, home: Path | None = None) -> Comparison:
    """A finished run by its id, or by its beginning. Raises BadInput if there is none."""
    return Comparison.of(Store(home), run)


def _table(data: Data) -> tuple[str, bytes]:
    if isinstance(data, str | Path):
        return Path(data).name, read_file(Path(data))
    frame = data if isinstance(data, pd.DataFrame) else pd.DataFrame(list(data))
    return "data.jsonl", _lines(frame)


def _documents(documents: Documents | None) -> tuple[str, bytes] | None:
    if documents is None:
        return None
    if isinstance(documents, str | Path):
        return documents_upload(Path(documents))
    named = documents if isinstance(documents, Mapping) else {str(at + 1): text for at, text in enumerate(documents)}
    return "documents.jsonl", _lines(pd.DataFrame([{"id": id, "text": text} for id, text in named.items()]))


def _lines(frame: pd.DataFrame) -> bytes:
    return frame.to_json(orient="records", lines=True, force_ascii=False, date_format="iso").encode()
