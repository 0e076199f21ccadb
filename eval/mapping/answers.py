"""Answers that aren't written as they are meant: JSON as Python, JSON in a code fence, marks at the end; and answers
that this product doesn't measure."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Sequence

from eval.mapping.columns import Columns
from eval.mapping.names import SPLIT_NAMES, plain
from eval.reading.question_sets import parsed
from eval.reading.table import Table
from eval.scoring import read_json
from eval.scoring.code import is_code
from eval.task import BadInput, Kind

_MOSTLY = 0.9
_MIXED = 0.1  # at least this share of the answers has another form
_MOST_CHARACTERS = 100_000
_STOP_MARK = re.compile(r"(###|->|=>|<\|[\w -]+\|>|</s>|\[/?INST\]|\bEND|\bSTOP)$")  # of OpenAI's older format
_THOUGHT = re.compile(r"\s*<(think|thinking|thought|reasoning)>.*?</\1>\s*(?=\S)", re.DOTALL | re.IGNORECASE)
_RECORD_BEGINS = re.compile(r"\{|```|\[\s*[\[{]|\[\s*\]$")
_FILLED_STARS = "★⭐🌟"
_STARS = re.compile(rf"[{_FILLED_STARS}☆✩\ufe0f ]+")  # of a rating, filled and empty ones
_TAG = re.compile(r"O|[BIESLU]-\w+")
_CHECK = re.compile(r"(?:equals|i?contains|starts-with): ?(?=\S)")  # of promptfoo
_REPAIRS = {  # what was wrong with one answer, and with several
    "fence": ("1 answer was in code fences, which we removed.", "{} answers were in code fences, which we removed."),
    "Python": (
        "1 answer was Python, not JSON, so we converted it.",
        "{} answers were Python, not JSON, so we converted them.",
    ),
    "comma": (
        "1 answer was broken JSON (a comma before a bracket), so we converted it.",
        "{} answers were broken JSON (a comma before a bracket), so we converted them.",
    ),
    "NaN": (
        "1 answer held NaN or Infinity, which JSON lacks, so we wrote null instead.",
        "{} answers held NaN or Infinity, which JSON lacks, so we wrote null instead.",
    ),
}
_NAMED = 5
_IMAGE = re.compile(r"[^\s?#]+\.(?:png|jpe?g|gif|webp|bmp|tiff?)(?:[?#]\S*)?", re.IGNORECASE)
_USES_A_LABEL = 3


def refuse_spans(column: str, inputs: Sequence[str], targets: Sequence[str]) -> None:
    """Raises BadInput if the answers mark parts of the input: spans with their positions, or a tag for each word."""
    filled = [(source, target) for source, target in zip(inputs, map(str.strip, targets), strict=True) if target]
    marked = [(source, target) for source, target in filled if target[0] in "[{"]
    lists = [(source, items) for source, target in marked if (items := _list_of(target) or _object_in_list(target))]
    if not lists or len(lists) < _MOSTLY * len(filled):
        return
    spans = sum(all(_is_span(item, source) for item in items) for source, items in lists)
    tags = sum(len(items) > 1 and _are_tags(source, items) for source, items in lists)
    if spans >= _MOSTLY * len(lists):
        what = "positions in the text"
    elif tags >= _MOSTLY * len(lists):
        what = "a tag for each word"
    else:
        return
    raise BadInput(
        f"Column '{column}' holds {what}, and marking parts of a text isn't a task that we compare: give the answer as "
        "text or JSON instead, such as the marked words."
    )


def refuse_images(column: str, inputs: Sequence[str]) -> None:
    """Raises BadInput if nearly all inputs are only the paths or addresses of images."""
    filled = [text.strip() for text in inputs if text.strip()]
    if filled and sum(_IMAGE.fullmatch(text) is not None for text in filled) >= _MOSTLY * len(filled):
        raise BadInput(
            f"Column '{column}' holds the names of images, and we compare only tasks whose inputs are text: choose a "
            "column with text as the input."
        )


def is_record(value: object) -> bool:
    """Whether JSON holds fields: an object, or a list of objects or of lists. A list of texts may be labels, or several
    right answers."""
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, dict | list) for item in value)
    )


def repaired(targets: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The answers without marks at their end, without a list around one label and, if most are objects or lists of
    them, all of these as JSON; and sentences on that."""
    lists = [_list_of(target) for target in targets]
    if all(items is not None and len(items) == 1 and isinstance(items[0], str | int | float) for items in lists):
        return [str(items[0]) for items in lists if items], ()
    if targets and all(map(_STARS.fullmatch, targets)):
        counted = [str(sum(map(target.count, _FILLED_STARS))) for target in targets]
        return counted, (f"We counted the stars of each answer: '{targets[0]}' is {counted[0]}.",)
    clean, notes = without_stop_marks(targets, "answers")
    if targets and all(map(_CHECK.match, targets)):
        return [_CHECK.sub("", target, count=1) for target in targets], (
            "We removed 'equals:', 'contains:' and the like from the start of all answers.",
        )
    looks = [target for target in clean if _RECORD_BEGINS.match(target)]
    if len(looks) < _MOSTLY * len(clean):
        return clean, notes
    causes: Counter[str] = Counter()
    found = []
    for target in clean:
        text, cause = _as_json(target)
        causes[cause] += bool(cause)
        found.append(text)
    sentences = [_repair(count, cause) for cause, count in sorted(causes.items()) if cause and count]
    return found, (*notes, *sentences)


def _repair(count: int, cause: str) -> str:
    one, several = _REPAIRS[cause]
    return one if count == 1 else several.format(f"{count:,}")


def without_thoughts(texts: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The texts without the thoughts of a model that they begin with. What a model writes is compared without its
    thoughts, too."""
    clean = [_THOUGHT.sub("", text, count=1) if _THOUGHT.match(text) else text for text in texts]
    changed = sum(one != other for one, other in zip(texts, clean, strict=True))
    if not changed:
        return clean, ()
    count = "1 answer begins" if changed == 1 else f"{changed:,} answers begin"
    return clean, (f"{count} with thoughts in tags such as <think>. We left these out and use what comes after them.",)


def without_stop_marks(texts: Sequence[str], what: str) -> tuple[list[str], tuple[str, ...]]:
    """The texts without a mark that ends every one of them, such as "###" or "END"."""
    if not texts or not _STOP_MARK.search(texts[0]):
        return list(texts), ()
    marks = {found[1] if (found := _STOP_MARK.search(text)) else "" for text in texts}
    if len(marks) != 1 or not (mark := marks.pop()) or len(set(texts)) < 2:
        return list(texts), ()
    return [text.removesuffix(mark).rstrip() for text in texts], (f"We removed '{mark}' from the end of all {what}.",)


def doubts(table: Table, columns: Columns, kind: Kind, targets: Sequence[str]) -> tuple[str, ...]:
    """Sentences on what may have been meant otherwise."""
    return (
        *_mixed(targets),
        *_listed(kind, targets, may_be_numbers=plain(columns.target) in ("labels", "tags", "categories", "topics")),
        *_one_hot(table, columns),
        *_numbered_alike(table, columns),
        *_unused_split(table, columns),
    )


def _mixed(targets: Sequence[str]) -> tuple[str, ...]:
    objects = sum(target.startswith(("{", "[")) and read_json(target) is not None for target in targets)
    if not _MIXED * len(targets) <= objects <= (1 - _MIXED) * len(targets):
        return ()
    return (
        f"{objects:,} of {len(targets):,} answers are JSON and the others are plain text: write them all in one form, "
        "or the score compares two forms.",
    )


def _listed(kind: Kind, targets: Sequence[str], may_be_numbers: bool) -> tuple[str, ...]:
    lists = sum(_list_of(target) is not None for target in targets)
    if kind is Kind.CLASSIFICATION and lists >= _MOSTLY * len(targets):
        return ("The answers are lists of labels. Each different list counts as one label.",)
    if kind not in (Kind.CLASSIFICATION, Kind.ANSWERING):
        return ()
    for separator in ";|,":
        several = [target for target in targets if separator in target]
        whole = {target: {part.strip() for part in target.split(separator)} - {""} for target in set(targets)}
        uses = Counter(part for parts in whole.values() for part in parts)
        if (
            len(several) >= _MIXED * len(targets)
            and len(uses) * _USES_A_LABEL <= len(targets)
            and sum(count > 1 for count in uses.values()) * 2 > len(uses)
            and any(part in whole for part in uses)
            and (may_be_numbers or any(any(map(str.isalpha, part)) for part in uses))
        ):
            return (
                f"{len(several):,} answers look like several labels, such as '{several[0][:60]}'. Each different "
                "combination counts as one answer.",
            )
    barred = [target for target in targets if "|" in target and not is_code(target)]
    if kind is Kind.ANSWERING and len(barred) * 2 > len(targets):
        return (
            f"{len(barred):,} answers hold '|', such as '{barred[0][:60]}'. If each part is a right answer, separate "
            "them with '||'.",
        )
    return ()


def _one_hot(table: Table, columns: Columns) -> tuple[str, ...]:
    """Other columns that say yes or no, as the column of the answer does."""
    if not _says_yes_or_no(table.column(columns.target)):
        return ()
    others = [name for name in table.columns if name not in columns.used and _says_yes_or_no(table.column(name))]
    if not others:
        return ()
    named = ", ".join(f"'{name}'" for name in others[:_NAMED])
    return (
        f"{named} {'holds' if len(others) == 1 else 'hold'} yes or no like '{columns.target}' and "
        f"{'is' if len(others) == 1 else 'are'} not used. If each is a label, this task only asks for one of them.",
    )


def _numbered_alike(table: Table, columns: Columns) -> tuple[str, ...]:
    """Other columns that are called like the answer's, but for the number ("label_1", "label_2")."""
    stem = plain(columns.target).rstrip("0123456789")
    if not stem or stem == plain(columns.target):
        return ()
    others = [
        name
        for name in table.columns
        if name not in columns.used and plain(name) != stem and plain(name).rstrip("0123456789") == stem
    ]
    if not others:
        return ()
    named = ", ".join(f"'{name}'" for name in others[:_NAMED])
    return (
        f"{named} {'is' if len(others) == 1 else 'are'} called like '{columns.target}' and not used, so each row has "
        "one answer.",
    )


def _says_yes_or_no(values: Sequence[str]) -> bool:
    found = {value.strip().casefold() for value in values} - {""}
    return len(found) == 2 and any(found == pair for pair in ({"0", "1"}, {"true", "false"}, {"yes", "no"}))


def _unused_split(table: Table, columns: Columns) -> tuple[str, ...]:
    found = next((name for name in table.columns if plain(name) in SPLIT_NAMES and name not in columns.used), None)
    if columns.split or found is None:
        return ()
    values = list(dict.fromkeys(value.strip() for value in table.column(found) if value.strip()))[:3]
    return (f"Column '{found}' isn't used as the split: its values ({', '.join(values)}) aren't train, dev or test.",)


def _as_json(target: str) -> tuple[str, str]:
    """An object, or a list of objects or lists, as JSON, and what was wrong with it (of `_REPAIRS`; "" if nothing)."""
    if not _RECORD_BEGINS.match(target) or len(target) > _MOST_CHARACTERS:
        return target, ""
    value = read_json(target)
    if value is not None:
        is_fenced = target.startswith("```")
        return (json.dumps(value, ensure_ascii=False), "fence") if is_fenced else (target, "")
    try:
        value = json.loads(target, parse_constant=lambda _: None)
        if is_record(value):
            return json.dumps(value, ensure_ascii=False, allow_nan=False), "NaN"
    except (ValueError, RecursionError):
        pass
    try:
        value = ast.literal_eval(target)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return target, ""
    if not is_record(value):
        return target, ""
    is_python = "'" in target or re.search(r"\b(None|True|False)\b", target)
    return text, "Python" if is_python else "comma"


def _list_of(target: str) -> list[object] | None:
    """The items of a JSON or Python list."""
    value = parsed(target) if target.startswith("[") and target.endswith("]") else None
    return value if isinstance(value, list) else None


def _object_in_list(target: str) -> list[object]:
    """One marked part of a text; an object with only a start and an end may be what to extract."""
    value = read_json(target) if target.startswith("{") else None
    return [value] if isinstance(value, dict) and value.keys() & {"labels", "label"} else []


def _is_span(item: object, source: str) -> bool:
    """[3, 9, "PRODUCT"], or an object with a start and an end. ["lamp", 2, 30] may be an article, its number and its
    price."""
    if isinstance(item, list):
        numbers = [part for part in item if isinstance(part, int)]
        texts = [part for part in item if isinstance(part, str)]
        is_marked = len(item) == 3 and len(numbers) == 2 and 0 <= numbers[0] <= numbers[1] <= len(source) + 1
        return is_marked and all(text not in source or text == source[slice(*numbers)] for text in texts)
    return isinstance(item, dict) and {"start", "end"} <= {key.removesuffix("_offset") for key in item}


def _are_tags(source: str, items: Sequence[object]) -> bool:
    """ "O" and "B-PERSON", or a number for each word of a list."""
    if all(isinstance(item, str) and _TAG.fullmatch(item) for item in items):
        return True
    words = _list_of(source.strip())
    return words is not None and len(words) == len(items) and all(isinstance(item, int) for item in items)
