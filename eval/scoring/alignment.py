"""Which words of answers are due to which values of their inputs.

Learned as translation learns which word stands for which (Model 1 of Brown et al., 1993): a word that could be due to
several values goes to the one that explains it in other rows too."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from eval.scoring.listed import Key
from eval.scoring.reading import FactKind, Said

Feature = tuple[str, bool]  # a stem, or two that follow each other, and whether a negation stands with them
NO_VALUE: Key = ("", "")  # what is due to none of the values

_WIDEST_GAP = 10  # characters between two words that go together: close to the river, but not over a sentence's end
_ROUNDS = 12  # of learning
_FEWEST_ROWS = 3  # with a value, or with a word, before anything is learned of it
_ROWS_IN_DOUBT = 8  # rows without a word that are imagined for each value, so that few rows cannot claim it


def features_of(said: Said) -> Iterator[Feature]:
    facts = [fact for fact in said.facts if fact.kind in (FactKind.WORD, FactKind.NAME, FactKind.CODE)]
    facts.sort(key=lambda fact: fact.span)
    words = [(str(value), fact.is_negated, fact.span) for fact in facts for value in fact.values]
    yield from ((word, is_negated) for word, is_negated, _ in words)
    for (one, _, before), (other, is_negated, after) in pairwise(words):
        if after[0] - before[1] <= _WIDEST_GAP:
            yield f"{one} {other}", is_negated


def align(rows: Sequence[tuple[frozenset[Key], frozenset[Feature]]]) -> Mapping[Feature, Mapping[Key, float]]:
    """For each feature of the answers and each key of the inputs: in what part of its rows the key is what the feature
    is due to. Keys and features with too few rows are left out."""
    held = Counter(key for keys, _ in rows for key in keys)
    found = Counter(feature for _, features in rows for feature in features)
    held[NO_VALUE] = len(rows)
    told = [
        (
            [NO_VALUE, *(key for key in keys if held[key] >= _FEWEST_ROWS)],
            [feature for feature in features if found[feature] >= _FEWEST_ROWS],
        )
        for keys, features in rows
    ]
    due: dict[Feature, dict[Key, float]] = {}
    for _ in range(_ROUNDS):
        counts: defaultdict[Feature, defaultdict[Key, float]] = defaultdict(lambda: defaultdict(float))
        for those, features in told:
            for feature in features:
                before = due.get(feature)
                parts = [before.get(key, 0.0) if before else 1.0 for key in those]
                total = sum(parts)
                for key, part in zip(those, parts, strict=True):
                    counts[feature][key] += part / total
        due = {
            feature: {key: count / (held[key] + _ROWS_IN_DOUBT) for key, count in each.items()}
            for feature, each in counts.items()
        }
    return due
