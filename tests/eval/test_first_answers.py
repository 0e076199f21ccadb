"""The answers that are shown before all are there are those that count later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from eval.measuring.runner import FIRST_ROWS, ROWS_A_CALL, first_rows, measure
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
