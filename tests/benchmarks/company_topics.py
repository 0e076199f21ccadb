"""What is asked about the invented companies and how it can be answered: `company_topics.json`, typed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.company_world import Company


@dataclass(frozen=True, slots=True)
class Topic:
    """What can be asked of a company: `attributes` are what the answer states, `about` what the question is about.

    `answers` are the expected ones; `other_words` and `other_order` are kept for the pool and are never expected.
    `fragment` is the shortest right answer. `says` is "yes" or "no" where the question can be answered so.
    """

    attributes: tuple[str, ...]
    about: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    other_words: tuple[str, ...]
    other_order: tuple[str, ...]
    fragment: str
    says: str = ""

    def fits(self, company: Company) -> bool:
        if "private" in self.attributes:
            return company.exchange is None
        if "days" in self.attributes and self.says:
            return ("Saturday" in company.days) == (self.says == "yes")
        return all(getattr(company, attribute) is not None for attribute in self.attributes)


@dataclass(frozen=True, slots=True)
class Unknown:
    """What no document says: how it is asked, what is `missing` as a clause and as a `thing`, and an invented answer
    with a number between the two `numbers` in it."""

    attribute: str
    dimension: str
    questions: tuple[str, ...]
    missing: str
    thing: str
    invented: str
    numbers: tuple[int, int]


def _frozen(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


_READ = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
TOPICS = tuple(Topic(**_frozen(fields)) for fields in _READ["topics"])
UNKNOWNS = tuple(Unknown(**_frozen(fields)) for fields in _READ["unknowns"])
# A sentence for each attribute alone: what is left of an answer that drops a fact, what a long answer adds.
STATEMENTS: dict[str, str] = _READ["statements"]
REFUSALS: list[str] = _READ["refusals"]  # the expected answers where no document answers
OTHER_REFUSALS: list[tuple[str, str]] = [tuple(each) for each in _READ["other_refusals"]]  # a variant and its wording
PLAIN_REFUSALS: list[str] = _READ["plain_refusals"]  # where a document would have answered
FLUENT: list[str] = _READ["fluent"]  # sentences that hold no fact
