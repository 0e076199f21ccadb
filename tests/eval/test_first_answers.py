"""The answers that are shown before all are there are those that count later."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

import pytest

from eval.measuring.other_programs import OtherPrograms
from eval.measuring.runner import FIRST_ROWS, MOST_REPEATS, ROWS_A_CALL, Measured, Measuring, first_rows, measure
from eval.outcomes import Outcome, Prediction
from eval.scoring import Scorer
from eval.task import Example, Kind


class Counting:
    """Answers with the number of the call."""

    name: ClassVar[str] = "counting"

    def __init__(self) -> None:
        self._calls = 0

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        self._calls += 1
        return [Prediction(f"call {self._calls}", 1, 1) for _ in inputs]


def test_first_answers_come_as_rows_are_answered_and_are_no_second_ones() -> None:
    lengths = [300, 1, 150, *range(2, 3 * ROWS_A_CALL // 2), *range(151, 151 + 3 * ROWS_A_CALL // 2 - 1)]
    test = [Example(str(row), "x" * length, "call 2") for row, length in enumerate(lengths)]
    told: list[Sequence[Outcome]] = []
    measured = measure(Counting(), test, Scorer(Kind.ANSWERING, None, ()), 0, lambda *_: None, told.append)
    shown = {row.id for row in first_rows(test)}
    assert len(shown) == FIRST_ROWS
    assert [len(each) for each in told] == [1, 2, 3]  # the longest inputs are answered first
    counted = {outcome.example_id: outcome for outcome in measured.outcomes if outcome.example_id in shown}
    assert {outcome.example_id: outcome for outcome in told[-1]} == counted
    assert len({outcome.text for outcome in told[-1]}) == 3


def test_a_test_set_may_have_fewer_rows() -> None:
    test = [Example("a", "one", "call 2")]
    assert first_rows(test) == test


class Held:
    """Answers at once, except the first time it is asked alone."""

    name: ClassVar[str] = "held"

    def __init__(self) -> None:
        self.alone = 0

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        self.alone += len(inputs) == 1
        if len(inputs) == 1 and self.alone == 2:  # after the warm-up
            until = time.perf_counter() + 0.03
            while time.perf_counter() < until:
                pass
        return [Prediction("", 1, 1) for _ in inputs]


def test_an_answer_of_milliseconds_is_repeated_where_that_is_free_and_its_median_counts() -> None:
    test = [Example(str(row), f"input {row}", "") for row in range(4)]

    def timed(may_repeat: bool) -> tuple[float, int]:
        held = Held()
        measuring = Measuring(held, test, Scorer(Kind.ANSWERING, None, ()), lambda *_: None, may_repeat=may_repeat)
        measuring.answer(4)
        measuring.time(0, 1)
        measuring.end_round()
        return measuring.measured.outcomes[0].seconds or 0.0, held.alone - 1

    once, calls = timed(False)
    assert once >= 0.03 and calls == 1
    often, calls = timed(True)
    assert often < 0.03 and 1 < calls <= MOST_REPEATS


def test_a_round_of_timing_that_was_cut_short_makes_way_for_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if other programs were busier in the whole one."""
    test = [Example(str(row), f"input {row}", "") for row in range(8)]
    busy = iter((0.0, 0.1, 0.2))
    monkeypatch.setattr(OtherPrograms, "share", lambda self: next(busy))

    def timed(earlier: Measured | None, rows: int) -> Measured:
        measuring = Measuring(Held(), test, Scorer(Kind.ANSWERING, None, ()), lambda *_: None, earlier=earlier)
        measuring.answer(8)
        for row in range(rows):
            measuring.time(row, 8)
        measuring.end_round()
        return measuring.measured

    short = timed(None, 1)
    whole = timed(short, 8)
    assert [sum(one.seconds is not None for one in each.outcomes) for each in (short, whole)] == [1, 8]
    assert timed(whole, 8).outcomes == whole.outcomes  # the quieter of two whole ones counts
