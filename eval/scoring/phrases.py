"""The phrases in which training answers put the values that inputs list: "low prices" for cheap."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set

from eval.scoring.listed import Given, Key, listed
from eval.scoring.reading import NEGATION
from eval.scoring.words import find_words, folded, stem_of
from eval.task import Example

Phrases = Mapping[str, Mapping[Key, tuple[str, ...]]]  # by label, the phrases of each of its values
Telling = Callable[[Given, str, str], frozenset[str]]  # the stems of an answer (2nd) to an input (3rd) that say a value

_CLAUSE = re.compile(r"[^.,;:!?()\n]+")
_FEWEST_ROWS = 3  # with a value, before its phrases are learned
_FEWEST_USES, _LEAST_SHARE = 2, 0.1  # of a phrase, in rows with the value
_TIMES_AS_OFTEN = 4  # as with any other value of the label
_MOST_PHRASES = 8  # of one value


def clauses(text: str) -> Iterator[list[str]]:
    """The words of each clause, as they are written."""
    for clause in _CLAUSE.finditer(folded(text)):
        if words := [match.group() for match in find_words(clause.group())]:
            yield words


def learn_phrases(train: Sequence[Example], telling: Telling) -> Phrases:
    """For each label with values in words: what training answers say for each value, and the value itself. A label
    without such values has one phrase, its own name."""
    rows: Counter[Key] = Counter()
    uses: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    labels: defaultdict[str, dict[Key, Given]] = defaultdict(dict)
    for row in train:
        for one in listed(row.input):
            values = labels[one.label]
            if any(map(str.isdigit, one.value)):
                continue
            values[one.key] = one
            rows[one.key] += 1
            uses[one.key].update(set(_runs(row.target, telling(one, row.target, row.input))))
    phrases: dict[str, dict[Key, tuple[str, ...]]] = {}
    for label, values in labels.items():
        known = {key: one for key, one in values.items() if rows[key] >= _FEWEST_ROWS}
        phrases[label] = {key: _chosen(one, known.keys() - {key}, rows, uses) for key, one in known.items()}
    return {label: values or {("", label): (label,)} for label, values in phrases.items()}


def _chosen(one: Given, others: Set[Key], rows: Mapping[Key, int], uses: Mapping[Key, Counter[str]]) -> tuple[str, ...]:
    said = [
        phrase
        for phrase, count in uses[one.key].most_common(_MOST_PHRASES)
        if count >= max(_FEWEST_USES, _LEAST_SHARE * rows[one.key])
        and all(count / rows[one.key] >= _TIMES_AS_OFTEN * uses[key][phrase] / rows[key] for key in others)
    ]
    own = {None: one.value.casefold(), True: one.label, False: f"not {one.label}"}[one.is_yes]
    return tuple(dict.fromkeys((*said, own)))


def _runs(text: str, stems: frozenset[str]) -> Iterator[str]:
    """The longest runs of words from one with such a stem to another, at most one word between them, with a negation
    that stands right before."""
    for words in clauses(text):
        marked = [at for at, word in enumerate(words) if stem_of(word) in stems]
        while marked:
            start = end = marked.pop(0)
            while marked and marked[0] - end <= 2:
                end = marked.pop(0)
            before = [at for at in range(max(0, start - 2), start) if NEGATION.fullmatch(words[at])]
            yield " ".join(words[before[0] if before else start : end + 1]).casefold()
