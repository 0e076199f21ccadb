"""Label scoring against the `hf` model of lm-evaluation-harness: the same prompts, labels and weights.

The harness needs minutes a row, so whether the same labels are chosen is also asked of more rows, and of the network as
transformers runs it: each prompt read once, then all its labels, written out in full behind it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from lm_eval.models.huggingface import HFLM
from numpy.typing import NDArray
from transformers import PreTrainedModel

from strategies.engine.language_model import Scores
from strategies.engine.weights import load_language_model
from strategies.prompts import build_prompt, instruction_of
from tests.benchmarks.shared_tasks import shared_task
from tests.benchmarks.side_by_side import plain_network, rates, seconds_of

ROWS = {"clinc_banking15": 8, "banking77": 1}  # that the harness is given in a round: it needs minutes for the latter
OURS = 40  # rows that we are given in a round
ALIKE = 200  # rows whose labels are compared with those of the plain network; with FULL all test rows


def run(full: bool) -> list[dict[str, Any]]:
    return [
        _compare(name, rows, rounds=5 if full else 3 if rows > 1 else 2, alike=None if full else ALIKE)
        for name, rows in ROWS.items()
    ]


def _by_sum(scores: Scores) -> list[NDArray[np.float64]]:
    return [scores.log_probabilities]


def _compare(name: str, rows: int, rounds: int, alike: int | None) -> dict[str, Any]:
    task, split = shared_task(name)
    model = load_language_model("embedded")
    plain = plain_network()
    harness = HFLM(pretrained=plain, tokenizer=model.tokenizer, batch_size=8)
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
    found = model.score(prompts[:alike], task.labels, compare=_by_sum).log_probabilities.argmax(1)
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


@torch.inference_mode()
def score_plainly(network: PreTrainedModel, prompt: list[int], labels: list[list[int]]) -> NDArray[np.float64]:
    """Each label's log-probability after one prompt, [labels].

    All labels stand in full behind one copy of the prompt, and a mask lets each see the prompt and itself alone: what
    is computed is what a batch of them would be, without as many copies of the prompt as there are labels.
    """
    ids = prompt + [token for label in labels for token in label]
    whose = torch.tensor([-1] * len(prompt) + [at for at, label in enumerate(labels) for _ in label])
    places = [*range(len(prompt)), *(len(prompt) + at for label in labels for at in range(len(label)))]
    seen = ((whose[None] == -1) | (whose[None] == whose[:, None])).tril()
    last = len(prompt) - 1
    logits = network(
        input_ids=torch.tensor([ids], device=network.device),
        position_ids=torch.tensor([places], device=network.device),
        attention_mask=seen[None, None].to(network.device),
        use_cache=False,
        logits_to_keep=len(ids) - last,
    ).logits[0]
    before = [last if place == len(prompt) else at - 1 for at, place in enumerate(places)][len(prompt) :]
    steps = logits[torch.tensor(before, device=logits.device) - last].double().log_softmax(-1)
    each = steps.gather(1, torch.tensor(ids[len(prompt) :], device=logits.device)[:, None])[:, 0].cpu()
    return torch.zeros(len(labels), dtype=each.dtype).index_add_(0, whose[len(prompt) :], each).numpy()
