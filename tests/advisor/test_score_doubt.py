"""A verdict on a score that is blind, or that contradicts what the answers state, says so first and is weak at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.decision.score_doubt import score_doubt
from advisor.runs.score_check import SCORE_CHECK_FILE, read_score_check, take_score_check
from advisor.schema import Report
from advisor.storage.task_file import task_to_json
from eval.outcomes import Trial
from eval.scoring.check import CorruptedScore, ScoreCheck
from eval.scoring.corruptions import Corruption
from eval.scoring.own_metric import own_metric
from eval.task import BadInput, Document, Kind, Split, Task
from tests.reports import rows_of, section_names, section_of

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]
MakeTask = Callable[..., Task]
MakeSplit = Callable[[Task], Split]

BLIND = ScoreCheck(
    0.71,
    60,
    (CorruptedScore(Corruption.CHANGED_NUMBER, 0.64, 40, 0.6), CorruptedScore(Corruption.REFUSAL, 0.1, 60, 1.0)),
    (Corruption.CHANGED_NUMBER,),
)
SEES = replace(BLIND, blind_to=())


def with_recall(trial: Trial, recall: float, sources: tuple[str, ...], score: float) -> Trial:
    outcomes = tuple(
        replace(one, score=score + 0.01 * (at % 3), parts={"recall": recall}, sources=sources, found_gold=None)
        for at, one in enumerate(trial.outcomes)
    )
    return replace(trial, outcomes=outcomes)


@pytest.fixture
def clashing(synthetic_trials: Callable[..., tuple[Trial, ...]]) -> list[Trial]:
    """Both score the same by their wording; only one states the facts, and it read the documents."""
    prompting, retrieval, _ = synthetic_trials(Kind.WRITING)
    return [with_recall(prompting, 0.01, (), 0.34), with_recall(retrieval, 0.6, ("document",), 0.34)]


def test_a_score_that_cannot_tell_is_doubted_with_its_figures() -> None:
    assert score_doubt([], SEES, has_documents=True) is None and score_doubt([], None, has_documents=True) is None
    doubt = score_doubt([], BLIND, has_documents=False)
    assert doubt is not None and ".64" in doubt and ".71" in doubt and "wrong number" in doubt


def test_inventions_level_with_what_was_looked_up_are_no_tie(clashing: list[Trial]) -> None:
    doubt = score_doubt(clashing, SEES, has_documents=True)
    assert doubt is not None and "60 %" in doubt and "1 %" in doubt
    assert score_doubt(clashing, SEES, has_documents=False) is None
    prompting, retrieval = clashing
    clearly = with_recall(retrieval, 0.6, ("document",), 0.6)
    assert score_doubt([prompting, clearly], SEES, has_documents=True) is None  # the score shows it
    unread = with_recall(retrieval, 0.02, ("document",), 0.34)
    assert score_doubt([prompting, unread], SEES, has_documents=True) is None  # there is nothing to show


def test_the_verdict_says_so_first_and_is_weak_at_most(synthetic_report: MakeReport) -> None:
    sure = synthetic_report(Kind.WRITING)
    report = synthetic_report(Kind.WRITING, score_check=BLIND)
    before, after = sure.recommendation, report.recommendation
    assert before.confidence in ("strong", "moderate") and after.confidence == "weak"
    assert (before.headline, after.headline) == (
        "Use adapter fine-tuning.",
        "Check the score before you use adapter fine-tuning.",
    )
    assert after.confidence_line == report.score_doubt
    section = section_of(report, "score-check")
    assert list(rows_of(section).values()) == [[".71", "", "60"], [".64", "60 %", "40"], [".10", "100 %", "60"]]
    assert "score-check" not in section_names(sure)


@pytest.mark.parametrize(
    ("checked", "judged"),
    [(BLIND, "Hardly."), (SEES, "Partly:"), (replace(SEES, corrupted=SEES.corrupted[1:]), "Yes.")],
    ids=["blind", "goes by wording", "sees"],
)
def test_the_check_is_judged_in_a_word(synthetic_report: MakeReport, checked: ScoreCheck, judged: str) -> None:
    section = section_of(synthetic_report(Kind.WRITING, score_check=checked), "score-check")
    assert section.summary.startswith(judged) and "score .71" in section.summary


def test_the_check_is_taken_in_a_child_and_kept_with_the_run(
    tmp_path: Path, synthetic_task: MakeTask, synthetic_split: MakeSplit
) -> None:
    task = synthetic_task(Kind.WRITING)
    (tmp_path / "task.json").write_text(task_to_json(task, synthetic_split(task)), encoding="utf-8")
    take_score_check(tmp_path, seed=0)
    checked = read_score_check(tmp_path)
    assert checked is not None and checked.right > 0.5 and Corruption.OTHER_ANSWER not in checked.blind_to
    kept = (tmp_path / SCORE_CHECK_FILE).stat().st_mtime_ns
    take_score_check(tmp_path, seed=0)
    assert (tmp_path / SCORE_CHECK_FILE).stat().st_mtime_ns == kept


def test_a_metric_that_fails_ends_the_run_before_it_starts(
    tmp_path: Path, synthetic_task: MakeTask, synthetic_split: MakeSplit
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def score(output, expected, input):\n    return float('nan')\n")
    task = replace(synthetic_task(Kind.WRITING), metric=own_metric(f"{file}:score"))
    (tmp_path / "task.json").write_text(task_to_json(task, synthetic_split(task)), encoding="utf-8")
    with pytest.raises(BadInput, match="must return a number from 0 to 1"):
        take_score_check(tmp_path, seed=0)


def test_a_clash_reaches_the_report(
    synthetic_report: MakeReport, synthetic_task: MakeTask, clashing: list[Trial]
) -> None:
    task = replace(synthetic_task(Kind.WRITING), documents=(Document("document", "", "text"),))
    report = synthetic_report(Kind.WRITING, task=task, trials=clashing)
    assert "facts" in report.recommendation.confidence_line and report.recommendation.confidence != "strong"


@pytest.mark.parametrize(("metric", "said"), [("facts", "finds facts by rules"), ("form", "compares wording")])
def test_what_a_written_score_cannot_see_is_said_before_one_acts(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials, metric: str, said: str
) -> None:
    trials = [replace(trial, metric=metric) for trial in synthetic_trials(Kind.WRITING)]
    caveats = synthetic_report(Kind.WRITING, trials=trials).recommendation.caveats
    assert sum(said in caveat for caveat in caveats) == 1
