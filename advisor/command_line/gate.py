"""The gate of `compare`, `resume` and `decide`: bounds on the result at which a pipeline stops."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.text import Text

from advisor.command_line.terminal import Screen
from advisor.pairing import strategy_of
from advisor.plan import SECONDS_BOUNDS
from advisor.render.junit import render_junit
from advisor.report.compared import FinishedRun, finished_run, rows_in_all
from advisor.schema import Judgement
from advisor.sections.gate import Gate, check_bounds
from advisor.storage.files import for_the_person
from advisor.storage.store import Store
from eval.reading.decoding import number
from eval.task import BadInput, Example
from strategies.registry import BASELINES

BROKEN = 3  # the exit code; 1 is a failure and 2 bad input


def add_gate(parser: argparse.ArgumentParser, with_runs: bool = True) -> None:
    """`with_runs`: the result can be compared with an earlier run."""
    group = parser.add_argument_group(
        "gate", "Bounds on the strategy that the report recommends. If one is broken, the exit code is 3."
    )
    group.add_argument(
        "--expect",
        type=lambda text: text.removeprefix("strategy="),
        metavar="strategy=NAME",
        help="this strategy has to be recommended, with any of the models, or with one as in retrieval@MODEL",
    )
    group.add_argument("--min-score", type=_score, metavar="SCORE", help="the lowest score, such as .80 or 80%%")
    group.add_argument(
        "--max-p95",
        type=_seconds,
        metavar="S",
        help="the highest 95th percentile of the latency, in seconds; with --max-seconds, we recommend a faster one",
    )
    if with_runs:
        group.add_argument(
            "--no-worse-than",
            metavar="RUN",
            help="the score may not be lower than that of the strategy that this earlier run recommended, by more than "
            "the margin and by more than chance (95 %% CI of the difference on the test rows of both runs)",
        )
    else:
        parser.set_defaults(no_worse_than=None)
    group.add_argument("--junit", type=Path, metavar="FILE", help="also write the bounds as JUnit XML, a test for each")


def gate_of(options: argparse.Namespace, names: Sequence[str], store: Store | None = None) -> Gate:
    """The bounds for a comparison of the candidates with these `names`. `store` has the earlier run, if there is one.
    Raises BadInput if a bound can't be checked, or if the JUnit file can't be written."""
    if options.expect is not None:
        _check_expected(options.expect, names)
    earlier = None
    if options.no_worse_than is not None and store is not None:
        earlier = finished_run(store, store.run(options.no_worse_than))
        if earlier.report.recommendation.choice not in earlier.answers:
            raise BadInput(
                f"Run {earlier.id} recommends no strategy whose answers are still there; choose another run."
            )
    gate = Gate(options.expect, options.min_score, options.max_p95, earlier)
    if options.junit is not None:
        if gate == Gate():
            raise BadInput("--junit has no bound to write down: add one, such as --min-score .80.")
        _check_file(options.junit)
    return gate


def check_rows(earlier: FinishedRun, test: tuple[Example, ...]) -> None:
    """Raises BadInput if the test rows of a run that has not begun have none in common with the earlier one."""
    if not rows_in_all([earlier.test, test]):
        raise BadInput(
            f"Run {earlier.id} has no test row in common with this data, so their scores can't be compared; name "
            "another run with --no-worse-than."
        )


def end_at_gate(
    gate: Gate, options: argparse.Namespace, report: Judgement, name: str, now: FinishedRun | None = None
) -> int:
    """Prints one line for each bound, writes the JUnit file and returns the exit code. `name` is that of the data."""
    bounds = check_bounds(gate, report, now)
    screen = Screen(stderr=options.json, highlight=False)
    for one in bounds:
        word = ("PASSED", "bold green") if one.holds else ("FAILED", "bold red")
        screen.print(Text.assemble(word, " ", " ".join(f"{one.bound}: {one.sentence}".split())), soft_wrap=True)
    if options.junit is not None:
        with for_the_person():
            options.junit.write_bytes(render_junit(name, bounds))
    return 0 if all(one.holds for one in bounds) else BROKEN


def _check_expected(expected: str, names: Sequence[str]) -> None:
    known = dict.fromkeys([*map(strategy_of, names), *names])
    if expected in known:
        return
    choices = " or ".join(known)
    if expected in BASELINES:
        raise BadInput(f"{expected} is a baseline, and we never recommend one; expect {choices}.")
    raise BadInput(f"This comparison has no strategy {expected!r} to expect; choose {choices}.")


def _check_file(path: Path) -> None:
    """Raises BadInput if the JUnit file can't be written, or if it would replace a file that isn't one, such as one to
    read. That is before anything is computed. An earlier result is removed, so that nobody takes it for this one if
    this one fails."""
    try:
        with for_the_person():
            path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
        if path.is_file():
            if not _is_junit(path):
                raise BadInput(f"{path} isn't a JUnit file and would be overwritten; choose another --junit.")
            if not path.is_symlink():  # as /dev/stdout is one to the file with the output
                with suppress(OSError):  # in a folder of somebody else
                    path.unlink()
    except OSError as wrong:
        raise BadInput(f"The JUnit file can't be written to {path} ({wrong.strerror}); choose another.") from wrong


def _is_junit(path: Path) -> bool:
    """Also if it is empty, as a file is that somebody made for it."""
    with path.open("rb") as file:
        start = file.read(1_000)
    return not start or b"<testsuite" in start


def _score(text: str) -> float:
    share = text.removesuffix("%")
    value = number(share.strip())
    if value is not None and share != text:
        value /= 100
    if value is None or not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"“{text}” isn't a score from 0 to 1; write it like .80 or 80%")
    return value


def _seconds(text: str) -> float:
    low, high = SECONDS_BOUNDS
    if (value := number(text)) is None or not low <= value <= high:
        raise argparse.ArgumentTypeError(f"“{text}” isn't a number of seconds from {low:g} up; write it like 2.5")
    return value
