"""The embedded SmolLM2 and MiniLM, for real, on a small slice of a sample."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from advisor.store import Store
from strategies.models import EMBEDDED
from tests.tiny_strategies import SPEED

ROOT = Path(__file__).parents[1]
CANDIDATE_KEYS = {
    "name", "status", "reason", "score", "latency_seconds", "requests_per_second", "tokens_in_mean",
    "tokens_out_mean", "fit_seconds", "cost", "settings", "effort",
}  # fmt: skip

pytestmark = pytest.mark.slow


def advise(home: Path, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "advisor", *arguments],
        cwd=ROOT,
        env={**os.environ, "THREEWAYS_HOME": str(home)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def handbook_slice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slice") / "handbook.csv"
    with (ROOT / "examples" / "handbook_questions.csv").open(newline="") as whole, path.open("w", newline="") as part:
        csv.writer(part).writerows(list(csv.reader(whole))[:31])
    return path


def test_a_comparison_on_the_command_line(handbook_slice: Path, tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    Store(home).save_speed(EMBEDDED, asdict(SPEED))  # as on a machine that was timed before: the browser walk times one
    finished = advise(
        home, "compare", str(handbook_slice), "--docs", str(ROOT / "examples" / "handbook"),
        "--strategies", "prompting,retrieval", "--preset", "quick", "--out", str(out), "--json",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout)
    assert report == json.loads((out / "report.json").read_text())
    assert report["schema"] == 1 and report["task"]["kind"] == "answering"
    found = {candidate["name"]: candidate for candidate in report["candidates"]}
    assert all(candidate.keys() >= CANDIDATE_KEYS and candidate["status"] == "done" for candidate in found.values())
    assert found["retrieval"]["hit_rate"] > 0.6
    assert found["retrieval"]["score"]["mean"] > found["prompting"]["score"]["mean"]  # no model knows an invented firm
    assert report["recommendation"]["choice"] in found
    assert {path.name for path in out.iterdir()} == {"report.html", "report.json", "report.md", "outcomes.csv"}

    asked = "Which form do I need when my locker key is broken?\nWho runs the canteen?\n"
    answered = advise(home, "predict", report["run_id"], "--strategy", "retrieval", given=asked)
    assert answered.returncode == 0, answered.stderr
    assert len(answered.stdout.splitlines()) == 2 and all(answered.stdout.splitlines())
