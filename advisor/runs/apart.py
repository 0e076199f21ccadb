"""Time answers with the adapter kept separate from the weights, as when one model serves several tasks."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean

from eval.measuring.runner import spell_of, spread
from eval.outcomes import Trial
from eval.task import Example
from strategies.contract import Adapted, Progress, Strategy

_MOST_ROWS = 8  # 6 rows are the fewest that give the median an interval
_FEWEST_ROWS = 2
_SECONDS = 5.0  # limit for all of them together in a quick run;
_SHARE = 0.5  # otherwise this share of the timed requests' seconds, if that is more
_SLOWER = 1.5  # expected factor
_STAGE = "timing answers with the adapter apart"


def timed_apart(
    trial: Trial,
    strategy: Strategy,
    test: Sequence[Example],
    is_asked_again: bool,
    report_progress: Callable[[Progress], None],
) -> Trial:
    """The trial with the seconds of some timed requests, asked again with the adapter separate. Unchanged if there is
    no adapter, or if it would take too long. The adapter is merged again only if more will be asked, as in the presets
    that needn't be quick."""
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
        spell_of(strategy, timed[rows[-1]])  # warm-up, not with the next row, because its prompt would be cached
        for row in rows:
            seconds[timed[row].id] = spell_of(strategy, timed[row]).seconds
            report_progress(Progress(_STAGE, len(seconds), len(rows)))
        if is_asked_again:
            strategy.put_together()
    except Exception:  # earlier measurements stay valid
        traceback.print_exc()
        return trial
    return replace(trial, apart_seconds=seconds)
