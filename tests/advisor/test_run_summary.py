"""The line of a run in the history is read from a small file, and from the report where that is another one by now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from advisor.render.json_file import render_json
from advisor.report.run_summary import summary_in, summary_of
from advisor.storage.seals import write_sealed
from advisor.storage.store import Store
from eval.outcomes import Trial
from eval.task import Split, Task
from tests.app import finish_run


def test_a_summary_is_that_of_the_report_as_it_is_now(
    tmp_path: Path,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> None:
    store, task = Store(tmp_path / "home"), synthetic_task()
    run = finish_run(store, task, synthetic_split(task), synthetic_trials())
    folder, report = store.run_folder(run.id), store.report(run.id)
    assert report is not None and summary_in(store, run.id) == summary_of(report)

    kept = (folder / "summary.json").read_text()
    (folder / "summary.json").write_text(kept.replace('"headline": "', '"headline": "Kept: '))
    found = summary_in(store, run.id)
    assert found is not None and found.headline.startswith("Kept: ")  # so it isn't read from the report

    other = replace(report, recommendation=replace(report.recommendation, headline="Another one"))
    write_sealed(folder / "report.json", render_json(other))
    assert summary_in(store, run.id) == summary_of(other)
    (folder / "summary.json").write_text("{")
    assert summary_in(store, run.id) == summary_of(other)
    (folder / "report.json").write_text("{")
    assert summary_in(store, run.id) is None
