"""Which rows are run together, on a CPU and on a GPU."""

from __future__ import annotations

import pytest
import torch

from strategies.engine.batches import Limits
from tests.tiny_model import tiny_network

LENGTHS = [100, 80, 60, 40, 20, 20]


def test_a_cpu_runs_rows_of_other_lengths_in_another_pass() -> None:
    limits = Limits.of(tiny_network())
    assert list(limits.passes(LENGTHS)) == [slice(0, 2), slice(2, 6)]


def test_a_gpu_runs_them_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10**10, 10**10))
    network = tiny_network()
    monkeypatch.setattr(type(network), "device", torch.device("cuda"))
    assert list(Limits.of(network).passes(LENGTHS)) == [slice(0, 6)]
