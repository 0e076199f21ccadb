"""What was asked beside the test rows, on the page of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from advisor.sections.changed_documents import FRESHNESS

from advisor.sections.robustness import LESS_TIDY
from advisor.sections.side_effects import SIDE_EFFECTS
from eval.outcomes import CHANGED_FACTS, NEW_FACT, OLD_FACT, TRAINED_ON
from tests.app import finish_run, html_of, open_page, own_home


@pytest.mark.parametrize("is_probed", [True, False])
def test_probes_stand_before_the_answers_or_are_said_not_to_be_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synthetic_task, synthetic_split, synthetic_trials, is_probed: bool
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
        said = html_of(open_page("Report", run=finish_run(store, task, synthetic_split(task), trials).id))
    part = LESS_TIDY if is_probed else "A quick run does not measure what is lost on less tidy inputs"
    assert said.index("Where answers go wrong") < said.index(part) < said.index("Answers side by side")
    if is_probed:
        assert "Fine-tuning loses most" in said and "<b>All capitals</b>" in said and "Not measured: " in said
        assert "40 rows that it trained on" in said and SIDE_EFFECTS in said
        assert "is kept apart from it (an adapter)" in said and "apart_seconds in trial.json" in said
        assert said.index(LESS_TIDY) < said.index("<b>Still the old fact</b>") < said.index(SIDE_EFFECTS)
        assert "retrieval gives the new one for 20 of 20" in said and FRESHNESS in said
    else:
        assert LESS_TIDY not in said and SIDE_EFFECTS not in said and FRESHNESS not in said
        assert "kept apart" not in said
