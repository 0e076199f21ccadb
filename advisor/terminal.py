"""What the command line shows: bars while a run goes on, tables when it has ended. All of it in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table
from rich.text import Text

from advisor.experiment import Listen
from advisor.store import Store
from advisor.stored import StoredRun, StoredStep
from advisor.wording import duration_text, money_text, name_of, score_text, seconds_text

_FIGURES = ("Score", "95 % range", "p50", "p95", "Per 1,000", "Fit")


@contextmanager
def progress_bars(console: Console, strategies: Iterable[str]) -> Iterator[Listen]:
    """A bar for each strategy; call what this gives with every change of a step."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[words]}", markup=False),
        console=console,
    )
    with progress:
        bars = {strategy: progress.add_task(name_of(strategy), total=1, words="waiting") for strategy in strategies}

        def show(step: StoredStep) -> None:
            if step.state == "running":
                progress.update(bars[step.strategy], completed=step.done, total=step.total or None, words=_words(step))
            else:
                progress.update(bars[step.strategy], completed=1, total=1, words=step.state)

        yield show


def print_report(console: Console, report: dict[str, Any]) -> None:
    """The verdict and a line for each strategy."""
    verdict = report["recommendation"]
    table = Table("Strategy", *(Column(name, justify="right") for name in _FIGURES), box=SIMPLE_HEAD)
    reasons = []
    for candidate in report["candidates"]:
        if candidate["status"] == "done":
            table.add_row(name_of(candidate["name"]), *_figures(candidate))
        else:
            table.add_row(name_of(candidate["name"]), candidate["status"])
            reasons.append(f"{name_of(candidate['name'])}: {candidate['reason']}")
    console.print(table)
    for sentence in reasons:
        console.print(Text(sentence))
    console.print(Text(verdict["headline"], style="bold"))
    for sentence in (verdict["confidence_line"], verdict["runner_up_line"], *verdict["reasons"]):
        if sentence:
            console.print(Text(sentence))


def print_runs(console: Console, store: Store, runs: Iterable[StoredRun]) -> None:
    """A line for each run, with its verdict where it has one."""
    table = Table(Column("Run", no_wrap=True), "Started", "Data", "State", "Verdict", box=SIMPLE_HEAD)
    for run in runs:
        report = store.report(run.id)
        table.add_row(
            run.id,
            f"{datetime.fromtimestamp(run.created_at):%Y-%m-%d %H:%M}",
            Text(run.name),
            run.state,
            Text(report["recommendation"]["headline"] if report else ""),
        )
    console.print(table)


def _words(step: StoredStep) -> str:
    done = f" {step.done:,} of {step.total:,}" if step.total > 1 else ""
    left = f", {duration_text(step.remaining_seconds)} left" if step.remaining_seconds is not None else ""
    return f"{step.stage}{done}{left}"


def _figures(candidate: dict[str, Any]) -> list[str]:
    score, latency, cost = candidate["score"], candidate["latency_seconds"], candidate["cost"]
    return [
        score_text(score["mean"]),
        f"{score_text(score['low'])} to {score_text(score['high'])}",
        seconds_text(latency["p50"]),
        seconds_text(latency["p95"]),
        money_text(cost["per_1000"], cost["currency"]),
        seconds_text(candidate["fit_seconds"]),
    ]
