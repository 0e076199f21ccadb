"""What the texts of a task hold together: how rare a word is in them, what is a name, and what stands nowhere."""

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
_FEWEST_TO_TELL, _COMMON = 50, 0.3  # texts, and a rarity: what stands in a tenth of 50 texts, in a fortieth of 1,000
_EVERYWHERE = 0.2  # of the texts
_LONGEST_ABBREVIATION = 4  # letters
_CARRIED_POWER = 4  # a word that is repeated in four of five rows is half as sure to be asked for
_PIECE_CHARACTERS = 4_000  # documents are read in pieces of at most so many, cut between lines


class Collection:
    """Built once for a task from what it learns from (`train`), its documents, and all its rows (`examples`), whose
    inputs and expected answers support what an answer states. The same text means the same whoever wrote it."""

    def __init__(self, train: Sequence[Example], documents: Sequence[Document], examples: Sequence[Example]) -> None:
        answers = [text for row in train for text in row.answers]
        self.notation = Notation(uses_decimal_comma(answers), puts_month_first(answers))
        self._names = _known_names([*answers, *(f"{one.title}. {one.text}" for one in documents)])
        self.read = lru_cache(_MOST_TEXTS_CACHED)(self._read)
        self._holding: defaultdict[Hashable, set[str]] = defaultdict(set)  # by what is stated, the documents
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
        """From 0 for what stands in every document and training answer to 1 for what stands in none."""
        if not self._pieces:
            return 1.0
        return (math.log((self._pieces + 1) / (self._in_pieces[str(stem)] + 1)) / math.log(self._pieces + 1)) ** 2

    def says_little(self, fact: Fact) -> bool:
        """Whether it is a code or a name that stands all over the task, such as COVID-19 in questions about it, or an
        abbreviation that many documents hold, such as CEO. Few texts cannot tell."""
        if fact.kind not in (FactKind.NAME, FactKind.CODE) or len(fact.values) > 1 or self._pieces < _FEWEST_TO_TELL:
            return False
        stem = str(fact.values[0])
        is_short = fact.kind is FactKind.NAME and len(stem) <= _LONGEST_ABBREVIATION
        return (is_short and self.rarity(stem) < _COMMON) or self._in_pieces[stem] > _EVERYWHERE * self._pieces

    def must_be_carried(self, stem: Hashable) -> float:
        """1 for a word of an input that tells inputs apart and that the training answers repeat wherever an input holds
        it; 0 for one that stands in all inputs, such as a field's name, or that no answer repeats."""
        if not self._inputs:
            return 1.0
        held = self._in_inputs[str(stem)] + 1
        is_telling = min(1.0, math.log2((self._inputs + 1) / held))
        return is_telling * ((self._carried[str(stem)] + 1) / held) ** _CARRIED_POWER

    def contexts(self, expected: Said, asked: Said, named: Iterable[str]) -> set[str]:
        """The documents in question: those that the person named, those that hold most of what is expected, and those
        about whom the input asks."""
        counts = Counter(
            document for value in _values(expected, hard_only=True) for document in self._holding.get(value, ())
        )
        most = max(counts.values(), default=0)
        about = [self._holding.get(name, set()) for name in _names(asked)]
        found = {document for document, count in counts.items() if count == most}
        return {*named, *found, *(set.intersection(*about) if about else ())}

    def is_of_another(self, answer: Said, expected: Said, asked: Said) -> bool:
        """Whether an answer speaks of somebody else that other inputs ask about, and not of whom this one does, whom
        the expected answer names too."""
        meant = _names(asked) & expected.stems
        others = (_names(answer) & self._asked_about) - asked.stems - expected.stems
        return bool(meant and others) and not meant & answer.stems

    def stands_in(self, value: Hashable, documents: set[str]) -> bool:
        return not documents.isdisjoint(self._holding.get(value, ()))

    def stands_in_any(self, value: Hashable) -> bool:
        """Whether a document holds it."""
        return value in self._holding

    def supports(self, value: Hashable) -> bool:
        """Whether it stands in any document, input or expected answer of the task."""
        return value in self._holding or value in self._elsewhere


def _names(said: Said) -> set[Hashable]:
    return {value for fact in said.facts if fact.kind is FactKind.NAME for value in fact.values}


def _values(said: Said, hard_only: bool = False) -> set[Hashable]:
    """What can be looked for elsewhere: numbers without their unit, dates, times, stems of words."""
    found: set[Hashable] = {key_of(value) for fact in said.facts if fact.is_hard for value in fact.values}
    dates = (fact.values[0] for fact in said.facts if fact.kind is FactKind.DATE)
    found |= {key_of(Quantity(Fraction(date.year))) for date in dates if isinstance(date, Date) and date.year}
    return found if hard_only else found | {*said.stems}


def key_of(value: Hashable) -> Hashable:
    return ("number", value.value) if isinstance(value, Quantity) else value


def values_of(fact: Fact) -> list[Hashable]:
    return [key_of(value) for value in fact.values]


def all_values(said: Said) -> list[Hashable]:
    """What every fact of a text states, words too."""
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
    """Stems that within sentences are written with a capital more often than without."""
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
