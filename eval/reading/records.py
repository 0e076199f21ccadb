"""JSON of many shapes as a list of flat records: wrapped, nested, by column, or as annotation tools export it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from eval.mapping.names import (
    ANSWER_NAMES,
    IDEAL_NAMES,
    IDENTIFIER_WORDS,
    INPUT_NAMES,
    LABEL_NAMES,
    NEVER_TARGETS,
    plain,
    side_of,
)
from eval.reading.chat_forms import Records
from eval.reading.question_sets import answers_of, distinct
from eval.task import BadInput

_ROWS_KEYS = ("data", "rows", "examples", "items", "records", "instances", "questions", "tests", "goldens", "results")
_WRAPPERS = ("row", "fields", "translation", "vars", "data", "record", "item", "_source", "properties")
_MAYBE_WRAPPERS = ("fields", "data", "record", "item", "properties")
_INPUTS = frozenset(map(plain, INPUT_NAMES))
_TARGETS = frozenset(map(plain, (*IDEAL_NAMES, *LABEL_NAMES, *ANSWER_NAMES)))
_INNER_NAMES = frozenset((*INPUT_NAMES, *ANSWER_NAMES, *IDEAL_NAMES))
_ANNOTATIONS = ("annotations", "labels", "label")
_ANNOTATED = frozenset(("label", "user", "id", "document", "prob", "manual", "created_at", "updated_at"))
_ASKED, _ANSWERED = {"prompt", "question", "instruction"}, {"completion", "response", "answer"}
_CHOSEN = {"chosen": True, "rejected": False}
_TRUE = {"true": True, "false": False}
_ONE = {"1": True, "0": False, "1.0": True, "0.0": False}
# What people say of an answer, in columns of which nothing else is the meaning. Nothing said is no complaint.
_OPINIONS = ("thumbs", "thumb", "feedback", "user_feedback", "human_feedback", "vote", "liked", "is_good", "approved")
_OPINION = {
    **_TRUE,
    **_ONE,
    **_CHOSEN,
    **dict.fromkeys(("up", "thumbs up", "thumbs_up", "👍", "good", "positive", "like", "liked", "yes", "+1"), True),
    **dict.fromkeys(("down", "thumbs down", "thumbs_down", "👎", "bad", "negative", "no", "-1", "-1.0"), False),
    **dict.fromkeys(("dislike", "disliked"), False),
    **dict.fromkeys(("", "none", "null", "nan"), True),
}
_CHECKED_WORDS = ("equals", "contains", "icontains", "is-json", "similar", "factuality", "llm-rubric")  # promptfoo
_Read = TypeVar("_Read")


def records_in(name: str, value: Any, notes: list[str]) -> Records:
    """The records in a JSON document, numbered from 1. Raises BadInput if it holds no list of objects."""
    found = _rows(value, name, notes)
    if found is None:
        raise BadInput(
            f'{name} is not a JSON array of objects: write [{{"input": "…", "target": "…"}}, …], '
            "or one object a line in a .jsonl file."
        )
    return list(enumerate(found, start=1))


def flat(name: str, records: Records, notes: list[str]) -> Records:
    """The same records without wrappers: Label Studio's tasks, SQuAD's answers, inputs and outputs in objects."""
    rows = [record for _, record in records]
    if rows and all(isinstance(row.get("data"), dict) and _annotations(row) is not None for row in rows):
        rows = [*_each(name, records, _labelled, "annotations")]
    for key in dict.fromkeys(key for row in rows[:50] for key in row):
        values = [row[key] for row in rows if row.get(key) is not None]
        if not values:
            continue
        read = _short_answers if key == "annotations" else partial(answers_of, key)
        if key in _ANNOTATIONS and any(values) and all(_labels_of(value) is not None for value in values):
            rows = [_with(row, key, "label", _labels_of(row.get(key)) or []) for row in rows]
        elif all(read(value) is not None for value in values):
            column = "answers" if key == "annotations" else key
            rows = [_with(row, key, column, read(row[key]) or []) if row.get(key) is not None else row for row in rows]
        elif all(isinstance(value, dict) for value in values):
            rows = _unwrapped(rows, key, values)
    rows = _opened(rows)
    if any(isinstance(row.get("assert"), list) for row in rows):
        rows = [*_each(name, zip((number for number, _ in records), rows, strict=True), _asserted, "checks")]
    rows = _without_bad_answers(name, rows, notes)
    numbers = [number for number, _ in records]
    return [(number, row) for number, row in zip(numbers, rows, strict=True) if row]


def _each(
    name: str, records: Iterable[tuple[int, dict[str, Any]]], read: Callable[[dict[str, Any]], _Read], what: str
) -> Iterator[_Read]:
    """What is read of each record. Raises BadInput, naming the first one that isn't written as its tool writes it."""
    for number, record in records:
        try:
            yield read(record)
        except (AttributeError, TypeError, KeyError) as wrong:
            raise BadInput(f"{name} has {what} in row {number} that we can't read: export it again.") from wrong


def _rows(value: Any, name: str, notes: list[str], depth: int = 0) -> list[dict[str, Any]] | None:
    if isinstance(value, list):
        if value and all(isinstance(item, dict) for item in value):
            if any("paragraphs" in item for item in value):
                articles = _each(name, enumerate(value, start=1), lambda one: [*_questions(one)], "paragraphs")
                return [question for questions in articles for question in questions]
            return value
        if value and all(isinstance(item, list) and item and isinstance(item[0], dict) for item in value):
            return [{"conversations": item} for item in value]
        return [] if not value else None
    if not isinstance(value, dict) or depth > 2:
        return None
    return _rows_of_object(value, name, notes, depth)


def _rows_of_object(value: dict[str, Any], name: str, notes: list[str], depth: int) -> list[dict[str, Any]] | None:
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
        for position, column in enumerate(columns):
            if column in columns[:position]:
                raise BadInput(f"{name} has two columns named '{str(column)[:60]}': rename or delete one of them.")
        for number, row in enumerate(data, start=1):
            if len(row) != len(columns):
                raise BadInput(
                    f"{name} has {len(columns)} columns, but row {number} of its data has {len(row)} values: write one "
                    "for each column, or null."
                )
        return [dict(zip(map(str, columns), row, strict=True)) for row in data]
    lists = {key: rows for key, one in value.items() if isinstance(one, list) and (rows := _rows(one, name, []))}
    sides = [key for key in lists if side_of(key)]
    if len(sides) > 1:
        notes.append(f"We read {' and '.join(f'{key!r} ({len(lists[key]):,} rows)' for key in sides)} of {name} as the "
                     "parts of the split.")  # fmt: skip
        return [{**row, "split": key} for key in sides for row in lists[key]]
    if lists:
        named = [key for key in _ROWS_KEYS if key in lists]
        key = (named or sorted(lists, key=lambda one: -len(lists[one])))[0]
        if len(lists) > 1:
            others = ", ".join(repr(other) for other in [*lists][:5] if other != key)
            notes.append(f"We read only the list '{key}' of {name}, not {others}.")
        return lists[key]
    return _by_column(value) or _by_key(value, name, notes, depth)


def _by_column(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Columns of values, or of objects from row number to value, as pandas writes them."""
    columns = [list(one.values()) if isinstance(one, dict) else one for one in value.values()]
    numbered = all(isinstance(one, list) or (isinstance(one, dict) and [*one][:1] == ["0"]) for one in value.values())
    if len(columns) < 2 or not numbered or len({len(column) for column in columns}) != 1:
        return None
    numbers = [one for one in value.values() if isinstance(one, dict)]
    if any(one.keys() != numbers[0].keys() for one in numbers):  # else values of different rows would meet
        return None
    if len(numbers) == len(columns):
        columns = [[one[number] for number in numbers[0]] for one in numbers]
    return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]


def _by_key(value: dict[str, Any], name: str, notes: list[str], depth: int) -> list[dict[str, Any]] | None:
    objects = {key: one for key, one in value.items() if isinstance(one, dict)}
    if len(objects) == 1:
        return _rows(next(iter(objects.values())), name, notes, depth + 1)
    if len(objects) < len(value) or len(objects) < 2 or len({tuple(one) for one in objects.values()}) > 1:
        return None
    return [{"id": key, **one} for key, one in objects.items()]


def _questions(article: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The questions of SQuAD's original form, each with its passage."""
    for paragraph in article.get("paragraphs") or ():
        for question in paragraph.get("qas") or ():
            yield {
                "id": question.get("id"),
                "title": article.get("title"),
                "context": paragraph.get("context"),
                "question": question.get("question"),
                "answers": question.get("answers") or [],
            }


def _with(row: dict[str, Any], key: str, name: str, answers: list[str]) -> dict[str, Any]:
    """The row with answers instead of the value of `key`."""
    return {name if one == key else one: [*distinct(answers)] or "" if one == key else row[one] for one in row}


def _short_answers(annotations: Any) -> list[str] | None:
    """The answers in Natural Questions' annotations: short ones, else yes or no."""
    found: list[str] = []
    listed = annotations if isinstance(annotations, list) else [annotations]
    if not listed or not all(isinstance(one, dict) and "short_answers" in one for one in listed):
        return None
    for one in listed:
        for short in one["short_answers"] if isinstance(one["short_answers"], list) else [one["short_answers"]]:
            texts = short.get("text", []) if isinstance(short, dict) else short
            found += map(str, texts if isinstance(texts, list) else [texts])
        if (said := str(one.get("yes_no_answer", "")).casefold()) in ("yes", "no"):
            found.append(said)
    return found


def _labels_of(annotations: Any) -> list[str] | None:
    """The labels in Doccano's annotations of whole texts: objects with a label and who gave it. Marked parts of a text
    have positions, too."""
    if not isinstance(annotations, list) or not all(isinstance(one, dict) for one in annotations):
        return None
    if not all("label" in one and _ANNOTATED.issuperset(one) for one in annotations):
        return None
    return [str(one["label"]) for one in annotations]


def _unwrapped(rows: list[dict[str, Any]], key: str, values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The inner values as columns. An object with one text of a known name becomes this text; other objects of answers
    stay, because they may be what to extract."""
    inner = list(dict.fromkeys(one for value in values for one in value))
    if not inner:
        return rows
    if (
        len(inner) == 1
        and key not in _WRAPPERS
        and plain(inner[0]) in _INNER_NAMES
        and all(isinstance(one.get(inner[0], ""), str) for one in values)
    ):
        return [{**row, key: (row.get(key) or {}).get(inner[0])} for row in rows]
    if key not in (*_WRAPPERS, "inputs") or ("messages" in inner and key != "row"):
        return rows
    others = {plain(other) for row in rows[:50] for other in row if other != key}
    if key in _MAYBE_WRAPPERS and others & _INPUTS:  # then it may be what to extract
        return rows
    return [{**(row.get(key) or {}), **{other: value for other, value in row.items() if other != key}} for row in rows]


def _opened(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects with a text of a known name, or with one label among notes on it, as columns: {"ticket": {"text": …},
    "annotation": {"label": …, "by": …}}. Other objects are what to extract, or to extract from."""
    for key in [*rows[0]] if rows else ():
        values = [row[key] for row in rows if row.get(key) is not None]
        if not values or key == "inputs" or not all(isinstance(value, dict) for value in values):
            continue
        inner = list(dict.fromkeys(one for value in values for one in value))
        is_text = any(plain(one) in _INPUTS and isinstance(values[0].get(one), str) for one in inner)
        told = [one for one in inner if not _is_note(one)]
        is_label = len(told) == 1 and plain(told[0]) in _TARGETS and not isinstance(values[0].get(told[0]), dict | list)
        has_label = any(isinstance(rows[0].get(other), dict) for other in rows[0] if other != key) or _TARGETS & {
            plain(other) for other in rows[0]
        }
        if not {"messages", "role"} & {*inner} and (is_label or (is_text and has_label)):
            rows = [_open(row, key, inner) for row in rows]
    return rows


def _open(row: dict[str, Any], key: str, inner: Sequence[str]) -> dict[str, Any]:
    parts = {f"{key}.{one}": (row.get(key) or {}).get(one) for one in inner}
    return {**{other: value for other, value in row.items() if other != key}, **parts}


def _is_note(key: str) -> bool:
    words = plain(key).split("_")
    return plain(key) in NEVER_TARGETS or words[0] == "by" or words[-1] == "by" or bool({*words} & IDENTIFIER_WORDS)


def _annotations(task: dict[str, Any]) -> list[Any] | None:
    found = task.get("annotations", task.get("completions"))
    return found if isinstance(found, list) else None


def _labelled(task: dict[str, Any]) -> dict[str, Any]:
    """A task of Label Studio: its data, and the first annotation's result for each question."""
    results: dict[str, list[Any]] = {}
    for annotation in (_annotations(task) or [])[:1]:
        for result in annotation.get("result") or ():
            value = result.get("value") or {}
            kind = result.get("type", "")
            given = value.get(kind, value.get("text", value)) if "start" not in value else value
            results.setdefault(str(result.get("from_name", "label")), []).extend(
                given if isinstance(given, list) else [given]
            )
    answers = {name: given[0] if len(given) == 1 else given for name, given in results.items()}
    return {**task["data"], **answers}


def _asserted(test: dict[str, Any]) -> dict[str, Any]:
    """A test of promptfoo: the expected value of its first check."""
    checks = [one for one in test.get("assert") or () if isinstance(one, dict) and one.get("type") in _CHECKED_WORDS]
    expected = checks[0].get("value") if checks else None
    return {**{key: value for key, value in test.items() if key != "assert"}, "expected": expected}


def marks_bad_answers(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bool:
    """Whether a table's columns hold answers of which a mark says that they are good or bad."""
    mark, meanings = _mark_of(columns)
    if not mark:
        return False
    position = [*columns].index(mark)
    marks = [meanings.get(row[position].strip().casefold()) for row in rows if position < len(row)]
    return None not in marks and any(marks)


def _mark_of(columns: Iterable[str]) -> tuple[str, dict[str, bool]]:
    """The column that says whether an answer is good, and what its values mean; "" if there is none. True and false
    beside a question and an answer may be the label of both, so they count only beside a prompt or a chat, and 1 and 0
    only beside a prompt."""
    names = {plain(column): column for column in columns}
    is_prompt = {"prompt", "completion"} <= names.keys()
    is_answered = bool(_ASKED & names.keys() and _ANSWERED & names.keys())
    mark = next((names[name] for name in ("label", "kto_tag") if name in names), "")
    opinion = next((names[name] for name in _OPINIONS if name in names), "")
    if mark and (is_prompt or "messages" in names):
        return mark, {**_TRUE, **_CHOSEN, **(_ONE if is_prompt else {})}
    if opinion and (is_answered or "messages" in names):
        return opinion, _OPINION
    return (mark, _CHOSEN) if is_answered else ("", {})


def _without_bad_answers(name: str, rows: list[dict[str, Any]], notes: list[str]) -> list[dict[str, Any]]:
    """TRL's KTO format has a good or bad answer in each row; only good ones can be the right answer."""
    mark, meanings = _mark_of(dict.fromkeys(key for row in rows for key in row))
    if not mark:
        return rows
    marks = [meanings.get(str(row.get(mark)).strip().casefold()) for row in rows]
    if None in marks or not any(marks):
        return rows
    if bad := marks.count(False):
        notes.append(f"{bad:,} of {len(rows):,} answers of {name} are marked as bad in '{mark}', and were left out.")
    return [
        {key: value for key, value in row.items() if key != mark} if is_good else {}
        for row, is_good in zip(rows, marks, strict=True)
    ]
