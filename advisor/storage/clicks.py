"""A person's clicks, in the folder of the run or the dataset that asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from advisor.as_json import AsJson
from advisor.storage.line_file import LineFile
from eval.blind.pairs import Click

_FILE = LineFile(AsJson[Click](Click), "clicks.jsonl", "clicks")


def read_clicks(folder: Path) -> tuple[Click, ...]:
    """In the order they were made; () if there are none. Raises BadInput if the file is damaged."""
    return tuple(_FILE.read(folder))


def write_clicks(folder: Path, clicks: Sequence[Click]) -> None:
    _FILE.write(folder, clicks)


def clicks_in(folders: Iterable[Path]) -> tuple[Click, ...]:
    """Every click in these folders, each once, in the order they were made, without damaged files."""
    found = dict.fromkeys(click for folder in folders for click in _FILE.readable(folder))
    return tuple(sorted(found, key=lambda click: click.at))
