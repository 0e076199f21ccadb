"""Two ways of doing the same work, timed in turn in one process, since these machines are noisy and shared."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from strategies.engine.models import EMBEDDED
from strategies.engine.weights import best_device, model_folder


def seconds_of(work: Callable[[], Any]) -> tuple[Any, float]:
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


def plain_network() -> PreTrainedModel:
    """The embedded model as transformers loads it, for the peers; where and as precise as ours."""
    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    network = AutoModelForCausalLM.from_pretrained(model_folder(EMBEDDED), dtype=dtype).eval()
    network.to(best_device())
    return network
