"""The documents of the invented companies: five for each company, and each fact in only one of them.

`company_documents.json` has three parts. `groups`: sentences for each group of attributes. `sorts`: the title, openings
and fillers of each sort of document. `plans`: which groups each sort of document tells; companies take turns at the
three plans. The slots {S} ("The company") and {P} ("The company's") begin a sentence, {s} and {p} stand inside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from eval.task import Document
from tests.benchmarks.company_world import Company, written

_READ = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Told:
    """A document with the attributes of its company that stand in it."""

    document: Document
    company: Company
    attributes: tuple[str, ...]


def tell(companies: Sequence[Company], random: Random) -> list[Told]:
    """Five documents for each company. Every wording is used about equally often."""
    groups, sorts, plans = _READ["groups"], _READ["sorts"], _READ["plans"]
    wordings = {name: _dealt(random, group["sentences"]) for name, group in groups.items()}
    openings = {name: _dealt(random, sort["openings"]) for name, sort in sorts.items()}
    told = []
    for at, company in enumerate(companies):
        for sort, planned in plans[at % len(plans)].items():
            said = ["private" if name == "listing" and not company.exchange else name for name in planned]
            slots = written(company, random.randrange(2))
            templates = [next(openings[sort]), *(next(wordings[name]) for name in said)]
            document = Document(
                f"{company.name.split()[0].lower()}-{sort}",
                sorts[sort]["title"].format(**slots),
                _flow(templates, sorts[sort]["fillers"], company.name, slots, random),
            )
            told.append(Told(document, company, tuple(each for name in said for each in groups[name]["attributes"])))
    return told


def _dealt(random: Random, templates: Sequence[str]) -> Iterator[str]:
    while True:
        yield from random.sample(templates, len(templates))


def _flow(templates: list[str], fillers: list[str], name: str, slots: dict[str, str], random: Random) -> str:
    """The sentences in order, with one or two fillers. The company goes by its name or by "the company", "the firm"."""
    between = random.sample(range(1, len(templates) + 1), random.choice((1, 2)))
    filled = dict(zip(between, random.sample(fillers, len(between)), strict=True))
    sentences = []
    for at, template in enumerate(templates, start=1):
        called = random.choice((name, name, "the company", "the firm"))
        owner = f"{called}'" if called.endswith("s") else f"{called}'s"
        names = {"S": called[:1].upper() + called[1:], "s": called, "P": owner[:1].upper() + owner[1:], "p": owner}
        sentences.append(template.format(**slots, **names))
        sentences += [filled[at]] if at in filled else []
    return " ".join(sentences)
