"""Tasks made so that it is known which way should win: real runs of the real model, and the verdict each comes to.

Every task is drawn with a seed from lists of made-up names, so the model cannot know any of it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from advisor.candidates import baselines, judged
from advisor.decision.choice import SAME_COST
from advisor.plan import Plan, Setup
from advisor.runs.experiment import prepare, run_experiment
from advisor.schema import Report
from advisor.storage.store import Store
from advisor.wording import name_of

ALL = ("prompting", "prompting_examples", "retrieval", "finetuning")
WITH_BOTH = (*ALL, "retrieval_finetuning")
TRAINED = ("finetuning", "retrieval_finetuning")
READING = ("retrieval", "retrieval_finetuning")


@dataclass(frozen=True, slots=True)
class Planted:
    """A task with what must come of it: one of `winners` is taken, or the verdict is not strong where `winners` is
    empty; the cheapest of those that score as well where they are `alike`; a baseline is named where `has_baseline`."""

    name: str
    rows: list[tuple[str, str]]
    strategies: tuple[str, ...]
    winners: tuple[str, ...]
    alike: bool = False
    has_baseline: bool = False
    documents: list[tuple[str, str]] | None = None

    def holds(self, report: Report) -> bool:
        recommendation = report.recommendation
        if self.has_baseline and not recommendation.level_baseline:
            return False
        if self.alike:
            return recommendation.choice in _cheapest(report)
        if not self.winners:
            return recommendation.choice == "prompting" or recommendation.confidence != "strong"
        return recommendation.choice in self.winners


def run(full: bool) -> list[dict[str, Any]]:
    return [_measure(make(), "standard" if full else "quick") for make in TASKS]


def _measure(task: Planted, preset: str) -> dict[str, Any]:
    with TemporaryDirectory() as home:
        store = Store(Path(home))
        documents = "".join(
            json.dumps({"id": title, "title": title, "text": text}) + "\n" for title, text in task.documents or []
        )
        given = ("documents.jsonl", documents.encode()) if documents else (None, None)
        dataset = store.add_dataset(f"{task.name}.csv", _csv(task.rows), *given)
        plan = Plan(dataset.id, Setup("input", "target"), preset=preset, strategies=task.strategies, reuses=False)
        report = run_experiment(store, prepare(store, plan).id, lambda step: None, lambda: False)
    assert report is not None, f"{task.name} has no report"
    verdict = report.recommendation
    scores = {one.id: one.score.mean for one in judged(report)}
    best_baseline = max((one.score.mean for one in baselines(report)), default=None)
    return {
        "task": task.name,
        "should win": ", ".join(map(name_of, task.winners)) or "nothing, by a strong verdict",
        "verdict": f"{verdict.headline} ({verdict.confidence})",
        **{name_of(name): f"{scores[name]:.2f}" if name in scores else "–" for name in WITH_BOTH},
        "best baseline": "–" if best_baseline is None else f"{best_baseline:.2f}",
        "baseline named": name_of(verdict.level_baseline) if verdict.level_baseline else "none",
        "as planted": "yes" if task.holds(report) else "no",
    }


def _cheapest(report: Report) -> list[str]:
    """Of the strategies within the margin of the best score, those that cost least, as far as seconds can tell."""
    priorities, done = report.priorities, judged(report)
    totals = {
        one.id: one.cost.total_over(priorities.months, priorities.monthly_volume) or 0.0
        for one in done
        if one.score.mean >= done[0].score.mean - priorities.margin
    }
    return [name for name, total in totals.items() if total <= SAME_COST * min(totals.values())]


def _csv(rows: list[tuple[str, str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows([("input", "target"), *rows])
    return written.getvalue().encode()


PLACES = [
    "Torvad",
    "Ilmeny",
    "Quessant",
    "Marrow Hill",
    "Bexley Fen",
    "Ostrava Bay",
    "Lindle",
    "Carrick",
    "Vantor",
    "Soley",
]
PEOPLE = [
    "Mara Quill",
    "Tobin Ash",
    "Ines Varga",
    "Pell Okafor",
    "Runa Holt",
    "Dario Finch",
    "Suki Brandt",
    "Ewan Lisle",
]
COLOURS = ["amber", "teal", "slate", "crimson", "ivory", "olive", "violet", "copper"]
THINGS = [
    "lamp",
    "ladder",
    "kettle",
    "saddle",
    "drum",
    "mirror",
    "crate",
    "anchor",
    "basket",
    "bench",
    "lantern",
    "kite",
]
MAKES = [
    first + last
    for first, last in product(
        ("Vel", "Kro", "Zan", "Mip", "Dru", "Fal", "Tis", "Gor"), ("trix", "bel", "nor", "dek", "mia", "lux")
    )
]


def invented_facts() -> Planted:
    """Made-up devices, each with a page of its own; the answer is one name or word of that page."""
    random = Random(1)
    rows, documents = [], []
    for make in MAKES:
        person, place, colour, thing = (random.choice(of) for of in (PEOPLE, PLACES, COLOURS, THINGS))
        weight = f"{random.randint(2, 90)} kilograms"
        facts = [
            f"The {make} was designed by {person}.",
            f"It is built in {place}.",
            f"The colour of every {make} is {colour}.",
            f"It weighs {weight}.",
            f"It is packed together with a {thing}.",
        ]
        random.shuffle(facts)
        documents.append((make, " ".join(facts)))
        rows += [
            (f"Who designed the {make}?", person),
            (f"Where is the {make} built?", place),
            (f"What is the colour of the {make}?", colour),
            (f"How much does the {make} weigh?", weight),
            (f"What is packed together with the {make}?", thing),
        ]
    random.shuffle(rows)
    return Planted("invented facts", rows, WITH_BOTH, READING, documents=documents)


def private_codes() -> Planted:
    """A code of two letters for two things said in a sentence full of others: the words near it say nothing, the rule
    does, and only examples tell it."""
    random = Random(2)
    urgency = {
        "R": ("before noon", "at once", "within the hour"),
        "L": ("some day", "when there is room", "next month"),
    }
    weight = {"K": ("a pallet of", "a truckload of", "forty crates of"), "M": ("one single", "a pair of", "just one")}
    rows = []
    for _ in range(520):
        first, second = random.choice("RL"), random.choice("KM")
        when, much = random.choice(urgency[first]), random.choice(weight[second])
        thing, place, person = random.choice(THINGS), random.choice(PLACES), random.choice(PEOPLE)
        colour = random.choice(COLOURS)
        text = random.choice(
            (
                f"{person} from {place} wants {much} {colour} {thing}, {when}.",
                f"For {place}: {much} {colour} {thing} to {person} {when}.",
                f"Please send {much} {thing}, {colour}, to {person} in {place} {when}.",
            )
        )
        rows.append((text, first + second))
    return Planted("private codes", rows, ALL, TRAINED)


def private_format() -> Planted:
    """Fields of a private form, with short names of its own, filled from the sentence."""
    random = Random(3)
    rows = []
    for _ in range(420):
        person, place, thing, colour = (random.choice(of) for of in (PEOPLE, PLACES, THINGS, COLOURS))
        count = random.randint(2, 60)
        text = random.choice(
            (
                f"{person} needs {count} {colour} {thing}s in {place}.",
                f"Send {count} {thing}s, {colour}, to {place}; ask for {person}.",
                f"In {place}, {person} is waiting for {count} {thing}s. They should be {colour}.",
            )
        )
        form = {"q": count, "art": thing, "farb": colour, "ort": place, "an": person}
        rows.append((text, json.dumps(form, ensure_ascii=False)))
    return Planted("private form", rows, ALL, TRAINED)


def coin_flips() -> Planted:
    """Labels thrown with a coin: no way can be better than another."""
    random = Random(4)
    rows = []
    for at in range(400):
        person, place, thing = (random.choice(of) for of in (PEOPLE, PLACES, THINGS))
        rows.append((f"Ticket {at}: {person} asks about the {thing} in {place}.", random.choice(("east", "west"))))
    return Planted("coin flips", rows, ALL, ())


def keywords() -> Planted:
    """One word decides; a classifier of words needs no language model."""
    random = Random(5)
    words = {"lighting": ("lamp", "lantern"), "climbing": ("ladder", "rope"), "kitchen": ("kettle", "pan")}
    rows = []
    for at in range(420):
        label = random.choice(list(words))
        person, place, colour = (random.choice(of) for of in (PEOPLE, PLACES, COLOURS))
        rows.append((f"Order {at}: {person} of {place} takes the {colour} {random.choice(words[label])}.", label))
    return Planted("one word decides", rows, ALL, ALL, has_baseline=True)


def said_outright() -> Planted:
    """The label stands in the input, so that those with solved examples before them are alike: the cheapest will do."""
    random = Random(6)
    rows = []
    for at in range(400):
        label, place, thing = (random.choice(of) for of in (COLOURS, PLACES, THINGS))
        rows.append((f"Order {at} from {place}: one {label} {thing}, please.", label))
    return Planted("said outright", rows, ALL, ALL, alike=True, has_baseline=True)


TASKS: tuple[Callable[[], Planted], ...] = (
    invented_facts,
    private_codes,
    private_format,
    coin_flips,
    keywords,
    said_outright,
)
