"""A whole comparison against the same work done with the peers: every prompt we scored given to lm-evaluation-harness,
every row we trained on given to SFTTrainer.

The peers would need hours, so they are timed on a few rows of each strategy, and that is multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from statistics import median
from typing import Any

from lm_eval.models.huggingface import HFLM

from advisor.plan import DEFAULT_STRATEGIES
from eval.measuring.runner import measure
from eval.scoring import scorer_for
from eval.task import LearningSplit, Split, Task
from strategies.engine.language_model import Prompt, Scores
from strategies.engine.local_model import LocalModel
from strategies.engine.weights import load_language_model
from strategies.finetuning import Finetuning
from strategies.presets import PRESETS, Budget, Preset
from strategies.registry import build_strategy
from tests.benchmarks.labels import score_with_harness
from tests.benchmarks.peers import train_with_trl
from tests.benchmarks.shared_tasks import shared_task
from tests.benchmarks.side_by_side import plain_network, seconds_of
from tests.benchmarks.training import training_pairs

DATASET = "clinc_banking15"
SCORED_ROWS = 2  # of each strategy, given to the harness
TRAINED_ROWS = 32  # given to SFTTrainer
ROUNDS = 3
OURS, PEERS = "ours, seconds", "peers, seconds"


def run(full: bool) -> list[dict[str, Any]]:
    task, split = shared_task(DATASET)
    budget = PRESETS["quick"].budget(task.kind)
    if not full:
        budget = replace(budget, test_rows=40, dev_rows=12, latency_rows=5, settings=2, training_tokens=6_000)
        split = replace(split, test=split.test[: budget.test_rows], dev=split.dev[: budget.dev_rows])
    rounds = [[_compare(name, task, split, budget) for name in DEFAULT_STRATEGIES] for _ in range(ROUNDS)]
    return [_summed(name, [one[at] for one in rounds]) for at, name in enumerate(DEFAULT_STRATEGIES)] + [
        _summed("in all", [_in_all(one) for one in rounds])
    ]


def _in_all(round: list[dict[str, Any]]) -> dict[str, Any]:
    return {column: sum(row[column] for row in round) for column in ("rows scored", OURS, PEERS)}


def _summed(name: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of the rounds, and in brackets the least and the most."""
    times = [one[PEERS] / one[OURS] for one in rounds]
    return {
        "strategy": name,
        "rows scored": rounds[0]["rows scored"],
        **{column: f"{median(one[column] for one in rounds):.0f}" for column in (OURS, PEERS)},
        "times as fast": f"{median(times):.1f} ({min(times):.1f} to {max(times):.1f})",
    }


def _compare(name: str, task: Task, split: Split, budget: Budget) -> dict[str, Any]:
    strategy = build_strategy(name, task.brief, "embedded", Preset("benchmark", "", {task.kind: budget}), seed=0)

    def work() -> None:
        strategy.fit(LearningSplit(split.train, split.dev), task.documents, lambda progress: None)
        measure(strategy, split.test, scorer_for(task, split), budget.latency_rows, lambda stage, done, total: None)

    with _noted_prompts() as asked:
        _, ours = seconds_of(work)
    model = load_language_model("embedded")
    harness = HFLM(pretrained=plain_network(), tokenizer=model.tokenizer, batch_size=8)
    labels = [model.encode_answer(label) for label in task.labels]
    sample = [model.encode(prompt) for prompt in Random(0).sample(asked, SCORED_ROWS)]
    _, scoring = seconds_of(lambda: score_with_harness(harness, sample, labels))
    theirs = scoring / SCORED_ROWS * len(asked)
    if isinstance(strategy, Finetuning):
        pairs = training_pairs(model, strategy, split.train)
        _, training = train_with_trl(plain_network(), model.tokenizer, pairs[:TRAINED_ROWS], seed=0)
        read = min(budget.training_tokens, budget.epochs * sum(pair.tokens for pair in pairs))
        theirs += training / sum(pair.tokens for pair in pairs[:TRAINED_ROWS]) * read
    return {"strategy": name, "rows scored": len(asked), "ours, seconds": ours, "peers, seconds": theirs}


@contextmanager
def _noted_prompts() -> Iterator[list[Prompt]]:
    """Every prompt that is scored in here."""
    score = LocalModel.score
    asked: list[Prompt] = []

    def noted(self: LocalModel, prompts: Sequence[Prompt], *args: Any, **options: Any) -> Scores:
        asked.extend(prompts)
        return score(self, prompts, *args, **options)

    LocalModel.score = noted  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        LocalModel.score = score  # type: ignore[method-assign]
