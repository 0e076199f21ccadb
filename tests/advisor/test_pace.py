"""The bar of a strategy: all its stages share it, and it never goes backwards."""

from __future__ import annotations

import time

from advisor.runs.pace import Pace
from strategies.contract import Progress


def test_a_bar_never_goes_backwards_when_a_stage_begins_or_takes_longer() -> None:
    pace, start = Pace(expected=100.0), time.monotonic()
    told = [
        (10, Progress("choosing how to train", 50, 1000)),
        (30, Progress("choosing how to train", 200, 1000)),
        (60, Progress("training", 200, 1000)),
        (80, Progress("training", 210, 1000)),  # at this pace, 1,580 seconds are left
        (120, Progress("answering the test rows", 0, 40)),
        (130, Progress("answering the test rows", 39, 40)),
    ]
    filled = []
    for seconds, progress in told:
        left = pace.remaining_seconds(progress, start + seconds)
        assert left is not None and left > 0
        filled.append(seconds / (seconds + left))
    assert filled == sorted(filled) and filled[0] < 0.2 and 0.9 < filled[-1] < 1


def test_without_an_estimate_only_the_stage_has_a_pace() -> None:
    pace, start = Pace(expected=None), time.monotonic()
    assert pace.remaining_seconds(Progress("training", 0, 100), start) is None
    assert pace.remaining_seconds(Progress("training", 20, 100), start + 10) == 40.0
