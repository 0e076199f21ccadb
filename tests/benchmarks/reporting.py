"""What the process of one benchmark does: measure, print a table, write a JSON file."""

from __future__ import annotations

import importlib
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from strategies.engine.weights import device_name
from tests.benchmarks.shared_tasks import Skipped

RESULTS = Path(__file__).parents[2] / "build" / "benchmarks"
VERSIONS = ("torch", "transformers", "peft", "trl", "lm_eval", "scikit-learn", "faiss-cpu")


def report(name: str) -> None:
    """Run `tests.benchmarks.NAME`; FULL=1 in the environment takes more rows and rounds."""
    full = os.environ.get("FULL") == "1"
    try:
        rows = importlib.import_module(f"tests.benchmarks.{name}").run(full)
    except Skipped as absent:
        Console().print(f"{name}: skipped, {absent}.")
        return
    measured = {
        "benchmark": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device_name(),
        "versions": _versions(),
        "full": full,
        "rows": rows,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(measured, indent=2))
    table = Table(*rows[0], title=f"{name} on {device_name()}")
    for row in rows:
        table.add_row(*(f"{value:,.3g}" if isinstance(value, float) else str(value) for value in row.values()))
    Console(width=160).print(table)


def _versions() -> dict[str, str]:
    """Of the packages that are installed: most benchmarks need no peer."""
    found: dict[str, str] = {}
    for package in VERSIONS:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
