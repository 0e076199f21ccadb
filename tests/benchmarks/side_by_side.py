"""Two ways of doing the same work, timed in turn in one process, since these machines are noisy and shared."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel

from strategies.engine.language_model import Message, Scores
from strategies.engine.local_model import LocalModel
from strategies.engine.models import EMBEDDED
from strategies.engine.weights import best_device, model_folder

Done = TypeVar("Done")


def seconds_of(work: Callable[[], Done]) -> tuple[Done, float]:
    gc.collect()
    _wait_for_gpu()
    started = time.perf_counter()
    done = work()
    _wait_for_gpu()
    return done, time.perf_counter() - started


def _wait_for_gpu() -> None:
    """A GPU goes on with its work after the call that ordered it."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def rates(amount: float, seconds: list[float]) -> str:
    """Amount a second: the median, and in brackets the slowest and the fastest round."""
    return f"{amount / median(seconds):.3g} ({amount / max(seconds):.3g} to {amount / min(seconds):.3g})"


def plain_network(dtype: torch.dtype | None = None) -> PreTrainedModel:
    """The embedded model as transformers loads it, for the peers; where ours runs, and as precise unless told."""
    dtype = dtype or (torch.bfloat16 if torch.cuda.is_available() else torch.float32)
    network: PreTrainedModel = AutoModelForCausalLM.from_pretrained(model_folder(EMBEDDED), dtype=dtype).eval()
    network.to(best_device())  # type: ignore[arg-type]  # the stub of a decorated method loses its self
    return network


def by_sum(scores: Scores) -> list[NDArray[np.float64]]:
    """Labels compared by the sum of their log-probabilities alone."""
    return [scores.log_probabilities]


def label_tokens(model: LocalModel, labels: Sequence[str]) -> list[list[int]]:
    """The tokens of each label as the engine scores them: all are closed where one begins another."""
    encoded = [model.encode_answer(label) for label in labels]
    scored = model.score([(Message("user", "Which one?"),)], labels).tokens_out
    return [[*label, model.end] for label in encoded] if scored.sum() > sum(map(len, encoded)) else encoded


@torch.inference_mode()
def generate_plainly(
    network: PreTrainedModel, prompts: Sequence[list[int]], tokens: int, ends: set[int], rows_a_batch: int
) -> list[list[int]]:
    """Greedy answers by transformers' own `generate`, batched in the order of the prompts and padded on the left; cut
    at the first token of `ends`."""
    answers = []
    greedy = GenerationConfig(
        max_new_tokens=tokens, do_sample=False, eos_token_id=sorted(ends) or None, pad_token_id=min(ends, default=0)
    )
    for start in range(0, len(prompts), rows_a_batch):
        rows = prompts[start : start + rows_a_batch]
        width = max(map(len, rows))
        ids = torch.tensor([[0] * (width - len(row)) + row for row in rows], device=network.device)
        real = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=network.device)
        output = network.generate(ids, attention_mask=real, generation_config=greedy)  # type: ignore[operator]  # no stub
        for answer in output[:, width:].tolist():
            end = next((at for at, token in enumerate(answer) if token in ends), len(answer))
            answers.append(answer[:end])
    return answers


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
