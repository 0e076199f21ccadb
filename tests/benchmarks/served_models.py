"""The embedded model in our engine and behind `transformers serve`, asked by the same strategies on the same rows: how
many answers are equal.

"as compared": each side chooses its own settings, and our engine scores labels, as in a run with both models. "same
prompts": our engine is asked again as the served model was, with its prompts and its limit of tokens, and labels are
written and matched. Answers that differ are printed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eval.outcomes import Prediction
from eval.scoring import scorer_for
from eval.task import LearningSplit, Split, Task
from strategies.contract import Strategy
from strategies.engine.language_model import LabelWay, LanguageModel
from strategies.engine.models import EMBEDDED
from strategies.engine.weights import load_language_model, model_folder
from strategies.presets import PRESETS, Preset
from strategies.registry import build_strategy
from strategies.served.address import ServedAddress
from strategies.served.client import Client
from strategies.served.probes import probe
from strategies.served.served_model import ServedModel
from tests.benchmarks.shared_tasks import shared_task
from tests.servers.real_servers import transformers_serve

TASKS = ("clinc_banking15", "xquad_en")
STRATEGIES = ("prompting", "prompting_examples", "retrieval")
TRAIN, DEV, TEST = 200, 6, 40  # rows at most; FULL takes those of the quick preset


def run(full: bool) -> list[dict[str, Any]]:
    tasks = [(name, *shared_task(name)) for name in TASKS]
    with TemporaryDirectory() as hub, transformers_serve(model_folder(EMBEDDED), Path(hub)) as address:
        served = served_at(address)
        for found in served.capabilities.found:
            sys.stdout.write(f"{found.title}: {found.sentence}\n")
        return [row for name, task, split in tasks for row in compare(name, task, split, served, full)]


def served_at(address: ServedAddress) -> ServedModel:
    return ServedModel(Client(address), probe(address, None))


def compare(name: str, task: Task, split: Split, served: ServedModel, full: bool) -> Iterator[dict[str, Any]]:
    local = load_language_model(EMBEDDED)
    budget = PRESETS["quick"].budget(task.kind)
    if not full:
        split = replace(split, train=split.train[:TRAIN], dev=split.dev[:DEV], test=split.test[:TEST])
        budget = replace(budget, settings=1)
    preset = Preset("benchmark", "", {task.kind: budget})
    inputs, scorer = [row.input for row in split.test], scorer_for(task, split)
    for strategy in STRATEGIES:
        there = _fitted(strategy, task, split, preset, served)
        theirs = there.predict(inputs)
        local.labels_by = LabelWay.SCORED
        ours = _fitted(strategy, task, split, preset, local).predict(inputs)
        local.labels_by = LabelWay.WRITTEN
        again = _as_fitted(there, task, preset, local).predict(inputs)
        for row, one, other in zip(split.test, again, theirs, strict=True):
            if one.text != other.text:
                sys.stdout.write(
                    f"{name}, {strategy}: {row.input}\n  ours: {one.text!r}, {one.tokens_in} tokens read\n"
                    f"  served: {other.text!r}, {other.error or f'{other.tokens_in} tokens read'}\n"
                )
        yield {
            "task": name,
            "strategy": strategy,
            "score, served": float(scorer.overall([one.text for one in theirs], split.test)),
            "score, ours": float(scorer.overall([one.text for one in ours], split.test)),
            "as compared": _equal(ours, theirs),
            "same prompts": _equal(again, theirs),
            "no label written": sum(one.unmatched for one in theirs),
            "tokens read": f"{sum(a.tokens_in == b.tokens_in for a, b in zip(again, theirs, strict=True))} equal",
        }


def _fitted(name: str, task: Task, split: Split, preset: Preset, model: LanguageModel) -> Strategy:
    strategy = _asking(name, task, preset, model)
    strategy.fit(LearningSplit(split.train, split.dev), task.documents, lambda progress: None)
    return strategy


def _as_fitted(other: Strategy, task: Task, preset: Preset, model: LanguageModel) -> Strategy:
    """The same strategy with everything that the other learned, asking another model."""
    with TemporaryDirectory() as folder:
        other.save(Path(folder))
        strategy = _asking(other.name, task, preset, model)
        strategy.load(Path(folder))
    return strategy


def _asking(name: str, task: Task, preset: Preset, model: LanguageModel) -> Strategy:
    strategy = build_strategy(name, task.brief, EMBEDDED, preset, seed=0)
    strategy.load_model = lambda: model  # type: ignore[attr-defined]
    return strategy


def _equal(ours: Sequence[Prediction], theirs: Sequence[Prediction]) -> str:
    return f"{sum(one.text == other.text for one, other in zip(ours, theirs, strict=True))} of {len(theirs)}"
