"""A run that tunes again: its fine-tuning goes on from an earlier run's adapters. No row that they were trained on is
left to choose settings on, and none that they were trained or chosen on is left to test on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from advisor.pairing import model_words
from advisor.plan import Plan
from advisor.storage.start import LearnedRow, adapters_in, learned_by, starts_for
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_stored_task, stored_task_to_json
from advisor.wording import count_text
from eval.conversation import turns_of
from eval.splitting.continued import continued
from eval.splitting.duplicates import compare_inputs
from eval.task import BadInput, Example
from strategies.engine.adapter_shape import AdapterShape
from strategies.registry import DECLARATIONS

FEWEST_TEST, FEWEST_DEV = 10, 4  # rows that must be left
_ENDED = ("done", "failed", "cancelled", "stopped")


def runs_to_start_from(store: Store, plan: Plan) -> list[StoredRun]:
    """The earlier runs with an adapter that a candidate of this plan can go on from, newest first."""
    found = []
    for run in store.runs():
        if run.state in _ENDED and run.is_own and store.owns(run.id):
            try:
                adapters = adapters_in(store.run_folder(run.id), run.plan)
            except BadInput:  # of another version
                continue
            starts = starts_for(plan, adapters)
            if starts and all(map(AdapterShape.of, starts.values())):
                found.append(run)
    return found


def with_start(store: Store, plan: Plan, task_json: str) -> str:
    """The task of a plan that may tune again, without the dev and test rows that the earlier run's adapters know.

    Raises BadInput if it can't go on from that run, or if too few rows would be left."""
    if plan.tunes_from is None:
        return task_json
    earlier = store.run(plan.tunes_from)
    if problem := _problem(store, earlier, plan):
        raise BadInput(problem)
    start = learned_by(store.own_run_folder(earlier.id), earlier.id)
    stored = read_stored_task(task_json.encode())
    test = unseen(stored.test, start.learned)
    dev = unseen(stored.dev, [row for row in start.learned if row.trained])
    lost_test, lost_dev = len(stored.test) - len(test), len(stored.dev) - len(dev)
    if len(test) < FEWEST_TEST or len(dev) < FEWEST_DEV:
        raise BadInput(
            f"Run {earlier.id} has learned from {lost_test:,} of {count_text(len(stored.test), 'test row')} and "
            f"{lost_dev:,} of {count_text(len(stored.dev), 'dev row')}, which leaves too few to go on from it: "
            f"use its seed ({earlier.plan.seed}), so that its test rows stay test rows, or add new rows."
        )
    used = {row.id for row in (*test, *dev)}
    unused = (*stored.unused, *(row for row in (*stored.test, *stored.dev) if row.id not in used))
    note = _note(earlier.id, lost_test, lost_dev)
    return stored_task_to_json(replace(stored, test=test, dev=dev, unused=unused, notes=(*stored.notes, note)))


def _problem(store: Store, earlier: StoredRun, plan: Plan) -> str | None:
    """Why the plan can't go on from this run, in one sentence; None if it can."""
    trained = [one for one in plan.pairings if DECLARATIONS[one.strategy].trains == "adapter"]
    if not trained:
        return (
            f"No strategy of this comparison trains an adapter, so none can start from run {earlier.id}: add "
            "fine-tuning, or start from the base model."
        )
    if earlier.state not in _ENDED:
        return f"Run {earlier.id} hasn't ended, so it has no adapter to start from yet: wait for it."
    adapters = adapters_in(store.own_run_folder(earlier.id), earlier.plan) if earlier.is_own else {}
    if not adapters:
        return f"Run {earlier.id} has no trained adapter on this machine: start from another run, or the base model."
    starts = starts_for(plan, adapters)
    if not starts and not {one.model for one in trained} & {model for _, model in adapters}:
        theirs = " and ".join(dict.fromkeys(model_words(model) for _, model in adapters))
        ours = " and ".join(dict.fromkeys(model_words(one.model) for one in trained))
        return (
            f"Run {earlier.id} trained its adapter for {theirs}, which doesn't fit {ours}: choose the same model, or "
            "start from the base model."
        )
    if not starts:
        theirs = " and ".join(dict.fromkeys(strategy for strategy, _ in adapters))
        return f"Run {earlier.id} trained an adapter with {theirs} alone: compare that, or start from the base model."
    if not all(map(AdapterShape.of, starts.values())):
        return f"The adapter of run {earlier.id} can't be read: start from another run, or the base model."
    return None


def unseen(rows: Sequence[Example], learned: Sequence[LearnedRow]) -> tuple[Example, ...]:
    """The rows of whose group nothing was learned, nor of the same or nearly the same input, nor of a conversation that
    goes on from their answer."""
    likeness = compare_inputs([*(row.input for row in learned), *(row.input for row in rows)])
    same = set(likeness.key[: len(learned)].tolist())
    near = {other for one, other in (*likeness.pairs.tolist(), *likeness.pairs[:, ::-1].tolist()) if one in same}
    known = same | near
    groups = {row.group for row in learned} - {None}
    read = [Example("", row.input, "", turns=turns_of(row.input)[:-1]) for row in learned]
    held = {first - len(read) for first, row in continued([*read, *rows]) if row < len(read) <= first}
    keys = likeness.key[len(learned) :].tolist()
    return tuple(
        row
        for at, (row, key) in enumerate(zip(rows, keys, strict=True))
        if key not in known and row.group not in groups and at not in held
    )


def _note(run_id: str, test: int, dev: int) -> str:
    if not test and not dev:
        return f"Fine-tuning went on from run {run_id}, which had learned from none of the test rows."
    return (
        f"We left out {count_text(test, 'test row')} and {count_text(dev, 'dev row')}: fine-tuning went on from run "
        f"{run_id}, which had learned from them, or from nearly the same input, the same group or their conversation."
    )
