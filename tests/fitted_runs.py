"""Runs of real strategies on a tiny network, as their steps leave them, in seconds and without a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.plan import BASELINES_STEP, Plan, Setup
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun, StoredStep
from advisor.storage.task_file import read_task, task_to_json
from advisor.storage.trial_files import read_trials, write_trial
from eval.mapping.kinds import labels_for
from eval.measuring.runner import measure
from eval.outcomes import Trial
from eval.scoring import scorer_for
from eval.task import Document, Example, Kind, Split, Task
from strategies.base_models import loader_of
from strategies.contract import Strategy
from strategies.presets import Budget
from strategies.registry import BASELINES, LOCAL, STRATEGIES, baselines_for, class_at
from tests.tiny_model import save_tiny_model

BUDGET = Budget(test_rows=6, dev_rows=6, latency_rows=0, settings=2, training_tokens=2000, epochs=2, answer_tokens=32)
TARGETS = {
    Kind.CLASSIFICATION: ("refund", "delivery", "account"),
    Kind.MULTI_LABEL: ("refund; urgent", "delivery", "none"),
    Kind.NUMBER: ("1", "4", "2"),
    Kind.EXTRACTION: ('{"goods": "lamp", "count": 2}', '{"count": 1}', '{"count": 12, "goods": "a mug"}'),
    Kind.ANSWERING: ("14 days", "the third floor", "Maria"),
}
DOCUMENTS = (
    Document("returns", "Returns", "Goods can be sent back within 14 days. The desk is on the third floor."),
    Document("people", "", "Maria answers the telephone. The lamp workshop is closed on Mondays."),
)
TABLE = b"message,label\n" + b"".join(b"text %d,%s\n" % (row, (b"yes", b"no")[row % 2]) for row in range(30))


@dataclass(frozen=True)
class Measured:
    store: Store
    run: StoredRun
    kind: Kind

    @property
    def outcomes(self) -> dict[str, dict[str, str]]:
        """The recorded answers by strategy and by input."""
        folder = self.store.run_folder(self.run.id)
        inputs = {row.id: row.input for row in read_task(folder)[1].test}
        trials, baselines = read_trials(folder, self.run.plan.strategies)
        return {
            trial.strategy: {inputs[outcome.example_id]: outcome.text for outcome in trial.outcomes}
            for trial in (*trials, *baselines)
        }


def examples_of(kind: Kind) -> tuple[Example, ...]:
    return tuple(
        Example(
            f"r{at}",
            f"{('my money', 'the parcel', 'a password')[at % 3]} number {at}",
            TARGETS[kind][at % 3],
            rejected=TARGETS[kind][(at + 1) % 3],
        )
        for at in range(36)
    )


def measured_run(
    base: Path, kind: Kind, strategies: Sequence[str], rows: Sequence[Example] = (), model: str = ""
) -> Measured:
    """Six test rows, answered by these strategies and, with all of them, by the baselines. `rows` are 36 examples, and
    `model` is the base model, a tiny one by default."""
    model = model or str(save_tiny_model(base / "model"))
    rows = tuple(rows) or examples_of(kind)
    documents = DOCUMENTS if kind is Kind.ANSWERING else ()
    task = Task("tiny", kind, "", rows, documents, labels_for(kind, rows))
    split = Split(rows[:24], rows[24:30], rows[30:])
    baselines = baselines_for(kind, bool(documents)) if set(strategies) == set(LOCAL) else ()
    return fitted_run(base, task, split, (*strategies, *baselines), model, BUDGET)


def fitted_run(
    base: Path, task: Task, split: Split, names: Sequence[str], model: str, budget: Budget = BUDGET
) -> Measured:
    """All test rows of this task, answered by these strategies and baselines."""
    store = Store(base / "home")
    dataset = store.add_dataset("tiny.csv", TABLE)
    strategies = tuple(name for name in names if name in STRATEGIES)
    plan = Plan(dataset.id, Setup("message", "label"), strategies=strategies, model=model)
    run = store.add_run(plan, task_to_json(task, split))
    scorer = scorer_for(task, split)
    for name in names:
        strategy: Strategy
        if name in STRATEGIES:
            strategy = class_at(STRATEGIES[name])(task.brief, loader_of(model), budget, 0)
        else:
            strategy = class_at(BASELINES[name])(task.brief, budget, 0)
        folder = store.run_folder(run.id) / (BASELINES_STEP if name in BASELINES else "") / name
        (folder / "fitted").mkdir(parents=True)
        strategy.fit(split.without_test, task.documents, lambda _: None)
        strategy.save(folder / "fitted")
        found = measure(strategy, split.test, scorer, 0, lambda *_: None)
        write_trial(folder, Trial(name, "done", outcomes=found.outcomes))
        store.save_step(StoredStep(run.id, name, "done"))
    store.end_run(run.id, "done")
    return Measured(store, store.run(run.id), task.kind)
