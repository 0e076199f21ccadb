"""Which fields of a wrong JSON answer are missing, extra or different, so that nobody has to compare two texts."""

from __future__ import annotations

from collections import defaultdict

from eval.failures.fields import Differences, Field, differences
from eval.mapping.steps import shortened
from eval.scoring import read_json
from eval.task import Example

_MOST_FIELDS = 8
_LONGEST_VALUE = 80  # characters


def field_differences(text: str, example: Example) -> tuple[str, ...]:
    """A line per field; () if the expected answer isn't JSON, or nothing differs. Of several right answers, the nearest
    counts."""
    if not any(read_json(answer) is not None for answer in example.answers):
        return ()
    found = [one for answer in example.answers if (one := differences(text, answer)) is not None]
    if not found:
        return ("This isn't the JSON that was expected.",)
    lines = _lines(min(found, key=lambda one: len(one.missing) + len(one.extra)))
    left = len(lines) - _MOST_FIELDS
    return (*lines[:_MOST_FIELDS], *([f"{left:,} more."] if left > 0 else []))


def _lines(found: Differences) -> list[str]:
    given, expected = _by_path(found.extra), _by_path(found.missing)
    lines = []
    for path in dict.fromkeys((*expected, *given)):
        ours, theirs = given.get(path, []), expected.get(path, [])
        pairs = min(len(ours), len(theirs))
        lines += [f"{path}: {a} instead of {b}" for a, b in zip(ours, theirs, strict=False)]
        lines += [f"{path}: {value} is missing" for value in theirs[pairs:]]
        lines += [f"{path}: {value} shouldn't be there" for value in ours[pairs:]]
    return lines


def _by_path(fields: tuple[Field, ...]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path, leaf in fields:
        written = f"“{shortened(leaf.text, _LONGEST_VALUE)}”"
        as_json = {"number": leaf.text, "truth": leaf.text.lower()}
        found[path or "the list"].append(as_json.get(leaf.kind, written))
    return found
