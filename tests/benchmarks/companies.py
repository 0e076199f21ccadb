"""A planted task: 300 questions about 40 invented companies, answered in sentences from 200 documents.

Only a strategy that looks facts up can be right: no model knows these companies, and no question asks for a fact that
another one asks for. The documents answer nine tenths of the questions; the right answer to the rest says so.
`python -m tests.benchmarks.companies FOLDER` writes the task there.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from random import Random

from eval.task import Document
from tests.benchmarks.company_documents import Told, tell
from tests.benchmarks.company_facts import keypoints_of, make_reader, polarity
from tests.benchmarks.company_topics import (
    FLUENT,
    OTHER_REFUSALS,
    PLAIN_REFUSALS,
    REFUSALS,
    STATEMENTS,
    TOPICS,
    UNKNOWNS,
    Topic,
    Unknown,
)
from tests.benchmarks.company_world import Company, altered, make_companies, written
from tests.benchmarks.stated_facts import Keypoint, PoolRow, Reader

QUESTIONS = 300
UNANSWERABLE = 30
RIGHT = ("other words", "other order", "other notation", "fragment", "long")


@dataclass(frozen=True, slots=True)
class Question:
    """A row of the task. `told` is the document that answers it, None where none does; `wording` is the template of
    the expected answer and `style` the notation of its values."""

    id: str
    company: Company
    asked: Topic | Unknown
    text: str
    answer: str
    wording: str
    style: int
    told: Told | None
    keypoints: tuple[Keypoint, ...]


@dataclass(frozen=True, slots=True)
class World:
    companies: tuple[Company, ...]
    told: tuple[Told, ...]
    questions: tuple[Question, ...]
    reader: Reader


@lru_cache(maxsize=2)
def world(seed: int = 0) -> World:
    random = Random(f"companies {seed}")
    companies = make_companies(random)
    told = tell(companies, random)
    questions = [*_answerable(companies, told, random), *_unanswerable(companies, random)]
    random.shuffle(questions)
    # Ids are those that the product gives: "r" and the row of the file, whose first row is the header.
    numbered = tuple(replace(question, id=f"r{at}") for at, question in enumerate(questions, start=2))
    texts = [one.document.text for one in told] + [text for one in numbered for text in (one.text, one.answer)]
    return World(tuple(companies), tuple(told), numbered, make_reader(companies, texts))


def documents(seed: int = 0) -> list[Document]:
    return [one.document for one in world(seed).told]


def write_task(folder: Path, seed: int = 0) -> None:
    """Writes task.csv and docs.jsonl, as `python -m advisor compare` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(("question", "answer", "doc_id"))
    for one in world(seed).questions:
        rows.writerow((one.text, one.answer, one.told.document.id if one.told else ""))
    (folder / "task.csv").write_text(table.getvalue(), encoding="utf-8", newline="")
    shown = [{"id": one.id, "title": one.title, "text": one.text} for one in documents(seed)]
    lines = [json.dumps(each, ensure_ascii=False) for each in shown]
    (folder / "docs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def truth(question_id: str, text: str, seed: int = 0) -> float:
    """The share of the facts of the expected answer that the text states; where nothing can be known, 1 if it says so,
    else 0. Raises KeyError where no question has this id."""
    return _truth(_by_id(seed)[question_id], text, seed)


@lru_cache(maxsize=2)
def pool(seed: int = 0) -> tuple[PoolRow, ...]:
    """For each question five right answers that are worded unlike the expected one, and corrupted answers."""
    random = Random(f"pool {seed}")
    return tuple(
        PoolRow(question.id, text, variant, _truth(question, text, seed))
        for question in world(seed).questions
        for variant, text in _variants(question, world(seed), random)
    )


@lru_cache(maxsize=2)
def _by_id(seed: int) -> dict[str, Question]:
    return {question.id: question for question in world(seed).questions}


def _truth(question: Question, text: str, seed: int) -> float:
    others = "|".join(one.name.split()[0] for one in world(seed).companies if one is not question.company)
    subject = rf"\b{question.company.name.split()[0]}\b"
    return world(seed).reader.share_stated(question.keypoints, text, subject, rf"\b(?:{others})\b")


def _answerable(companies: list[Company], told: list[Told], random: Random) -> Iterator[Question]:
    """Questions in turn for each company, of the topics that were asked least; no attribute of a company is asked for
    twice, and all that a question asks for stands in one document."""
    asked: Counter[Topic] = Counter()
    known: dict[str, set[str]] = {company.name: set() for company in companies}
    of = {company.name: [one for one in told if one.company is company] for company in companies}
    turn = 0
    while asked.total() < QUESTIONS - UNANSWERABLE:
        company = companies[turn % len(companies)]
        turn += 1
        open_topics = [
            (asked[topic], random.random(), topic, source)
            for topic in TOPICS
            if topic.fits(company) and not known[company.name] & {*topic.attributes}
            for source in of[company.name]
            if {*topic.attributes} <= {*source.attributes}
        ]
        if open_topics:
            *_, topic, source = min(open_topics, key=lambda each: each[:2])
            yield _ask(company, topic, source, asked[topic], random)
            asked[topic] += 1
            known[company.name] |= {*topic.attributes}


def _ask(company: Company, topic: Topic, told: Told, before: int, random: Random) -> Question:
    style = random.randrange(2)
    slots, wording = written(company, style), random.choice(topic.answers)
    says = (polarity(topic),) if topic.says else ()
    facts = tuple(fact for attribute in topic.attributes for fact in keypoints_of(company, attribute))
    question = topic.questions[before % len(topic.questions)].format(**slots)
    return Question("", company, topic, question, wording.format(**slots), wording, style, told, says + facts)


def _unanswerable(companies: list[Company], random: Random) -> Iterator[Question]:
    for at, company in enumerate(random.sample(companies, UNANSWERABLE)):
        unknown = UNKNOWNS[at % len(UNKNOWNS)]
        slots = written(company, 0)
        text = unknown.questions[at // len(UNKNOWNS) % len(unknown.questions)].format(**slots)
        missing = Keypoint("refusal", unknown.attribute, unknown.dimension, ())
        wording = random.choice(REFUSALS)
        yield Question("", company, unknown, text, _refused(wording, unknown, slots), wording, 0, None, (missing,))


def _variants(question: Question, world: World, random: Random) -> Iterator[tuple[str, str]]:
    slots = written(question.company, question.style)
    if isinstance(question.asked, Topic):
        yield from _right(question, question.asked, random)
        yield from _wrong(question, question.asked, world, random)
        about = question.asked.about
        yield "refusal", random.choice(PLAIN_REFUSALS).format(about=about, **slots)
    else:
        unknown, about = question.asked, question.asked.thing.format(**slots)
        source = random.choice([one for one in world.told if one.company is question.company])
        extra = STATEMENTS[random.choice(source.attributes)].format(**slots)
        for variant, wording in OTHER_REFUSALS:
            yield variant, _refused(wording, unknown, slots, extra)
        yield "invented answer", unknown.invented.format(n=random.randint(*unknown.numbers), **slots)
    yield "answer of another row", _another(question, world, random).answer
    yield "question repeated", question.text
    yield "fluent without the fact", random.choice(FLUENT).format(about=about, **slots)


def _right(question: Question, topic: Topic, random: Random) -> Iterator[tuple[str, str]]:
    company = question.company
    slots, other = written(company, random.randrange(2)), written(company, random.choice((2, 3)))
    assert question.told is not None
    extra = [each for each in question.told.attributes if each not in topic.attributes]
    another = random.choice([each for each in topic.answers if each != question.wording])
    reworded = random.sample(topic.other_words, len(topic.other_words))
    yield "other words", reworded[0].format(**slots)
    yield "other order", random.choice(topic.other_order).format(**slots)
    renoted = question.wording.format(**other)
    if renoted != question.answer:
        yield "other notation", renoted
    else:  # a town, for example, can only be written in one way
        spare = (*reworded[1:], *topic.answers)
        yield "other words", next(each for each in spare if each != question.wording).format(**slots)
    yield "fragment", _fragment(topic.fragment.format(**slots))
    added = " ".join(STATEMENTS[each].format(**slots) for each in random.sample(extra, min(2, len(extra))))
    yield "long", f"{another.format(**slots)} {added}"


def _wrong(question: Question, topic: Topic, world: World, random: Random) -> Iterator[tuple[str, str]]:
    company = question.company

    def changed(attribute: str, wording: str) -> str:
        return wording.format(**written(altered(company, attribute, world.companies, random), question.style))

    kinds = {keypoints_of(company, each)[0].kind: each for each in topic.attributes if each != "private"}
    for kind, attribute in kinds.items():
        yield f"{'name' if kind == 'text' else kind} changed", changed(attribute, question.wording)
    if topic.says:
        yield "yes/no changed", _contrary(topic, company, world, random)
    if len(question.keypoints) < 2:
        return
    *kept, last = random.sample(topic.attributes, len(topic.attributes))
    yield "one fact distorted", changed(last, random.choice(topic.other_words))
    if topic.says:
        yield "one fact dropped", f"{topic.says.capitalize()}."
        return
    if last == "founders":  # two facts, of which one is dropped
        kept, company = list(topic.attributes), replace(company, founders=company.founders[:1])
    slots = written(company, question.style)
    yield "one fact dropped", " ".join(STATEMENTS[each].format(**slots) for each in kept)


def _contrary(topic: Topic, company: Company, world: World, random: Random) -> str:
    """The opposite answer, with a reason that fits it."""
    donors = [other for other in TOPICS if other.says and other.says != topic.says and other.about == topic.about]
    fitting = [each for each in world.companies if donors[0].fits(each)]
    giver = random.choice(fitting)
    turned = replace(company, exchange=giver.exchange, listed_on=giver.listed_on, days=giver.days)
    return random.choice(donors[0].answers).format(**written(turned, 0))


def _another(question: Question, world: World, random: Random) -> Question:
    """A question about another company; half of the time it asks for the same attributes."""
    others = [one for one in world.questions if one.company is not question.company and one.told]
    alike = [one for one in others if one.asked == question.asked]
    return random.choice(alike if alike and random.random() < 0.5 else others)


def _refused(wording: str, unknown: Unknown, slots: dict[str, str], extra: str = "") -> str:
    missing, thing = unknown.missing.format(**slots), unknown.thing.format(**slots)
    text = wording.format(missing=missing, thing=thing, extra=extra)
    return text[:1].upper() + text[1:]


def _fragment(text: str) -> str:
    """An answer that is only a name has no article: "London Stock Exchange."."""
    return text[:1].upper() + text[1:] if not re.match("the ", text) else text[4:]


if __name__ == "__main__":
    write_task(Path(sys.argv[1]))
