"""Read inputs that list facts ("name: The Heron | price: cheap"), value by value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

from eval.scoring.reading import MOST_CHARACTERS
from eval.scoring.words import folded

FEWEST_LISTED = 2
_OF_THEIR_OWN = 0.7  # share of a list's labels that must be distinct
_YES = frozenset(("yes", "true", "y", "ja", "oui", "sí", "是"))
_NO = frozenset(("no", "false", "n", "nein", "non", "否"))
_INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_TRIPLE = re.compile(r"^\W*([^|]+?)\s*\|\s*([^|:=]+?)\s*\|\s*([^|]+?)\W*$")
_SLASH = re.compile(r"(?<![\d/.,])(\d{1,3}(?:\.\d)?) ?/ ?(\d{1,3})(?![\d/]|[.,]\d)")
_ITEM = re.compile(
    r"(?:^|[,;|\n{])\s*(?:[-*•]\s*)?[\"']?(?P<label>[^\W\d](?:(?![.?!]\s+[A-Z])[^\n,;|:=\[\]{}\"']){0,39}?)[\"']?\s*"
    r"(?P<sign>:(?!//)|=|\[)[ \t]*"
)

Key = tuple[str, str]  # a value, a label with yes or no, or a label


@dataclass(frozen=True, slots=True)
class Given:
    """One value that an input lists, with its label."""

    label: str
    value: str

    @property
    def is_yes(self) -> bool | None:
        """None if the value is neither yes nor no."""
        plain = self.value.casefold()
        return True if plain in _YES else False if plain in _NO else None

    @property
    def key(self) -> Key:
        """Answers word the same value of two labels the same way, except for yes and no."""
        return ("", self.value.casefold()) if self.is_yes is None else (self.label, "yes" if self.is_yes else "no")


@lru_cache(20_000)
def listed(text: str) -> tuple[Given, ...]:
    """What an input lists: JSON, `label[value], …`, `label: value` or `label = value` between line ends or any of
    `,;|`, or triples `subject | relation | object`. Empty if it isn't a list."""
    text = folded(text[:MOST_CHARACTERS]).strip()
    pairs = _json(text) or _triples(text) or _items(text)
    given = [
        Given(_plain(_INNER_CAPITAL.sub(" ", label)).casefold(), _plain(value))
        for label, value in pairs
        if _plain(value)
    ]
    return tuple(dict.fromkeys(given)) if len(given) >= FEWEST_LISTED else ()


def _plain(text: str) -> str:
    return " ".join(text.replace("_", " ").strip(" \t\n\"'{}").rstrip(".,;|").split())


def _json(text: str) -> list[tuple[str, str]]:
    if text[:1] not in ("{", "["):
        return []
    try:
        return list(_leaves("", json.loads(text)))
    except (ValueError, RecursionError):
        return []


def _leaves(label: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(label, inner)
    elif isinstance(value, bool):
        yield label, "yes" if value else "no"
    elif value is not None:
        yield label, str(value)


def _triples(text: str) -> list[tuple[str, str]]:
    """Each subject once, and each object with its relation."""
    lines = [line for line in text.splitlines() if line.strip()]
    triples = [match.groups() for match in map(_TRIPLE.match, lines) if match]
    if not triples or len(triples) < len(lines):
        return []
    subjects = dict.fromkeys(subject for subject, _, _ in triples)
    return [*(("subject", subject) for subject in subjects), *((relation, value) for _, relation, value in triples)]


def _items(text: str) -> list[tuple[str, str]]:
    """Each label with the text up to the next one; empty if labels repeat, as speakers do."""
    starts = list(_ITEM.finditer(text))
    pairs = []
    for match, following in zip_longest(starts, starts[1:]):
        value = text[match.end() : following.start() if following else len(text)]
        pairs.append((match["label"], value.partition("]")[0] if match["sign"] == "[" else value))
    return pairs if len({label for label, _ in pairs}) >= _OF_THEIR_OWN * len(pairs) else []


def without_slashes(text: str) -> str:
    """4/5 becomes 4 of 5: on a scale, five of five is not one."""
    return _SLASH.sub(r"\1 of \2", text)


def without_repeated(text: str, target: str, input: str) -> str:
    """An answer without the parts it copies from the input, if the expected answer doesn't copy them. Copying a list of
    facts isn't describing it, and copying a text isn't summarising it."""
    given = listed(input)
    items = [rf"{_spelled(one.label)}[\"']?\s*[:=\[]\s*[\"']?{_spelled(one.value)}\]?" for one in given]
    is_shorter = 0 < 2 * len(target) <= len(input)
    whole = [r"\s+".join(map(re.escape, input.split()))] if given or is_shorter else []
    patterns = [re.compile(rf"(?<!\w){each}(?!\w)", re.IGNORECASE) for each in whole + items]
    repeated = [pattern for pattern in patterns if pattern.search(text) and not pattern.search(target)]
    if len(repeated) < FEWEST_LISTED and patterns[:1] != repeated:  # "Your plan: Premium." is a sentence
        return text
    for pattern in repeated:
        text = pattern.sub(" ", text)
    return text if any(map(str.isalnum, text)) else ""


def _spelled(words: str) -> str:
    return r"[\s_]*".join(map(re.escape, words.split()))
