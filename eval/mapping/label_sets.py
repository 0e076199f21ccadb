"""Several labels in one answer: how they are written, and columns that hold them."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from eval.reading.table import Table

SEPARATOR = ";"
NO_LABEL = "none"  # the answer for a row without labels

_SEPARATORS = tuple(map(re.compile, ("[;；]", r"\|", "[,，、،]", r"\n")))
_UNSURE = tuple(map(re.compile, ("/", r"\s\+\s", r"\s&\s")))  # between the parts of one label, too
_ANY_SEPARATOR = re.compile(r"[;；|,，、،\n]")
_TAGS = re.compile(r"(?:<[^<>]+>)+")
_BETWEEN_TAGS = re.compile("[<>]+")
_HASHTAGS = re.compile(r"#[^\s#,;|]+(?:[\s,;|]+#[^\s#,;|]+)*[\s,;|]*")
_BETWEEN_HASHTAGS = re.compile(r"[\s,;|]+")
_AROUND = {"[": "]", "{": "}", "(": ")"}
_WITHOUT_COMMAS = re.compile(r"(?<=['\"])\s+(?=['\"])")  # ['a' 'b'], as NumPy writes a list
_QUOTED = re.compile(r"(['\"])(.*)\1")
_MIXED = 0.1  # at least this share of the cells holds several labels
_USES_A_LABEL = 3  # on average
_MOST_WORDS = 5  # in a label
_MOST_BETWEEN_BLANKS = 8  # labels in a cell
_USES_BETWEEN_BLANKS = 5  # of a label, on average
_SEEN = 100  # cells that show whether parts are too long for labels
_MOST_CHARACTERS = 20_000  # a longer cell isn't a list of labels
_FEWEST_COLUMNS = 3  # two columns of yes and no may as well be facts about a row
_MARKS = (
    ("0", "1"), ("0.0", "1.0"), ("false", "true"), ("f", "t"), ("no", "yes"), ("n", "y"), ("nein", "ja"), ("n", "j"),
    ("nee", "ja"), ("falsch", "wahr"), ("non", "oui"), ("faux", "vrai"), ("no", "sí"), ("no", "si"), ("no", "sì"),
    ("não", "sim"), ("nao", "sim"), ("nie", "tak"), ("нет", "да"), ("否", "是"), ("なし", "あり"), ("いいえ", "はい"),
    ("아니오", "예"), ("-", "x"), ("0", "x"), ("✗", "✓"), ("✘", "✔"), ("×", "○"), ("☐", "☑"), ("-1", "1"), ("", "●"),
)  # fmt: skip
_YES = frozenset(yes for _, yes in _MARKS)


def labels_in(answer: str) -> tuple[str, ...]:
    """The different labels of an answer, in its order."""
    parts = (part.strip() for part in answer.split(SEPARATOR))
    found = tuple(dict.fromkeys(part for part in parts if part))
    return () if found == (NO_LABEL,) else found


def as_answer(labels: Iterable[str]) -> str:
    """Labels as one answer. A label's own separators become commas."""
    return f"{SEPARATOR} ".join(label.replace(SEPARATOR, ",") for label in labels) or NO_LABEL


def all_labels(answers: Iterable[str]) -> tuple[str, ...]:
    """Every label of these answers, sorted, and `NO_LABEL` if an answer has none."""
    return tuple(sorted({label for answer in answers for label in labels_in(answer) or (NO_LABEL,)}))


def label_sets(cells: Sequence[str], may_be_numbers: bool = False) -> list[tuple[str, ...]] | None:
    """The labels of each cell, if the cells look like several labels: lists, or parts between ";", "|" or ",". They do
    if enough cells hold several parts and the parts come back, in other combinations if they aren't lists. Numbers only
    count if `may_be_numbers`."""
    are_lists = all(cell.startswith("[") for cell in cells)
    for found, is_sure in _ways_to_read(cells, _MIXED * len(cells), _MOST_WORDS):
        several = sum(len(labels) > 1 for labels in found)
        uses = Counter(label for labels in found for label in labels)
        combined = Counter(label for labels in set(found) for label in labels)
        are_combined = sum(count > 1 for count in combined.values()) * 2 > len(combined)
        if (
            several >= _MIXED * len(cells)
            and len(uses) * _USES_A_LABEL <= sum(uses.values())
            and (are_lists or (are_combined and (_stand_alone(found, is_sure) or _come_in_any_place(found))))
            and all(len(label.split()) <= _MOST_WORDS for label in uses)
            and (may_be_numbers or any(any(map(str.isalpha, label)) for label in uses))
        ):
            return found
    return _between_blanks(cells, may_be_numbers)


def _between_blanks(cells: Sequence[str], may_be_numbers: bool) -> list[tuple[str, ...]] | None:
    """The labels of each cell, if they are words with only blanks between them.

    Written text has words that come once or twice, that come again in a sentence, and that have their places in it:
    "red" may be before "shoes", but not after it. Labels are few, most of them stand alone or come first and last, and
    they combine in more ways than there are labels.
    """
    for some in (cells[:_SEEN], cells):  # the first ones mostly show it, to save time
        found = [cell.split() for cell in some]
        if sum(len(set(parts)) < len(parts) or len(parts) > _MOST_BETWEEN_BLANKS for parts in found) > len(found) / 100:
            return None
    uses = Counter(label for parts in found for label in parts)
    several = [tuple(parts) for parts in found if len(parts) > 1]
    in_any_place = {parts[0] for parts in several} & {parts[-1] for parts in several}
    in_any_place |= {parts[0] for parts in found if len(parts) == 1}
    if (
        len(several) >= _MIXED * len(cells)
        and len(uses) * _USES_BETWEEN_BLANKS <= uses.total()
        and sum(count < _USES_A_LABEL for count in uses.values()) <= len(uses) / 10
        and _come_in_any_place(several)
        and len(in_any_place) * 3 > len(uses) * 2
        and len(set(map(frozenset, found))) * 2 > len(uses) * 3
        and (may_be_numbers or any(any(map(str.isalpha, label)) for label in uses))
    ):
        return [_parts(parts) for parts in found]
    return None


def as_label_sets(cells: Sequence[str]) -> list[tuple[str, ...]]:
    """The labels of each cell, in the way that finds several in most cells."""
    ways = [found for found, _ in _ways_to_read(cells, least=1)] or [[_parts((cell,)) for cell in cells]]
    return max(ways, key=lambda found: sum(len(labels) > 1 for labels in found))


def _stand_alone(found: Sequence[tuple[str, ...]], is_sure: bool) -> bool:
    return is_sure and any(len(labels) == 1 for labels in found)


def _come_in_any_place(found: Sequence[tuple[str, ...]]) -> bool:
    """The parts of a name, an address or a path have their places."""
    firsts = {labels[0] for labels in found if labels}
    later = {label for labels in found for label in labels[1:]}
    return len(firsts & later) * 3 >= len(firsts | later)


def _ways_to_read(
    cells: Sequence[str], least: float, most_words: int | None = None
) -> Iterator[tuple[list[tuple[str, ...]], bool]]:
    """The labels of each cell, read in the ways that at least `least` cells use, and whether a way is surely one to
    write several labels. Ways that give labels of more than `most_words` words are left out early, to save time."""
    times = Counter(cells)  # labels repeat, so each is read once
    lists = {cell: _items_of(cell) for cell in times}
    if sum(times[cell] for cell, items in lists.items() if items is not None) > _MIXED * len(cells):
        whole = {cell: _parts((cell,)) if items is None else items for cell, items in lists.items()}
        yield [whole[cell] for cell in cells], True
        return
    for form, between in ((_HASHTAGS, _BETWEEN_HASHTAGS), (_TAGS, _BETWEEN_TAGS)):
        if all(map(form.fullmatch, times)):
            yield [_parts(between.split(cell)) for cell in cells], True
            return
    for separator in (*_SEPARATORS, *_UNSURE, _ANY_SEPARATOR):
        if most_words and any(
            len(part.split()) > most_words for cell in cells[:_SEEN] for part in separator.split(cell)
        ):
            continue
        if sum(count for cell, count in times.items() if separator.search(cell)) < least:
            continue
        if separator is _ANY_SEPARATOR and any(len(set(separator.findall(cell))) > 1 for cell in times):
            continue  # "Smith, John; Lee, Ann"
        yield [_parts(separator.split(cell)) for cell in cells], separator not in _UNSURE


def _parts(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _items_of(cell: str) -> tuple[str, ...] | None:
    """The items of a JSON or Python list of texts or numbers, which Label Studio keeps in an object of its own. Items
    may lack their quotes, as in PostgreSQL's {a,b}, or have quotes and no brackets."""
    if len(cell) > _MOST_CHARACTERS:
        return None
    is_bracketed = len(cell) > 1 and _AROUND.get(cell[0]) == cell[-1]
    if not is_bracketed:
        items = cell.split(",")
        return _unquoted(items) if all(_QUOTED.fullmatch(item.strip()) for item in items) else None
    for read in (json.loads, ast.literal_eval):
        try:
            items = read(_WITHOUT_COMMAS.sub(", ", cell))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        if isinstance(items, dict) and len(items) == 1:
            (items,) = items.values()
        if isinstance(items, set):
            items = sorted(items, key=str)
        if isinstance(items, list | tuple) and all(isinstance(item, str | int | float) for item in items):
            return _parts(map(str, items))
        return None
    inside = cell[1:-1]
    return None if cell[0] == "(" or any(sign in inside for sign in "[]{}():") else _unquoted(inside.split(","))


def _unquoted(items: Iterable[str]) -> tuple[str, ...]:
    return _parts(_QUOTED.sub(r"\2", item.strip()) for item in items)


def marked_columns(table: Table, target: str, free: Iterable[str], may_be_blank: bool = True) -> tuple[str, ...]:
    """The columns, `target` among them, that each say yes or no for one label; empty if there are fewer than three.

    All use the same signs, or ticks of any form if too few do. `free` are the columns that have no other role.
    `may_be_blank`: a blank cell counts as no where others say no, too.
    """
    signs = _signs(_found(table, target), may_be_blank)
    found = {name: _found(table, name) for name in free} if signs else {}
    for allowed in (signs, signs | _YES if signs - {""} <= _YES else signs):
        same = {name for name, signs_of_one in found.items() if signs_of_one != {""} and signs_of_one <= allowed}
        columns = [name for name in table.columns if name == target or name in same]
        if len(columns) >= _FEWEST_COLUMNS:
            return tuple(columns)
    return ()


def ticked_columns(table: Table, free: Iterable[str]) -> list[str]:
    """The columns that hold a tick or nothing, if there are enough for labels. Alone, each looks nearly empty."""
    found = {name: _found(table, name) for name in free}
    ticked = [name for name, signs in found.items() if "" in signs and len(signs) > 1 and signs - {""} <= _YES]
    return ticked if len(ticked) >= _FEWEST_COLUMNS else []


def marked_labels(cells: Mapping[str, str], columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that say yes in this row, as labels."""
    return tuple(name for name in columns if _sign(name, cells[name]) in _YES)


def writes_no(table: Table, columns: Iterable[str]) -> bool:
    """Whether one of these columns has a sign for no. Then a row without any sign was perhaps never labelled."""
    return any(not found <= _YES | {""} for found in (_found(table, name) for name in columns))


def _signs(found: set[str], may_be_blank: bool) -> frozenset[str]:
    """The signs that a column like this one may hold, if it holds nothing but signs for yes and no, else none. A label
    that no row has says only no."""
    given = found - {""}
    if not given or (given <= _YES and "" in found):
        return frozenset(found) if given else frozenset()
    blank = {""} if may_be_blank else set[str]()
    return next(
        (frozenset(pair) | blank for pair in _MARKS if given <= {*pair} and found <= {*pair} | blank), frozenset()
    )


def _found(table: Table, name: str) -> set[str]:
    return {_sign(name, cell) for cell in set(table.column(name))}


def _sign(column: str, cell: str) -> str:
    """A cell as a sign. A column's own name in it is a tick."""
    sign = cell.strip().casefold()
    return "x" if sign == column.strip().casefold() else sign
