"""A trial on disk: trial.json, one outcome a line in outcomes.jsonl, and manifest.json, which comes last.

The manifest holds the hash of both others. A trial without a manifest that fits was never finished: it is not there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from advisor.files import write_whole
from advisor.plan import FLOORS_STEP
from eval.outcomes import Effort, Outcome, Trial
from strategies.registry import FLOORS

_MANIFEST = "manifest.json"


def write_trial(folder: Path, trial: Trial) -> None:
    """`folder` exists. A trial that was there before is gone from the first moment on."""
    (folder / _MANIFEST).unlink(missing_ok=True)
    facts = asdict(trial)
    outcomes = facts.pop("outcomes")
    contents = {
        "trial.json": json.dumps(facts, indent=2),
        "outcomes.jsonl": "".join(json.dumps(outcome) + "\n" for outcome in outcomes),
    }
    for name, content in contents.items():
        write_whole(folder / name, content)
    hashes = {name: _hash(content.encode()) for name, content in contents.items()}
    write_whole(folder / _MANIFEST, json.dumps(hashes, indent=2))


def read_trial(folder: Path) -> Trial | None:
    """None when there is no finished trial, or one that was changed since, or one that another version wrote."""
    try:
        hashes = json.loads((folder / _MANIFEST).read_bytes())
        contents = {name: (folder / name).read_bytes() for name in ("trial.json", "outcomes.jsonl")}
        if hashes != {name: _hash(content) for name, content in contents.items()}:
            return None
        facts = json.loads(contents["trial.json"])
        lines = contents["outcomes.jsonl"].decode().splitlines()
        return Trial(
            **{
                **facts,
                "outcomes": tuple(_outcome(line) for line in lines),
                "choices": tuple(facts["choices"]),
                "effort": Effort(**facts["effort"]),
                "notes": tuple(facts["notes"]),
            }
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def read_trials(run_folder: Path, steps: Sequence[str]) -> tuple[list[Trial], list[Trial]]:
    """The finished trials of a run: of its strategies in the order of `steps`, and of the floors."""
    strategies = [run_folder / step for step in steps if step != FLOORS_STEP]
    floors = [run_folder / FLOORS_STEP / name for name in FLOORS]
    finished = [[trial for folder in each if (trial := read_trial(folder))] for each in (strategies, floors)]
    return finished[0], finished[1]


def _outcome(line: str) -> Outcome:
    facts = json.loads(line)
    return Outcome(**{**facts, "sources": tuple(facts["sources"])})


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
