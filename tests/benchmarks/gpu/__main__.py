"""`python -m tests.benchmarks.gpu [PART ...]`: everything that a GPU changes, proved and timed in one call.

It needs torch for CUDA, transformers, peft and this checkout, no network and no dataset, and takes under 8 minutes.
Everything goes to build/benchmarks/gpu.json, part by part, so that what was measured stays if a later part fails.
Without a GPU it says so and ends with 0; with `--rehearsal` it runs the same code at tiny sizes on the CPU.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from strategies.engine.weights import device_name
from tests.benchmarks.gpu import proofs, timings
from tests.benchmarks.gpu.bench import Bench, Rows, Tickets, free_memory

FILE = Path(__file__).parents[3] / "build" / "benchmarks" / "gpu.json"
SECONDS = 340  # no part is begun later than this, so that the whole stays under 8 minutes
PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "trl", "vllm")
PARTS: tuple[Callable[[Bench, Tickets], Rows], ...] = (
    proofs.scoring, proofs.writing, proofs.adapter_training, proofs.full_training, timings.labels, timings.answers,
    timings.training, proofs.four_bit, proofs.architectures, timings.vllm,
)  # fmt: skip


def main(arguments: Sequence[str], file: Path = FILE) -> int:
    rehearsal = "--rehearsal" in arguments
    names = [argument for argument in arguments if argument != "--rehearsal"]
    if unknown := set(names) - {part.__name__ for part in PARTS}:
        known = ", ".join(part.__name__ for part in PARTS)
        sys.stderr.write(f"There is no part {min(unknown)!r}; choose from {known}.\n")
        return 2
    if not rehearsal and not torch.cuda.is_available():
        sys.stdout.write("Skipped: torch finds no GPU on this machine.\n")
        return 0
    with TemporaryDirectory() as folder:
        return _measure(torch.device("cpu" if rehearsal else "cuda"), names, Path(folder), file)


def _measure(device: torch.device, names: Sequence[str], folder: Path, file: Path) -> int:
    started = time.perf_counter()
    bench, tickets = Bench.prepared(device, folder), Tickets.read()
    measured: dict[str, Any] = {
        "device": device_name(),
        "rehearsal": device.type == "cpu",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
        "weights compared with the CPU": bench.weights,
        "parameters of the larger network": bench.larger_parameters,
        "parts": {},
    }
    right = True
    for part in PARTS:
        if names and part.__name__ not in names:
            continue
        found = _part(part, bench, tickets, started)
        right &= "failed" not in found and all(row.get("as expected", True) for row in found.get("rows", []))
        measured["parts"][part.__name__] = found
        measured["seconds"] = time.perf_counter() - started
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(measured, indent=2) + "\n", "utf-8")
        _show(part.__name__, found)
    sys.stdout.write(f"{'All' if right else 'NOT all'} as expected, in {measured['seconds']:.0f} s: {file}\n")
    return 0 if right else 1


def _part(part: Callable[[Bench, Tickets], Rows], bench: Bench, tickets: Tickets, started: float) -> dict[str, Any]:
    """The rows of one part with its seconds, or why it has none. Whatever happens, the other parts are measured."""
    at = time.perf_counter()
    if at - started > SECONDS:
        return {"not measured": f"{SECONDS} seconds were over."}
    try:
        return {"rows": part(bench, tickets), "seconds": time.perf_counter() - at}
    except Exception as wrong:
        sys.stderr.write(traceback.format_exc())
        return {"failed": f"{type(wrong).__name__}: {wrong}", "seconds": time.perf_counter() - at}
    finally:
        free_memory(bench.device)


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _show(name: str, found: dict[str, Any]) -> None:
    lines = [f"{name} ({found.get('seconds', 0):.0f} s)"]
    lines += [f"  {why}: {found[why]}" for why in ("failed", "not measured") if why in found]
    for row in found.get("rows", []):
        cells = (f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items())
        lines.append("  " + "; ".join(cells))
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
