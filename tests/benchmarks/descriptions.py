"""A planted task: describe an eating place in one to three sentences that state every given fact and nothing else.

The input holds all facts, so nothing has to be known. `python -m tests.benchmarks.descriptions FOLDER` writes the task
there.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

from tests.benchmarks.description_forms import FORMS, POLAR
from tests.benchmarks.description_text import describe, describe_backwards, key_words
from tests.benchmarks.description_words import CHOICES, LANDMARKS, NAMES
from tests.benchmarks.number_notations import Day
from tests.benchmarks.stated_facts import FactKind, Keypoint, PoolRow, Reader

ROWS = 300
RIGHT = ("other words", "other order", "key words", "synonyms")
_OPTIONAL = (
    "type",
    "food",
    "price",
    "area",
    "near",
    "family",
    "rating",
    "seats",
    "opened",
    "closes",
    "terrace",
    "dogs",
)
_LABELS = {
    "name": ("name", "name", "venue"),
    "type": ("type", "kind of place", "type"),
    "food": ("food", "cuisine", "food"),
    "price": ("price", "price range", "cost"),
    "area": ("area", "location", "part of town"),
    "near": ("near", "close to", "nearby"),
    "family": ("family friendly", "suitable for families", "children welcome"),
    "rating": ("rating", "guest rating", "stars"),
    "seats": ("seats", "number of seats", "seats"),
    "opened": ("opened", "open since", "year opened"),
    "closes": ("closes at", "closing time", "open until"),
    "terrace": ("terrace", "outdoor seating", "terrace"),
    "dogs": ("dogs", "dogs allowed", "dogs"),
}
_FACTS: dict[str, tuple[FactKind, str]] = {
    "name": ("name", "name"),
    "near": ("name", "near"),
    "family": ("yes-no", "family"),
    "dogs": ("yes-no", "dogs"),
    "terrace": ("yes-no", "terrace"),
    "rating": ("number", "rating"),
    "seats": ("number", "count"),
    "opened": ("date", "date"),
    "closes": ("number", "clock"),
}

Facts = dict[str, str | int]  # each attribute of a place with its value, in the order of the input


@dataclass(frozen=True, slots=True)
class Description:
    """A row of the task."""

    id: str
    facts: Facts
    input: str
    text: str
    keypoints: tuple[Keypoint, ...]


@lru_cache(maxsize=2)
def descriptions(seed: int = 0) -> tuple[Description, ...]:
    random = Random(f"descriptions {seed}")
    rows = []
    # Ids are those that the product gives: "r" and the row of the file, whose first row is the header.
    for at, name in enumerate(random.sample(NAMES, ROWS), start=2):
        chosen = random.sample(_OPTIONAL, 2 + at % 6)
        if at % 3:
            chosen.sort(key=_OPTIONAL.index)
        facts: Facts = {"name": name, **{attribute: _drawn(attribute, random) for attribute in chosen}}
        text = describe(facts, "expected", f"{seed} {at}")
        rows.append(
            Description(f"r{at}", facts, _layout(facts, at, random), text, tuple(map(_keypoint, facts.items())))
        )
    return tuple(rows)


def write_task(folder: Path, seed: int = 0) -> None:
    """Writes task.csv, as `python -m advisor compare` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    table = io.StringIO()
    csv.writer(table).writerows([("input", "output"), *((row.input, row.text) for row in descriptions(seed))])
    (folder / "task.csv").write_text(table.getvalue(), encoding="utf-8", newline="")


def truth(row_id: str, text: str, seed: int = 0) -> float:
    """The share of the given facts that the text states, attribute by attribute. Raises KeyError for another id."""
    return _reader().share_stated(_by_id(seed)[row_id].keypoints, text)


@lru_cache(maxsize=2)
def pool(seed: int = 0) -> tuple[PoolRow, ...]:
    """For each row four complete descriptions in other words, and seven with a fact dropped, distorted or both: three
    that otherwise read like the expected text, two in other words, and two in words that no training answer uses."""
    random = Random(f"pool {seed}")
    made: list[tuple[str, str, str]] = []
    for row in descriptions(seed):
        as_expected = f"{seed} {row.id[1:]}"  # the choices of words that the expected text was made of
        dropped, distorted = random.sample([each for each in row.facts if each != "name"], 2)
        less = _without(row.facts, dropped)
        wrong = row.facts | {distorted: _another(distorted, row.facts[distorted], random)}
        texts = {
            "other words": describe(row.facts, "reworded", row.id),
            "other order": describe_backwards(row.facts, "reworded", f"{row.id} back"),
            "key words": key_words(row.facts),
            "synonyms": describe(row.facts, "synonyms", row.id),
            "one fact dropped": describe(less, "expected", as_expected),
            "one fact dropped, other words": describe(less, "reworded", row.id),
            "one fact dropped, synonyms": describe(less, "synonyms", row.id),
            "one fact distorted": describe(wrong, "expected", as_expected),
            "one fact distorted, other words": describe(wrong, "reworded", row.id),
            "one fact distorted, synonyms": describe(wrong, "synonyms", row.id),
            "one dropped, one distorted": describe(_without(wrong, dropped), "expected", as_expected),
        }
        made += [(row.id, text, variant) for variant, text in texts.items()]
    return tuple(PoolRow(row_id, text, variant, truth(row_id, text, seed)) for row_id, text, variant in made)


@lru_cache(maxsize=2)
def _by_id(seed: int) -> dict[str, Description]:
    return {row.id: row for row in descriptions(seed)}


@lru_cache(maxsize=1)
def _reader() -> Reader:
    forms = {
        dimension: {value: f"(?i:{form})" for value, form in values.items()} for dimension, values in FORMS.items()
    }
    names = {name: re.escape(name) for name in NAMES}
    near = {landmark: landmark.removeprefix("the ") for landmark in LANDMARKS}
    return Reader(
        {"name": names, "near": near, **forms}, cues={}, polar=POLAR, denies=False, capitals=frozenset({"name", "near"})
    )


def _keypoint(fact: tuple[str, str | int]) -> Keypoint:
    attribute, value = fact
    kind, dimension = _FACTS.get(attribute, ("text", attribute))
    return Keypoint(kind, attribute, dimension, (Day(value) if kind == "date" and isinstance(value, int) else value,))


def _drawn(attribute: str, random: Random) -> str | int:
    match attribute:
        case "seats":
            return random.randint(20, 95)
        case "opened":
            return random.randint(1962, 2023)
        case "closes":
            return random.randrange(1200, 1410, 30)
    return random.choice(CHOICES[attribute])


def _another(attribute: str, value: str | int, random: Random) -> str | int:
    while (other := _drawn(attribute, random)) == value:
        pass
    return other


def _without(facts: Facts, dropped: str) -> Facts:
    return {attribute: value for attribute, value in facts.items() if attribute != dropped}


def _layout(facts: Facts, at: int, random: Random) -> str:
    """The facts as lists of them are written: five layouts, and two or three names for each attribute."""
    named = {_LABELS[attribute][random.randrange(3)]: _plain(attribute, value) for attribute, value in facts.items()}
    match at % 6:
        case 0:
            return "; ".join(f"{label} = {value}" for label, value in named.items())
        case 1:
            return "\n".join(f"- {label}: {value}" for label, value in named.items())
        case 2:
            return ", ".join(f"{label}[{value}]" for label, value in named.items())
        case 3:
            return json.dumps(named, ensure_ascii=False)
    return " | ".join(f"{label}: {value}" for label, value in named.items())


def _plain(attribute: str, value: object) -> str:
    if attribute == "rating":
        return f"{value} of 5"
    if attribute == "closes" and isinstance(value, int):
        return f"{value // 60}:{value % 60:02}"
    return str(value)


if __name__ == "__main__":
    write_task(Path(sys.argv[1]))
