"""JSON held to the schema of the training answers against the same model writing freely: a strategy, fitted once,
answers the same rows in both ways, a few at a time and in turn."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from statistics import mean
from typing import Any

from eval.outcomes import Prediction
from eval.scoring.fields import field_f1, read_json
from eval.task import Example, LearningSplit
from strategies.presets import PRESETS, Preset
from strategies.registry import build_strategy
from tests.benchmarks.shared_tasks import shared_task
from tests.benchmarks.side_by_side import seconds_of

DATASET = "restaurant8k"
ROWS, AT_ONCE = 40, 10
STRATEGIES = ("prompting", "prompting_examples")


def run(full: bool) -> list[dict[str, Any]]:
    names = (*STRATEGIES, "finetuning") if full else STRATEGIES
    return [row for name in names for row in _compare(name)]


def _compare(name: str) -> list[dict[str, Any]]:
    task, split = shared_task(DATASET)
    rows = split.test[:ROWS]
    budget = replace(PRESETS["quick"].budget(task.kind), settings=1, probe_rows=0)
    strategy: Any = build_strategy(name, task.brief, "embedded", Preset("benchmark", "", {task.kind: budget}), seed=0)
    strategy.fit(LearningSplit(split.train, split.dev[:4]), task.documents, lambda progress: None)
    held_to = strategy._answerer.schema
    ways: dict[str, Any] = {"held": held_to, "free": None}
    answers: dict[str, list[Prediction]] = {way: [] for way in ways}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    strategy.predict([rows[-1].input])
    for at in range(0, ROWS, AT_ONCE):
        inputs = [row.input for row in rows[at : at + AT_ONCE]]
        for way in sorted(ways, reverse=bool(at // AT_ONCE % 2)):
            strategy._answerer.schema = ways[way]
            found, took = seconds_of(partial(strategy.predict, inputs))
            answers[way] += found
            seconds[way].append(took)
    return [_row(name, way, answers[way], rows, seconds[way], seconds["free"]) for way in ways]


def _row(
    name: str, way: str, found: list[Prediction], rows: tuple[Example, ...], seconds: list[float], free: list[float]
) -> dict[str, Any]:
    scores = [field_f1(one.text, row.target) or 0.0 for one, row in zip(found, rows, strict=True)]
    times = [one / other for one, other in zip(seconds, free, strict=True)]
    return {
        "strategy": name,
        "JSON": way,
        "valid, %": 100 * mean(_is_json(one.text) for one in found),
        "field F1": mean(scores),
        "cut off, %": 100 * mean(one.cut_off for one in found),
        "tokens written a row": mean(one.tokens_out for one in found),
        "seconds": sum(seconds),
        "times as long as free": f"{sum(seconds) / sum(free):.2f} ({min(times):.2f} to {max(times):.2f})",
        "some": json.dumps([(row.target, one.text) for one, row in zip(found[:6], rows, strict=False)]),
    }


def _is_json(text: str) -> bool:
    return isinstance(read_json(text), dict)
