"""The command line: the same engine, store and reports as the pages.

Exit codes: 0 for a finished comparison, 1 for an internal failure, 2 for bad input or usage; 128 and the signal's
number when it was ended: 130 by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from filelock import Timeout
from rich.console import Console

from advisor.experiment import REPORT_FILES, draft_task, run_experiment
from advisor.plan import DEFAULT_MODEL, Plan, Priorities, Setup
from advisor.samples import zipped
from advisor.step import BUILD_STRATEGY, StepOrder, load_fitted
from advisor.store import Store
from advisor.terminal import print_estimate, print_report, print_runs, progress_bars
from advisor.timing import foresee_run, take_speed
from advisor.worker import work
from eval.documents import DOCUMENT_ENDINGS, read_documents
from eval.mapping import guess_columns
from eval.table import MAX_BYTES, Table, read_table
from eval.task import BadInput
from strategies.presets import PRESETS
from strategies.registry import STRATEGIES

_LINES_A_CALL = 32  # lines answered together when nobody waits for each
_RESULTS = Path("results")
_CANCELLED = 128 + signal.SIGINT  # what a shell reports for a command that Ctrl-C ended
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None, build_strategy: str = BUILD_STRATEGY) -> int:
    """Runs one command and returns the exit code; a usage error ends with SystemExit(2)."""
    options = _parser().parse_args(arguments)
    for number in _ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, _end)
    try:
        store = Store()
        try:
            return _run(store, options, build_strategy)
        except (BadInput, KeyboardInterrupt):
            raise
        except Exception:
            log = store.home / "error.log"
            log.write_text(traceback.format_exc())
            return _fail(1, f"Threeways stopped with an internal error; the details are in {log}.")
    except BadInput as wrong:
        return _fail(2, str(wrong))
    except KeyboardInterrupt as ended:
        return 128 + ended.args[0]


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Ends what goes on as Ctrl-C does, once: a second signal would end the tidying up."""
    for each in _ENDINGS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _run(store: Store, options: argparse.Namespace, build_strategy: str) -> int:
    match options.command:
        case "compare":
            return _compare(store, options, build_strategy)
        case "predict":
            return _predict(store, options, build_strategy)
        case "worker":
            work(store, build_strategy)
        case "runs":
            print_runs(Console(), store, store.runs())
    return 0


def _compare(store: Store, options: argparse.Namespace, build_strategy: str) -> int:
    name, content = options.file.name, _read(options.file)
    documents_upload = _documents_upload(options.docs) if options.docs else None
    # All that can be wrong with the input is found before anything is stored.
    table = read_table(name, content)
    documents = read_documents(*documents_upload) if documents_upload else []
    setup = _setup(table, options)
    plan = Plan(
        dataset_id="",
        setup=setup,
        preset=options.preset,
        strategies=options.strategies,
        model=_model(options.model),
        seed=options.seed,
        priorities=_priorities(options),
    )
    task_json = draft_task(plan, name, table, documents)
    _make_folder(options.out or _RESULTS)
    dataset = store.add_dataset(name, content, *(documents_upload or ()))
    store.save_setup(dataset.id, setup)
    screen = Console(stderr=True)
    with _device(store, screen):
        _time_machine(store, plan.model, screen)
        # Queued and started under one lock, so that no worker takes it meanwhile.
        run = store.add_run(replace(plan, dataset_id=dataset.id), task_json)
        try:
            if seconds := foresee_run(store, run.id):
                print_estimate(screen, seconds)
            with progress_bars(screen, plan.strategies) as show:
                report = run_experiment(store, run.id, show, lambda: store.cancel_requested(run.id), build_strategy)
        except KeyboardInterrupt as ended:
            store.end_run(run.id, "cancelled")
            return _fail(128 + ended.args[0], "The comparison was cancelled.")
    return _finish(store, run.id, report, options)


def _finish(store: Store, run_id: str, report: dict[str, Any] | None, options: argparse.Namespace) -> int:
    run, folder = store.run(run_id), store.run_folder(run_id)
    if report is None:
        if run.state == "cancelled":
            return _fail(_CANCELLED, "The comparison was cancelled.")
        return _fail(1, f"{run.reason} The details are in {folder / 'log.txt'}.")
    out = options.out or _RESULTS / run_id
    out.mkdir(exist_ok=True)
    for name in REPORT_FILES:
        shutil.copyfile(folder / name, out / name)
    if options.json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        screen = Console()
        print_report(screen, report)
        screen.print(f"Report: {out / 'report.html'} · run {run_id}", markup=False, highlight=False, soft_wrap=True)
    return 0 if run.state == "done" else _fail(1, f"{run.reason} The logs are in {folder}.")


def _predict(store: Store, options: argparse.Namespace, build_strategy: str) -> int:
    """One answer a line; a line break inside an answer becomes a space."""
    run = store.run(options.run)
    plan = run.plan
    if options.strategy not in plan.strategies:
        raise BadInput(f"Run {run.id} did not compare {options.strategy!r}; choose {' or '.join(plan.strategies)}.")
    strategy = load_fitted(
        StepOrder(store.run_folder(run.id), options.strategy, plan.preset, plan.model, plan.seed, build_strategy)
    )
    lines = _input_lines()
    unanswered = 0
    while chunk := list(islice(lines, 1 if sys.stdin.isatty() else _LINES_A_CALL)):
        for prediction in strategy.predict(chunk):
            sys.stdout.write(" ".join(prediction.text.split()) + "\n")
            unanswered += prediction.error is not None
        sys.stdout.flush()
    if unanswered == 1:
        return _fail(1, "1 line could not be answered and was left empty.")
    return _fail(1, f"{unanswered:,} lines could not be answered and were left empty.") if unanswered else 0


def _input_lines() -> Iterator[str]:
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise BadInput(f"Line {number} of the input is not UTF-8; convert it first.") from None


def _device(store: Store, screen: Console) -> Any:
    """The lock on the processor, with a word to the person when another run has it."""
    try:
        return store.device_lock.acquire(timeout=0)
    except Timeout:
        screen.print("Waiting for another run on this machine to end.")
        return store.device_lock.acquire()


def _time_machine(store: Store, model: str, screen: Console) -> None:
    """So that the time of the run can be told before it starts; once is enough for each model."""
    stored = store.speed(model)
    if stored is None or stored.speed is None:
        screen.print("Timing this machine …")
        take_speed(store, model)
        stored = store.speed(model)
        if stored is not None and stored.problem is not None:
            screen.print(stored.problem, markup=False, highlight=False, soft_wrap=True)


def _read(path: Path) -> bytes:
    """Says that a file is too large before it fills the memory."""
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            most = f"at most {MAX_BYTES / 2**20:.0f} MB are read: take a part of it."
            raise BadInput(f"{path.name} has {size / 2**20:.0f} MB and {most}")
        return path.read_bytes()
    except OSError as wrong:
        raise BadInput(f"{path} cannot be read ({wrong.strerror}); check the path.") from wrong


def _documents_upload(path: Path) -> tuple[str, bytes]:
    """A file as it is, a folder as a ZIP of the documents below it."""
    if not path.is_dir():
        return path.name, _read(path)
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in DOCUMENT_ENDINGS)
    return f"{path.resolve().name}.zip", zipped((str(file.relative_to(path)), _read(file)) for file in files)


def _make_folder(path: Path) -> None:
    """A folder that can be written to."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as wrong:
        raise BadInput(f"The report cannot be written to {path} ({wrong.strerror}); give another --out.") from wrong


def _setup(table: Table, options: argparse.Namespace) -> Setup:
    """The columns as guessed, but for those the person named."""
    guessed = guess_columns(table)
    source, target = options.input or guessed.input, options.target or guessed.target
    group, split, document = (
        None if column in (source, target) else column for column in (guessed.group, guessed.split, guessed.document)
    )
    return Setup(source, target, group, split, document)


def _model(name: str) -> str:
    """A folder by its whole path: other processes that load it may stand elsewhere."""
    path = Path(name).expanduser()
    return str(path.absolute()) if name != DEFAULT_MODEL and path.exists() else name


def _priorities(options: argparse.Namespace) -> Priorities:
    return Priorities(monthly_volume=options.volume, margin=options.margin / 100, max_seconds=options.max_seconds)


def _fail(exit_code: int, sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return exit_code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence instead of argparse's usage lines."""
        self.exit(2, f"{message[:1].upper()}{message[1:]}; see '{self.prog} --help'.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m advisor", description="Prompt it, look it up, or train it? Measured on your own data."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    compare = commands.add_parser("compare", help="run the strategies on a task file and report which one to take")
    compare.add_argument("file", type=Path, metavar="FILE", help="the task: CSV, TSV, JSONL, XLSX or Parquet")
    compare.add_argument("--docs", type=Path, metavar="PATH", help="documents to look up: a file, a .zip or a folder")
    compare.add_argument("--input", metavar="COL", help="the column with the inputs (default: guessed)")
    compare.add_argument("--target", metavar="COL", help="the column with the ideal outputs (default: guessed)")
    compare.add_argument("--preset", choices=list(PRESETS), default="quick", help="the budget (default: quick)")
    compare.add_argument(
        "--strategies", type=_names, default=tuple(STRATEGIES), metavar="A,B", help="which to compare (default: all)"
    )
    compare.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME",
        help="a hub id or a local folder (default: the embedded model)",
    )
    compare.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed gives the same result")
    compare.add_argument("--volume", type=int, default=10_000, metavar="N", help="requests a month (default: 10,000)")
    compare.add_argument(
        "--margin", type=float, default=2, metavar="N", help="points that do not matter to you (default: 2)"
    )
    compare.add_argument("--max-seconds", type=float, metavar="S", help="the longest an answer may take (p95)")
    compare.add_argument("--out", type=Path, metavar="DIR", help="where the report goes (default: results/RUN)")
    compare.add_argument("--json", action="store_true", help="print the report, and nothing else, to standard output")

    predict = commands.add_parser("predict", help="answer lines from standard input as a run's strategy would")
    predict.add_argument("run", metavar="RUN", help="the run's id, or the beginning of it")
    predict.add_argument("--strategy", required=True, metavar="NAME")

    commands.add_parser("worker", help="run what the pages ask for, until there is nothing to do for a while")
    commands.add_parser("runs", help="list the runs, newest first")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
