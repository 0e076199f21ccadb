"""Change documents: replace facts in them, or remove the documents that hold an answer.

A fact is a row's expected answer where it occurs in documents. It is replaced by a similar-looking answer of another
row. Deterministic for a seed, and every inserted text comes from the task.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from eval.failures.evidence import UNSPACED, line_of, number_of, stands_in
from eval.scoring import MetricName, Scorer
from eval.task import Document, Example, Kind, Metric
from eval.words import count_words

MOST_WORDS = 4  # of a fact: a longer answer is a phrase that fits nowhere else
MOST_DOCUMENTS = 5  # words found in more documents aren't a fact and hardly mean the same in each
LARGEST_SHARE_OUT = 0.5  # of the documents removed at once, unless a single row's are more

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
    """A row whose answer was replaced in the documents, and the new answer."""

    example: Example
    new: str


def change_facts(
    test: Sequence[Example], rows: Sequence[Example], documents: Sequence[Document], seed: int, most: int
) -> tuple[list[ChangedFact], list[Document]]:
    """At most `most` test rows with a new answer each, taken from `rows`; and all documents with the new answers.

    The documents no longer contain the old answer or another right one, and the new one is where the old one was. No
    change touches the question or the old or new answer of another row. Rows for which that is impossible are skipped.
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
            continue  # it also occurs there in another spelling: twelve for 12
        for new in _instead(row, alike[shape_of(old)], seed):
            if not _is_apart(row, new, facts) or any(stands_in(new, lines[id]) for id in holding):
                continue
            changed = {id: _replaced(texts[id], old, new) for id in holding}
            after = {id: _line(document) for id, document in changed.items()}
            others = [_bare(answer) for answer in row.also_right]
            if all(
                stands_in(new, line) and not any(stands_in(right, line) for right in (old, *others))
                for line in after.values()
            ):
                texts, lines = texts | changed, lines | after
                facts.append(ChangedFact(row, new))
                break
    return facts, list(texts.values())


def take_out(
    test: Sequence[Example], documents: Sequence[Document], seed: int, most: int
) -> list[tuple[list[Example], list[Document]]]:
    """At most `most` test rows in parts. Each part comes with the remaining documents after removing those that hold
    its rows' answers: the ones the person named and the ones with the answer's words. Rows whose answer is in too many
    documents are skipped."""
    lines = {document.id: _line(document) for document in documents}
    parts: list[tuple[list[Example], set[str]]] = []
    found = 0
    for row in Random(f"{seed}-out").sample(test, len(test)):
        if found == most:
            break
        holding = [holding_documents(answer, lines) for answer in row.answers]
        if not (out := {*lines}.intersection(row.document_ids).union(*holding)):
            continue
        said = [words for answer in row.answers if (words := line_of(answer)).strip()]
        if any(words in line for id, line in lines.items() if id not in out for words in said):
            continue
        found += 1
        fitting = (part for part in parts if len(part[1] | out) <= LARGEST_SHARE_OUT * len(lines))
        if (part := next(fitting, None)) is None:
            parts.append(part := ([], set()))
        part[0].append(row)
        part[1].update(out)
    return [(rows, [document for document in documents if document.id not in out]) for rows, out in parts]


def holding_documents(target: str, lines: dict[str, str]) -> set[str]:
    """The ids of the documents that contain the words of a target; none if too many do for it to be a fact."""
    if not (words := line_of(target)).strip():
        return set()
    found = {id for id, line in lines.items() if words in line}
    return found if len(found) <= MOST_DOCUMENTS else set()


def shape_of(text: str) -> Shape:
    """What a fact looks like: years, other numbers, months and days, capitalised and other words, and signs."""
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
    """Different answers of the same shape: first those with the same words around another number, then those to the
    same kind of question. `alike` maps each answer to its kinds of question."""
    others = [new for new in alike if _FACTS.score(new, replace(row, also_right=())).value < 1]
    Random(f"{seed}-{row.id}").shuffle(others)
    frame, asks = _frame(row.target), _asks(row)
    return sorted(others, key=lambda new: (_frame(new) != frame, asks not in alike[new]))


def _asks(row: Example) -> str:
    """The question word of an input: who, when, how many; "" if there is none, or in another language."""
    found = _ASKED_WITH.search(row.input.lower())
    return found[0] if found else ""


def _bare(text: str) -> str:
    """An answer as it would appear within a sentence."""
    return text.strip(" \n\t.,;:!?\"'“”")


def _frame(text: str) -> list[str]:
    return [token.lower() for token in _TOKEN.findall(text) if _kind_of(token) in ("word", "Word")]


def _is_apart(row: Example, said: str, facts: Sequence[ChangedFact]) -> bool:
    """Whether this change is independent: neither its old nor its new text occurs in its question or in the earlier
    changes, and none of their texts occurs in it or its question."""
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
    """The answer in any case and spacing. 12 doesn't match 12.5, nor "no" "know"."""
    bound = f"(?<![^\\W{UNSPACED}])(?<!\\d[.,:])", f"(?![^\\W{UNSPACED}])(?![.,:]\\d)"
    words = r"\s+".join(map(re.escape, old.split()))
    return re.compile(f"{bound[0]}{words}{bound[1]}", re.IGNORECASE)


def _line(document: Document) -> str:
    return line_of(f"{document.title}\n{document.text}")
