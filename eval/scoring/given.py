"""Inputs that list facts, and how a task's answers word those facts.

Every listed value is one fact, as in the slot error rate of data-to-text generation (Dušek et al., 2020). Their
patterns are written by hand; here they are learned from training answers (`alignment.py`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from statistics import fmean

from eval.scoring.alignment import NO_VALUE, Feature, align, features_of
from eval.scoring.collection import all_values
from eval.scoring.listed import FEWEST_LISTED, Given, Key, listed, without_slashes
from eval.scoring.matching import share_stated
from eval.scoring.numbers import Quantity
from eval.scoring.paraphrases import Encode, Paraphrases
from eval.scoring.reading import FactKind, Said
from eval.scoring.words import folded
from eval.task import Example

_MOST_WORDS = 12  # in a value that is one fact; a longer value is a text
_ALMOST_ALL = 0.9  # of the inputs must be lists; of the answers must state a value, for it to be required
_MOSTLY_KNOWN = 0.8  # mean share of a value that answers state, if they state it at all
_ROWS_READ = 500
_CLEARLY = 0.8  # of a word's uses that a value must explain for the word to mean it
_LEAST_USE = 0.15  # of the rows with a value in which it must explain the word
_OF_SCALE = re.compile(r"(\d+(?:\.\d+)?) (?:out )?of (\d+)\b", re.IGNORECASE)  # 4 of 5
_OF_BOUNDS = frozenset({"less", "fewer", "least", "abov", "below", "minimum", "maximum"})  # of a number
_WIDEST_SCALE = 15  # characters between the two numbers: four stars out of five


class GivenFacts:
    """How training answers word the values their inputs list. Made by `learn`. `wording` are stems that answers use
    again and again and that no input lists."""

    def __init__(self, train: Sequence[Example], read: Callable[[str], Said]) -> None:
        self._read = read
        self._features = lru_cache(20_000)(lambda text: frozenset(features_of(read(text))))
        train = _without_slashes(train)
        values: defaultdict[str, dict[Key, Given]] = defaultdict(dict)
        for one in (one for row in train for one in listed(row.input)):
            values[one.label][one.key] = one
        self._values = {label: list(each.values()) for label, each in values.items()}
        self._telling_nothing = {label: self._in_all(each) for label, each in self._values.items()}
        self._due = align([(self._keys(row.input), self._features(row.target)) for row in train])
        listed_values = {
            value for each in self._values.values() for one in each for value in all_values(read(one.value))
        }
        self.wording: frozenset[Hashable] = frozenset(stem for stem, _ in self._due if stem not in listed_values)
        shares: defaultdict[str, list[float]] = defaultdict(list)
        for row in train:
            for one in listed(row.input):
                shares[one.label].append(self.share(one, row.target, row.input))
        self._rates = {label: fmean(share > 0 for share in found) for label, found in shares.items()}
        every = [share for found in shares.values() for share in found]
        stated = [share for share in every if share]
        self.share_stated = len(stated) / len(every) if every else 0.0  # of all listed values, in training answers
        self.share_known = fmean(stated) if stated else 0.0  # mean share of a value, if stated at all
        self._paraphrases: Paraphrases | None = None

    @classmethod
    def learn(
        cls, train: Sequence[Example], read: Callable[[str], Said], encode: Encode | None = None
    ) -> GivenFacts | None:
        """None if the inputs don't list facts, or list things that answers don't state directly, such as the turns of a
        dialogue to summarise. Without `encode`, words that no training answer uses aren't understood."""
        lists = [listed(row.input) for row in train]
        short = [bool(given) and all(len(one.value.split()) <= _MOST_WORDS for one in given) for given in lists]
        if not train or sum(short) < _ALMOST_ALL * len(train):
            return None
        given = cls(train, read)
        if given.share_known < _MOSTLY_KNOWN:
            return None
        if encode:
            given._paraphrases = Paraphrases.learn(_without_slashes(train), given._telling, read, encode)
        return given

    def expected(self, input: str, target: str) -> list[Given]:
        """The values that an answer must state: those in the expected answer, and those that answers of this task
        almost never leave out, if the expected answer has unexplained words that may express them."""
        return [
            one
            for one in listed(input)
            if self.share(one, target, input) > 0
            or (self._rates.get(one.label, 0.0) >= _ALMOST_ALL and self._left_for(one, target, input))
        ]

    def share_of_expected(self, one: Given, answer: str, target: str, input: str) -> float:
        """How much of what the expected answer states about a value this answer states. If the wording is unknown, the
        expected answer's unexplained words are compared."""
        share, expected = self.share(one, answer, input), self.share(one, target, input)
        if expected:
            return min(1.0, share / expected)
        words = self._left_for(one, target, input)
        return max(share, len(words & self._features(answer)) / len(words)) if words else share

    def phrase_for(self, one: Given, answer: str, target: str, input: str) -> str | None:
        """The phrase, with a word that no training answer has, in which an answer states a value; None where it states
        the value in known words, or contradicts it."""
        if not self._paraphrases or self.share_of_expected(one, answer, target, input) == 1:
            return None
        if self.is_contradicted(one, answer, target, input):
            return None
        return self._paraphrases.phrase_for(one, answer, input)

    def _telling(self, one: Given, answer: str, input: str) -> frozenset[str]:
        """The stems of an answer that are due to a value, or that it is written in."""
        own = [one.key] if one.is_yes is None else [(one.label, ""), (one.label, "yes"), (one.label, "no")]
        keys = self._keys(input) | {other.key for other in listed(input)}
        due = [each for each in self._features(answer) if self._part(each, own, keys) >= _CLEARLY]
        stems = frozenset(stem for words, _ in due for stem in words.split())
        return stems | self._read(one.value).stems if one.is_yes is None else stems

    def _left_for(self, one: Given, target: str, input: str) -> frozenset[Feature]:
        """The words of an expected answer that aren't in the input and that other values don't explain better."""
        own = ((one.label, ""), *self._own_keys(one))
        others = [key for key in (*self._keys(input), NO_VALUE) if key not in own]
        return frozenset(
            feature
            for feature in self._features(target) - self._features(input)
            if " " not in feature[0]
            and sum(self._due.get(feature, {}).get(key, 0.0) for key in others)
            <= sum(self._due.get(feature, {}).get(key, 0.0) for key in own)
        )

    def share(self, one: Given, answer: str, input: str) -> float:
        """How much of a value an answer states, from 0 to 1."""
        if one.is_yes is not None:
            return float(self._says_yes(one, answer, input) == one.is_yes)
        if one.value[:1].isupper() and re.search(rf"(?<!\w){re.escape(one.value)}(?!\w)", answer):
            return 1.0  # a name counts anywhere, even in a negated clause
        keys = self._keys(input)
        if any(self._part(feature, self._own_keys(one), keys) >= _CLEARLY for feature in self._features(answer)):
            return 1.0
        if scale := _OF_SCALE.match(one.value):
            return float(Fraction(scale[1]) in self._rated(answer, Fraction(scale[2])))
        return self._share_spelled(one, answer, input)

    def is_contradicted(self, one: Given, answer: str, target: str, input: str) -> bool:
        """Whether an answer words another value of the same label. Words that are also in the input or the expected
        answer contradict nothing. (Wrong numbers, dates and names are found anywhere, in `facts.py`.)"""
        if one.is_yes is not None:
            says = self._says_yes(one, answer, input)
            return says == (not one.is_yes) and says != self._says_yes(one, target, input)
        known = self._features(target) | self._features(input)
        said, keys = self._features(answer) - known, self._keys(input)
        others = [other for other in self._values.get(one.label, ()) if other.key != one.key]
        if any(words & said and words <= said | known for words in map(self._words, others)):
            return True
        if _OF_SCALE.match(one.value) and self.share(one, answer, input) == 1:  # "stars" fits every rating
            return False
        for other in others:
            words = self._words(other)
            telling = said if words <= said | known else said - words  # "room" alone is no tea room
            if any(self._part(feature, self._own_keys(other), keys) >= _CLEARLY for feature in telling):
                return True
        return False

    def added(self, answer: str, target: str, input: str) -> int:
        """How many values the answer words although its input doesn't list their label and neither the input nor the
        expected answer contains them: a place that nobody called cheap."""
        labels = {one.label for one in listed(input)}
        keys = {key for label in labels for one in self._values.get(label, ()) for key in (one.key, (label, ""))}
        said = self._features(answer) - self._features(target) - self._features(input)
        left = {each for each in said if " " not in each[0] and not self._is_used_for(each, keys)}
        count = 0
        for one in (one for label, values in self._values.items() if label not in labels for one in values):
            own, words = self._own_keys(one), self._words(one)
            found = {each for each in left if self._part(each, own, ()) >= _CLEARLY}
            if found and (found - words or words <= self._features(answer)):  # "room" alone is not a tea room
                count += 1
                left -= found  # two labels can mean the same
        return count

    def _is_used_for(self, feature: Feature, keys: Iterable[Key]) -> bool:
        due = self._due.get(feature, {})
        return any(due.get(key, 0.0) >= _LEAST_USE for key in keys)

    def _says_yes(self, one: Given, answer: str, input: str) -> bool | None:
        """Whether an answer says yes or no to a label; None if it says neither, or both. For words that training
        answers use for both, negation decides."""
        yes, no, keys = (one.label, "yes"), (one.label, "no"), self._keys(input)
        own = [(one.label, ""), yes, no]
        about = [each for each in self._features(answer) if self._part(each, own, keys) >= _CLEARLY]
        if not about:  # nothing was learned: use the label's own words
            others = (other.label for other in listed(input) if other.label != one.label)
            stems = self._read(one.label).stems.difference(*(self._read(label).stems for label in others))
            about = [each for each in self._features(answer) if each[0] in stems]
        telling = {side for side in (self._side(each, yes, no) for each in about) if side is not None}
        said = telling or {not is_denied for _, is_denied in about}
        return said.pop() if len(said) == 1 else None

    def _side(self, feature: Feature, yes: Key, no: Key) -> bool | None:
        """Whether training answers use a feature for yes or for no; None if for both equally."""
        due = self._due.get(feature, {})
        for_yes, for_no = due.get(yes, 0.0), due.get(no, 0.0)
        if max(for_yes, for_no) < _LEAST_USE or (1 - _CLEARLY) < for_yes / (for_yes + for_no) < _CLEARLY:
            return None
        return for_yes > for_no

    def _part(self, feature: Feature, of: Sequence[Key], among: Iterable[Key]) -> float:
        """The share of a feature that these keys explain, rather than others."""
        due = self._due.get(feature)
        if not due:
            return 0.0
        part = sum(due.get(key, 0.0) for key in of)
        rest = sum(due.get(key, 0.0) for key in among if key not in of) + due.get(NO_VALUE, 0.0)
        return part / (part + rest) if part >= _LEAST_USE else 0.0

    def _share_spelled(self, one: Given, answer: str, input: str) -> float:
        """Compares the value's own words, numbers and names."""
        said, asked = self._read(answer), self._read(input)
        nothing = self._telling_nothing.get(one.label, frozenset())
        shares = []
        for fact in self._read(one.value).facts:
            told = [value for value in fact.values if value not in nothing]
            if told and fact.is_hard:
                share = share_stated(fact, told, said, asked)
                value = fact.values[0]
                has_no_unit = isinstance(value, Quantity) and not value.unit  # the label says what is counted
                shares.append(1.0 if share and has_no_unit else share)
        if words := self._words(one):
            shares.append((len(words & self._features(answer)) / len(words)) ** 2)
        return sum(shares) / len(shares) if shares else 0.0

    def _rated(self, answer: str, of: Fraction) -> set[Fraction]:
        """The ratings on a scale that an answer gives: 4 of 5, four stars out of five, 4 stars."""
        text = folded(answer)
        facts = [fact for fact in self._read(answer).facts if fact.kind is FactKind.NUMBER]
        facts.sort(key=lambda fact: fact.span)
        places = set()
        while facts:
            fact, *facts = facts
            end = fact.span[1]
            if facts and facts[0].quantity.value == of and facts[0].span[0] - end <= _WIDEST_SCALE:
                places.add(fact.quantity.value)
                del facts[0]
            elif text[end:].lstrip(" -").startswith("star"):
                places.add(fact.quantity.value)
        return places

    def _keys(self, input: str) -> frozenset[Key]:
        """The label of each listed value, and the value itself."""
        given = listed(input)
        return frozenset(key for one in given for key in ((one.label, ""), *self._own_keys(one)))

    def _own_keys(self, one: Given) -> list[Key]:
        """Empty for a value with numbers, dates or names, which answers repeat unchanged."""
        if one.is_yes is None and any(fact.is_hard for fact in self._read(one.value).facts):
            return []
        return [one.key]

    def _words(self, one: Given) -> frozenset[Feature]:
        """The words that distinguish a value from others."""
        nothing = self._telling_nothing.get(one.label, frozenset())
        return frozenset(
            (str(fact.values[0]), fact.is_negated)
            for fact in self._read(one.value).facts
            if fact.kind is FactKind.WORD and fact.values[0] not in nothing | _OF_BOUNDS
        )

    def _in_all(self, values: Sequence[Given]) -> frozenset[Hashable]:
        """The words that all values of a label share, such as "road" if all are roads."""
        held = [frozenset(value for fact in self._read(one.value).facts for value in fact.values) for one in values]
        return frozenset.intersection(*held) if len(held) > FEWEST_LISTED else frozenset()


def _without_slashes(train: Sequence[Example]) -> list[Example]:
    return [
        replace(row, input=without_slashes(row.input), target=without_slashes(row.target)) for row in train[:_ROWS_READ]
    ]
