"""How early a ranking has what is sought: hit rates and nDCG@10."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from statistics import fmean

from eval.outcomes import RankQuality

HITS_AT = (1, 3, 10)


def rank_quality(rankings: Sequence[Sequence[bool]], right: Sequence[int]) -> RankQuality:
    """`rankings` say of each row's results, best first, which are right; `right` is how many right ones there are for
    each row to find."""
    one, three, ten = (fmean(any(ranking[:count]) for ranking in rankings) for count in HITS_AT)
    gained = [
        _gain(ranking[:10]) / _gain([True] * min(10, most)) for ranking, most in zip(rankings, right, strict=True)
    ]
    return RankQuality((one, three, ten), fmean(gained))


def _gain(ranking: Sequence[bool]) -> float:
    return sum(1 / log2(place + 1) for place, is_right in enumerate(ranking, start=1) if is_right)
