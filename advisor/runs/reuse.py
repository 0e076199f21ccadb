"""What a run takes over from an earlier one: strategies that would be fitted in the same way, and their answers to rows
that didn't change, with the time and the cost they had then."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from advisor.plan import Plan
from advisor.runs.fit_key import FitKey, Rows, content_of, read_key, write_key
from advisor.runs.order import BUILD_STRATEGY, FITTED, Hardware, StepOrder, fitted_problem
from advisor.storage.seals import read_sealed, write_sealed
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import (
    MACHINE_FILE,
    curve_folder,
    read_prompts,
    read_trial,
    replace_trial,
    write_trial,
)
from advisor.wording import count_text, in_sentence, list_text, name_of
from eval.outcomes import Outcome, Reused, Trial
from eval.sent import SentPrompts
from eval.task import BadInput, Example, Split, Task
from strategies.engine.sealed_folder import DamagedError
from strategies.registry import BASELINES, baselines_for

_RUNS_LOOKED_AT = 50
_ENDED = ("done", "failed", "cancelled", "stopped")
_PARTS = {
    "program": "Threeways or a library",
    "machine": "the hardware",
    "model": "the model's files",
    "effort": "the preset or the seed",
    "task": "the kind of task, its labels, instruction or metric",
    "training_rows": "training rows",
    "dev_rows": "dev rows",
    "documents": "documents",
    "beside": "what it is trained from",
}


@dataclass(frozen=True, slots=True)
class Reuse:
    """What there is of one candidate in an earlier `run`. `order` is that of the earlier one. `answers` are those to
    test rows of the new run, `rows` in all. `changed`: why it is fitted again, in words; empty if it isn't.
    `is_whole`: nothing about it would come out otherwise, so its trial is taken over as it is."""

    run: str
    order: StepOrder
    answers: int
    rows: int
    changed: tuple[str, ...] = ()
    is_whole: bool = False

    @property
    def share_left(self) -> float:
        """Of its work, about: what is answered anew, as a share of all test rows."""
        if self.is_whole:
            return 0.0
        return 1.0 if self.changed else 1 - self.answers / self.rows


def reusable(
    store: Store,
    plan: Plan,
    task: Task,
    split: Split,
    folder: Path,
    owner: str,
    build_strategy: str = BUILD_STRATEGY,
    hardware: Hardware | None = None,
) -> dict[str, Reuse]:
    """For each candidate and baseline, by name, what the run with most of its answers has, or else why none has any.
    Empty if the plan reuses nothing, or if its cluster's `hardware` isn't known yet. `folder` is that of the run, which
    need not exist, and `owner` whose it is."""
    is_known = hardware is not None or not plan.cluster
    orders = _orders(plan, task, folder, build_strategy, hardware) if plan.reuses and is_known else {}
    rows = Rows.of(task, split)
    keys = {name: FitKey.of(order, rows) for name, order in orders.items()}
    found: dict[str, Reuse] = {}
    for run, earlier in earlier_runs(store, owner, folder):
        missing = [name for name in orders if name not in found or found[name].answers < len(split.test)]
        if not missing:
            break
        old = None
        for name in missing:
            order = _there(earlier, run, orders[name])
            key = read_key(order.folder) if order else None
            if order is None or key is None:
                continue
            if changed := key.unlike(keys[name]):
                said = tuple(_PARTS[part] for part in changed)
                if name not in found or len(said) < len(found[name].changed):
                    found[name] = Reuse(run.id, order, 0, len(split.test), said)
                continue
            old = old or _read(order)
            if old is not None and (trial := _trial(order)) is not None:
                reuse = _reuse(plan, task, split, run, order, trial, *old)
                if name not in found or found[name].changed or reuse.answers > found[name].answers:
                    found[name] = reuse
    return {name: found[name] for name in orders if name in found}


def is_all_taken_over(plan: Plan, task: Task, found: Mapping[str, Reuse]) -> bool:
    """Whether nothing is left to measure, so that the run takes seconds."""
    return all(name in found and found[name].is_whole for name in _names(plan, task))


def take_over(store: Store, run_id: str, build_strategy: str, hardware: Hardware | None = None) -> None:
    """Puts what an earlier run has into the folder of this one, for each candidate that has nothing there yet."""
    new, folder = store.run(run_id), store.run_folder(run_id)
    plan = new.plan
    if not plan.reuses:
        return
    task, split = read_task(folder)
    orders = _orders(plan, task, folder, build_strategy, hardware)
    if all(order.folder.exists() for order in orders.values()):
        return
    for name, reuse in reusable(store, plan, task, split, folder, new.owner, build_strategy, hardware).items():
        if not (orders[name].folder.exists() or reuse.changed or fitted_problem(reuse.order)):
            _take(reuse, orders[name], split)


def takes_over(run_folder: Path, step: str) -> bool:
    """Whether a step of a run has answers of an earlier one, so that its seconds say little."""
    order = StepOrder(run_folder, step, "", "", 0)
    return order.kept.exists() or any(order.folder.glob(f"*/{order.kept.name}"))


def sentences_on(found: Mapping[str, Reuse]) -> list[str]:
    """What is taken over and what is set up again, for a person who is about to start the run."""
    strategies = {name: one for name, one in found.items() if name not in BASELINES}
    said = []
    for run in dict.fromkeys(one.run for one in strategies.values() if not one.changed):
        of_run = {name: one for name, one in strategies.items() if one.run == run and not one.changed}
        answers, rows = [one.answers for one in of_run.values()], next(iter(of_run.values())).rows
        few, most = min(answers), max(answers)
        count = f"{few:,}" if few == most else f"{few:,} to {most:,}"
        said.append(f"{_are(list(of_run))} taken over from run {run}, with {count} of {count_text(rows, 'answer')}.")
    for changed in dict.fromkeys(one.changed for one in strategies.values() if one.changed):
        names = [name for name, one in strategies.items() if one.changed == changed]
        said.append(f"{_are(names)} set up again, because {list_text(changed)} changed.")
    return said


def _are(names: Sequence[str]) -> str:
    first, *others = names
    return f"{list_text([name_of(first), *map(in_sentence, others)])} {'are' if others else 'is'}"


def _orders(
    plan: Plan, task: Task, folder: Path, build_strategy: str, hardware: Hardware | None
) -> dict[str, StepOrder]:
    """Of the candidates and the baselines of a run, by name. What asks a server does so from this machine."""
    orders = [
        StepOrder(folder, name, plan.preset, plan.pairing(name).model, plan.seed, build_strategy, plan.pairings)
        for name in _names(plan, task)
    ]
    return {order.strategy: order if order.asks_server else replace(order, hardware=hardware) for order in orders}


def _names(plan: Plan, task: Task) -> list[str]:
    return [*baselines_for(task.kind, bool(task.documents)), *(one.name for one in plan.pairings)]


def earlier_runs(store: Store, owner: str, own: Path | None = None) -> Iterator[tuple[StoredRun, Path]]:
    """The runs of this owner that may have something, the newest first, without the one whose folder is `own`. What
    other people measured stays theirs, or one could find out what they have."""
    for run in store.runs()[:_RUNS_LOOKED_AT]:
        folder = store.run_folder(run.id)
        if run.state in _ENDED and run.is_own and run.owner == owner and folder != own:
            yield run, folder


def _there(folder: Path, run: StoredRun, order: StepOrder) -> StepOrder | None:
    """The order of an earlier run for the same strategy or baseline with the same model; None if it had none."""
    try:
        plan = run.plan
    except BadInput:  # of another version
        return None
    new = next((one for one in order.pairings if one.name == order.strategy), None)
    name = order.strategy
    if new is not None:
        name = next((one.name for one in plan.pairings if (one.strategy, one.model) == (new.strategy, new.model)), "")
    there = replace(order, run_folder=folder, strategy=name, pairings=plan.pairings)
    return there if name and (there.folder / FITTED).is_dir() else None


def _trial(order: StepOrder) -> Trial | None:
    """What the earlier run measured, finished or not, with its prompts."""
    for folder in (order.folder, order.begun):
        if trial := read_trial(folder):
            return replace(trial, prompts=read_prompts(folder)) if trial.status == "done" else None
    return None


def _read(order: StepOrder) -> tuple[Task, Split] | None:
    try:
        return read_task(order.run_folder)
    except BadInput:
        return None


def _reuse(
    plan: Plan,
    task: Task,
    split: Split,
    run: StoredRun,
    order: StepOrder,
    trial: Trial,
    old_task: Task,
    old_split: Split,
) -> Reuse:
    known = _known(trial, old_split, split)
    is_same = (split.test, split.train, split.dev, task.documents) == (
        old_split.test,
        old_split.train,
        old_split.dev,
        old_task.documents,
    )
    # Who stopped early was behind the others of that run.
    beside = (plan.pairings, plan.asks_all_rows) == (run.plan.pairings, run.plan.asks_all_rows)
    is_finished = read_trial(order.folder) is not None
    is_whole = is_same and is_finished and (trial.stopped is None or beside)
    return Reuse(run.id, order, len(known), len(split.test), is_whole=is_whole)


def _known(trial: Trial, old: Split, new: Split) -> dict[str, Outcome]:
    """Its answers to rows of the new test set, by their ids there."""
    given = {one.example_id: one for one in trial.outcomes}
    by_content = {_asked(row): given[row.id] for row in old.test if row.id in given}
    return {row.id: by_content[_asked(row)] for row in new.test if _asked(row) in by_content}


def _asked(row: Example) -> str:
    """What a strategy is asked: the right answer may have been corrected."""
    return content_of(replace(row, target="", also_right=(), rejected="", group=None, document_ids=()))


def _take(reuse: Reuse, order: StepOrder, split: Split) -> None:
    trial = _trial(reuse.order)
    old = _read(reuse.order)
    key = read_key(reuse.order.folder)
    if trial is None or old is None or key is None:
        return
    known = _known(trial, old[1], split)
    order.folder.mkdir(parents=True, exist_ok=True)
    _link(reuse.order.folder / FITTED, order.folder / FITTED)
    write_key(order.folder, key)
    reused = Reused(trial.reused.run if trial.reused else reuse.run, len(known))
    if reuse.is_whole:
        with suppress(FileNotFoundError, DamagedError):  # it didn't finish its first answers
            write_sealed(order.folder / MACHINE_FILE, read_sealed(reuse.order.folder / MACHINE_FILE))
        _copy_curve(reuse.order, order)
        write_trial(order.folder, replace(_named(trial, order), reused=reused))
        return
    prompts = SentPrompts()
    for id, outcome in known.items():
        if trial.prompts and (prompt := trial.prompts.of(outcome.example_id)):
            prompts.add(id, prompt)
    outcomes = tuple(replace(outcome, example_id=id) for id, outcome in known.items())
    order.kept.mkdir()
    write_trial(order.kept, replace(trial, outcomes=outcomes, prompts=prompts, probes={}))
    replace_trial(order.begun, replace(trial.as_fitted, strategy=order.strategy, reused=reused))


def _named(trial: Trial, order: StepOrder) -> Trial:
    """By the candidate's name in this run, which has the model's in it if there are several."""
    if trial.strategy == order.strategy:
        return trial

    def named(outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        return tuple(replace(one, strategy=order.strategy) for one in outcomes)

    probes = {name: named(each) for name, each in trial.probes.items()}
    return replace(trial, strategy=order.strategy, outcomes=named(trial.outcomes), probes=probes)


def _copy_curve(earlier: StepOrder, order: StepOrder) -> None:
    there = curve_folder(earlier.run_folder, earlier.strategy, 0).parent
    if there.is_dir() and earlier.strategy == order.strategy:
        shutil.copytree(there, curve_folder(order.run_folder, order.strategy, 0).parent)


def _link(source: Path, target: Path) -> None:
    """The same files under another name, because they may be large and are never written again."""
    shutil.copytree(source, target, copy_function=_link_file)


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)
