"""Each strategy before and after a change, on the public datasets: the same seeds, the same test rows, paired.

`BEFORE` names a checkout of the older version; its answers and today's are kept in `build/benchmarks/each_way`, so a
killed benchmark goes on where it was. `python tests/benchmarks/each_way.py FOLDER DATASET STRATEGY SEED PRESET` answers
with the version that PYTHONPATH names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

DATASETS = ("clinc_banking15", "banking77", "xquad_en", "covid_faq", "restaurant8k")
WAYS = {"prompting": ("prompting", "prompting_examples"), "retrieval": ("retrieval",)}
SEEDS = (0, 1, 2)
HERE = Path(__file__).parents[2]
KEPT = HERE / "build" / "benchmarks" / "each_way"


def run(full: bool) -> list[dict[str, Any]]:
    """FULL=1 takes the standard preset."""
    from tests.benchmarks.shared_tasks import Skipped, task_files

    if not (before := os.environ.get("BEFORE")):
        raise Skipped("BEFORE doesn't name a checkout of the older version")
    task_files(DATASETS[0])
    preset = "standard" if full else "quick"
    return [
        _gain(way, dataset, *(_scores(Path(at), dataset, way, preset) for at in (before, HERE)))
        for way, dataset in product(WAYS, DATASETS)
    ]


def _gain(way: str, dataset: str, before: dict[str, float], after: dict[str, float]) -> dict[str, Any]:
    """Of all seeds together: rows of several splits that are the same row are one group."""
    from eval.statistics.inference import paired_difference

    rows = sorted(before)
    same = [row.partition("/")[2] for row in rows]
    gain = paired_difference([after[row] for row in rows], [before[row] for row in rows], same)
    return {
        "strategy": way,
        "dataset": dataset,
        "rows": len(rows),
        "before": sum(before.values()) / len(rows),
        "after": sum(after.values()) / len(rows),
        "gain": f"{100 * gain.difference:+.1f} ({100 * gain.low:.1f} to {100 * gain.high:.1f})",
    }


def _scores(checkout: Path, dataset: str, way: str, preset: str) -> dict[str, float]:
    """By seed and row, with the way's strategy that is best on dev."""
    scores: dict[str, float] = {}
    for seed in SEEDS:
        best = max(
            (_answered(checkout, dataset, strategy, seed, preset) for strategy in WAYS[way]),
            key=lambda found: found["dev_score"],
        )
        scores |= {f"{seed}/{row}": score for row, score in best["scores"].items()}
    return scores


def _answered(checkout: Path, dataset: str, strategy: str, seed: int, preset: str) -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout.strip()
    kept = KEPT / commit / f"{dataset}-{strategy}-{seed}-{preset}.json"
    if not kept.exists():
        subprocess.run(
            [sys.executable, __file__, str(kept), dataset, strategy, str(seed), preset],
            env=os.environ | {"PYTHONPATH": str(checkout)},
            cwd=checkout,
            check=True,
        )
    answered: dict[str, Any] = json.loads(kept.read_text())
    return answered


def answer(kept: Path, dataset: str, strategy: str, seed: int, preset: str) -> None:
    """Fit, answer the test rows once, and keep what came of it."""
    from eval.measuring.runner import measure
    from eval.scoring import scorer_for
    from eval.splitting.split import split_task
    from eval.task import LearningSplit
    from strategies.presets import PRESETS
    from strategies.registry import build_strategy
    from tests.benchmarks.shared_tasks import shared_task

    task, _ = shared_task(dataset)
    chosen = PRESETS[preset]
    budget = chosen.budget(task.kind)
    split = split_task(task, seed, budget.test_rows, budget.dev_rows, chosen.train_rows)
    fitted = build_strategy(strategy, task.brief, "embedded", chosen, seed)
    started = time.perf_counter()
    fitted.fit(LearningSplit(split.train, split.dev), task.documents, lambda progress: None)
    fit_seconds = time.perf_counter() - started
    measured = measure(fitted, split.test, scorer_for(task, split), budget.latency_rows, lambda *_: None)
    found = {
        "dev_score": max((one["dev_score"] for one in fitted.choices if one.get("dev_score") is not None), default=0.0),
        "settings": fitted.settings,
        "choices": fitted.choices,
        "fit_seconds": fit_seconds,
        "seconds": time.perf_counter() - started,
        "scores": {one.example_id: one.score for one in measured.outcomes},
        "texts": {one.example_id: one.text for one in measured.outcomes},
        "tokens_in": sum(one.tokens_in for one in measured.outcomes) / len(measured.outcomes),
    }
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    answer(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
