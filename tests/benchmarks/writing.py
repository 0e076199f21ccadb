"""Writing answers against transformers' own `generate`, batched in the order the rows came: the same prompts, weights
and token limit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from eval.task import LearningSplit
from strategies.engine.language_model import Prompt
from strategies.engine.local_model import LocalModel
from strategies.engine.weights import load_language_model
from strategies.presets import PRESETS
from strategies.prompts import build_prompt, instruction_of
from strategies.retrieval import Retrieval
from tests.benchmarks.shared_tasks import shared_task
from tests.benchmarks.side_by_side import generate_plainly, plain_network, rates, seconds_of

ROWS = 32
ROWS_A_BATCH = 8


def run(full: bool) -> list[dict[str, Any]]:
    model = load_language_model("embedded")
    return [
        _compare(name, model, prompts, limit, rounds=5 if full else 3)
        for name, (prompts, limit) in {
            "xquad_en, with passages": _with_passages("xquad_en", model),
            "restaurant8k": with_examples("restaurant8k", model),
        }.items()
    ]


def _with_passages(name: str, model: LocalModel) -> tuple[list[Prompt], int]:
    """What the retrieval strategy asks with its first setting."""
    task, split = shared_task(name)
    budget = replace(PRESETS["quick"].budget(task.kind), settings=1)
    strategy = Retrieval(task.brief, lambda: model, budget)
    strategy.fit(LearningSplit(split.train, split.dev[:1]), task.documents, lambda progress: None)
    inputs = [row.input for row in split.test]
    opened = strategy._open(inputs, strategy.settings["passages"], strategy.settings["examples"])
    prompts = [one.prompt(strategy._instruction, input) for one, input in zip(opened, inputs, strict=True)]
    return prompts, strategy.settings["answer_tokens"]


def with_examples(name: str, model: LocalModel) -> tuple[list[Prompt], int]:
    """An instruction and eight examples, the same for all rows."""
    task, split = shared_task(name)
    instruction = instruction_of(task.brief, split.train)
    prompts = [build_prompt(instruction, row.input, split.train[:8]) for row in split.test]
    return prompts, PRESETS["quick"].budget(task.kind).answer_tokens


def _compare(name: str, model: LocalModel, prompts: list[Prompt], limit: int, rounds: int) -> dict[str, Any]:
    peer = plain_network()
    same = tokens = 0
    seconds: tuple[list[float], list[float]] = ([], [])
    for at in range(rounds):
        part = prompts[at * ROWS % (len(prompts) - ROWS) :][:ROWS]
        written, ours = seconds_of(partial(model.write, part, limit))
        encoded = [model.encode(prompt) for prompt in part]
        generated, theirs = seconds_of(
            partial(generate_plainly, peer, encoded, limit, model.ends, rows_a_batch=ROWS_A_BATCH)
        )
        texts = [str(model.tokenizer.decode(tokens, skip_special_tokens=True)).strip() for tokens in generated]
        same += sum(answer.text == text for answer, text in zip(written, texts, strict=True))
        tokens += sum(answer.tokens_out for answer in written)
        seconds[0].append(ours)
        seconds[1].append(theirs)
    return {
        "dataset": name,
        "tokens read a row": float(np.mean(model.count_prompt_tokens(prompts))),
        "tokens written a row": tokens / (rounds * ROWS),
        "ours, rows a second": rates(ROWS, seconds[0]),
        "generate, rows a second": rates(ROWS, seconds[1]),
        "times as fast": float(np.median(seconds[1]) / np.median(seconds[0])),
        "same answer": f"{same} of {rounds * ROWS}",
    }
