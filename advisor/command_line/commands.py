"""The command line: the same engine, store and reports as the pages.

Exit codes: 0 for a finished command, 1 for an internal failure, 2 for bad input or usage, 3 if `check` found something
serious, `doctor` something damaged, or a gate a broken bound. If a signal ended it, 128 plus the signal's number: 130
for Ctrl-C, 143 for SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from types import FrameType
from typing import NoReturn

from advisor.command_line.arguments import parse, priorities_of
from advisor.command_line.check import check
from advisor.command_line.comparing import compare, model_named, processor, resume
from advisor.command_line.deleting import delete
from advisor.command_line.doctor import doctor
from advisor.command_line.exporting import export_strategy
from advisor.command_line.gate import end_at_gate, gate_of
from advisor.command_line.judging import judge_answers
from advisor.command_line.packing import pack_run, unpack_run
from advisor.command_line.passwords import keep_password, share
from advisor.command_line.serving import serve_strategy
from advisor.command_line.terminal import (
    Screen,
    answer_line,
    fail,
    print_advice,
    print_report,
    print_runs,
    print_warnings,
    write_every_letter,
)
from advisor.command_line.trying import answer_try, download, try_of
from advisor.command_line.tuned import forget_tuned
from advisor.command_line.uploads import read_file, score_files, upload_of
from advisor.decision.other_tools import Choice
from advisor.decision.outside import check_tokens, costs_by_time, read_costs, read_outcomes
from advisor.report.build import judge
from advisor.runs.adapter_off import load_without_adapter
from advisor.runs.order import BUILD_STRATEGY, load_fitted
from advisor.runs.trying import order_to_answer
from advisor.runs.worker import work
from advisor.schema import JUDGEMENT
from advisor.shutdowns import hosted_shutdown_sentence
from advisor.storage.files import disk_problem
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from eval.task import BadInput
from strategies.registry import BASELINES

_LINES_A_CALL = 32  # lines answered together when the input isn't typed
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None, build_strategy: str = BUILD_STRATEGY) -> int:
    """Runs one command and returns the exit code. A usage error ends with SystemExit(2)."""
    write_every_letter()
    options = parse(arguments)
    for number in _ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores it
            signal.signal(number, _end)
    try:
        if options.command == "doctor":  # it has to work where a store can't be opened
            return doctor(options.repair)
        store = Store()
        try:
            return _run(store, options, build_strategy)
        except (BadInput, KeyboardInterrupt, BrokenPipeError):
            raise
        except Exception as wrong:
            if problem := disk_problem(wrong):
                raise BadInput(problem) from wrong
            if not store.exists():
                raise BadInput(f"The folder {store.home} was deleted while Threeways used it; start again.") from None
            return fail(1, f"Threeways stopped with an internal error; the details are in {_logged(store)}.")
    except BadInput as wrong:
        return fail(2, str(wrong))
    except BrokenPipeError:  # the reader of the output, such as head, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as wrong:  # of the store, before a command begins
        if (problem := disk_problem(wrong)) is None:
            raise
        return fail(2, problem)
    except KeyboardInterrupt as ended:
        return 128 + int(ended.args[0])


def _logged(store: Store) -> str:
    """Where the traceback of the present exception is; the disk may be full."""
    log = store.home / "error.log"
    try:
        log.write_text(traceback.format_exc())
    except OSError:
        traceback.print_exc()
        return "the lines above"
    return str(log)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Ends what is running as Ctrl-C does, but only once: a second signal would interrupt the cleanup."""
    for each in _ENDINGS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _run(store: Store, options: argparse.Namespace, build_strategy: str) -> int:
    match options.command:
        case "compare":
            return compare(store, options, build_strategy)
        case "resume":
            return resume(store, options, build_strategy)
        case "check":
            return check(store, *upload_of(options), options)
        case "predict":
            return _predict(store, options, build_strategy)
        case "try":
            one = try_of(store, options.run, options.text, options.adapter_off)
            with processor(store, Screen(stderr=True)):
                return answer_try(store, one, build_strategy)
        case "judge":
            with processor(store, Screen(stderr=True)):
                judge_answers(store, options.run, model_named(options.model))
        case "download":
            download(store, options.run, options.strategy, options.file)
        case "export":
            with processor(store, Screen(stderr=True)):
                export_strategy(store, _run_with(store, options), options, build_strategy)
        case "serve":
            serve_strategy(store, _run_with(store, options), options, build_strategy)
        case "forget-tuned":
            forget_tuned(store, options.run)
        case "decide":
            return _decide(options)
        case "pack":
            pack_run(store, options.run, options.file)
        case "unpack":
            unpack_run(store, options.file)
        case "delete":
            delete(store, options)
        case "password":
            keep_password(store, options)
        case "share":
            share(store, options)
        case "worker":
            work(store, build_strategy)
        case "runs":
            print_runs(Screen(), store, store.runs())
    return 0


def _predict(store: Store, options: argparse.Namespace, build_strategy: str) -> int:
    """One answer per line, or two with a tab between them."""
    run = _run_with(store, options)
    order = order_to_answer(store, run, options.strategy, build_strategy)
    loads = {"on": [load_fitted], "off": [load_without_adapter], "both": [load_fitted, load_without_adapter]}
    asked = [load(order) for load in loads[options.adapter]]
    lines = _input_lines()
    unanswered = 0
    while chunk := list(islice(lines, 1 if sys.stdin.isatty() else _LINES_A_CALL)):
        for answers in zip(*(one.predict(chunk) for one in asked), strict=True):
            sys.stdout.write(answer_line(answer.text for answer in answers))
            unanswered += any(answer.error is not None for answer in answers)
        sys.stdout.flush()
    if unanswered == 1:
        return fail(1, "1 line could not be answered and was left empty.")
    return fail(1, f"{unanswered:,} lines could not be answered and were left empty.") if unanswered else 0


def _run_with(store: Store, options: argparse.Namespace) -> StoredRun:
    """The run that the command line names. Raises BadInput if it didn't compare the strategy that it names."""
    run = store.run(options.run)
    names = [one.name for one in run.plan.pairings]
    if options.strategy not in names and options.strategy not in BASELINES:
        raise BadInput(f"Run {run.id} did not compare {options.strategy!r}; choose {' or '.join(names)}.")
    return run


def _decide(options: argparse.Namespace) -> int:
    outside = read_outcomes(score_files(options.files), Choice(options.metric, options.better))
    answered, warnings = outside.trials, outside.warnings
    trials = [trial for trial in answered if trial.strategy not in BASELINES]
    baselines = [trial for trial in answered if trial.strategy in BASELINES]  # a run's own outcomes contain them
    gate = gate_of(options, [trial.strategy for trial in trials])
    priorities = priorities_of(options)
    quotes = {} if priorities.hosted else outside.quotes
    if options.costs:
        quotes = {**quotes, **read_costs(options.costs.name, read_file(options.costs), answered)}
    if priorities.hosted:
        check_tokens(trials, quotes)
        warnings = [*warnings, *filter(None, [hosted_shutdown_sentence(priorities.hosted)])]
    else:
        warnings = [*warnings, *filter(None, [costs_by_time(trials, outside.quotes, quotes)])]
    decision = replace(judge(trials, priorities, None, quotes=quotes, baselines=baselines), warnings=tuple(warnings))
    if options.json:
        sys.stdout.write(JUDGEMENT.write(decision, indent=2) + "\n")
    else:
        print_warnings(Screen(), warnings)
        print_report(Screen(), decision)
        print_advice(Screen(), decision)
    return end_at_gate(gate, options, decision, options.files[0].name)


def _input_lines() -> Iterator[str]:
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise BadInput(f"Line {number} of the input is not UTF-8; convert it first.") from None
