"""Answers to one input and which of them is best, as `chosen` and `rejected`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from eval.mapping.names import plain
from eval.reading.chat_forms import Records
from eval.reading.decoding import number

_STEMS = ("response", "answer", "completion", "output", "reply", "conversation", "summary", "text", "candidate")
_ENDINGS = (("a", "b"), ("0", "1"), ("1", "2"), ("left", "right"))
_WINNERS = (
    "winner", "preferred", "preference", "better", "better_response", "better_response_id", "preferred_response",
    "chosen_response", "human_preference", "vote", "chosen",
)  # fmt: skip
_POINTS = ("score", "rating")  # of one of two answers, higher is better
_LISTS = ("responses", "generations", "completions", "answers", "outputs")
_RANKS = ("ranks", "rank", "ranking", "rankings")  # 1 is best
_RATINGS = ("ratings", "rating", "scores", "score", "overall_score", "pm_score")  # higher is better
_TEXTS = ("response", "completion", "answer", "output", "text", "content")
_LAST_WORD = re.compile(r"([a-z]+|\d+)\W*$")
_TRUE = {"1", "1.0", "true"}
_KNOWN_SHARE = 0.5


def names_winner(columns: Sequence[str]) -> bool:
    """Whether these columns hold two answers and which one won."""
    return _columns(columns) is not None


def with_winners(name: str, records: Records, notes: list[str]) -> Records:
    """The records with `chosen` and `rejected` instead of two answers, or of a list of rated ones. Rows without a
    winner, such as ties, are left out. Other records are returned as they are."""
    columns = list(dict.fromkeys(key for _, record in records[:50] for key in record))
    found = _columns(columns)
    if found is None and (lists := _rated_lists(columns)):
        return _with_best(name, records, *lists, notes)
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
    names = "name" if len(winners) > 1 else "names"
    notes.append(
        f"We took the answer that {_listed(winners)} of {name} {names} as the ideal one ('chosen'), from '{pair[0]}' "
        f"and '{pair[1]}'."
    )
    _note_ties(len(records) - len(chosen), notes)
    return chosen


def _note_ties(ties: int, notes: list[str]) -> None:
    if ties:
        notes.append(f"{'1 row has' if ties == 1 else f'{ties:,} rows have'} no winner and were left out.")


def _rated_lists(columns: Sequence[str]) -> tuple[str, str | None, bool] | None:
    """The column that holds lists of answers, the one with their marks (None if each answer may have its own), and
    whether these are ranks."""
    by_name = {plain(column): column for column in columns}
    answers = next((by_name[name] for name in _LISTS if name in by_name), None)
    if answers is None:
        return None
    marks = next((name for name in (*_RANKS, *_RATINGS) if name in by_name), None)
    return answers, by_name[marks] if marks else None, marks in _RANKS


def _with_best(
    name: str, records: Records, answers: str, marks: str | None, are_ranks: bool, notes: list[str]
) -> Records:
    """With the best and the worst of each row's answers instead of all, if most rows say how good each is."""
    rated = [_rated(record.get(answers), record.get(marks) if marks else None, are_ranks) for _, record in records]
    if sum(each is not None for each in rated) <= _KNOWN_SHARE * len(records):
        return records
    found: Records = []
    for (row, record), each in zip(records, rated, strict=True):
        by_points = sorted(each or (), key=lambda one: -one[0])
        if by_points and by_points[0][0] > by_points[-1][0]:
            rest = {key: value for key, value in record.items() if key not in (answers, marks)}
            found.append((row, {**rest, "chosen": by_points[0][1], "rejected": by_points[-1][1]}))
    by = f" by '{marks}'" if marks else ""
    notes.append(
        f"We took the best answer in '{answers}' of {name}{by} as the ideal one ('chosen'), and the worst as "
        "'rejected'."
    )
    _note_ties(len(records) - len(found), notes)
    return found


def _rated(answers: Any, marks: Any, are_ranks: bool) -> list[tuple[float, str]] | None:
    """Each answer with how good it is, higher is better; None if they don't say so."""
    if not isinstance(answers, list) or len(answers) < 2:
        return None
    found = []
    for at, answer in enumerate(answers):
        if isinstance(answer, dict):
            text = next((answer[key] for key in _TEXTS if isinstance(answer.get(key), str)), None)
            mark, is_rank = next(
                ((answer[key], key in _RANKS) for key in (*_RANKS, *_RATINGS) if key in answer), (None, False)
            )
        else:
            text, is_rank = answer, are_ranks
            mark = marks[at] if isinstance(marks, list) and len(marks) == len(answers) else None
        value = number(str(mark)) if mark is not None and not isinstance(mark, bool) else None
        if not isinstance(text, str) or value is None:
            return None
        found.append((-value if is_rank else value, text))
    return found


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
            points = [(by_name.get(f"{one}_{first}"), by_name.get(f"{one}_{second}")) for one in _POINTS]
            for better, worse in points:
                if better and worse:
                    return pair, (better, worse)
            marks = tuple(by_name.get(f"winner_{part}_{side}") for part in ("model", stem) for side in (first, second))
            each = tuple(mark for mark in marks if mark)
            if len(each) == 2:
                ties = tuple(by_name[name] for name in by_name if name.startswith("winner") and "tie" in name)
                return pair, (*each, *ties)
    return None


def _side(record: dict[str, Any], pair: tuple[str, str], winners: Sequence[str]) -> int | None:
    """Which of the two won: 0, 1, or None for a tie."""
    if plain(winners[0]).startswith(_POINTS):
        reached = [number(str(record.get(name))) for name in winners]
        if None in reached or reached[0] == reached[1]:
            return None
        return int((reached[0] or 0.0) < (reached[1] or 0.0))
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
