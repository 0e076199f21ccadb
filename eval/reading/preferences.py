"""Two answers to one input and which of them won, as `chosen` and `rejected`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from eval.mapping.names import plain
from eval.reading.chat_forms import Records

_STEMS = ("response", "answer", "completion", "output", "reply", "conversation", "summary", "text", "candidate")
_ENDINGS = (("a", "b"), ("0", "1"), ("1", "2"), ("left", "right"))
_WINNERS = (
    "winner", "preferred", "preference", "better", "better_response", "better_response_id", "preferred_response",
    "chosen_response", "human_preference", "vote", "chosen",
)  # fmt: skip
_LAST_WORD = re.compile(r"([a-z]+|\d+)\W*$")
_TRUE = {"1", "1.0", "true"}
_KNOWN_SHARE = 0.5


def names_winner(columns: Sequence[str]) -> bool:
    """Whether these columns hold two answers and which one won."""
    return _columns(columns) is not None


def with_winners(name: str, records: Records, notes: list[str]) -> Records:
    """The records with `chosen` and `rejected` instead of the two answers. Rows without a winner, such as ties, are
    left out. Other records are returned as they are."""
    found = _columns(list(dict.fromkeys(key for _, record in records[:50] for key in record)))
    if found is None:
        return records
    pair, winners = found
    sides = [_side(record, pair, winners) for _, record in records]
    known = [side for side in sides if side is not None]
    if len(known) < _KNOWN_SHARE * len(records) or not known:
        return records
    used = {*pair, *winners}
    chosen = [
        (
            number,
            {
                **{key: value for key, value in record.items() if key not in used},
                "chosen": record.get(pair[side]),
                "rejected": record.get(pair[1 - side]),
            },
        )
        for (number, record), side in zip(records, sides, strict=True)
        if side is not None
    ]
    notes.append(
        f"We took the answer that {_listed(winners)} of {name} names as the ideal one ('chosen'), from '{pair[0]}' and "
        f"'{pair[1]}'."
    )
    if ties := len(records) - len(chosen):
        notes.append(f"{'1 row has' if ties == 1 else f'{ties:,} rows have'} no winner and were left out.")
    return chosen


def _columns(columns: Sequence[str]) -> tuple[tuple[str, str], tuple[str, ...]] | None:
    """The two answers, and the column that names the winner, or one for each side."""
    by_name = {plain(column): column for column in columns}
    for stem in _STEMS:
        for first, second in _ENDINGS:
            if f"{stem}_{first}" not in by_name or f"{stem}_{second}" not in by_name:
                continue
            pair = by_name[f"{stem}_{first}"], by_name[f"{stem}_{second}"]
            named = next((by_name[name] for name in _WINNERS if name in by_name), None)
            if named:
                return pair, (named,)
            marks = tuple(by_name.get(f"winner_{part}_{side}") for part in ("model", stem) for side in (first, second))
            each = tuple(mark for mark in marks if mark)
            if len(each) == 2:
                ties = tuple(by_name[name] for name in by_name if name.startswith("winner") and "tie" in name)
                return pair, (*each, *ties)
    return None


def _side(record: dict[str, Any], pair: tuple[str, str], winners: Sequence[str]) -> int | None:
    """Which of the two won: 0, 1, or None for a tie."""
    if len(winners) > 1:
        won = [str(record.get(name)).strip().casefold() in _TRUE for name in winners[:2]]
        return won.index(True) if sum(won) == 1 else None
    value = str(record.get(winners[0], "")).strip().casefold()
    endings = [plain(column).rsplit("_", 1)[-1] for column in pair]
    word = _LAST_WORD.search(value.removesuffix(".0"))
    if word and word[1] in endings and "tie" not in value:
        return endings.index(word[1])
    texts = [str(record.get(column)).strip().casefold() for column in pair]
    return texts.index(value) if value in texts and texts[0] != texts[1] else None


def _listed(columns: Sequence[str]) -> str:
    return " and ".join(f"'{column}'" for column in columns[:2])
