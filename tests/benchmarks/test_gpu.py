"""`make gpu` on a machine without one."""

from __future__ import annotations

import pytest
import torch

from tests.benchmarks.gpu import main


def test_without_a_gpu_one_line_says_so_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([]) == 0
    assert capsys.readouterr().out == "Skipped: torch finds no GPU on this machine.\n"
