"""Listed values that an answer puts in words of its own: "for a small budget" for cheap.

A sentence encoder compares phrases of the answer that have a new word with the phrases of training answers. A cosine
alone says little: "steep prices" is close to "low prices". So a phrase has to be closer to this value than to any other
value of the label, clearly closer than to the other labels of the input, and closer than phrases about something else
usually are. The last limit is measured on training answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from eval.scoring.listed import Given, Key, listed
from eval.scoring.phrases import Phrases, Telling, clauses, learn_phrases
from eval.scoring.reading import FactKind, Said
from eval.scoring.words import stem_of
from eval.task import Example

Encode = Callable[[Sequence[str]], NDArray[np.float32]]  # texts to unit vectors, shape [texts, dimensions]
Read = Callable[[str], Said]

_MOST_WORDS = 7  # of a phrase
_CLOSER_THAN_TO_OTHER_LABELS = 0.1  # cosine
_ROWS_MEASURED = 60
_FEWEST_MEASURED = 20  # values in these rows, below which the limit is not known
_FALSE_ALARMS = 0.05  # share of values that unrelated parts of a training answer may seem to state


class Paraphrases:
    """Finds values that an answer states in words no training answer uses. Made by `learn`."""

    def __init__(self, phrases: Phrases, known: frozenset[str], read: Read, encode: Encode) -> None:
        self._known, self._read, self._encode = known, read, encode
        self._columns: dict[str, dict[Key, list[int]]] = {}
        texts: list[str] = []
        for label, values in phrases.items():
            for key, said in values.items():
                self._columns.setdefault(label, {})[key] = list(range(len(texts), len(texts) + len(said)))
                texts += said
        self._vectors = encode(texts)
        self._stems = {
            label: read(" ".join(phrase for said in values.values() for phrase in said)).stems
            for label, values in phrases.items()
        }
        self._compared = lru_cache(64)(self._compare)
        self.least = 1.0

    @classmethod
    def learn(cls, train: Sequence[Example], telling: Telling, read: Read, encode: Encode) -> Paraphrases | None:
        """None if there are too few training answers to measure how close phrases about something else are."""
        phrases = learn_phrases(train, telling)
        made = cls(phrases, frozenset().union(*(read(row.target).stems for row in train)), read, encode)
        rows = train[:: -(-len(train) // _ROWS_MEASURED)]
        parts = [list(_phrases(row.target, made._words(row.target))) for row in rows]
        cosines = np.split(made._cosines(list(chain(*parts))), np.cumsum([len(part) for part in parts])[:-1])
        close = [one for args in zip(rows, parts, cosines, strict=True) for one in made._elsewhere(*args)]
        if len(close) < _FEWEST_MEASURED:
            return None
        made.least = float(np.quantile(close, 1 - _FALSE_ALARMS))
        return made

    def phrase_for(self, one: Given, answer: str, input: str) -> str | None:
        """The phrase of an answer that states a value, or None."""
        phrases, cosines = self._compared(answer, input)
        own = self._leading(one, cosines, input)
        best = int(own.argmax()) if phrases else 0
        return phrases[best] if phrases and own[best] > self.least else None

    def _elsewhere(self, row: Example, phrases: Sequence[str], cosines: NDArray[np.float32]) -> Iterator[float]:
        """For each listed value, the cosine of the closest phrase in the unrelated parts of a training answer."""
        stems = [self._read(phrase).stems for phrase in phrases]
        for one in listed(row.input):
            if len(self._columns.get(one.label, ())) > 1:
                free = [at for at, each in enumerate(stems) if each.isdisjoint(self._stems[one.label])]
                yield max(self._leading(one, cosines[free], row.input), default=0.0)

    def _leading(self, one: Given, cosines: NDArray[np.float32], input: str) -> NDArray[np.float32]:
        """For each phrase its cosine with the value, or 0 if another value or label is as close."""
        values = self._columns.get(one.label, {})
        if one.key not in values or len(values) < 2:
            return np.zeros(len(cosines), np.float32)
        own = cosines[:, values[one.key]].max(axis=1)
        rest = [at for key, columns in values.items() if key != one.key for at in columns]
        labels = {other.label for other in listed(input)} - {one.label}
        others = [at for label in labels for columns in self._columns.get(label, {}).values() for at in columns]
        is_closest = own > cosines[:, rest].max(axis=1)
        if others:
            is_closest &= own > cosines[:, others].max(axis=1) + _CLOSER_THAN_TO_OTHER_LABELS
        return np.where(is_closest, own, np.float32(0))

    def _compare(self, answer: str, input: str) -> tuple[list[str], NDArray[np.float32]]:
        """The phrases of an answer with a word that neither the input nor any training answer has, and their cosines
        with all known phrases, shape [phrases, known phrases]."""
        new = self._words(answer) - self._known - self._read(input).stems
        phrases = list(dict.fromkeys(_phrases(answer, new)))
        return phrases, self._cosines(phrases)

    def _words(self, text: str) -> frozenset[str]:
        return frozenset(
            str(value)
            for fact in self._read(text).facts
            if fact.kind in (FactKind.WORD, FactKind.NAME)
            for value in fact.values
        )

    def _cosines(self, phrases: Sequence[str]) -> NDArray[np.float32]:
        return self._encode(phrases) @ self._vectors.T if phrases else np.zeros((0, len(self._vectors)), np.float32)


def _phrases(text: str, stems: frozenset[str]) -> Iterator[str]:
    """All runs of a few words of one clause that hold a word with such a stem."""
    for words in clauses(text):
        held = [stem_of(word) in stems for word in words]
        for start in range(len(words)):
            for end in range(start + 1, min(len(words), start + _MOST_WORDS) + 1):
                if any(held[start:end]):
                    yield " ".join(words[start:end])
