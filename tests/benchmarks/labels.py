"""Label scoring against the `hf` model of lm-evaluation-harness: the same prompts, labels and weights.

The harness needs minutes a row, so whether the same labels are chosen is also asked of more rows, and of the network as
transformers runs it: each prompt read once, then all its labels, written out in full behind it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from lm_eval.models.huggingface import HFLM
from numpy.typing import NDArray

from strategies.engine.weights import load_language_model
from strategies.prompts import build_prompt, instruction_of
from tests.benchmarks.shared_tasks import shared_task
from tests.benchmarks.side_by_side import by_sum, label_tokens, plain_network, rates, score_plainly, seconds_of

ROWS = {"clinc_banking15": 8, "banking77": 1}  # that the harness is given in a round: it needs minutes for the latter
OURS = 40  # rows that we are given in a round
ALIKE = 200  # rows whose labels are compared with those of the plain network; with FULL all test rows


def run(full: bool) -> list[dict[str, Any]]:
    return [
        _compare(name, rows, rounds=5 if full else 3 if rows > 1 else 2, alike=None if full else ALIKE)
        for name, rows in ROWS.items()
    ]


def _compare(name: str, rows: int, rounds: int, alike: int | None) -> dict[str, Any]:
    task, split = shared_task(name)
    model = load_language_model("embedded")
    plain = plain_network()
    harness = HFLM(pretrained=plain, tokenizer=model.tokenizer, batch_size=8)
    instruction = instruction_of(task.brief, split.train)
    prompts = [build_prompt(instruction, example.input) for example in split.test]
    labels = label_tokens(model, task.labels)

    agreed = asked = 0
    seconds: tuple[list[float], list[float]] = ([], [])
    for at in range(rounds):
        start = at * OURS % (len(prompts) - OURS)
        part = prompts[start : start + OURS]
        scores, ours = seconds_of(partial(model.score, part, task.labels, compare=by_sum))
        encoded = [model.encode(prompt) for prompt in part[:rows]]
        found, theirs = seconds_of(partial(score_with_harness, harness, encoded, labels))
        chosen = found.argmax(axis=1)
        agreed += int((chosen == scores.log_probabilities[:rows].argmax(1)).sum())
        asked += rows
        seconds[0].append(ours)
        seconds[1].append(theirs)
    found = model.score(prompts[:alike], task.labels, compare=by_sum).log_probabilities.argmax(1)
    wanted = [score_plainly(plain, model.encode(prompt), labels).argmax() for prompt in prompts[:alike]]
    ratio = (OURS / np.median(seconds[0])) / (rows / np.median(seconds[1]))
    return {
        "dataset": name,
        "labels": len(labels),
        "ours, rows a second": rates(OURS, seconds[0]),
        "harness, rows a second": rates(rows, seconds[1]),
        "times as fast": float(ratio),
        "same label as the harness": f"{agreed} of {asked}",
        "same label as the plain network": f"{int((found == np.array(wanted)).sum())} of {len(wanted)}",
    }


def score_with_harness(harness: HFLM, prompts: list[list[int]], labels: list[list[int]]) -> NDArray[np.float64]:
    """Each label's log-probability after each prompt, [prompts, labels]."""
    requests = [(("", ""), prompt, label) for prompt in prompts for label in labels]
    found = harness._loglikelihood_tokens(requests, disable_tqdm=True)
    return np.array([log_probability for log_probability, _ in found]).reshape(len(prompts), -1)
