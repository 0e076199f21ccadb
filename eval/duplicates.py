"""Equal and nearly equal inputs: one search for the checks and for the split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.task import normalised

NEAR = 0.9  # minimum cosine of n-gram profiles for two inputs to count as near-duplicates
MAX_TEXTS = 30_000
MAX_CHARACTERS = 4_000_000
MAX_PAIRS = 2_000_000

_PROJECTED_DIMENSIONS = 256
_PROJECTION_SLACK = 0.1  # more than five standard deviations of a projected cosine near NEAR
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Likeness:
    """Which of n inputs are alike.

    `key` [n]: equal for inputs with the same normalised form, counted from 0 in order of first appearance. `pairs`
    [m, 2]: keys of near-duplicates, the smaller first. `complete` is False if there was too much text to search for
    near-duplicates; then `pairs` is empty.
    """

    key: NDArray[np.intp]
    pairs: NDArray[np.intp]
    complete: bool


def compare_inputs(inputs: Sequence[str]) -> Likeness:
    """Find equal and nearly equal inputs. Deterministic; 20,000 short inputs take seconds."""
    numbering: dict[str, int] = {}
    key = np.array([numbering.setdefault(normalised(text), len(numbering)) for text in inputs], dtype=np.intp)
    texts = list(numbering)
    pairs = None
    if len(texts) <= MAX_TEXTS and sum(map(len, texts)) <= MAX_CHARACTERS:
        pairs = _near_pairs(texts)
    if pairs is None:
        return Likeness(key, np.empty((0, 2), dtype=np.intp), complete=False)
    return Likeness(key, pairs, complete=True)


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
