"""The task as a setup reads an upload, before anything runs: what the Data and Compare pages show of it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import streamlit as st

from advisor.pages.frame import store
from advisor.plan import DEFAULT_MODEL, Plan, Setup
from advisor.storage.stored import StoredDataset
from eval.checks import Finding, check_task
from eval.mapping.build import BuiltTask
from eval.mapping.columns import guess_columns
from eval.mapping.kinds import KindGuess
from eval.reading.table import Table
from eval.scoring import metric_for
from eval.splitting.split import split_task
from eval.task import BadInput, Document, Split, Task
from strategies.base_models import context_tokens
from strategies.presets import PRESETS
from strategies.served.address import is_served


@dataclass(frozen=True, slots=True)
class Draft:
    """`read` is the task before the person's steps, `task` after them; `changed` counts the rows of each step.
    `findings` are those of `task`; `split` is over all its rows, before a preset takes fewer."""

    read: Task
    task: Task
    changed: tuple[int | None, ...]
    kind_guess: KindGuess
    left_out: tuple[str, ...]
    findings: tuple[Finding, ...]
    split: Split


# The id of a dataset is made from its content, so what was read once stays true.
@st.cache_resource(show_spinner="Reading the data", max_entries=2)
def read_upload(dataset_id: str) -> tuple[Table, list[Document]]:
    return store().read_upload(dataset_id)


@st.cache_resource(show_spinner="Checking the data", max_entries=3)  # a million rows take a gigabyte
def draft_of(dataset_id: str, name: str, setup: Setup, _upload: tuple[Table, list[Document]] | None = None) -> Draft:
    """Raises BadInput when the table gives no task under this setup. `_upload` is what was read, if it isn't stored."""
    with _without_collecting():
        return _draft(_read_of(dataset_id, name, replace(setup, steps=(), meanings=()), _upload), setup)


@st.cache_resource(show_spinner=False, max_entries=3)
def _read_of(dataset_id: str, name: str, setup: Setup, _upload: tuple[Table, list[Document]] | None) -> BuiltTask:
    """The task before any step, so that a step doesn't wait for the table."""
    table, documents = _upload or read_upload(dataset_id)
    return setup.read(table, name, documents)


def _draft(built: BuiltTask, setup: Setup) -> Draft:
    cleaned = setup.clean(built.task)
    task = cleaned.task
    return Draft(
        built.task,
        task,
        cleaned.changed,
        built.kind_guess,
        built.left_out,
        tuple(check_task(task, context_tokens(DEFAULT_MODEL))),
        split_task(task, seed=0),
    )


@contextmanager
def _without_collecting() -> Iterator[None]:
    """A task leaves no cyclic garbage, and looking for it in a million rows takes a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@st.cache_resource(show_spinner=False, max_entries=4)
def split_within(dataset_id: str, name: str, setup: Setup, preset: str) -> Split:
    """The split with no more rows than the preset reads."""
    task = draft_of(dataset_id, name, setup).task
    budget = PRESETS[preset].budget(task.kind)
    return split_task(task, 0, budget.test_rows, budget.dev_rows, PRESETS[preset].train_rows)


@st.cache_resource(show_spinner=False, max_entries=8)
def suggested_metric(dataset_id: str, name: str, setup: Setup) -> str:
    """The name of the metric that the data gets of itself."""
    draft = draft_of(dataset_id, name, setup)
    return metric_for(draft.task.kind, draft.split.train, draft.task.documents).name


def setup_of(dataset: StoredDataset) -> Setup:
    """What was saved for this dataset, else what its columns look like. A person's own metric is their code, which is
    run from the command line alone."""
    if dataset.setup is not None:
        return replace(dataset.setup, own_metric=None)
    return guessed_setup(*read_upload(dataset.id))


def starting_plan(dataset: StoredDataset) -> Plan:
    """Where the choices on Compare start: those of the last visit, else those of the run this one follows, else the
    defaults."""
    setup, followed = setup_of(dataset), st.query_params.get("follows")
    kept = store().draft(dataset.id)
    if kept is not None and kept.follows == followed:
        return replace(kept, dataset_id=dataset.id, setup=setup)
    if followed:
        try:
            earlier = store().run(followed)
            if not earlier.is_own and any(map(is_served, earlier.plan.models)):
                return Plan(dataset.id, setup)  # nobody here chose to send data to that server
            # Not one that was measured on another machine, or that belongs to somebody else.
            follows = earlier.id if earlier.is_own and store().owns(earlier.id) else None
            return replace(earlier.plan, dataset_id=dataset.id, setup=setup, follows=follows)
        except BadInput:
            pass  # gone, or of another version: the defaults are as good a start
    return Plan(dataset.id, setup)


def keep_plan(chosen: Plan, was: Plan) -> None:
    """Keeps the choices for a reload and for the way back from another page."""
    if chosen != was:
        store().save_draft(chosen)


def guessed_setup(table: Table, documents: list[Document]) -> Setup:
    return Setup.of(guess_columns(table, documents))
