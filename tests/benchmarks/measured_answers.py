"""Real scores of written answers for the pools of `calibration.py`.

`python -m tests.benchmarks.measured_answers NAME RUN_FOLDER [METRIC]` scores the answers of a finished run with the
product's score as it is now, and stores them in measured_answers.json as NAME. METRIC replaces the task's own metric.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

from advisor.candidates import judged
from advisor.migration import read_report
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trial
from eval.scoring import scorer_for
from eval.scoring.metric import chosen_metric
from eval.task import BadInput

STORED = Path(__file__).with_suffix(".json")

ByStrategy = dict[str, list[float]]  # the scores of the same rows, [rows]; the cheapest strategy first


def read_measured() -> dict[str, ByStrategy]:
    stored: dict[str, ByStrategy] = json.loads(STORED.read_text())
    return stored


def scores_of(run_folder: Path, metric: str | None = None) -> ByStrategy:
    """What each strategy scored on the test rows, to four decimals; an answer that failed scores 0. Raises BadInput if
    the run isn't finished or its task has no such metric."""
    task, split = read_task(run_folder)
    scorer = scorer_for(task, split)
    if metric:
        scorer = scorer_for(replace(task, metric=chosen_metric(task.kind, scorer.metric, metric, ())), split)
    scores: ByStrategy = {}
    for name in _cheapest_first(run_folder):
        trial = read_trial(run_folder / name)
        if trial is None or trial.status != "done":
            raise BadInput(f"{run_folder} holds no finished trial of {name}: run it again, or without {name}.")
        given = {outcome.example_id: outcome for outcome in trial.outcomes}
        scores[name] = [
            0.0 if given[row.id].error else round(scorer.score(given[row.id].text, row).value, 4) for row in split.test
        ]
    return scores


def _cheapest_first(run_folder: Path) -> list[str]:
    """The strategies by what each costs over the months and at the volume of the run's report."""
    try:
        report = read_report((run_folder / "report.json").read_bytes())
    except FileNotFoundError as absent:
        raise BadInput(f"{run_folder} has no report.json: wait until the run is finished.") from absent
    if report is None:
        raise BadInput(f"{run_folder / 'report.json'} is of another version: run it again.")
    months, volume = report.priorities.months, report.priorities.monthly_volume
    totals = {each.id: each.cost.total_over(months, volume) for each in judged(report)}
    return sorted(totals, key=lambda name: math.inf if (total := totals[name]) is None else total)


def _written(pools: dict[str, ByStrategy]) -> str:
    """JSON with a line for each strategy."""
    texts = []
    for name, scores in pools.items():
        lines = [f"    {json.dumps(each)}: [{','.join(f'{one:g}' for one in row)}]" for each, row in scores.items()]
        texts.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n  }")
    return "{\n" + ",\n".join(texts) + "\n}\n"


def main(arguments: list[str]) -> int:
    if len(arguments) not in (2, 3):
        sys.stderr.write("Give a name, the folder of a finished run and, if you want another one, a metric.\n")
        return 2
    name, run_folder, *metric = arguments
    try:
        pools = (read_measured() if STORED.exists() else {}) | {name: scores_of(Path(run_folder), *metric)}
    except BadInput as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 1
    STORED.write_text(_written(pools))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
