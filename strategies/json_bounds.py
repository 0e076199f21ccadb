"""The JSON schema of training answers for a model whose writing we hold to it ourselves: tighter than `json_shape.py`,
because no service has to accept it.

A model that never learned the task tends to go on forever, so everything has a largest size: that of the training
answers and some more. A field that some answers lack may be left out. The training answers also say how JSON is laid
out, so that a model trained on them isn't made to write spaces that it never saw.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from math import isinf
from typing import Any

_MOST_FIELDS = 60  # of one object; with more, its names are data
_FEW_FIELDS = 12  # so many are never data, however rare each of them is
_NEW_NAMES = 0.05  # share of the fields whose name is the only one of its kind: as often, a new row has a new one
_MOST_VALUES, _TIMES_SEEN = 24, 3  # a text is one of a list if there are few, and each came so often
_FEWEST_TEXTS = 30  # to know all: if none of so many is new, up to a tenth may still be (the rule of three)
_UNSEEN_LENGTH = 60  # characters of a text in a list that was always empty
_USUAL = 0.9  # share of the answers that are laid out in one way
_LAYOUTS: tuple[dict[str, Any], ...] = (
    {"separators": (", ", ": ")},
    {"separators": (",", ":")},
    {"separators": (",", ": ")},
    *({"separators": (",", ": "), "indent": indent} for indent in (2, 4, 1, 3, "\t")),
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def bounded_schema_of(answers: Iterable[str]) -> dict[str, Any] | None:
    """What all these answers follow; None if they aren't all JSON objects or lists, or hold nothing.

    A JSON schema with three words of its own: `decimals`, the most digits behind a number's point; `exponent`, whether
    it may have one; and `layout`, how answers are written (`layout_of`).
    """
    answers = [answer.strip() for answer in answers]
    try:
        read = [json.loads(answer, parse_float=_Written, parse_constant=_refuse) for answer in answers]
        if not any(read) or not all(isinstance(one, dict | list) for one in read):
            return None
        return {**_of_values(read), "layout": layout_of(answers)}
    except (ValueError, RecursionError):
        return None


def layout_of(answers: Sequence[str]) -> dict[str, Any]:
    """How JSON answers are written: `separators` and `indent` as in `json.dumps`, None and None if they differ from
    answer to answer; `ascii`: whether other characters are escaped."""
    blank = [_blanked(answer) for answer in answers]
    telling = [text for text in blank if "," in text or ":" in text]
    escaped = any("\\u" in answer for answer in answers) and all(answer.isascii() for answer in answers)
    for layout in _LAYOUTS:
        like = sum(json.dumps(json.loads(text), **layout) == text for text in telling)
        if like >= _USUAL * len(telling):
            return {"separators": list(layout["separators"]), "indent": layout.get("indent"), "ascii": escaped}
    return {"separators": None, "indent": None, "ascii": escaped}


def _blanked(answer: str) -> str:
    """The answer with other texts and numbers: what is left is its layout, however a number was written. Each text is
    another one, because names must differ."""
    number = count()
    parts = [_NUMBER.sub("0", part) for part in _STRING.split(answer)]
    texts = (f'"{next(number)}"' for _ in parts)
    return parts[0] + "".join(text + part for text, part in zip(texts, parts[1:], strict=False))


class _Written(float):
    """A number with a point or an exponent, as it was written. Raises ValueError if it is too large for a number."""

    def __init__(self, text: str) -> None:
        if isinf(self):
            raise ValueError(f"{text} is too large")
        self.text = text.lower()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _of_values(values: Sequence[Any]) -> dict[str, Any]:
    ways: list[dict[str, Any]] = []
    if objects := [value for value in values if isinstance(value, dict)]:
        ways.append(_of_objects(objects))
    if lists := [value for value in values if isinstance(value, list)]:
        ways.append(_of_lists(lists))
    if texts := [value for value in values if isinstance(value, str)]:
        ways.append(_of_texts(texts))
    if numbers := [value for value in values if isinstance(value, int | _Written) and not isinstance(value, bool)]:
        ways.append(_of_numbers(numbers))
    if any(isinstance(value, bool) for value in values):
        ways.append({"type": "boolean"})
    if None in values:
        ways.append({"type": "null"})
    return ways[0] if len(ways) == 1 else {"anyOf": ways}


def _of_objects(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = Counter(name for one in objects for name in one)
    once = sum(times == 1 for times in names.values())
    if len(names) > _MOST_FIELDS or (len(names) > _FEW_FIELDS and once > _NEW_NAMES * names.total()):
        return {
            "type": "object",
            "additionalProperties": _of_values([value for one in objects for value in one.values()]),
            "propertyNames": {"maxLength": _longer(max(map(len, names)))},
            "maxProperties": _more(max(map(len, objects))),
        }
    fields = {name: _of_values([one[name] for one in objects if name in one]) for name in names}
    required = [name for name, times in names.items() if times == len(objects)]
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


def _of_lists(lists: Sequence[Sequence[Any]]) -> dict[str, Any]:
    inside = [value for one in lists for value in one]
    items = _of_values(inside) if inside else {"type": "string", "maxLength": _UNSEEN_LENGTH}
    return {"type": "array", "items": items, "maxItems": _more(max(map(len, lists)))}


def _of_texts(texts: Sequence[str]) -> dict[str, Any]:
    times = Counter(texts)
    if len(texts) >= _FEWEST_TEXTS and len(times) <= _MOST_VALUES and min(times.values()) >= _TIMES_SEEN:
        return {"enum": list(times)}
    return {"type": "string", "maxLength": _longer(max(map(len, times)))}


def _of_numbers(numbers: Sequence[int | _Written]) -> dict[str, Any]:
    largest = 10 ** (max(len(str(abs(int(number)))) for number in numbers) + 1) - 1  # one digit more
    bounds = {"minimum": -largest, "maximum": largest}
    written = [number.text for number in numbers if isinstance(number, _Written)]
    if not written:
        return {"type": "integer", **bounds}
    decimals = max(len(text.partition("e")[0].partition(".")[2]) for text in written)
    if any("e" in text for text in written):
        return {"type": "number", "decimals": max(1, decimals), "exponent": True}
    return {"type": "number", **bounds, "decimals": decimals}


def _more(most: int) -> int:
    return most + max(1, most // 2)


def _longer(longest: int) -> int:
    return longest + max(8, longest // 2)
