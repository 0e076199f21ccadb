"""Label scoring against the `hf` model of lm-evaluation-harness: the same prompts, labels and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from lm_eval.models.huggingface import HFLM
from numpy.typing import NDArray

from strategies.language_model import Scores
from strategies.prompts import build_prompt, instruction_of
from strategies.weights import load_language_model
from tests.benchmarks.shared_tasks import shared_task
from tests.benchmarks.side_by_side import plain_network, rates, seconds_of

ROWS = {"clinc_banking15": 8, "banking77": 1}  # that the harness is given in a round: it needs minutes for the latter
OURS = 40  # rows that we are given in a round


def run(full: bool) -> list[dict[str, Any]]:
    return [_compare(name, rows, rounds=5 if full else min(rows, 3)) for name, rows in ROWS.items()]


def _by_sum(scores: Scores) -> list[NDArray[np.float64]]:
    return [scores.log_probabilities]


def _compare(name: str, rows: int, rounds: int) -> dict[str, Any]:
    task, split = shared_task(name)
    model = load_language_model("embedded")
    harness = HFLM(pretrained=plain_network(), tokenizer=model.tokenizer, batch_size=8)
    instruction = instruction_of(task.brief, split.train)
    prompts = [build_prompt(instruction, example.input) for example in split.test]
    labels = [model.encode_answer(label) for label in task.labels]
    if int(model.score(prompts[:1], task.labels).tokens_out.sum()) > sum(map(len, labels)):
        labels = [[*label, model.end] for label in labels]  # where one label begins another, all are closed

    agreed = asked = 0
    seconds: tuple[list[float], list[float]] = ([], [])
    for at in range(rounds):
        start = at * OURS % (len(prompts) - OURS)
        part = prompts[start : start + OURS]
        scores, ours = seconds_of(lambda part=part: model.score(part, task.labels, compare=_by_sum))
        encoded = [model.encode(prompt) for prompt in part[:rows]]
        found, theirs = seconds_of(lambda encoded=encoded: score_with_harness(harness, encoded, labels))
        chosen = found.argmax(axis=1)
        agreed += int((chosen == scores.log_probabilities[:rows].argmax(1)).sum())
        asked += rows
        seconds[0].append(ours)
        seconds[1].append(theirs)
    ratio = (OURS / np.median(seconds[0])) / (rows / np.median(seconds[1]))
    return {
        "dataset": name,
        "labels": len(labels),
        "ours, rows a second": rates(OURS, seconds[0]),
        "harness, rows a second": rates(rows, seconds[1]),
        "times as fast": float(ratio),
        "same label": f"{agreed} of {asked}",
    }


def score_with_harness(harness: HFLM, prompts: list[list[int]], labels: list[list[int]]) -> NDArray[np.float64]:
    """Each label's log-probability after each prompt, [prompts, labels]."""
    requests = [(("", ""), prompt, label) for prompt in prompts for label in labels]
    found = harness._loglikelihood_tokens(requests, disable_tqdm=True)
    return np.array([log_probability for log_probability, _ in found]).reshape(len(prompts), -1)
