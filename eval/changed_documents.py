"""Documents as they may be tomorrow: with other facts in them, or without those that hold an answer.

A fact is the expected answer of a row where it stands in documents; it is replaced by the answer of another row that
looks alike. The same for the same seed, and no text is written that did not stand in the task.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from eval.evidence import UNSPACED, line_of, number_of, stands_in
from eval.scoring import MetricName, Scorer
from eval.task import Document, Example, Kind, Metric
from eval.words import count_words

MOST_WORDS = 4  # of a fact: a longer answer is a phrase, which fits nowhere else
MOST_DOCUMENTS = 5  # that hold an answer's words: in more they are no fact, and hardly mean the same in each
LARGEST_SHARE_OUT = 0.5  # of the documents are taken out at once, unless a single row's are more

_TOKEN = re.compile(r"\d+|[^\W\d_]+|[^\w\s]")
_MONTHS_AND_DAYS = frozenset(
    _TOKEN.findall(
        "january february march april may june july august september october november december monday tuesday "
        "wednesday thursday friday saturday sunday"
    )
)
_ASKED_WITH = re.compile(r"\b(?:who|whom|whose|when|where|why|which|what|how(?: \w+)?)\b")
_YEAR = re.compile(r"1\d{3}|20\d{2}")

_FACTS = Scorer(Kind.ANSWERING, Metric(MetricName.FACTS), ())  # whether two answers say the same

Shape = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangedFact:
    """A row whose answer stands in the documents no more, and what stands there instead."""

    example: Example
    new: str


def change_facts(
    test: Sequence[Example], rows: Sequence[Example], documents: Sequence[Document], seed: int, most: int
) -> tuple[list[ChangedFact], list[Document]]:
    """At most so many test rows with the new answer of each, one of those of `rows`; and all documents with the new
    answers in them.

    In these the old answer stands nowhere, and the new one where the old one stood; no change touches the question or
    the answer, old or new, of another row. A row for which that cannot be had is passed over.
    """
    alike: dict[Shape, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in sorted(rows, key=lambda row: row.target):
        alike[shape_of(_bare(row.target))][_bare(row.target)].add(_asks(row))
    texts = {document.id: document for document in documents}
    lines = {id: _line(document) for id, document in texts.items()}
    facts: list[ChangedFact] = []
    for row in Random(f"{seed}-facts").sample(test, len(test)):
        if len(facts) == most:
            break
        old, holding = _bare(row.target), holding_documents(row.target, lines)
        if not holding or count_words(old) > MOST_WORDS or not _is_apart(row, old, facts):
            continue
        if any(stands_in(old, _line(_replaced(texts[id], old, "…"))) for id in holding):
            continue  # it is also written otherwise there: twelve for 12
        for new in _instead(row, alike[shape_of(old)], seed):
            if not _is_apart(row, new, facts) or any(stands_in(new, lines[id]) for id in holding):
                continue
            changed = {id: _replaced(texts[id], old, new) for id in holding}
            after = {id: _line(document) for id, document in changed.items()}
            if all(stands_in(new, line) and not stands_in(old, line) for line in after.values()):
                texts, lines = texts | changed, lines | after
                facts.append(ChangedFact(row, new))
                break
    return facts, list(texts.values())


def take_out(
    test: Sequence[Example], documents: Sequence[Document], seed: int, most: int
) -> list[tuple[list[Example], list[Document]]]:
    """At most so many test rows in parts, each with the documents that are left when those that hold the answers of
    its rows are taken out: those that the person named, and those in which the answer's words stand. A row whose
    answer stands in too many to be taken out is passed over."""
    lines = {document.id: _line(document) for document in documents}
    parts: list[tuple[list[Example], set[str]]] = []
    found = 0
    for row in Random(f"{seed}-out").sample(test, len(test)):
        if found == most:
            break
        if not (out := {*lines}.intersection(row.document_ids) | holding_documents(row.target, lines)):
            continue
        words = line_of(row.target)
        if words.strip() and any(words in line for id, line in lines.items() if id not in out):
            continue
        found += 1
        fitting = (part for part in parts if len(part[1] | out) <= LARGEST_SHARE_OUT * len(lines))
        if (part := next(fitting, None)) is None:
            parts.append(part := ([], set()))
        part[0].append(row)
        part[1].update(out)
    return [(rows, [document for document in documents if document.id not in out]) for rows, out in parts]


def holding_documents(target: str, lines: dict[str, str]) -> set[str]:
    """The documents, by id, in which the words of a target stand; none where they stand in too many to be a fact."""
    if not (words := line_of(target)).strip():
        return set()
    found = {id for id, line in lines.items() if words in line}
    return found if len(found) <= MOST_DOCUMENTS else set()


def shape_of(text: str) -> Shape:
    """What a fact looks like: years, other numbers, months and days, and words by their capitals; signs as they are."""
    return tuple(map(_kind_of, _TOKEN.findall(text)))


def _kind_of(token: str) -> str:
    if token.isdecimal():
        return "year" if _YEAR.fullmatch(token) else "number"
    if token.lower() in _MONTHS_AND_DAYS:
        return "date"
    if number_of(token) != token.lower():
        return "number word"
    if not token.isalpha():
        return token
    return "capitals" if token.isupper() and len(token) > 1 else "Word" if token[0].isupper() else "word"


def _instead(row: Example, alike: dict[str, set[str]], seed: int) -> list[str]:
    """Answers of its shape that say something else: first those with the same words around another number, then those
    to the same kind of question; `alike` has the kinds of question that each answers."""
    others = [new for new in alike if _FACTS.score(new, replace(row, also_right=())).value < 1]
    Random(f"{seed}-{row.id}").shuffle(others)
    frame, asks = _frame(row.target), _asks(row)
    return sorted(others, key=lambda new: (_frame(new) != frame, asks not in alike[new]))


def _asks(row: Example) -> str:
    """The word that makes a question of an input: who, when, how many; "" for none, or in another language."""
    found = _ASKED_WITH.search(row.input.lower())
    return found[0] if found else ""


def _bare(text: str) -> str:
    """An answer as it would stand within a sentence."""
    return text.strip(" \n\t.,;:!?\"'“”")


def _frame(text: str) -> list[str]:
    return [token.lower() for token in _TOKEN.findall(text) if _kind_of(token) in ("word", "Word")]


def _is_apart(row: Example, said: str, facts: Sequence[ChangedFact]) -> bool:
    """Whether what stood or shall stand in a row's documents stands neither in its question nor in what the facts
    changed before are about, and none of theirs in it or its question."""
    line, asked = line_of(said), line_of(row.input)
    if line in asked:
        return False
    for fact in facts:
        for other in (line_of(fact.example.target), line_of(fact.new)):
            if line in other or other in line or other in asked or line in line_of(fact.example.input):
                return False
    return True


def _replaced(document: Document, old: str, new: str) -> Document:
    pattern = _pattern(old)
    title, text = (pattern.sub(lambda _: new, part) for part in (document.title, document.text))
    return replace(document, title=title, text=text)


def _pattern(old: str) -> re.Pattern[str]:
    """The answer as it is written, in any case and spacing; 12 does not stand in 12.5, nor "no" in "know"."""
    bound = f"(?<![^\\W{UNSPACED}])(?<!\\d[.,:])", f"(?![^\\W{UNSPACED}])(?![.,:]\\d)"
    words = r"\s+".join(map(re.escape, old.split()))
    return re.compile(f"{bound[0]}{words}{bound[1]}", re.IGNORECASE)


def _line(document: Document) -> str:
    return line_of(f"{document.title}\n{document.text}")
