"""The hardware and the programs that measured a candidate, kept in machine.json beside its trial."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from advisor.schema import SCORE_VERSION
from advisor.storage.seals import read_sealed, write_sealed
from advisor.storage.trial_files import MACHINE_FILE
from eval.outcomes import Trial
from eval.scoring.metric import VERSION
from strategies.engine.sealed_folder import DamagedError

_PACKAGES = ("torch", "transformers", "peft", "sentence-transformers", "faiss-cpu")


def write_machine(folder: Path, device: str) -> None:
    """`device` is the hardware in words."""
    write_sealed(folder / MACHINE_FILE, json.dumps({"device": device, "versions": installed_versions()}))


def device_of(run_folder: Path, trials: Sequence[Trial]) -> str:
    """The hardware as the strategies that ran reported it."""
    named = (str(one["device"]) for one in _machines(run_folder, trials) if "device" in one)
    is_lost = any((run_folder / trial.strategy / MACHINE_FILE).exists() for trial in trials)
    return next(named, "unknown hardware" if is_lost else f"CPU ({platform.machine()})")


def versions_of(run_folder: Path, trials: Sequence[Trial]) -> dict[str, str]:
    """The programs that measured these trials; empty if an earlier version of Threeways kept none."""
    kept = (one["versions"] for one in _machines(run_folder, trials) if isinstance(one.get("versions"), dict))
    return {str(name): str(number) for name, number in next(kept, {}).items()}


def installed_versions() -> dict[str, str]:
    return {
        "Python": platform.python_version(),
        SCORE_VERSION: VERSION,
        **{package: version(package) for package in _PACKAGES},
    }


def _machines(run_folder: Path, trials: Sequence[Trial]) -> Iterator[dict[str, Any]]:
    for trial in trials:
        try:
            found = json.loads(read_sealed(run_folder / trial.strategy / MACHINE_FILE))
        except (OSError, DamagedError, ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found
