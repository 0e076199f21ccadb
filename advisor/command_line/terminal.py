"""What the command line shows: progress bars during a run, tables afterwards, in plain words."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from advisor.candidates import not_measured
from advisor.report.run_summary import summary_in
from advisor.runs.experiment import Listen
from advisor.schema import Judgement, Report
from advisor.sections import early_stops
from advisor.sections.contents import sections_of
from advisor.sections.figures import (
    COST,
    MEDIAN,
    NOT_MEASURED,
    PROBABILITY,
    SCORE,
    baselines_of,
    columns_of,
    figures_of,
)
from advisor.sections.glossary import terms_of
from advisor.sections.verdict import why_of
from advisor.storage.run_files import has_lost_report, why_no_report
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun, StoredStep
from advisor.wording import duration_text, name_of, time_text

_MOST_COLUMNS = 4  # strategies next to each other, on a screen of 80 characters
_FIRST_OF_ALL = (SCORE, "95 % CI", MEDIAN, COST)


# What a terminal obeys rather than shows: control characters, but for tabs and line ends, and marks that turn the
# direction of writing. A file's names and texts, and what models answer, may hold them. Also what can't be written:
# halves of characters, as in file names that aren't UTF-8.
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Screen(Console):
    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Without what a terminal would obey, except rich's own codes."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """End the command like any other whose reader has gone; rich would report a failure."""
        raise BrokenPipeError


def harmless(text: str) -> str:
    """The text as a terminal only shows it."""
    return _OBEYED.sub("", text)


def write_every_letter() -> None:
    """A letter that the terminal's or the file's encoding lacks is written as its code, so that nothing is lost."""
    if isinstance(sys.stdout, TextIOWrapper):  # the other stream does so by itself
        sys.stdout.reconfigure(errors="backslashreplace")


def answer_line(answers: Iterable[str]) -> str:
    """Answers to one input with tabs between them. A line break or a tab inside an answer becomes a space."""
    return "\t".join(" ".join(harmless(answer).split()) for answer in answers) + "\n"


@contextmanager
def progress_bars(console: Console, strategies: Iterable[str]) -> Iterator[Listen]:
    """A bar for each strategy. Call the returned function with every change of a step."""
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


def print_estimate(console: Console, seconds: dict[str, float]) -> None:
    """The estimated time of each strategy, and in total."""
    each = "; ".join(f"{name_of(strategy)} {duration_text(needed)}" for strategy, needed in seconds.items())
    console.print(Text(f"{each}; in total {duration_text(sum(seconds.values()))}."), soft_wrap=True)


def print_report(console: Console, report: Judgement) -> None:
    """A column of figures for each measured strategy, why others were not measured, and the verdict. For a run, also
    one line per section with its finding."""
    verdict = report.recommendation
    if names := [Text(name_of(one.id)) for one in columns_of(report)]:
        figures = figures_of(report)
        known = [(heading, cells) for heading, cells in figures if any(cell != NOT_MEASURED for cell in cells)]
        console.print(_side_by_side(names, known) if len(names) <= _MOST_COLUMNS else _one_below_another(names, known))
        if unknown := [heading for heading, _ in figures if heading not in dict(known)]:
            console.print(Text(f"Not measured: {'; '.join(unknown)}."))
    if isinstance(report, Report):
        for sentence in early_stops.sentences(report):
            console.print(Text(sentence))
    if baselines := baselines_of(report):
        console.print(Text(baselines))
    for one in not_measured((*report.candidates, *report.baselines)):
        console.print(Text(f"{name_of(one.id)}: {one.reason}"))
    console.print(Text(verdict.headline, style="bold"))
    said = dict.fromkeys((verdict.confidence_line, *why_of(report)))
    for sentence in said:
        console.print(Text(sentence))
    for section in sections_of(report) if isinstance(report, Report) else []:
        if section.summary not in said:
            console.print(Text.assemble((section.title, "bold"), f": {section.summary}"))


def _side_by_side(names: list[Text], figures: list[tuple[str, list[str]]]) -> Table:
    table = Table("", *(Column(name, justify="right") for name in names), box=SIMPLE_HEAD)
    for heading, cells in figures:
        table.add_row(heading, *cells)
    return table


def _one_below_another(names: list[Text], figures: list[tuple[str, list[str]]]) -> Table:
    """The most important figures, for more strategies than fit next to each other on a screen."""
    shown = [one for one in figures if one[0] in _FIRST_OF_ALL or one[0].startswith(PROBABILITY)]
    first = Column("", overflow="fold")  # the name of a model has no spaces
    table = Table(first, *(Column(heading, justify="right") for heading, _ in shown), box=SIMPLE_HEAD)
    for name, *cells in zip(names, *(cells for _, cells in shown), strict=True):
        table.add_row(name, *cells)
    return table


def print_advice(console: Console, report: Judgement) -> None:
    """The parts of a report besides the verdict, for a decision that writes no files."""
    verdict = report.recommendation
    for sentence in (*verdict.changes, *verdict.caveats):
        console.print(Text(sentence))
    for word, meaning in terms_of(report):
        console.print(Text(f"{word}: {meaning}"))


def print_warnings(console: Console, warnings: Iterable[str]) -> None:
    for sentence in warnings:
        console.print(Text(sentence))


def print_runs(console: Console, store: Store, runs: Iterable[StoredRun]) -> None:
    """One line per run, with its verdict if it has one."""
    table = Table(Column("Run", no_wrap=True), "Started", "Data", "State", "Verdict", box=SIMPLE_HEAD)
    for run in runs:
        summary = summary_in(store, run.id)
        table.add_row(
            run.id,
            time_text(run.created_at, "%Y-%m-%d %H:%M"),
            Text(run.title),
            run.state if run.is_own else f"{run.state} ({run.origin})",
            Text(summary.headline if summary else _lost(store, run)),
        )
    console.print(table)


def _lost(store: Store, run: StoredRun) -> str:
    """What is gone or damaged of a run that is done."""
    folder = store.run_folder(run.id)
    return why_no_report(folder) if run.state == "done" and has_lost_report(folder) else ""


def _words(step: StoredStep) -> str:
    done = f" {step.done:,} of {step.total:,}" if step.total > 1 else ""
    left = f", {duration_text(step.remaining_seconds)} left" if step.remaining_seconds is not None else ""
    return f"{step.stage}{done}{left}"


def fail(exit_code: int, sentence: str) -> int:
    """Says why a command failed, on one line of standard error, and returns its exit code."""
    sys.stderr.write("".join(sign if sign.isprintable() else " " for sign in sentence) + "\n")
    return exit_code
