"""A choice by halves: how many settings answer how many rows, within a budget of tokens."""

from __future__ import annotations

from itertools import pairwise

import pytest

from strategies.halving import FIRST_ROWS, FIRST_SHARE, Round, Work, count_answers, plan_rounds


def spent(rounds: list[Round], work: list[Work]) -> float:
    """At the dearest, if the settings that stay are those that take the most."""
    dearest = sorted(work[: rounds[0].settings], key=lambda one: -one.a_row)
    total = sum(one.once for one in work[: rounds[0].settings])
    before = 0
    for one in rounds:
        total += sum(each.a_row * (one.rows - before) for each in dearest[: one.settings])
        before = one.rows
    return total


def test_each_round_takes_the_same_and_leaves_the_better_half() -> None:
    rounds = plan_rounds([Work(0, 1)] * 8, 1_000, 960)
    assert rounds == [Round(8, 40), Round(4, 40 + 80), Round(2, 40 + 80 + 160)]
    assert spent(rounds, [Work(0, 1)] * 8) == 960


def test_without_a_limit_all_settings_answer_all_rows() -> None:
    assert plan_rounds([Work(9, 1)] * 8, 128, float("inf")) == [Round(8, 128)]


def test_the_budget_decides_how_many_settings_are_tried_and_on_how_many_rows() -> None:
    work = [Work(50, 10)] * 8
    assert plan_rounds(work, 128, 100_000)[0].settings == 8
    for tokens in (600, 1_000, 2_000, 4_000):
        rounds = plan_rounds(work, 128, tokens)
        assert spent(rounds, work) <= tokens
        assert rounds[0].settings == min(8, max(2, int(FIRST_SHARE * tokens // (50 + 10 * FIRST_ROWS))))
    few, many = plan_rounds(work, 128, 1_500), plan_rounds(work, 128, 6_000)
    assert few[-1].rows < many[-1].rows


@pytest.mark.parametrize("rows", [1, 5, 16, 17, 40, 200])
@pytest.mark.parametrize("tokens", [0, 100, 3_000, float("inf")])
def test_settings_only_fall_and_rows_only_rise(rows: int, tokens: float) -> None:
    rounds = plan_rounds([Work(5, 20)] * 6, rows, tokens)
    assert rounds[0].rows >= min(FIRST_ROWS, rows)
    assert all(one.settings >= then.settings and one.rows < then.rows for one, then in pairwise(rounds))
    assert 2 <= rounds[0].settings <= 6 and rounds[-1].rows <= rows
    if tokens == float("inf"):
        assert rounds[-1].rows == rows


def test_one_setting_is_judged_on_as_many_rows_as_it_may() -> None:
    assert plan_rounds([Work(0, 1)], 40, float("inf")) == [Round(1, 40)]
    assert plan_rounds([Work(0, 1)], 40, 30) == [Round(1, 30)]


def test_answers_are_counted_once() -> None:
    assert count_answers([Round(8, 16), Round(4, 32), Round(2, 40)]) == 8 * 16 + 4 * 16 + 2 * 8
