"""How long an answer takes while an adapter is kept apart from the weights, as where one model serves several tasks."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean

from eval.outcomes import Trial
from eval.runner import seconds_of, spread
from eval.task import Example
from strategies.contract import Adapted, Progress, Strategy

_MOST_ROWS = 8  # the fewest that give the median a range are 6
_FEWEST_ROWS = 2
_SECONDS = 5.0  # that all of them together may take where a run is to be quick,
_SHARE = 0.5  # else so much of the time that the timed requests took, where that is more
_SLOWER = 1.5  # foreseen
_STAGE = "timing answers with the adapter apart"


def timed_apart(
    trial: Trial,
    strategy: Strategy,
    test: Sequence[Example],
    is_asked_again: bool,
    report_progress: Callable[[Progress], None],
) -> Trial:
    """The trial with the seconds of some of its timed requests, asked again with the adapter apart; as it was where
    there is no adapter, or where that would take too long. It is left apart unless more is to be asked, as in the
    presets that need not be quick."""
    merged = {outcome.example_id: outcome.seconds for outcome in trial.outcomes if outcome.seconds is not None}
    if not isinstance(strategy, Adapted) or not merged:
        return trial
    timed = [example for example in test if example.id in merged]
    allowed = max(_SECONDS, _SHARE * sum(merged.values()) if is_asked_again else 0.0)
    rows = spread(len(timed), int(min(_MOST_ROWS, allowed / (_SLOWER * fmean(merged.values())))))
    if len(rows) < _FEWEST_ROWS:
        return trial
    seconds: dict[str, float] = {}
    report_progress(Progress(_STAGE, 0, len(rows)))
    try:
        strategy.take_apart()
        seconds_of(strategy, timed[rows[-1]])  # warm-up, not with the row asked next: its prompt would be remembered
        for row in rows:
            seconds[timed[row].id] = seconds_of(strategy, timed[row])
            report_progress(Progress(_STAGE, len(seconds), len(rows)))
        if is_asked_again:
            strategy.put_together()
    except Exception:  # what was measured before stands
        traceback.print_exc()
        return trial
    return replace(trial, apart_seconds=seconds)
