"""Equal and nearly equal inputs: one search for the checks and for the split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from eval.splitting.near_words import near_pairs_by_words
from eval.splitting.stable_order import stable_hashes
from eval.task import Example, normalised

NEAR = 0.9  # minimum cosine of n-gram profiles for two inputs to count as near-duplicates
MAX_TEXTS = 20_000
MAX_CHARACTERS = 4_000_000
MAX_PAIRS = 2_000_000

_PROJECTED_DIMENSIONS = 256
_PROJECTION_SLACK = 0.1  # more than five standard deviations of a projected cosine near NEAR
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Likeness:
    """Which of n inputs are alike.

    `key` [n]: equal for inputs with the same normalised form, counted from 0 in order of first appearance. `pairs`
    [m, 2]: keys of near-duplicates, the smaller first. `complete` is False if there was too much text to compare letter
    by letter. Then the texts are compared word by word, and a few of those with typos may be missed.
    """

    key: NDArray[np.intp]
    pairs: NDArray[np.intp]
    complete: bool


class Inputs:
    """Inputs in their normalised forms, which take long to find, so that all checks and the split share them.

    `key` [n] is as in `Likeness`. `hashes` [number of keys] are `stable_hash` of the forms.
    """

    def __init__(self, inputs: Sequence[str]) -> None:
        numbering: dict[str, int] = {}
        self.key = np.array([numbering.setdefault(normalised(text), len(numbering)) for text in inputs], dtype=np.intp)
        self.hashes = np.fromiter(stable_hashes(numbering), dtype=np.uint64, count=len(numbering))
        self.empty = numbering.get("")  # the key of inputs without any sign
        self._texts = list(numbering)
        self._likeness: Likeness | None = None
        self._lock = Lock()

    def likeness(self) -> Likeness:
        """Find the nearly equal ones. Deterministic; 20,000 short inputs take seconds, 1,000,000 half a minute."""
        with self._lock:
            if self._likeness is None:
                self._likeness = _likeness(self.key, self._texts)
                self._texts = []
            return self._likeness


_latest: tuple[Sequence[Example], Inputs] | None = None


def inputs_of(examples: Sequence[Example]) -> Inputs:
    """The inputs of these examples. Those of the latest examples are remembered, and serve others with equal inputs:
    after another answer, say."""
    global _latest
    latest = _latest
    if latest is None or latest[0] is not examples:
        inputs = [example.input for example in examples]
        is_same = latest is not None and [example.input for example in latest[0]] == inputs
        latest = _latest = examples, latest[1] if latest and is_same else Inputs(inputs)
    return latest[1]


def compare_inputs(inputs: Sequence[str]) -> Likeness:
    """Find equal and nearly equal inputs."""
    return Inputs(inputs).likeness()


def _likeness(key: NDArray[np.intp], texts: Sequence[str]) -> Likeness:
    if len(texts) <= MAX_TEXTS and sum(map(len, texts)) <= MAX_CHARACTERS:
        pairs = _near_pairs(texts)
        if pairs is not None:
            return Likeness(key, pairs, complete=True)
    return Likeness(key, near_pairs_by_words(texts), complete=False)


def _near_pairs(texts: Sequence[str]) -> NDArray[np.intp] | None:
    """Pairs of positions with a cosine of at least `NEAR`, or None if there are too many candidates to hold.

    Profiles are tf-idf weights of character 3- and 4-grams within words. N-grams in more than half of the texts are
    left out, so that a shared preamble doesn't make all inputs alike. A random projection finds the candidates, ten
    times faster than sparse products; the full profiles decide.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize
    from sklearn.random_projection import GaussianRandomProjection

    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), lowercase=False, max_df=0.5, dtype=np.float32)
    try:
        profiles = vectorizer.fit_transform(texts)
    except ValueError:  # no n-grams left, e.g. with fewer than two texts
        return np.empty((0, 2), dtype=np.intp)
    if profiles.shape[1] > _PROJECTED_DIMENSIONS:
        projection = GaussianRandomProjection(_PROJECTED_DIMENSIONS, random_state=0)
        sketches = normalize(projection.fit_transform(profiles)).astype(np.float32)
    else:
        sketches = profiles.toarray()
    found, candidates = [np.empty((0, 2), dtype=np.intp)], 0
    for start in range(0, len(texts), _ROWS_AT_ONCE):
        cosines = sketches[start : start + _ROWS_AT_ONCE] @ sketches[start:].T
        pairs = np.argwhere(np.triu(cosines >= NEAR - _PROJECTION_SLACK, k=1)) + start
        candidates += len(pairs)
        if candidates > MAX_PAIRS:
            return None
        for some in np.array_split(pairs, len(pairs) // 50_000 + 1):
            exact = np.asarray(profiles[some[:, 0]].multiply(profiles[some[:, 1]]).sum(axis=1)).ravel()
            found.append(some[exact >= NEAR])
    return np.concatenate(found)
