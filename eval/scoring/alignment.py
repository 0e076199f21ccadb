"""Learn which words of answers express which values of their inputs.

The method is the one that learns translations of words (Model 1 of Brown et al., 1993): a word that could express
several values goes to the one that also explains it in other rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from eval.scoring.listed import Key
from eval.scoring.reading import FactKind, Said

Feature = tuple[str, bool]  # a stem or two consecutive ones, and whether they are negated
NO_VALUE: Key = ("", "")  # explains what no value explains

_WIDEST_GAP = 10  # characters between two words of a pair: close to the river, but not across the end of a sentence
_ROUNDS = 12  # training rounds
_FEWEST_ROWS = 3  # with a value or a word, to learn anything about it
_ROWS_IN_DOUBT = 8  # imagined rows without the word, per value, so that a few rows can't claim it


def features_of(said: Said) -> Iterator[Feature]:
    facts = [fact for fact in said.facts if fact.kind in (FactKind.WORD, FactKind.NAME, FactKind.CODE)]
    facts.sort(key=lambda fact: fact.span)
    words = [(str(value), fact.is_negated, fact.span) for fact in facts for value in fact.values]
    yield from ((word, is_negated) for word, is_negated, _ in words)
    for (one, _, before), (other, is_negated, after) in pairwise(words):
        if after[0] - before[1] <= _WIDEST_GAP:
            yield f"{one} {other}", is_negated


def align(rows: Sequence[tuple[frozenset[Key], frozenset[Feature]]]) -> Mapping[Feature, Mapping[Key, float]]:
    """For each feature of the answers and each key of the inputs: the share of the key's rows in which it explains the
    feature. Keys and features with too few rows are left out."""
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
