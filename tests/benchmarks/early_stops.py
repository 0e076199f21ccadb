"""Early stops replayed over runs that answered every test row: the same verdicts, from how many fewer rows.

`RUNS` names run folders, or folders that hold some, of runs without early stops.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from advisor.decision.recommendation import recommend
from advisor.decision.stopping import block_ends, is_clear, stops
from advisor.measurement import is_judged
from advisor.plan import Priorities, read_plan
from advisor.schema import Recommendation
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trials
from eval.outcomes import Trial
from eval.task import Kind
from tests.benchmarks.shared_tasks import Skipped


def run(full: bool) -> list[dict[str, Any]]:
    if not (named := os.environ.get("RUNS")):
        raise Skipped("RUNS names no folder with runs")
    return [_replayed(plan.parent) for name in named.split() for plan in sorted(Path(name).rglob("runs/*/plan.json"))]


def _replayed(folder: Path) -> dict[str, Any]:
    plan, (task, split) = read_plan((folder / "plan.json").read_text()), read_task(folder)
    trials, baselines = read_trials(folder, plan.steps)
    place = {row.id: at for at, row in enumerate(split.test)}
    whole = [_in_order(trial, place) for trial in trials if is_judged(trial)]
    verdict = recommend(whole, plan.priorities, task.kind, baselines=baselines)
    raced, answered = _race(whole, baselines, plan.priorities, task.kind, len(split.test))
    return {
        "task": task.name,
        "preset": plan.preset,
        "seed": plan.seed,
        "test rows": len(split.test),
        "all rows": f"{verdict.choice}, {verdict.confidence}",
        "with early stops": f"{raced.choice}, {raced.confidence}",
        "rows answered": ", ".join(f"{name} {rows}" for name, rows in answered.items()),
        "times fewer rows": f"{len(whole) * len(split.test) / sum(answered.values()):.2f}",
    }


def _in_order(trial: Trial, place: dict[str, int]) -> Trial:
    return replace(trial, outcomes=tuple(sorted(trial.outcomes, key=lambda one: place[one.example_id])))


def _race(
    whole: Sequence[Trial], baselines: Sequence[Trial], priorities: Priorities, kind: Kind, rows: int
) -> tuple[Recommendation, dict[str, int]]:
    """The last verdict, and how many rows each strategy answered."""
    raced = {trial.strategy: replace(trial, outcomes=()) for trial in whole}
    for end in block_ends(rows):
        running = [trial for trial in whole if raced[trial.strategy].stopped is None]
        raced |= {trial.strategy: replace(trial, outcomes=trial.outcomes[:end]) for trial in running}
        verdict = recommend(list(raced.values()), priorities, kind, baselines=baselines)
        names = [trial.strategy for trial in running]
        for name, stopped in stops(verdict.probabilities, is_clear(verdict), names).items():
            raced[name] = replace(raced[name], stopped=stopped if end < rows else None)
        if all(trial.stopped for trial in raced.values()):
            break
    return verdict, {name: len(trial.outcomes) for name, trial in raced.items()}
