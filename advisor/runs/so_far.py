"""What a run that goes on says so far: the verdict on what is measured, and what is not measured yet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from advisor.as_json import AsJson
from advisor.decision.recommendation import recommend
from advisor.decision.score_doubt import score_doubt
from advisor.measurement import is_judged, score_of_trial, sharing_timings
from advisor.plan import Plan
from advisor.runs.score_check import read_score_check
from advisor.schema import Recommendation
from advisor.spending import at_own_prices
from advisor.storage.files import write_whole
from advisor.storage.task_file import read_task
from advisor.wording import in_sentence, score_text
from eval.outcomes import Trial
from eval.statistics.inference import Interval
from eval.task import Kind

_FILE = "so_far.json"


@dataclass(frozen=True, slots=True)
class SoFar:
    """`headline` and `evidence` are sentences on the candidates measured so far, whose `scores` are by name, and
    `choice` is taken of them; before there are any, on the best baseline. `missing` names the other candidates.
    `baseline` says how the best baseline does, if there is one. `seconds` passed since the run's start; `rows` is how
    many test rows there are."""

    headline: str
    evidence: str
    scores: dict[str, Interval]
    choice: str | None
    missing: tuple[str, ...]
    rows: int
    seconds: float
    baseline: str | None = None


_SO_FAR = AsJson[SoFar](SoFar)


class Verdicts:
    """Judges the trials of a run whenever they change, and keeps the last verdict where pages find it."""

    def __init__(self, folder: Path, plan: Plan, baselines: Sequence[Trial], started_at: float) -> None:
        self._folder, self._plan, self._baselines, self._started_at = folder, plan, baselines, started_at
        self._task, split = read_task(folder)
        self._rows = len(split.test)
        self._check = read_score_check(folder)

    @property
    def kind(self) -> Kind:
        return self._task.kind

    @property
    def rows(self) -> int:
        """Test rows of the task."""
        return self._rows

    def judge(self, trials: Sequence[Trial]) -> Recommendation | None:
        """The verdict as of now; None if nothing is measured."""
        judged = at_own_prices(sharing_timings([trial for trial in trials if is_judged(trial)]), self._plan)
        if not judged:
            self._tell_of_baselines()
            return None
        verdict = recommend(
            judged,
            self._plan.priorities,
            self._task.kind,
            baselines=self._baselines,
            doubt=score_doubt(judged, self._check, bool(self._task.documents)),
            check=self._check,
        )
        measured = {trial.strategy: score_of_trial(trial) for trial in judged}
        missing = tuple(one.name for one in self._plan.pairings if one.name not in measured)
        headline, evidence = verdict.headline, verdict.confidence_line
        if missing and verdict.choice is not None:  # what isn't measured may still beat it, and every baseline
            headline = f"So far, {in_sentence(verdict.choice)} leads."
            evidence = f"It {_scoring(measured[verdict.choice])}."
        self._keep(
            SoFar(
                headline=headline,
                evidence=evidence,
                scores=measured,
                choice=verdict.choice,
                missing=missing,
                rows=self._rows,
                seconds=max(0.0, time.time() - self._started_at),
                baseline=verdict.baseline.line if verdict.baseline else None,
            )
        )
        return verdict

    def _tell_of_baselines(self) -> None:
        scores = {one.strategy: score_of_trial(one) for one in self._baselines if is_judged(one)}
        if not scores:
            return
        best = max(scores, key=lambda name: scores[name].mean)
        self._keep(
            SoFar(
                headline="No strategy is measured yet.",
                evidence=f"The best baseline ({in_sentence(best)}) {_scoring(scores[best])}.",
                scores={best: scores[best]},
                choice=None,
                missing=tuple(one.name for one in self._plan.pairings),
                rows=self._rows,
                seconds=max(0.0, time.time() - self._started_at),
            )
        )

    def _keep(self, found: SoFar) -> None:
        with suppress(OSError):  # a full disk is for the trials to report
            write_whole(self._folder / _FILE, _SO_FAR.write(found))


def _scoring(score: Interval) -> str:
    return f"scores {score_text(score.mean)} (95 % CI {score_text(score.low)} to {score_text(score.high)})"


def read_so_far(folder: Path) -> SoFar | None:
    """None if nothing is measured yet, or if another version wrote it."""
    try:
        return _SO_FAR.read((folder / _FILE).read_bytes())
    except (OSError, ValueError):
        return None
