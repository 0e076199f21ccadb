"""The command line: the same engine, store and reports as the pages.

Exit codes: 0 for a finished command, 1 for an internal failure, 2 for bad input or usage, 3 if `check` found something
serious. If a signal ended it, 128 plus the signal's number: 130 for Ctrl-C, 143 for SIGTERM.
"""

from __future__ import annotations

import argparse
import os
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

from advisor.command_line.arguments import parse, priorities_of
from advisor.command_line.check import check
from advisor.command_line.judging import judge_answers
from advisor.command_line.limits import limit_of
from advisor.command_line.own_words import instruction_from, meanings_from
from advisor.command_line.packing import pack_run, unpack_run
from advisor.command_line.terminal import (
    Screen,
    escaped,
    print_advice,
    print_estimate,
    print_report,
    print_runs,
    print_warnings,
    progress_bars,
)
from advisor.command_line.trying import answer_try, download, try_of
from advisor.command_line.tuned import forget_tuned
from advisor.decision.outside import check_tokens, read_costs, read_outcomes
from advisor.estimate import OTHERS_SERVED, busy_sentence
from advisor.hosted_training import end_jobs, training_sentences
from advisor.pairing import model_words, paired
from advisor.plan import DEFAULT_MODEL, Plan, Setup
from advisor.render.json_file import render_json
from advisor.render.pdf import NO_BROWSER, find_browser, render_pdf
from advisor.report.build import judge
from advisor.request_estimate import sentences_on
from advisor.runs.experiment import REPORT_FILES, draft_task, run_experiment
from advisor.runs.foreseen import foresee_run
from advisor.runs.step import BUILD_STRATEGY, load_fitted
from advisor.runs.timing import estimate_run, is_outdated, take_speed
from advisor.runs.trying import order_to_answer
from advisor.runs.worker import work
from advisor.samples import zipped
from advisor.schema import JUDGEMENT, Report
from advisor.shutdowns import hosted_shutdown_sentence, shutdown_sentence
from advisor.spending import check_limit, count_probes, price_in, probing, tuning_price_in, with_prices
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from advisor.storage.upload import Reading, Upload
from eval.mapping.columns import guess_columns
from eval.mapping.steps import Fix
from eval.reading.documents import DOCUMENT_ENDINGS
from eval.reading.table import MAX_BYTES, Table
from eval.task import BadInput, Document
from strategies.registry import BASELINES
from strategies.served.address import is_served
from strategies.served.budget import Limit

_LINES_A_CALL = 32  # lines answered together when the input isn't typed
_RESULTS = Path("results")
_CANCELLED = 128 + signal.SIGINT  # as shells report a command that Ctrl-C ended
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None, build_strategy: str = BUILD_STRATEGY) -> int:
    """Runs one command and returns the exit code. A usage error ends with SystemExit(2)."""
    options = parse(arguments)
    for number in _ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores it
            signal.signal(number, _end)
    try:
        store = Store()
        try:
            return _run(store, options, build_strategy)
        except (BadInput, KeyboardInterrupt, BrokenPipeError):
            raise
        except Exception:
            log = store.home / "error.log"
            log.write_text(traceback.format_exc())
            return _fail(1, f"Threeways stopped with an internal error; the details are in {log}.")
    except BadInput as wrong:
        return _fail(2, str(wrong))
    except KeyboardInterrupt as ended:
        return 128 + int(ended.args[0])
    except BrokenPipeError:  # the reader of the output, such as head, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Ends what is running as Ctrl-C does, but only once: a second signal would interrupt the cleanup."""
    for each in _ENDINGS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _run(store: Store, options: argparse.Namespace, build_strategy: str) -> int:
    match options.command:
        case "compare":
            return _compare(store, options, build_strategy)
        case "resume":
            return _resume(store, options, build_strategy)
        case "check":
            return check(store, *_upload(options), options)
        case "predict":
            return _predict(store, options, build_strategy)
        case "try":
            one = try_of(store, options.run, options.text)
            with _device(store, Screen(stderr=True)):
                return answer_try(store, one, build_strategy)
        case "judge":
            with _device(store, Screen(stderr=True)):
                judge_answers(store, options.run, _model(options.model))
        case "download":
            download(store, options.run, options.strategy, options.file)
        case "forget-tuned":
            forget_tuned(store, options.run)
        case "decide":
            _decide(options)
        case "pack":
            pack_run(store, options.run, options.file)
        case "unpack":
            unpack_run(store, options.file)
        case "worker":
            work(store, build_strategy)
        case "runs":
            print_runs(Screen(), store, store.runs())
    return 0


def _compare(store: Store, options: argparse.Namespace, build_strategy: str) -> int:
    # Find all problems with the input before storing anything.
    upload, setup = _upload(options)
    plan = Plan(
        dataset_id="",
        setup=setup,
        preset=options.preset,
        strategies=options.strategies,
        seed=options.seed,
        priorities=priorities_of(options),
        limit=limit_of(options, Limit()),
        sends_training=options.send_training_data,
    )
    models = list(dict.fromkeys(map(_model, options.model or [DEFAULT_MODEL])))
    left_out: tuple[str, ...] = ()
    if len(models) == 1:
        plan = replace(plan, model=models[0])
    else:
        chosen, left_out = paired(models, options.strategies)
        if left_out and not any(strategies for _, strategies in chosen):
            raise BadInput(" ".join(left_out))
        plan = plan.with_chosen(chosen)
    plan = with_prices(plan, [price_in(text, plan.models) for text in options.price])
    plan = replace(plan, tunings=tuple(tuning_price_in(text, plan.models) for text in options.tuning_price))
    probes = probing(plan)
    task_json = draft_task(plan, upload.name, upload.table, upload.documents, probes)
    _check_results(options)
    dataset = store.keep_upload(upload)
    store.save_setup(dataset.id, replace(setup, own_metric=None))  # the pages read it and never run a person's code
    screen = Screen(stderr=True)
    ends = [*map(shutdown_sentence, plan.models), hosted_shutdown_sentence(plan.priorities.hosted)]
    notes = (setup.columns.sentence(upload.table), *upload.table.notes, *left_out, *filter(None, ends))
    screen.print(*notes, sep="\n", highlight=False, markup=False)
    with _device(store, screen):
        for model in plan.models:
            _time_machine(store, model, screen)
        # Queue and start under one lock, so that no worker takes the run meanwhile.
        run = store.add_run(replace(plan, dataset_id=dataset.id), task_json)
        count_probes(probes, run.id, plan)
        said = f"This is run {run.id}. {_goes_on(run.id, 'If it ends early, continue')}"
        screen.print(said, highlight=False, soft_wrap=True)
        try:
            if seconds := estimate_run(store, run.id):
                print_estimate(screen, seconds)
                if any(map(is_served, plan.models)):
                    screen.print(OTHERS_SERVED, highlight=False, soft_wrap=True)
                if (stored := store.speed(plan.model)) and stored.speed and (caveat := busy_sentence(stored.speed)):
                    screen.print(caveat, highlight=False, soft_wrap=True)
            if foreseen := foresee_run(store.run_folder(run.id), run.plan):
                screen.print(*sentences_on(foreseen, run.plan), sep="\n", highlight=False, markup=False, soft_wrap=True)
            for said in training_sentences(run.plan, *read_task(store.run_folder(run.id))):
                screen.print(said, highlight=False, markup=False, soft_wrap=True)
            report = _carry_out(store, run, screen, build_strategy)
        except KeyboardInterrupt as ended:
            return _cancel(store, run.id, ended)
    return _finish(store, run.id, report, options)


def _resume(store: Store, options: argparse.Namespace, build_strategy: str) -> int:
    run = store.run(options.run)
    limit = limit_of(options, run.plan.limit)
    check_limit(replace(run.plan, limit=limit))
    _check_results(options)
    screen = Screen(stderr=True)
    with _device(store, screen):
        if store.run(run.id).state == "done":  # by now
            raise BadInput(f"Run {run.id} is done, so there is nothing to continue.")
        store.continue_run(run.id, limit)
        try:
            report = _carry_out(store, run, screen, build_strategy)
        except KeyboardInterrupt as ended:
            return _cancel(store, run.id, ended)
    return _finish(store, run.id, report, options)


def _check_results(options: argparse.Namespace) -> None:
    if options.pdf and find_browser() is None:
        raise BadInput(NO_BROWSER)
    _make_folder(options.out or _RESULTS)


def _carry_out(store: Store, run: StoredRun, screen: Screen, build_strategy: str) -> Report | None:
    with progress_bars(screen, run.plan.steps) as show:
        return run_experiment(store, run.id, show, lambda: store.cancel_requested(run.id), build_strategy)


def _cancel(store: Store, run_id: str, ended: KeyboardInterrupt) -> int:
    jobs = end_jobs(run_id, store.run(run_id).plan)
    store.end_run(run_id, "cancelled", jobs)
    said = ("The comparison was cancelled.", jobs, _goes_on(run_id))
    return _fail(128 + ended.args[0], " ".join(filter(None, said)))


def _goes_on(run_id: str, start: str = "Continue") -> str:
    return f"{start} it with: python -m advisor resume {run_id}"


def _finish(store: Store, run_id: str, report: Report | None, options: argparse.Namespace) -> int:
    run, folder = store.run(run_id), store.run_folder(run_id)
    if report is None:
        if run.state == "cancelled":
            said = ("The comparison was cancelled.", run.reason, _goes_on(run_id))
            return _fail(_CANCELLED, " ".join(filter(None, said)))
        if run.state == "stopped":
            return _fail(1, f"{run.reason} {_goes_on(run_id)}")
        if run.awaits_key:
            return _fail(2, f"{run.reason} Run {run_id} waits for it: `python -m advisor worker` continues the run.")
        return _fail(1, f"{run.reason} The details are in {folder / 'log.txt'}.")
    out = options.out or _RESULTS / run_id
    out.mkdir(exist_ok=True)
    for name in REPORT_FILES:
        shutil.copyfile(folder / name, out / name)
    if options.pdf:
        try:
            (out / "report.pdf").write_bytes(render_pdf((out / "report.html").read_text("utf-8")))
        except BadInput as wrong:  # the comparison itself is done
            sys.stderr.write(f"{wrong}\n")
    if options.json:
        sys.stdout.write(escaped(render_json(report)) + "\n")
    else:
        screen = Screen()
        print_report(screen, report)
        screen.print(f"Report: {out / 'report.html'} · run {run_id}", markup=False, highlight=False, soft_wrap=True)
    return 0 if run.state == "done" else _fail(1, f"{run.reason} The logs are in {folder}.")


def _predict(store: Store, options: argparse.Namespace, build_strategy: str) -> int:
    """One answer per line; a line break inside an answer becomes a space."""
    run = store.run(options.run)
    plan = run.plan
    names = [one.name for one in plan.pairings]
    if options.strategy not in names and options.strategy not in BASELINES:
        raise BadInput(f"Run {run.id} did not compare {options.strategy!r}; choose {' or '.join(names)}.")
    strategy = load_fitted(order_to_answer(store, run, options.strategy, build_strategy))
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


def _decide(options: argparse.Namespace) -> None:
    answered, warnings = read_outcomes(options.file.name, _read(options.file))
    trials = [trial for trial in answered if trial.strategy not in BASELINES]
    baselines = [trial for trial in answered if trial.strategy in BASELINES]  # a run's own outcomes contain them
    priorities = priorities_of(options)
    quotes = read_costs(options.costs.name, _read(options.costs), answered) if options.costs else None
    if priorities.hosted:
        check_tokens(trials, quotes or {})
        warnings = [*warnings, *filter(None, [hosted_shutdown_sentence(priorities.hosted)])]
    decision = replace(judge(trials, priorities, None, quotes=quotes, baselines=baselines), warnings=tuple(warnings))
    if options.json:
        sys.stdout.write(escaped(JUDGEMENT.write(decision, indent=2)) + "\n")
    else:
        print_warnings(Screen(), warnings)
        print_report(Screen(), decision)
        print_advice(Screen(), decision)


def _input_lines() -> Iterator[str]:
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise BadInput(f"Line {number} of the input is not UTF-8; convert it first.") from None


def _device(store: Store, screen: Screen) -> Any:
    """The lock on the processor. Says so if another run has it."""
    try:
        return store.device_lock.acquire(timeout=0)
    except Timeout:
        screen.print("Waiting for another run on this machine to end.")
        return store.device_lock.acquire()


def _time_machine(store: Store, model: str, screen: Screen) -> None:
    """Times the machine unless there is a valid timing, so that the run can be estimated before it starts."""
    if is_served(model):
        return
    stored = store.speed(model)
    if stored is None or stored.speed is None or is_outdated(stored):
        screen.print(f"Timing {model_words(model)} on this machine …", markup=False, highlight=False, soft_wrap=True)
        take_speed(store, model)
        stored = store.speed(model)
        if stored is not None and stored.problem is not None:
            screen.print(stored.problem, markup=False, highlight=False, soft_wrap=True)


def _read(path: Path) -> bytes:
    """Refuses a file that is too large before it fills the memory."""
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            most = f"the limit is {MAX_BYTES / 2**20:.0f} MB: use a part of it."
            raise BadInput(f"{path.name} has {size / 2**20:.0f} MB, and {most}")
        return path.read_bytes()
    except OSError as wrong:
        raise BadInput(f"{path} can't be read ({wrong.strerror}); check the path.") from wrong


def _documents_upload(path: Path) -> tuple[str, bytes]:
    """A file as it is, or a folder as a ZIP of the documents in it."""
    if not path.is_dir():
        return path.name, _read(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    # Other files go in without their content, to be named as not read.
    return f"{path.resolve().name}.zip", zipped(
        (str(file.relative_to(path)), _read(file) if file.suffix.lower() in (*DOCUMENT_ENDINGS, ".zip") else b"")
        for file in files
    )


def _make_folder(path: Path) -> None:
    """Makes sure that the folder exists and is writable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as wrong:
        raise BadInput(f"The report can't be written to {path} ({wrong.strerror}); choose another --out.") from wrong


def _setup(table: Table, documents: list[Document], options: argparse.Namespace) -> Setup:
    """The columns as guessed, except those the person named, and the metric."""
    guessed = Setup.of(guess_columns(table, documents))
    source, *joined = options.input or (guessed.input, *guessed.joined)
    marked = tuple(options.target or guessed.marked)
    target = marked[0] if options.target else guessed.target
    chosen = {source, target, *joined}
    group, split, document, rejected, also = (
        None if column in chosen else column
        for column in (guessed.group, guessed.split, guessed.document, guessed.rejected, guessed.also)
    )
    own = options.metric if ":" in (options.metric or "") else None
    if own and options.require:
        raise BadInput("--require has no effect on your own metric: look for the phrases in your function.")
    metric = None if own else options.metric
    required = tuple(options.require)
    return Setup(
        source,
        target,
        group,
        split,
        document,
        metric=metric,
        required=required,
        own_metric=own,
        steps=tuple(map(Fix, options.fix)),
        joined=tuple(column for column in joined if column != target),
        rejected=rejected,
        kind=options.kind,
        marked=marked if len(marked) > 1 else (),
        also=also,
    )


def _upload(options: argparse.Namespace) -> tuple[Upload, Setup]:
    """The files, read, with the meaning of their columns."""
    documents = _documents_upload(options.docs) if options.docs else None
    reading = Reading(options.sheet, options.encoding)
    upload = Upload.read(options.file.name, _read(options.file), documents, reading)
    return upload, _in_own_words(upload, _setup(upload.table, upload.documents, options), options)


def _in_own_words(upload: Upload, setup: Setup, options: argparse.Namespace) -> Setup:
    """The setup with the person's instruction and meanings."""
    if options.instruction:
        setup = replace(setup, instruction=instruction_from(options.instruction, _read(options.instruction)))
    if options.labels:
        content = _read(options.labels)
        labels = setup.build(upload.table, upload.name, upload.documents).task.labels
        setup = replace(setup, meanings=meanings_from(options.labels, content, labels))
    return setup


def _model(name: str) -> str:
    """A folder as an absolute path, because other processes that load it may have another working directory."""
    path = Path(name).expanduser()
    return str(path.absolute()) if name != DEFAULT_MODEL and path.exists() else name


def _fail(exit_code: int, sentence: str) -> int:
    sys.stderr.write("".join(sign if sign.isprintable() else " " for sign in sentence) + "\n")
    return exit_code
