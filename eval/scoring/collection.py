"""All texts of a task together: how rare a word is, what is a name, and what occurs nowhere."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from textwrap import wrap

from eval.scoring.dates import Date, puts_month_first
from eval.scoring.numbers import Quantity, uses_decimal_comma
from eval.scoring.reading import Fact, FactKind, Notation, Said, read
from eval.scoring.words import find_words, folded, stem_of
from eval.task import Document, Example

_MOST_TEXTS_CACHED = 50_000
_FEWEST_TO_TELL, _COMMON = 50, 0.3  # texts, and a rarity: a stem in a tenth of 50 texts, or in a fortieth of 1,000
_EVERYWHERE = 0.2  # of the texts
_LONGEST_ABBREVIATION = 4  # letters
_CARRIED_POWER = 4  # a word that four of five answers repeat counts less than half
_PIECE_CHARACTERS = 4_000  # most characters per piece of a document, cut between lines


class Collection:
    """Built once per task from its training rows (`train`), its documents, and all its rows (`examples`). Inputs and
    expected answers of `examples` support what an answer states. The same text means the same whichever strategy wrote
    it."""

    def __init__(self, train: Sequence[Example], documents: Sequence[Document], examples: Sequence[Example]) -> None:
        answers = [text for row in train for text in row.answers]
        self.notation = Notation(uses_decimal_comma(answers), puts_month_first(answers))
        self._names = _known_names([*answers, *(f"{one.title}. {one.text}" for one in documents)])
        self.read = lru_cache(_MOST_TEXTS_CACHED)(self._read)
        self._holding: defaultdict[Hashable, set[str]] = defaultdict(set)  # the documents that hold a value
        pieces: list[frozenset[str]] = []
        for document in documents:
            for piece in _pieces(f"{document.title}\n{document.text}"):
                said = self._read(piece)
                pieces.append(said.stems)
                for value in _values(said):
                    self._holding[value].add(document.id)
        self._in_pieces = Counter(stem for stems in pieces for stem in stems)
        learned = [self.read(text).stems for text in answers]
        self._in_pieces.update(stem for stems in learned for stem in stems)
        self._pieces = len(pieces) + len(learned)
        asked = [self.read(row.input).stems for row in train]
        self._carried = Counter(
            stem
            for row, stems in zip(train, asked, strict=True)
            for stem in stems.intersection(*(self.read(text).stems for text in row.answers))
        )
        self._in_inputs, self._inputs = Counter(stem for stems in asked for stem in stems), len(asked)
        self._asked_about = {name for row in examples for name in _names(self.read(row.input))}
        self._elsewhere: set[Hashable] = set()
        for row in examples:
            for text in (row.input, *row.answers):
                self._elsewhere.update(_values(self.read(text)))

    def _read(self, text: str) -> Said:
        return read(text, self.notation, self._names.__contains__)

    def rarity(self, stem: Hashable) -> float:
        """From 0 for a stem in every document and training answer to 1 for a stem in none."""
        if not self._pieces:
            return 1.0
        return (math.log((self._pieces + 1) / (self._in_pieces[str(stem)] + 1)) / math.log(self._pieces + 1)) ** 2

    def says_little(self, fact: Fact) -> bool:
        """Whether the fact is a code or a name that occurs all over the task, such as COVID-19 in questions about it,
        or an abbreviation that many documents contain, such as CEO. A task with few texts can't show this."""
        if fact.kind not in (FactKind.NAME, FactKind.CODE) or len(fact.values) > 1 or self._pieces < _FEWEST_TO_TELL:
            return False
        stem = str(fact.values[0])
        is_short = fact.kind is FactKind.NAME and len(stem) <= _LONGEST_ABBREVIATION
        return (is_short and self.rarity(stem) < _COMMON) or self._in_pieces[stem] > _EVERYWHERE * self._pieces

    def must_be_carried(self, stem: Hashable) -> float:
        """1 for a word that distinguishes inputs and that training answers repeat whenever an input contains it. 0 for
        a word of all inputs, such as a field's name, or one that no answer repeats."""
        if not self._inputs:
            return 1.0
        held = self._in_inputs[str(stem)] + 1
        is_telling = min(1.0, math.log2((self._inputs + 1) / held))
        return is_telling * ((self._carried[str(stem)] + 1) / held) ** _CARRIED_POWER

    def contexts(self, expected: Said, asked: Said, named: Iterable[str]) -> set[str]:
        """The relevant documents: those the person named, those with most of the expected facts, and those about the
        people or things the input asks about."""
        counts = Counter(
            document for value in _values(expected, hard_only=True) for document in self._holding.get(value, ())
        )
        most = max(counts.values(), default=0)
        about = [self._holding.get(name, set()) for name in _names(asked)]
        found = {document for document, count in counts.items() if count == most}
        return {*named, *found, *(set.intersection(*about) if about else ())}

    def is_of_another(self, answer: Said, expected: Said, asked: Said) -> bool:
        """Whether an answer is about the wrong subject: it names one that other inputs ask about, and not the one that
        both this input and the expected answer name."""
        meant = _names(asked) & expected.stems
        others = (_names(answer) & self._asked_about) - asked.stems - expected.stems
        return bool(meant and others) and not meant & answer.stems

    def stands_in(self, value: Hashable, documents: set[str]) -> bool:
        return not documents.isdisjoint(self._holding.get(value, ()))

    def stands_in_any(self, value: Hashable) -> bool:
        """Whether any document contains it."""
        return value in self._holding

    def supports(self, value: Hashable) -> bool:
        """Whether any document, input or expected answer of the task contains it."""
        return value in self._holding or value in self._elsewhere


def _names(said: Said) -> set[Hashable]:
    return {value for fact in said.facts if fact.kind is FactKind.NAME for value in fact.values}


def _values(said: Said, hard_only: bool = False) -> set[Hashable]:
    """The values to search for elsewhere: numbers without units, dates, times, stems of words."""
    found: set[Hashable] = {key_of(value) for fact in said.facts if fact.is_hard for value in fact.values}
    dates = (fact.values[0] for fact in said.facts if fact.kind is FactKind.DATE)
    found |= {key_of(Quantity(Fraction(date.year))) for date in dates if isinstance(date, Date) and date.year}
    return found if hard_only else found | {*said.stems}


def key_of(value: Hashable) -> Hashable:
    return ("number", value.value) if isinstance(value, Quantity) else value


def values_of(fact: Fact) -> list[Hashable]:
    return [key_of(value) for value in fact.values]


def all_values(said: Said) -> list[Hashable]:
    """The values of every fact in a text, including words."""
    return [value for fact in said.facts for value in values_of(fact)]


def _pieces(text: str) -> Iterable[str]:
    piece: list[str] = []
    size = 0
    for line in chain.from_iterable(wrap(line, _PIECE_CHARACTERS) or [""] for line in text.splitlines()):
        if piece and (size + len(line) > _PIECE_CHARACTERS or not line.strip()):
            yield "\n".join(piece)
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    if piece:
        yield "\n".join(piece)


def _known_names(texts: Iterable[str]) -> frozenset[str]:
    """Stems that are more often capitalised than not within sentences."""
    capital: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for text in texts:
        text = folded(text)
        for match in find_words(text):
            word = match[0]
            if word[0].isupper():
                before = text[max(0, match.start() - 2) : match.start()].strip()
                if before and before[-1] not in ".!?:\"'(":
                    capital[stem_of(word)] += 1
            elif word[0].isalpha():
                small[stem_of(word)] += 1
    return frozenset(stem for stem, count in capital.items() if count > small[stem])
