"""Check before a run whether the score sees wrong answers. A child process does it, because a person's own metric is
their own code."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from advisor.as_json import AsJson
from advisor.runs.child import failure_sentence, result_of, settle_in, spawned
from advisor.storage.files import write_whole
from advisor.storage.task_file import read_task
from eval.scoring.check import ScoreCheck, check_score
from eval.scoring.scorer import scorer_for
from eval.task import BadInput
from strategies.search.embedder import phrase_encoder

SCORE_CHECK_FILE = "score_check.json"
_CHECK = AsJson[ScoreCheck | None](ScoreCheck | None)


def take_score_check(run_folder: Path, seed: int, cancelled: Callable[[], bool] = lambda: False) -> None:
    """Writes the check to the run's folder, unless it is already there or the run is cancelled. Raises BadInput if the
    metric itself fails."""
    if (run_folder / SCORE_CHECK_FILE).exists():
        return
    with spawned(_check, run_folder, seed) as (child, results):
        found = result_of(child, results, cancelled)
    if found is None:
        return
    checked, problem = found
    if problem is not None:
        raise BadInput(problem)
    write_whole(run_folder / SCORE_CHECK_FILE, _CHECK.write(checked, indent=2))


def read_score_check(run_folder: Path) -> ScoreCheck | None:
    """None if there is nothing to say, in runs of earlier versions, and if the file can't be read."""
    try:
        return _CHECK.read((run_folder / SCORE_CHECK_FILE).read_bytes())
    except (OSError, ValueError):
        return None


def _check(run_folder: Path, seed: int, results: Connection) -> None:
    """The child's part."""
    settle_in(run_folder / "log.txt")
    try:
        task, split = read_task(run_folder)
        checked = check_score(scorer_for(task, split, phrase_encoder()), split.train, task.documents, seed)
        results.send((checked, None))
    except Exception as wrong:
        traceback.print_exc()
        results.send((None, failure_sentence(wrong, "checking the score")))
