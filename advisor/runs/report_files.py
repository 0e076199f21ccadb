"""The files a run ends with: its report as JSON, HTML and Markdown, and its outcomes as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from advisor.measurement import sharing_timings
from advisor.pairing import words_of
from advisor.plan import Plan
from advisor.render.export import clicks_csv, marks_csv, outcomes_csv
from advisor.render.html import render_html
from advisor.render.json_file import render_json
from advisor.render.markdown import render_markdown
from advisor.report.build import build_report
from advisor.report.clicked import person_of
from advisor.report.judged import judges_of
from advisor.report.marked import marked_of
from advisor.report.run_summary import write_summary
from advisor.report.served import served_facts
from advisor.runs.foreseen import read_foreseen
from advisor.runs.machine_file import device_of, installed_versions, versions_of
from advisor.runs.score_check import read_score_check
from advisor.runs.timing import read_estimate
from advisor.schema import Candidate, OtherStep, Report
from advisor.spending import at_own_prices
from advisor.storage.ballots import read_ballots
from advisor.storage.clicks import clicks_in
from advisor.storage.files import write_whole
from advisor.storage.own_marks import OwnMark, readable_marks
from advisor.storage.run_files import REPORT_FILE
from advisor.storage.seals import write_sealed
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun, StoredStep
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_curves, read_trials
from advisor.wording import list_text
from eval.blind.pairs import Click, Pair, pairs_of_clicks, pairs_of_trials
from eval.blind.verdict import agreement, judge
from eval.checks import check_task
from eval.outcomes import Trial
from eval.scoring import scorer_for
from eval.statistics.inference import Interval
from eval.task import BadInput, Example, Split, Task
from strategies.base_models import context_tokens
from strategies.engine.models import known_parameters


def write_report(
    folder: Path,
    run: StoredRun,
    trials: Sequence[Trial],
    steps: Sequence[StoredStep],
    baselines: Sequence[Trial] = (),
    versions: Mapping[str, str] | None = None,
) -> Report:
    """Writes report.html, report.md, outcomes.csv, clicks.csv (if there were clicks), steps.json and, last, report.json
    into the run's folder. Returns the report.

    Each candidate gets the seconds its whole step took, from `steps`, next to the estimate. So does each other step:
    the baselines together, and the learning curves. `versions` are those of the programs that measured the run; None
    for the ones that are installed.
    """
    task, split = read_task(folder)
    plan, words = run.plan, words_of(run.plan.models)
    trials = at_own_prices(sharing_timings(trials), plan)
    fewer = read_curves(folder)
    report = build_report(
        run_id=run.id,
        created_at=_moment_of(run).isoformat(timespec="seconds"),
        seed=plan.seed,
        device=device_of(folder, trials),
        model=list_text(list(words.values())),
        models={one.name: words[one.model] for one in plan.pairings} if plan.further else None,
        sizes={words[model]: size for model in plan.models if (size := known_parameters(model))},
        task=task,
        split=split,
        trials=trials,
        baselines=baselines,
        priorities=plan.priorities,
        warnings=[finding.what for finding in check_task(task, _context(plan)) if finding.severity != "info"],
        versions=dict(installed_versions() if versions is None else versions),
        preset=plan.preset,
        fewer=fewer,
        served=served_facts(plan, trials, fewer, read_foreseen(folder)),
        score_check=read_score_check(folder),
    )
    seconds, estimated = {step.strategy: step.seconds for step in steps}, read_estimate(folder)
    write_whole(folder / "steps.json", json.dumps([asdict(step) for step in steps], indent=2))
    write_whole(folder / "outcomes.csv", outcomes_csv([*trials, *baselines], split.test).encode("utf-8-sig"))
    clicks, pairs = clicks_in([folder]), pairs_of_trials(trials, split.test, plan.seed)
    marks = readable_marks(folder)
    report = replace(
        report,
        candidates=tuple(
            replace(one, seconds=seconds.get(one.id), estimated_seconds=estimated.get(one.id))
            for one in report.candidates
        ),
        other_steps=tuple(
            OtherStep(name, taken, estimated.get(name))
            for name, taken in seconds.items()
            if name not in {one.id for one in report.candidates}
        ),
        person=person_of(pairs, clicks, run.id, report.recommendation.choice, _before(clicks, pairs, task, split)),
        marked=marked_of(task.kind, [*trials, *baselines], split.test, marks),
        judges=judges_of(pairs, read_ballots(folder), clicks, report.recommendation.choice, compared_models(report)),
    )
    _write_forms(folder, report, [*trials, *baselines], split.test, clicks, pairs, marks)
    return report


def _moment_of(run: StoredRun) -> datetime:
    """When it was started; the first moment of 1970 if the database is damaged, as `Store.run` says of a damaged
    row."""
    try:
        return datetime.fromtimestamp(run.created_at, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def compared_models(report: Report) -> set[str]:
    """The models whose answers the report compares."""
    return {report.model, *(one.model for one in report.candidates if isinstance(one, Candidate))}


def _context(plan: Plan) -> int | None:
    """The fewest tokens that one of the models can read; None if none of them says."""
    return min((tokens for model in plan.models if (tokens := context_tokens(model))), default=None)


def write_report_again(store: Store, run: StoredRun) -> Report:
    """The files of a run from its trials. The versions stay those that measured it, as far as that is known.

    Raises BadInput if the run's task or trials are gone.
    """
    folder, steps, before = store.run_folder(run.id), store.steps(run.id), store.report(run.id)
    trials, baselines = read_trials(folder, [step.strategy for step in steps])
    if not trials:
        raise BadInput(f"The answers of run {run.id} are gone from {folder}; compare again.")
    return write_report(folder, run, trials, steps, baselines, _versions(before, folder, trials))


def _versions(before: Report | None, folder: Path, trials: Sequence[Trial]) -> Mapping[str, str]:
    return versions_of(folder, trials) if before is None else before.versions


def with_clicks(
    folder: Path,
    report: Report,
    trials: Sequence[Trial],
    test: Sequence[Example],
    clicks: Sequence[Click] | None,
    pairs: Sequence[Pair],
    marks: Sequence[OwnMark],
) -> Report:
    """The report with what the clicks on `pairs` and the marks on answers say now; without clicks, it says of them what
    it said before. Its files are written again if that changed."""
    person, judges, choice = report.person, report.judges, report.recommendation.choice
    if clicks is not None:
        before = person.before if person else None
        person = person_of(pairs, clicks, report.run_id, choice, before)
        judges = judges_of(pairs, read_ballots(folder), clicks, choice, compared_models(report))
    marked = marked_of(report.task.kind, trials, test, marks)
    if (person, marked, judges) == (report.person, report.marked, report.judges):
        return report
    report = replace(report, person=person, marked=marked, judges=judges)
    _write_forms(folder, report, trials, test, clicks, pairs, marks)
    return report


def _write_forms(
    folder: Path,
    report: Report,
    trials: Sequence[Trial],
    test: Sequence[Example],
    clicks: Sequence[Click] | None,
    pairs: Sequence[Pair],
    marks: Sequence[OwnMark],
) -> None:
    if clicks:
        write_whole(folder / "clicks.csv", clicks_csv(clicks, pairs).encode("utf-8-sig"))
    elif clicks is not None:
        (folder / "clicks.csv").unlink(missing_ok=True)
    if marks:
        write_whole(folder / "marks.csv", marks_csv(marks, trials, test).encode("utf-8-sig"))
    else:
        (folder / "marks.csv").unlink(missing_ok=True)
    write_whole(folder / "report.md", render_markdown(report, trials=trials, examples=test, marks=marks))
    write_whole(folder / "report.html", render_html(report, trials, test, marks=marks))
    write_sealed(folder / REPORT_FILE, render_json(report))
    write_summary(folder, report)


def _before(clicks: Sequence[Click], pairs: Sequence[Pair], task: Task, split: Split) -> Interval | None:
    """How far the score agrees with clicks on texts that no strategy wrote in this run. None without such clicks, or if
    the metric is a person's own code, which only child processes run."""
    if task.metric and task.metric.own:
        return None
    written = {pair.key for pair in pairs}
    inputs = {row.input for row in task.examples}
    earlier = [click for click in clicks if click.key not in written and click.input in inputs]
    if not earlier:
        return None
    return agreement(judge(pairs_of_clicks(earlier, task.examples, scorer_for(task, split)), earlier))
