"""Nearly equal texts among a million, found by their words.

MinHash: a random order of all words, rare words mostly first, picks one word of each text. Two texts pick the same one
with a probability equal to their weighted share of common words. Texts that agree in all picks of a band are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import count

import numpy as np
import regex
from numpy.typing import NDArray

NEAR_WORDS = 0.85  # minimum cosine of the weighted words of two texts; see docs/benchmarks.md

# Nine picks give twelve bands: the lines of a square of three by three points, where each two points are on one line.
_PICKS = 9
_BANDS = (
    (0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8),
    (0, 4, 8), (1, 5, 6), (2, 3, 7), (0, 5, 7), (1, 3, 8), (2, 4, 6),
)  # fmt: skip
_PICKS_IN_COMMON = 4  # of texts worth comparing; nearly the same ones have six or more
_MANY_PAIRS = 500_000  # from here on, texts with one pick more are compared; it loses one in a thousand long ones
_NEIGHBOURS = 2  # texts of one band are compared with so many of the next ones, so that time grows with the texts only
_PAIRS_AT_ONCE = 100_000
_TEXTS_AT_ONCE = 100_000  # to save memory
_WORD = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*"
    r"|[^\s\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+"
)


def near_pairs_by_words(texts: Sequence[str]) -> NDArray[np.intp]:
    """Pairs of positions [m, 2] whose words are nearly the same, the smaller first. In a large cluster of such texts,
    not each pair is listed, but enough to connect them. `texts` are normalised and differ."""
    words, starts = _word_numbers(texts)
    weights = np.log(1 + len(texts) / np.bincount(words))  # rare words weigh most
    found = _candidates(words, starts, weights)
    near = [_cosines(words, starts, weights, some) >= NEAR_WORDS for some in _parts(found)]
    return found[np.concatenate(near)] if near else found


def _word_numbers(texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """The words of all texts as numbers, and where each text starts, with the end after the last. Each text has at
    least one word. Arrow takes half the time of a loop."""
    import pyarrow
    from pyarrow import compute

    numbering: defaultdict[str, int] = defaultdict(count().__next__)
    words: list[NDArray[np.int32]] = []
    lengths: list[NDArray[np.intp]] = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        some = [
            text if text.isascii() else " ".join(_WORD.findall(text)) for text in texts[start : start + _TEXTS_AT_ONCE]
        ]
        pieces = compute.split_pattern(pyarrow.array(some, pyarrow.string()), " ")
        encoded = pieces.flatten().dictionary_encode()
        numbers = np.array([numbering[word] for word in encoded.dictionary.to_pylist()], dtype=np.int32)
        words.append(numbers[encoded.indices.to_numpy()])
        lengths.append(compute.list_value_length(pieces).to_numpy())
    return np.concatenate(words), np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.intp)


def _candidates(words: NDArray[np.int32], starts: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.intp]:
    random = np.random.default_rng(0)
    texts = len(starts) - 1
    picks = []
    for _ in range(_PICKS):
        order = (random.exponential(size=len(weights)) / weights).astype(np.float32)
        picks.append(np.minimum.reduceat(order[words], starts[:-1]).view(np.uint32))
    found = [np.empty(0, dtype=np.intp)]
    for band in _BANDS:
        agree = np.zeros(texts, dtype=np.uint64)
        for pick in band:
            agree = agree * np.uint64(0x9E3779B97F4A7C15) + picks[pick]
        at = np.argsort(agree, kind="stable")
        for step in range(1, _NEIGHBOURS + 1):
            same = agree[at[step:]] == agree[at[:-step]]
            found.append(at[:-step][same] * texts + at[step:][same])
    pairs = np.sort(np.concatenate(found))
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]  # np.unique takes six times as long
    a, b = pairs // texts, pairs % texts
    in_common = sum((pick[a] == pick[b]).astype(np.int8) for pick in picks)
    probable = in_common >= _PICKS_IN_COMMON
    if probable.sum() > _MANY_PAIRS:
        probable = in_common > _PICKS_IN_COMMON
    return np.stack([a[probable], b[probable]], axis=1)


def _parts(pairs: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return np.array_split(pairs, len(pairs) // _PAIRS_AT_ONCE + 1) if len(pairs) else []


def _cosines(
    words: NDArray[np.int32], starts: NDArray[np.intp], weights: NDArray[np.float64], pairs: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Of each pair of texts."""
    from scipy.sparse import csr_array
    from sklearn.preprocessing import normalize

    def profiles(texts: NDArray[np.intp]) -> csr_array:
        lengths = starts[texts + 1] - starts[texts]
        ends = np.cumsum(lengths)
        at = np.arange(ends[-1]) - np.repeat(ends - lengths - starts[texts], lengths)
        found = csr_array(
            (weights[words[at]], words[at], np.concatenate([[0], ends])), shape=(len(texts), len(weights))
        )
        found.sum_duplicates()
        unit: csr_array = normalize(found)
        return unit

    a, b = pairs.T
    return np.asarray(profiles(a).multiply(profiles(b)).sum(axis=1)).ravel()
