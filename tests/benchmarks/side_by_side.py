"""Two ways of doing the same work, timed in turn in one process, since these machines are noisy and shared."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from strategies.models import EMBEDDED
from strategies.weights import model_folder


def seconds_of(work: Callable[[], Any]) -> tuple[Any, float]:
    gc.collect()
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def rates(amount: float, seconds: list[float]) -> str:
    """Amount a second: the median, and in brackets the slowest and the fastest round."""
    return f"{amount / median(seconds):.3g} ({amount / max(seconds):.3g} to {amount / min(seconds):.3g})"


def plain_network() -> PreTrainedModel:
    """The embedded model as transformers loads it, for the peers."""
    return AutoModelForCausalLM.from_pretrained(model_folder(EMBEDDED), dtype=torch.float32).eval()
