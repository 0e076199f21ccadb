"""What is left of a run in its folder, said in a sentence where something is missing."""

from __future__ import annotations

import json
from pathlib import Path

from advisor.storage.seals import read_sealed
from strategies.engine.sealed_folder import DamagedError

REPORT_FILE = "report.json"


def why_no_report(folder: Path) -> str:
    """Why the report of a run that is done can't be shown."""
    if not folder.is_dir():
        return f"The folder of this run is gone ({folder})."
    if not (folder / REPORT_FILE).exists():
        return f"The report of this run is gone from {folder}."
    if has_lost_report(folder):
        return f"The report of this run is damaged ({folder / REPORT_FILE})."
    return f"Another version of Threeways wrote this report. Its files can still be read in {folder}."


def has_lost_report(folder: Path) -> bool:
    """Whether the report is gone or damaged, and not just written by another version."""
    try:
        stored = json.loads(read_sealed(folder / REPORT_FILE))
    except (OSError, DamagedError, ValueError, RecursionError):
        return True
    return not (isinstance(stored, dict) and "schema" in stored)
