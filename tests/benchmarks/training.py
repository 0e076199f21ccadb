"""Training an adapter against TRL's SFTTrainer: the same rows, rank and steps, loss on the answer only."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from statistics import fmean, median
from typing import Any

from eval.splitting.split import split_task
from eval.task import Example
from strategies.engine.adapter import add_adapter
from strategies.engine.local_model import LocalModel
from strategies.engine.loss import Pair
from strategies.engine.training import train
from strategies.engine.transformer import Transformer
from strategies.engine.weights import load_language_model
from strategies.finetuning import Finetuning
from strategies.presets import PRESETS
from tests.benchmarks.peers import train_with_trl
from tests.benchmarks.shared_tasks import shared_task
from tests.benchmarks.side_by_side import plain_network, rates, seconds_of

OUR_RATE = 2e-3  # the better one of 2e-3 and 1e-3; SFTTrainer gets the better one too (docs/benchmarks.md)
TEST_ROWS = 1_000


def run(full: bool) -> list[dict[str, Any]]:
    seeds, rows = (5, 400) if full else (3, 160)
    return [_compare("clinc_banking15", rows, seeds)]


def _compare(name: str, rows: int, seeds: int) -> dict[str, Any]:
    task, _ = shared_task(name)
    split = split_task(task, seed=0, max_test=TEST_ROWS, max_dev=1)
    model = load_language_model("embedded")
    strategy = Finetuning(task.brief, lambda: model, PRESETS["quick"].budget(task.kind))
    train = training_pairs(model, strategy, split.train)
    asked = strategy._ask([one.input for one in split.test], model).prompts
    seconds: tuple[list[float], list[float]] = ([], [])
    accuracy: tuple[list[float], list[float]] = ([], [])
    for seed in range(seeds):
        read = Random(seed).sample(train, min(rows, len(train)))
        for side, train_once in enumerate((_ours, _theirs)):
            adapted, taken = train_once(read, seed)
            seconds[side].append(taken)
            found = Transformer(adapted.merge_and_unload(), model.tokenizer).score(asked, task.labels)
            chosen = [task.labels[best] for best in found.log_probabilities.argmax(axis=1)]
            accuracy[side].append(fmean(label == row.target for label, row in zip(chosen, split.test, strict=True)))
    return {
        "dataset": name,
        "rows": rows,
        "test rows": len(split.test),
        "ours, rows a second": rates(rows, seconds[0]),
        "SFTTrainer, rows a second": rates(rows, seconds[1]),
        "times as fast": median(seconds[1]) / median(seconds[0]),
        "held-out accuracy, ours": shares(accuracy[0]),
        "held-out accuracy, SFTTrainer": shares(accuracy[1]),
    }


def training_pairs(model: LocalModel, strategy: Finetuning, examples: Sequence[Example]) -> list[Pair]:
    prompts = strategy._ask([one.input for one in examples], model).prompts
    return [
        Pair(model.encode(prompt), [*model.encode_answer(example.target), model.end])
        for example, prompt in zip(examples, prompts, strict=True)
    ]


def shares(values: list[float]) -> str:
    return " ".join(f"{value:.3f}" for value in values)


def _ours(pairs: list[Pair], seed: int) -> tuple[Any, float]:
    adapted = add_adapter(load_language_model("embedded").network, seed)
    tokens = sum(pair.tokens for pair in pairs)
    _, taken = seconds_of(
        lambda: train(
            adapted, pairs, pairs[:1], learning_rate=OUR_RATE, tokens=tokens, epochs=1, evaluations=1, seed=seed,
            tokens_done=lambda read: None,
        )
    )  # fmt: skip
    return adapted, taken


def _theirs(pairs: list[Pair], seed: int) -> tuple[Any, float]:
    return train_with_trl(plain_network(), load_language_model("embedded").tokenizer, pairs, seed)
