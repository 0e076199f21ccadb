"""Several finished runs on the same test rows: which can be compared, and what differs between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations
from typing import Literal

from advisor.candidates import judged
from advisor.measurement import is_judged
from advisor.pairing import model_in, short_names, with_model
from advisor.schema import SCORE_VERSION, Report
from advisor.storage.own_marks import OwnMark
from advisor.storage.run_files import why_no_report
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trials
from advisor.wording import money_text
from eval.outcomes import Outcome, Trial
from eval.scoring import MetricName, is_right
from eval.scoring.labels import OF_LABELS
from eval.statistics.grouping import piece_of
from eval.statistics.inference import Difference
from eval.statistics.scored import paired_difference, scored
from eval.task import BadInput, Example, normalised

SEED = "Seed"
Obstacle = Literal["rows", "metric", "version of the score"]
_SAME_SCORE = 1e-6


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """What one run left: its report, its test rows, and each strategy's outcomes by the id of the row."""

    id: str
    report: Report
    test: tuple[Example, ...]
    answers: Mapping[str, Mapping[str, Outcome]]

    @staticmethod
    def of(run_id: str, report: Report, test: tuple[Example, ...], trials: Sequence[Trial]) -> FinishedRun:
        answers = {one.strategy: {each.example_id: each for each in one.outcomes} for one in trials if is_judged(one)}
        return FinishedRun(run_id, report, test, answers)

    @property
    def has_several_models(self) -> bool:
        return any(model_in(name) for name in self.answers)

    def with_model_named(self) -> FinishedRun:
        """A run with one model, with its candidates named as in a run with several."""
        (short,) = short_names([self.report.model]).values()
        names = {one.id: with_model(one.strategy, short) for one in self.report.candidates}
        verdict = self.report.recommendation
        report = replace(
            self.report,
            candidates=tuple(replace(one, id=names[one.id]) for one in self.report.candidates),
            recommendation=replace(verdict, choice=names.get(verdict.choice or "")),
        )
        answers = {names.get(name, name): each for name, each in self.answers.items()}
        return replace(self, report=report, answers=answers)


def finished_run(store: Store, run: StoredRun) -> FinishedRun:
    """A stored run. Raises BadInput if there is no report or task of it that this version can read."""
    folder, report = store.run_folder(run.id), store.report(run.id)
    if report is None:
        why = why_no_report(folder) if run.state == "done" else "It hasn't finished."
        raise BadInput(f"Run {run.id} has no report to compare with. {why}")
    trials, _ = read_trials(folder, [step.strategy for step in store.steps(run.id)])
    return FinishedRun.of(run.id, report, read_task(folder)[1].test, trials)


def named_alike(runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """The runs with one name for the same strategy with the same model. Where no run has several models, a strategy is
    compared whichever model each run has, and the models are among the settings that differ."""
    if not any(run.has_several_models for run in runs):
        return list(runs)
    return [run if run.has_several_models else run.with_model_named() for run in runs]


@dataclass(frozen=True, slots=True)
class SharedRow:
    """A test row that several runs answered, with its id in each of them."""

    example: Example
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlippedRow:
    """A row that one strategy answered differently well in several runs: its outcomes by run. `right` is empty where
    answers aren't right or wrong. `inputs` are as each run has them, because blanks and capitals may differ; `marks`
    are the person's own, by run."""

    example: Example
    outcomes: dict[str, Outcome]
    right: dict[str, bool]
    inputs: dict[str, str]
    marks: Mapping[str, OwnMark] = field(default_factory=dict)

    @property
    def spread(self) -> float:
        """The best score minus the worst."""
        scores = [outcome.score for outcome in self.outcomes.values()]
        return max(scores) - min(scores)


@dataclass(frozen=True, slots=True)
class Setting:
    """What was set otherwise: its value in each report, None where it isn't known."""

    name: str
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """The runs that can be compared with the first of them, on these rows; and the others, with why not."""

    runs: tuple[FinishedRun, ...]
    rows: tuple[SharedRow, ...]
    left_out: tuple[tuple[FinishedRun, Obstacle], ...]


def compare_runs(runs: Sequence[FinishedRun]) -> Compared:
    """The largest set that can be compared; of equally large ones, the one that begins with the earliest run."""
    named = named_alike(runs)
    return max((_beginning_with(first, named) for first in named), key=lambda one: len(one.runs))


def _beginning_with(first: FinishedRun, runs: Sequence[FinishedRun]) -> Compared:
    kept, left_out = [first], []
    for run in runs:
        if run is first:
            continue
        if (obstacle := _obstacle(first, kept, run)) is None:
            kept.append(run)
        else:
            left_out.append((run, obstacle))
    kept.sort(key=runs.index)
    return Compared(tuple(kept), tuple(shared_rows(kept)), tuple(left_out))


def _obstacle(first: FinishedRun, kept: Sequence[FinishedRun], run: FinishedRun) -> Obstacle | None:
    one, other = first.report, run.report
    if not shared_rows([*kept, run]):
        return "rows"
    if (one.task.metric, one.task.kind) != (other.task.metric, other.task.kind):
        return "metric"
    is_rescored = _have_same_data(first, run) and scored_otherwise([first, run])  # which the versions may not say
    return "version of the score" if is_rescored or _score_version(one) != _score_version(other) else None


def _score_version(report: Report) -> str | None:
    """None for labels, which every version compares exactly."""
    if report.task.metric in (*OF_LABELS, MetricName.ACCURACY):
        return None
    return report.versions.get(SCORE_VERSION, "1")


def shared_rows(runs: Sequence[FinishedRun]) -> list[SharedRow]:
    """The test rows with the same input and the same right answers in all runs, in the order of the first."""
    return rows_in_all([run.test for run in runs])


def rows_in_all(tests: Sequence[tuple[Example, ...]]) -> list[SharedRow]:
    """Like `shared_rows`, of these test sets."""
    found = [_by_content(test) for test in tests]
    return [
        SharedRow(example, tuple(each[content].id for each in found))
        for content, example in found[0].items()
        if all(content in each for each in found)
    ]


@lru_cache(maxsize=16)
def _by_content(examples: tuple[Example, ...]) -> dict[tuple[object, ...], Example]:
    """Equal rows are numbered, so that each keeps its own place."""
    seen: Counter[tuple[object, ...]] = Counter()
    found: dict[tuple[object, ...], Example] = {}
    for example in examples:
        content = (normalised(example.input), tuple(answer.strip() for answer in example.answers))
        found[(*content, seen[content])] = example
        seen[content] += 1
    return found


def _have_same_data(one: FinishedRun, other: FinishedRun) -> bool:
    """Whether the rows and documents that a score learns from are probably the same."""
    old, new = one.report.task, other.report.task
    return (old.rows, old.train, old.documents) == (new.rows, new.train, new.documents)


def scored_otherwise(runs: Sequence[FinishedRun]) -> int:
    """How many answers are the same in the first run and in another, to the same row, and have another score. That
    happens if the score learned from other rows or documents, or has other rules."""
    first, *others = runs
    return sum(
        old.text == new.text and old.error == new.error and abs(old.score - new.score) > _SAME_SCORE
        for other in others
        for name in first.answers.keys() & other.answers.keys()
        for old, new in _pairs(first, name, other, name)
    )


def _pairs(first: FinishedRun, before: str, other: FinishedRun, after: str) -> list[tuple[Outcome, Outcome]]:
    """What a strategy of each run answered to the test rows they share."""
    old, new = first.answers.get(before, {}), other.answers.get(after, {})
    ids = (row.ids for row in shared_rows([first, other]))
    return [(old[a], new[b]) for a, b in ids if a in old and b in new]


def strategies_of(compared: Compared) -> list[str]:
    """Those that any run measured, in the order of the latest run."""
    return list(dict.fromkeys(name for run in reversed(compared.runs) for name in run.answers))


def differences(compared: Compared, strategy: str) -> list[Difference | None]:
    """How much better each later run scores than the first, on the rows they share. None where one of the two lacks
    the strategy."""
    first, *others = compared.runs
    return [difference_between(first, strategy, other, strategy) for other in others]


def difference_between(first: FinishedRun, before: str, other: FinishedRun, after: str) -> Difference | None:
    """How much better a strategy of the other run scores than one of the first, on the rows they share. None if there
    is no row that both answered."""
    if not (pairs := _pairs(first, before, other, after)):
        return None
    metric, groups = first.report.task.metric, [piece_of(*pair) for pair in pairs]
    old, new = [each for each, _ in pairs], [each for _, each in pairs]
    return paired_difference(scored(metric, new), scored(metric, old), groups)


def moved_by_seed(compared: Compared) -> dict[str, float]:
    """By how much the score of a strategy moved with nothing changed but the seed, at most, where that is known: from
    repeated trainings of one run, and from runs on the same data, whose split another seed changes too."""
    found: dict[str, float] = {}
    for strategy in strategies_of(compared):
        scores = [_of_each_seed([run], strategy) for run in compared.runs]
        for one, other in combinations(compared.runs, 2):
            settings = differing_settings([one.report, other.report])
            if [each.name for each in settings] == [SEED] and _have_same_data(one, other):
                scores.append(_of_each_seed([one, other], strategy))
        spreads = [max(each) - min(each) for each in scores if len(each) > 1]
        if spreads:
            found[strategy] = max(spreads)
    return found


def _of_each_seed(runs: Sequence[FinishedRun], strategy: str) -> list[float]:
    measured = [one for run in runs for one in judged(run.report) if one.id == strategy]
    return [score for one in measured for score in one.score_of_each_training or (one.score.mean,)]


def flipped_rows(compared: Compared, strategy: str) -> list[FlippedRow]:
    """The shared rows that this strategy got right in one run and wrong in another. Where answers aren't right or
    wrong, those with another score, the largest spread first."""
    kind, found = compared.runs[0].report.task.kind, []
    inputs = {run.id: {example.id: example.input for example in run.test} for run in compared.runs}
    for row in compared.rows:
        given = {
            run.id: run.answers[strategy][row_id]
            for run, row_id in zip(compared.runs, row.ids, strict=True)
            if row_id in run.answers.get(strategy, {})
        }
        marks = {run_id: is_right(kind, one.score, one.parts) for run_id, one in given.items()}
        right = {run_id: mark for run_id, mark in marks.items() if mark is not None}
        seen: set[float] = set(right.values()) if right else {one.score for one in given.values()}
        if len(seen) > 1:
            found.append(
                FlippedRow(
                    row.example, given, right, {run_id: inputs[run_id][one.example_id] for run_id, one in given.items()}
                )
            )
    return found if all(row.right for row in found) else sorted(found, key=lambda row: -row.spread)


def with_marks(rows: Sequence[FlippedRow], marks: Mapping[str, Sequence[OwnMark]]) -> list[FlippedRow]:
    """The rows with what the person says of their answers; `marks` are by run."""
    said = {run_id: {mark.key: mark for mark in of_run} for run_id, of_run in marks.items()}
    return [
        replace(
            row,
            marks={
                run_id: mark
                for run_id, outcome in row.outcomes.items()
                if (mark := said[run_id].get((row.inputs[run_id], outcome.text))) is not None
            },
        )
        for row in rows
    ]


def differing_settings(reports: Sequence[Report]) -> list[Setting]:
    """What was not set alike in all reports."""
    settings = [Setting(name, tuple(map(tell, reports))) for name, tell in _SETTINGS]
    return [one for one in settings if len({value for value in one.values if value is not None}) > 1]


def _shown_by_prompting(report: Report) -> str | None:
    """Before prompting with examples stood apart, prompting itself could show some."""
    named = (one.settings for one in judged(report) if one.strategy == "prompting")
    return next((str(settings.get("examples", 0)) for settings in named if settings), None)


def _meanings(report: Report) -> str:
    return "; ".join(f"{label}: {meaning}" for label, meaning in report.task.meanings) or "none"


def _hour(report: Report) -> str:
    return money_text(report.priorities.machine_per_hour, report.priorities.currency)


_SETTINGS: tuple[tuple[str, Callable[[Report], str | None]], ...] = (
    ("Data", lambda report: report.task.name),
    ("Metric", lambda report: report.task.metric),
    ("Version of the score", _score_version),
    ("Instruction", lambda report: report.task.instruction or "drafted from the training answers"),
    ("Meanings of labels", _meanings),
    ("Model", lambda report: report.model),
    ("Effort", lambda report: report.preset),
    (SEED, lambda report: str(report.seed)),
    ("Margin in points", lambda report: f"{100 * report.priorities.margin:.3g}"),
    ("Requests a month", lambda report: f"{report.priorities.monthly_volume:,}"),
    ("Machine price per hour", _hour),
    ("Machine", lambda report: report.device),
    ("Training rows", lambda report: f"{report.task.train:,}"),
    ("Dev rows", lambda report: f"{report.task.dev:,}"),
    ("Test rows", lambda report: f"{report.task.test:,}"),
    ("Documents", lambda report: f"{report.task.documents:,}"),
    ("Examples in the prompt", _shown_by_prompting),
)
