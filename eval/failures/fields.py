"""The fields of an extraction, one by one: which are missing, extra or different."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from eval.failures.evidence import line_of, stands_in, words_of
from eval.scoring.fields import Leaf, leaf_of, read_json
from eval.task import Example

_COPIED_SHARE = 0.95

Field = tuple[str, Leaf]  # its path and its value


@dataclass(frozen=True, slots=True)
class Differences:
    """The fields that were expected but not given, and those given but not expected. Equal fields cancel out."""

    missing: tuple[Field, ...]
    extra: tuple[Field, ...]

    @property
    def is_form(self) -> bool:
        """Whether the values are as expected, and only their fields or spelling differ."""
        return bool(self.extra) and _lines(self.missing) == _lines(self.extra)

    @property
    def is_cut(self) -> bool:
        """Whether the fields are as expected, each with only part of the expected words, or with all and more."""
        pairs = list(zip(sorted(self.extra, key=str), sorted(self.missing, key=str), strict=False))
        return len(pairs) == len(self.extra) == len(self.missing) > 0 and all(
            ours == theirs and _hold_one_another(set(words_of(given.text)), set(words_of(wanted.text)))
            for (ours, given), (theirs, wanted) in pairs
        )

    def is_invented(self, input: str, copied: frozenset[str]) -> bool:
        """Whether a field that is copied from inputs (`copied`) has a value with words that this input lacks."""
        line = line_of(input)  # parts of its words can be copied too: 12:45 of 12:45PM
        return any(
            path in copied and not all(word in line for word in words_of(value.text)) for path, value in self.extra
        )


def differences(text: str, target: str) -> Differences | None:
    """None if `text` isn't JSON of the same outer shape as `target`."""
    answer, expected = read_json(text), read_json(target)
    if type(answer) is not type(expected):
        return None
    given, wanted = Counter(_fields(answer)), Counter(_fields(expected))
    return Differences(tuple((wanted - given).elements()), tuple((given - wanted).elements()))


def copied_fields(examples: Iterable[Example]) -> frozenset[str]:
    """The paths of fields whose expected values occur word for word in their inputs, in all but a few rows."""
    rows: Counter[str] = Counter()
    copied: Counter[str] = Counter()
    for example in examples:
        line = line_of(example.input)
        for path, value in _fields(read_json(example.target)):
            rows[path] += 1
            copied[path] += stands_in(value.text, line)
    return frozenset(path for path, count in rows.items() if copied[path] >= _COPIED_SHARE * count)


def _fields(value: Any, path: str = "") -> Iterator[Field]:
    """Every non-empty field. The items of a list share one path, because their order doesn't count."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _fields(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from _fields(item, f"{path}[]")
    elif value is not None and value != "":
        yield path, leaf_of(value)


def _hold_one_another(words: set[str], others: set[str]) -> bool:
    return bool(words and others) and (words <= others or others <= words)


def _lines(fields: Iterable[Field]) -> Counter[str]:
    return Counter(line_of(value.text) for _, value in fields)
