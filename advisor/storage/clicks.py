"""A person's clicks, one per line, in the folder of the run or the dataset that asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from advisor.as_json import AsJson
from advisor.storage.files import write_whole
from eval.blind.pairs import Click
from eval.task import BadInput

_CLICK = AsJson[Click](Click)
_FILE = "clicks.jsonl"


def read_clicks(folder: Path) -> tuple[Click, ...]:
    """In the order they were made; () if there are none. Raises BadInput if the file is damaged."""
    path = folder / _FILE
    try:
        lines = path.read_bytes().decode().splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as wrong:
        raise BadInput(f"Your clicks can't be read from {path} ({wrong}). Move the file away to start over.") from wrong
    clicks = []
    for number, line in enumerate(lines, 1):
        try:
            clicks.append(_CLICK.read(line))
        except ValueError as wrong:
            raise BadInput(
                f"Your clicks can't be read: line {number} of {path} is damaged. Move the file away to start over."
            ) from wrong
    return tuple(clicks)


def write_clicks(folder: Path, clicks: Sequence[Click]) -> None:
    write_whole(folder / _FILE, "".join(f"{_CLICK.write(click)}\n" for click in clicks))


def clicks_in(folders: Iterable[Path]) -> tuple[Click, ...]:
    """Every click in these folders, each once, in the order they were made, without damaged files."""
    found: dict[Click, None] = {}
    for folder in folders:
        with suppress(BadInput):
            found |= dict.fromkeys(read_clicks(folder))
    return tuple(sorted(found, key=lambda click: click.at))
