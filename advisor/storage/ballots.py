"""What models said as judges of a run's answers, in the run's folder. Each ballot is kept as soon as it is there."""

from __future__ import annotations

from pathlib import Path

from advisor.as_json import AsJson
from advisor.storage.line_file import LineFile
from eval.judging.ruling import Ballot

_FILE = LineFile(AsJson[Ballot](Ballot), "ballots.jsonl", "ballots of a judge")


def read_ballots(folder: Path) -> list[Ballot]:
    """In the order in which they were cast; [] if there are none, or if the file is damaged."""
    return _FILE.readable(folder)


def keep_ballot(folder: Path, ballot: Ballot) -> None:
    """Raises BadInput if the file is damaged, OSError if it can't be written."""
    _FILE.append(folder, ballot)
