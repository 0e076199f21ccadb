"""Real answers become a pool of scores: those of the product as it is now, the cheapest strategy first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.schema import REPORT, Candidate, Report
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import write_trial
from eval.money.costs import Cost
from eval.outcomes import Outcome, Trial
from eval.statistics.inference import Interval
from eval.task import BadInput, Example, Kind, Split, Task
from tests.benchmarks.measured_answers import scores_of

ROWS = tuple(Example(f"r{n}", f"How high is hill {n}?", f"Hill {n} is {1500 + n} metres high.") for n in range(12))
ANSWERS = {"prompting": ("9 metres", "1,511 metres"), "retrieval": ("1,510 metres", ROWS[11].target)}
PRICES = {"prompting": 3.0, "retrieval": 2.0}  # a month


def write_run(folder: Path) -> None:
    task = Task("hills", Kind.ANSWERING, "Answer.", ROWS)
    (folder / "task.json").write_text(task_to_json(task, Split(ROWS[:8], ROWS[8:10], ROWS[10:])))
    for name, texts in ANSWERS.items():
        (folder / name).mkdir()
        outcomes = [Outcome(row.id, name, text, 0.123, {}, 1, 1) for row, text in zip(ROWS[10:], texts, strict=True)]
        write_trial(folder / name, Trial(name, "done", outcomes=tuple(reversed(outcomes))))


def write_report(folder: Path, made: Report) -> None:
    priced = tuple(
        Candidate(name, name, "", Interval(0.5, 0.4, 0.6, 80), Cost(1.0, 0.1, price, "USD"))
        for name, price in PRICES.items()
    )
    (folder / "report.json").write_text(REPORT.write(replace(made, candidates=priced)))


def test_answers_are_scored_as_the_product_scores_them_now(
    tmp_path: Path, synthetic_report: Callable[..., Report]
) -> None:
    write_run(tmp_path)
    write_report(tmp_path, synthetic_report())
    assert scores_of(tmp_path) == {"retrieval": [1, 1], "prompting": [0, 1]}
    assert list(scores_of(tmp_path)) == ["retrieval", "prompting"]
    assert scores_of(tmp_path, "exact match") == {"retrieval": [0, 1], "prompting": [0, 0]}


def test_a_run_that_is_not_finished_is_refused(tmp_path: Path, synthetic_report: Callable[..., Report]) -> None:
    write_run(tmp_path)
    with pytest.raises(BadInput, match="no report"):
        scores_of(tmp_path)
    write_report(tmp_path, synthetic_report())
    (tmp_path / "retrieval" / "manifest.json").unlink()
    with pytest.raises(BadInput, match="no finished trial of retrieval"):
        scores_of(tmp_path)
