"""The estimate of a run's requests to served models, kept with the run to compare it with what was sent."""

from __future__ import annotations

from pathlib import Path

from advisor.plan import Plan
from advisor.request_estimate import FORESEEN, estimate_requests
from advisor.storage.files import write_whole
from advisor.storage.task_file import read_task
from strategies.base_models import known_capabilities
from strategies.served.address import is_served
from strategies.served_workload import Foreseen

_FILE = "requests.json"


def foresee_run(folder: Path, plan: Plan) -> dict[str, Foreseen]:
    """By served model; empty if the run asks none. The first estimate is kept, so call it before the run starts."""
    if not any(map(is_served, plan.models)):
        return {}
    if kept := read_foreseen(folder):
        return kept
    found = estimate_requests(*read_task(folder), plan, known_capabilities)
    write_whole(folder / _FILE, FORESEEN.write(found, indent=2))
    return found


def read_foreseen(folder: Path) -> dict[str, Foreseen]:
    """Empty if there is none that this version can read."""
    try:
        return FORESEEN.read((folder / _FILE).read_bytes())
    except (OSError, ValueError):
        return {}
