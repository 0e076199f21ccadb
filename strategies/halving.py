"""Successive halving (Karnin et al., 2013; Jamieson and Talwalkar, 2016), planned before anything is asked.

All settings answer some rows, the better half of them answers more, and so on until two are left. Every strategy may
read the same number of tokens for it, so the search of one is as thorough as that of another. A strategy whose prompts
share a beginning reads it once, and so it compares settings on more rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, log2
from statistics import mean

FIRST_SHARE = 2 / 3  # of the tokens, for all settings and the first rows
FIRST_ROWS = 16  # that all settings answer
FEWEST_MORE = 8  # rows; fewer more aren't worth a round
LABELS_FOLLOWED = 8  # by a search for the best label, about
WRITTEN_COST = 8  # tokens read in the time that one is written, by a model in memory: 8 to 13 on two cores
WRITTEN_PRICE = 4  # tokens read for the price of one written, behind a server


@dataclass(frozen=True, slots=True)
class Round:
    """So many settings, the best so far, have answered so many rows each after it."""

    settings: int
    rows: int


@dataclass(frozen=True, slots=True)
class Work:
    """Tokens that one setting takes: once, and per row."""

    once: float
    a_row: float


def plan_rounds(work: Sequence[Work], rows: int, tokens: float, answered: int = 0) -> list[Round]:
    """The rounds within a budget of tokens, which take about equally many.

    `work` is that of each setting, in the order in which they are tried; `rows` are all that can be answered. As many
    settings take part as can answer the first rows for `FIRST_SHARE` of the budget, at least two; all do if they have
    `answered` rows before.
    """
    first = min(FIRST_ROWS, rows)
    costs = list(accumulate(one.once + first * one.a_row for one in work))
    for_first = FIRST_SHARE * tokens if rows > first else tokens
    settings = len(work) if answered else min(len(work), max(2, sum(cost <= for_first for cost in costs)))
    left = tokens - sum(one.once for one in work[:settings])
    a_row = mean(one.a_row for one in work[:settings])
    to_come = max(1, ceil(log2(settings)))
    rounds: list[Round] = []
    while answered < rows:
        affordable = max(0.0, left) / to_come / (settings * a_row)
        more = int(min(max(affordable, 0 if answered else first), rows - answered))
        if answered and more < min(FEWEST_MORE, rows - answered):
            break
        answered += more
        left -= settings * more * a_row
        rounds.append(Round(settings, answered))
        if settings <= 2:
            break
        settings, to_come = -(-settings // 2), max(1, to_come - 1)
    return rounds


def count_answers(rounds: Sequence[Round]) -> int:
    """The answers of all settings together."""
    before = (0, *(one.rows for one in rounds))
    return sum(one.settings * (one.rows - answered) for one, answered in zip(rounds, before, strict=False))
