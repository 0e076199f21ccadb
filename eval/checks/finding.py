"""What a check says about the data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in the data.

    `what` and `why` are sentences; `mend` is the text of the button that fixes it, None if only the person can;
    `rows` are the ids of the affected examples. `suggested` pairs some of them with a label that fits better.
    """

    id: str
    severity: Literal["info", "warning", "serious"]
    what: str
    why: str
    mend: str | None = None
    rows: tuple[str, ...] = ()
    suggested: tuple[tuple[str, str], ...] = ()


def counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def counted_rows(rows: Collection[str], one: str, many: str) -> str:
    return counted(len(rows), f"row {one}", f"rows {many}")


def some_of(names: Collection[str]) -> str:
    shown = [name if len(name) <= _SHOWN_CHARACTERS else f"{name[: _SHOWN_CHARACTERS - 1]}…" for name in [*names][:3]]
    return ", ".join(shown) + (f" and {len(names) - len(shown):,} more" if len(names) > len(shown) else "")
