"""The arguments of the command line and their help texts."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from advisor.command_line.exporting import add_exporting
from advisor.command_line.gate import add_gate
from advisor.command_line.limits import add_limits
from advisor.command_line.passwords import add_password, add_sharing
from advisor.command_line.serving import add_serving
from advisor.command_line.terminal import fail
from advisor.command_line.tuned import add_tuning
from advisor.hosted import hosted_prices, listed_name
from advisor.plan import DEFAULT_MACHINE_PRICE, DEFAULT_STRATEGIES, STRATEGIES, Priorities
from eval.reading.decoding import number, readable_name
from eval.reading.encodings import ENCODINGS
from eval.scoring import MetricName
from eval.task import BadInput, Kind
from strategies.presets import PRESETS

_WHOLE = re.compile(r"[+-]?(\d{1,15}|\d{1,3}(,\d{3}){1,4})", re.ASCII)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Ends with SystemExit(2) and one sentence if they are wrong."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for value in vars(options).values():
        for text in value if isinstance(value, list | tuple) else [value]:
            if isinstance(text, str) and not _is_written(text):
                said = f"the argument {readable_name(text)} isn't in UTF-8"
                parser.error(f"{said}: rename what it names, or set the terminal to UTF-8")
    return options


def _is_written(text: str) -> bool:
    """Whether it can be stored. Linux takes any bytes for an argument."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def priorities_of(options: argparse.Namespace) -> Priorities:
    return Priorities(
        monthly_volume=options.volume,
        margin=options.margin / 100,
        max_seconds=options.max_seconds,
        machine_per_hour=options.machine,
        months=options.months,
        retrain_days=options.retrain_days,
        reindex_days=options.reindex_days,
        together=options.together,
        wrong_answer=options.wrong_answer,
        labelled_row=options.labelled_row,
        **_hosted_prices(options),
    )


def _hosted_prices(options: argparse.Namespace) -> dict[str, Any]:
    """The hosted model whose prices apply. Prices on the command line override listed ones. Raises BadInput for an
    unknown model."""
    named, read, written = options.hosted, options.read_price, options.written_price
    given = {"--read-price": read, "--written-price": written, "--tuned-factor": options.tuned_factor}
    if named is None:
        if alone := [name for name, value in given.items() if value is not None]:
            raise BadInput(f"{alone[0]} needs a hosted model: name it with --hosted.")
        return {}
    if read is None or written is None:
        named = listed_name(named)
        listed = hosted_prices()[named]
        read = listed.read_per_million if read is None else read
        written = listed.written_per_million if written is None else written
    return {
        "hosted": named,
        "read_per_million": read,
        "written_per_million": written,
        "tuned_factor": options.tuned_factor,
    }


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence instead of argparse's usage lines."""
        said = f"{message[:1].upper()}{message[1:]}; see '{self.prog} --help'."
        sys.exit(fail(2, said))  # a pattern such as * may have named files with codes for the terminal


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m advisor",
        description="Prompt it, look it up, or train it? Measured on your own data.",
        epilog="Exit codes: 0 if it worked; 1 if a comparison failed, reached a limit, or something broke inside; 2 if "
        "the input or the usage is wrong, or a key is missing; 3 if a bound of the gate is broken, 'check' found "
        "something serious, or 'doctor' something damaged; 130 if you pressed Ctrl-C.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    compare = commands.add_parser("compare", help="run the strategies on a task file and recommend one")
    _add_reading(compare)
    compare.add_argument(
        "--metric",
        type=_metric,
        metavar="NAME",
        help=f"how to score answers: {', '.join(MetricName)} (those that fit your kind of answer), or your own "
        "function as file.py:function, called as function(output, expected, input) (default: the data decides)",
    )
    compare.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="TEXT",
        help="a phrase that every written answer must contain, or a regular expression after re: (repeatable)",
    )
    compare.add_argument("--preset", choices=list(PRESETS), default="quick", help="the budget (default: quick)")
    compare.add_argument(
        "--strategies",
        type=_names,
        default=DEFAULT_STRATEGIES,
        metavar="A,B",
        help=f"the strategies to compare: {', '.join(STRATEGIES)} (default: {','.join(DEFAULT_STRATEGIES)})",
    )
    compare.add_argument(
        "--model",
        action="append",
        metavar="NAME",
        help="the base model: a hub id, a local folder, a GGUF file, or served:MODEL@http://HOST:PORT/v1 for one "
        "behind an OpenAI-compatible server (default: the embedded model); repeat it to compare every strategy with "
        "each of several models",
    )
    compare.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="MODEL=INPUT/OUTPUT",
        help="what a served model costs in USD per million input and output tokens, such as gpt-5.4-mini=0.75/4.50 "
        "(default: the list price of its service, as far as we know it; repeatable)",
    )
    compare.add_argument(
        "--tune-from",
        metavar="RUN",
        help="fine-tuning goes on from the adapters that this earlier run trained for the same model; dev and test "
        "rows that it learned from are left out (default: start from the base model)",
    )
    compare.add_argument(
        "--all-rows",
        action="store_true",
        help="every strategy answers all test rows (default: one that can't be chosen any more stops early)",
    )
    compare.add_argument(
        "--fresh",
        action="store_true",
        help="measure everything (default: what earlier runs measured in the same way is taken over)",
    )
    compare.add_argument(
        "--cluster",
        default="",
        metavar="ADDRESS",
        help="compute on the nodes of the Ray cluster at this address, such as 10.0.0.5:6379, several strategies at "
        "once; this machine has to belong to it (default: this machine alone)",
    )
    add_tuning(compare)
    add_limits(compare, _number, _whole, "no limit")
    compare.add_argument("--seed", type=_whole, default=0, metavar="N", help="the same seed gives the same result")
    _add_priorities(compare)
    compare.add_argument(
        "--reindex-days", type=_number, metavar="N", help="the documents change every N days (default: never)"
    )
    compare.add_argument("--labelled-row", type=_number, default=0.0, metavar="USD", help="the cost of labelling a row")
    compare.add_argument("--together", action="store_true", help="requests can wait, so they are answered in batches")
    _add_results(compare)
    add_gate(compare)

    resume = commands.add_parser("resume", help="continue a run that ended early, or try again what failed in it")
    resume.add_argument("run", metavar="RUN", help="the run's id, or its beginning")
    add_limits(resume, _number, _whole, "the limit it had")
    _add_results(resume)
    add_gate(resume)

    check = commands.add_parser("check", help="say what is read from a task file, and what is wrong or risky in it")
    _add_reading(check)
    check.set_defaults(metric=None, require=[])
    check.add_argument(
        "--wrong-labels", action="store_true", help="also look for wrong labels, which takes seconds to minutes"
    )
    check.add_argument("--output", type=Path, metavar="FILE", help="write the rows, with the fixes, to this CSV file")
    check.add_argument("--json", action="store_true", help="print only the check, as JSON, to standard output")

    predict = commands.add_parser("predict", help="answer lines from standard input with a strategy of a run")
    predict.add_argument("run", metavar="RUN", help="the run's id, or its beginning")
    predict.add_argument("--strategy", required=True, metavar="NAME", help="such as retrieval or retrieval@MODEL")
    predict.add_argument(
        "--adapter",
        choices=("on", "off", "both"),
        default="on",
        help="off: the answers with the trained adapter switched off, as the base model gives them; both: each answer, "
        "a tab, and the answer with the adapter switched off (default: on)",
    )

    tried = commands.add_parser("try", help="answer one input with every strategy of a run, side by side")
    tried.add_argument("run", metavar="RUN", help="the run's id, or its beginning")
    tried.add_argument("text", metavar="TEXT", help="the input, in quotation marks")
    tried.add_argument(
        "--adapter-off",
        action="store_true",
        help="ask each strategy that trained an adapter again with the adapter switched off",
    )

    judge = commands.add_parser("judge", help="let a language model compare the written answers of a run")
    judge.add_argument("run", metavar="RUN", help="the run's id, or its beginning")
    judge.add_argument(
        "--model",
        required=True,
        metavar="NAME",
        help="the judge: a hub id, a local folder, a GGUF file, or served:MODEL@http://HOST:PORT/v1; better not a "
        "model that the run compared",
    )

    download = commands.add_parser("download", help="write a fitted strategy of a run to a ZIP that works by itself")
    download.add_argument("run", metavar="RUN", help="the run's id, or its beginning")
    download.add_argument("strategy", metavar="STRATEGY", help="such as retrieval or retrieval@MODEL")
    download.add_argument("file", type=Path, metavar="FILE", help="the file to write, such as finetuning.zip")

    add_exporting(commands, _whole)
    add_serving(commands, _whole, _number)

    forget = commands.add_parser("forget-tuned", help="delete the models that a service fine-tuned for a run")
    forget.add_argument("run", metavar="RUN", help="the run's id, or its beginning")

    decide = commands.add_parser("decide", help="recommend a strategy from scores measured elsewhere")
    decide.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="a table with one row per answer: example, strategy, score (0 to 1); optionally seconds, tokens_in, "
        "tokens_out, group, repeat. Or the results of lm-evaluation-harness (samples), Inspect, promptfoo, DeepEval or "
        "Ragas: several files, or a folder of them",
    )
    decide.add_argument("--metric", metavar="NAME", help="the metric to take, if a tool recorded several")
    decide.add_argument(
        "--better",
        choices=("higher", "lower"),
        help="which values of that metric are better; with 'lower', the score is 1 minus the value",
    )
    decide.add_argument(
        "--costs", type=Path, metavar="FILE", help="one row per strategy: strategy, one_off, per_1000 (requests)"
    )
    _add_priorities(decide)
    # A run measures these, but a file of scores doesn't contain them: indexing, training rows, batches.
    decide.set_defaults(reindex_days=None, labelled_row=0.0, together=False)
    decide.add_argument("--json", action="store_true", help="print only the decision, as JSON")
    add_gate(decide, with_runs=False)

    pack = commands.add_parser("pack", help="write a finished run, with its data and report, to one file to share")
    pack.add_argument("run", metavar="RUN", help="the run's id, or its beginning")
    pack.add_argument("file", type=Path, metavar="FILE", help="the file to write, such as run.zip")

    unpack = commands.add_parser("unpack", help="add a run that somebody packed to the history")
    unpack.add_argument("file", type=Path, metavar="FILE", help="the file that 'pack' wrote")

    delete = commands.add_parser("delete", help="delete runs, and uploaded files that no run uses")
    delete.add_argument("runs", nargs="*", metavar="RUN", help="the run's id, or its beginning")
    delete.add_argument("--with-data", action="store_true", help="also delete the runs' data that no other run uses")
    delete.add_argument("--unused-data", action="store_true", help="also delete all uploaded files that no run uses")
    delete.add_argument("--vectors", action="store_true", help="also delete the kept vectors of texts")
    delete.add_argument("--yes", action="store_true", help="delete; without this, only say what would be deleted")

    doctor = commands.add_parser("doctor", help="check that everything stored is sound")
    doctor.add_argument(
        "--repair", action="store_true", help="rebuild what can be rebuilt, and delete leftovers of killed processes"
    )

    add_password(commands.add_parser("password", help="let somebody log in with a password, or change their password"))
    add_sharing(commands.add_parser("share", help="let everyone who logs in on the pages read a run"))
    commands.add_parser("worker", help="run what the pages request, until there is nothing to do for a while")
    commands.add_parser("runs", help="list the runs, newest first")
    return parser


def _add_results(parser: argparse.ArgumentParser) -> None:
    """Where the report of a run goes."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder for the report (default: results/RUN)")
    parser.add_argument(
        "--pdf", action="store_true", help="also write report.pdf, using Chrome, Chromium or Edge on this machine"
    )
    parser.add_argument("--json", action="store_true", help="print only the report, as JSON, to standard output")


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """How a task file is read and cleaned."""
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="the task: CSV, TSV, JSON, JSONL, Excel, OpenDocument or Parquet, also in a .zip or .gz",
    )
    parser.add_argument(
        "--docs", type=Path, metavar="PATH", help="documents to retrieve from: a file, a .zip or a folder"
    )
    parser.add_argument(
        "--input",
        metavar="COL",
        action="append",
        help="the column with the inputs (default: guessed); repeat it to join several columns",
    )
    parser.add_argument("--sheet", default="", help="the sheet of an Excel file to read (default: the largest)")
    parser.add_argument(
        "--encoding", default="", choices=sorted(set(ENCODINGS.values())), metavar="NAME",
        help="the encoding of the file, such as Windows-1252 (default: detected)",
    )  # fmt: skip
    parser.add_argument(
        "--target",
        metavar="COL",
        action="append",
        help="the column with the ideal outputs (default: guessed); repeat it for columns that say yes or no for one "
        "label each",
    )
    parser.add_argument(
        "--kind",
        type=Kind,
        choices=list(Kind),
        metavar="KIND",
        help=f"what an answer is: {', '.join(Kind)} (default: guessed)",
    )
    parser.add_argument(
        "--instruction",
        type=Path,
        metavar="FILE",
        help="a text file with the instruction for the model (default: drafted from the training answers)",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="what labels mean, for the model to read: CSV with label,meaning, or JSON (default: nothing)",
    )
    parser.add_argument(
        "--fix",
        action="append",
        default=[],
        metavar="ID",
        help="apply the fix of a finding before anything else, such as duplicates; 'check' names them (repeatable)",
    )


def _add_priorities(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--volume", type=_whole, default=10_000, metavar="N", help="requests a month (default: 10,000)")
    parser.add_argument(
        "--margin",
        type=_number,
        default=2,
        metavar="N",
        help="a score difference, in points of 100, that does not matter to you (default: 2)",
    )
    parser.add_argument(
        "--max-seconds", type=_number, metavar="S", help="a limit on the 95th percentile of the latency"
    )
    parser.add_argument(
        "--machine",
        type=_number,
        default=DEFAULT_MACHINE_PRICE,
        metavar="USD",
        help=f"the machine's price per hour (default: {DEFAULT_MACHINE_PRICE:.2f}, too low for a GPU)",
    )
    parser.add_argument(
        "--months", type=_whole, default=12, metavar="N", help="add up costs over N months (default: 12)"
    )
    parser.add_argument(
        "--retrain-days", type=_number, metavar="N", help="the task changes every N days (default: never)"
    )
    parser.add_argument("--wrong-answer", type=_number, default=0.0, metavar="USD", help="the cost of a wrong answer")
    parser.add_argument(
        "--hosted", metavar="MODEL", help="use the prices of this hosted model, such as 'OpenAI: GPT-5.4 mini'"
    )
    parser.add_argument(
        "--read-price", type=_number, metavar="USD", help="its price per million input tokens (default: as listed)"
    )
    parser.add_argument(
        "--written-price", type=_number, metavar="USD", help="its price per million output tokens (default: as listed)"
    )
    parser.add_argument(
        "--tuned-factor", type=_number, metavar="N", help="a fine-tuned model costs N times as much (default: unknown)"
    )


def _whole(text: str) -> int:
    """Also accepts commas between thousands, as this program writes them."""
    if not _WHOLE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"“{text}” isn't a whole number; write it like 10000")
    return int(text.replace(",", ""))


def _number(text: str) -> float:
    if (value := number(text)) is None:
        raise argparse.ArgumentTypeError(f"“{text}” isn't a number; write it like 2.5")
    return value


def _metric(text: str) -> str:
    """The name in its own spelling, whatever its capitals."""
    return {name.casefold(): name.value for name in MetricName}.get(text.casefold(), text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
