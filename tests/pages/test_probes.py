"""What was asked beside the test rows, on the page of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eval.outcomes import CHANGED_FACTS, NEW_FACT, OLD_FACT, TRAINED_ON, Trial
from eval.task import Split, Task
from tests.app import finish_run, html_of, open_page, own_home

PROBES = ("Robustness to messy inputs", "When facts in the documents change", "Forgetting and overfitting")


@pytest.mark.parametrize("is_probed", [True, False])
def test_what_was_probed_has_its_folds_and_nothing_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    synthetic_task: Callable[[], Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[[], tuple[Trial, ...]],
    is_probed: bool,
) -> None:
    task, trials = synthetic_task(), list(synthetic_trials())
    if is_probed:
        parts = {NEW_FACT: 1.0, OLD_FACT: 0.0}
        changed = tuple(replace(outcome, score=1.0, parts=parts) for outcome in trials[1].outcomes[:20])
        trials[1] = replace(trials[1], probes={CHANGED_FACTS: changed}, refresh_seconds=0.4)
        lost = tuple(replace(outcome, score=0.0) for outcome in trials[2].outcomes[:40])
        apart = {outcome.example_id: 2.5 for outcome in trials[2].outcomes[:8]}
        trials[2] = replace(trials[2], probes={"capitals": lost, TRAINED_ON: lost}, apart_seconds=apart)
    with own_home(tmp_path, monkeypatch) as store:
        app = open_page("Report", run=finish_run(store, task, synthetic_split(task), trials).id)
    said, folds = html_of(app), " ".join(fold.label.replace("\\", "") for fold in app.expander)
    assert [title for title in PROBES if title in folds] == (list(PROBES) if is_probed else [])
    assert ("keeps its adapter separate" in said) == ("apart_seconds in trial.json" in said) == is_probed
    if is_probed:
        assert "adapter fine-tuning loses" in folds and "on 40 training rows" in said
        assert "retrieval gives the new one in 20 of 20 answers" in folds
        assert "<b>All capitals</b>" in said and "<b>Old fact</b>" in said and "Not measured: " in said
