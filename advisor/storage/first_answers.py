"""The answers to a few test rows, kept as soon as a strategy gives them, so that a page can show them while a run goes
on. The trial that is written later holds the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from advisor.as_json import AsJson
from advisor.storage.files import write_whole
from eval.outcomes import Outcome

_FILE = "first_answers.json"
_OUTCOMES = AsJson[tuple[Outcome, ...]](tuple[Outcome, ...])


def write_first_answers(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """On a full disk they are left out: that is for the trial to report."""
    with suppress(OSError):
        write_whole(folder / _FILE, _OUTCOMES.write(tuple(outcomes)))


def read_first_answers(folder: Path) -> tuple[Outcome, ...]:
    """Empty if there are none yet, or if another version wrote them."""
    try:
        return _OUTCOMES.read((folder / _FILE).read_bytes())
    except (OSError, ValueError):
        return ()
