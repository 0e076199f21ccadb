"""`make gpu` without a GPU: it says so, and its rehearsal runs the same code on the CPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.benchmarks.gpu.__main__ import PARTS, main


def test_without_a_gpu_one_line_says_so_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([]) == 0
    assert capsys.readouterr().out == "Skipped: torch finds no GPU on this machine.\n"


def test_an_unknown_part_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed"]) == 2
    assert "'speed'" in capsys.readouterr().err


def test_its_rehearsal_proves_and_times_every_part(tmp_path: Path) -> None:
    assert main(["--rehearsal"], tmp_path / "gpu.json") == 0
    measured = json.loads((tmp_path / "gpu.json").read_text())
    assert measured["device"].startswith("CPU") and measured["rehearsal"]
    assert list(measured["parts"]) == [part.__name__ for part in PARTS]
    for name in ("scoring", "writing", "adapter_training", "full_training", "architectures"):
        rows = measured["parts"][name]["rows"]
        assert len(rows) >= 2 and all(row["as expected"] for row in rows)
    for name, side in (("labels", "rows a second"), ("answers", "tokens a second"), ("training", "tokens a second")):
        assert all(row[side] > 0 for row in measured["parts"][name]["rows"])


def test_a_wrong_result_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.benchmarks.gpu.proofs.SAVED_ALIKE", dict.fromkeys((torch.float32, torch.bfloat16), -1.0))
    assert main(["--rehearsal", "adapter_training"], tmp_path / "gpu.json") == 1
