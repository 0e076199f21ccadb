"""The arguments of the command line, and what it says of each."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from advisor.hosted import hosted_prices, listed_name
from advisor.plan import DEFAULT_MODEL, DEFAULT_STRATEGIES, STRATEGIES, Priorities
from eval.decoding import number
from eval.scoring import MetricName
from eval.task import BadInput
from strategies.presets import PRESETS

_WHOLE = re.compile(r"[+-]?(\d{1,15}|\d{1,3}(,\d{3}){1,4})", re.ASCII)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Ends with SystemExit(2) and one sentence when they are wrong."""
    return _parser().parse_args(arguments)


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
    """The hosted model whose prices answers have, those given before those listed; BadInput where one is unknown."""
    named, read, written = options.hosted, options.read_price, options.written_price
    given = {"--read-price": read, "--written-price": written, "--tuned-factor": options.tuned_factor}
    if named is None:
        if alone := [name for name, value in given.items() if value is not None]:
            raise BadInput(f"{alone[0]} is of a hosted model: name it with --hosted.")
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
    compare.add_argument(
        "--metric",
        type=_metric,
        metavar="NAME",
        help=f"how answers are scored, of {', '.join(MetricName)} one that fits your kind of answer, or your own "
        "function as file.py:function, called with output, expected and input (default: as the data suggests)",
    )
    compare.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="TEXT",
        help="a phrase that every written answer must contain, or a pattern after re:; can be given several times",
    )
    compare.add_argument("--preset", choices=list(PRESETS), default="quick", help="the budget (default: quick)")
    compare.add_argument(
        "--strategies",
        type=_names,
        default=DEFAULT_STRATEGIES,
        metavar="A,B",
        help=f"which to compare, of {', '.join(STRATEGIES)} (default: {','.join(DEFAULT_STRATEGIES)})",
    )
    compare.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME",
        help="a hub id or a local folder (default: the embedded model)",
    )
    compare.add_argument("--seed", type=_whole, default=0, metavar="N", help="the same seed gives the same result")
    _add_priorities(compare)
    compare.add_argument(
        "--reindex-days", type=_number, metavar="N", help="how often the documents change (default: never)"
    )
    compare.add_argument(
        "--labelled-row", type=_number, default=0.0, metavar="PRICE", help="what labelling a row costs"
    )
    compare.add_argument(
        "--together", action="store_true", help="answers can wait for each other, and are made together"
    )
    compare.add_argument("--out", type=Path, metavar="DIR", help="where the report goes (default: results/RUN)")
    compare.add_argument(
        "--pdf", action="store_true", help="write report.pdf too, with the Chrome, Chromium or Edge of this machine"
    )
    compare.add_argument("--json", action="store_true", help="print the report, and nothing else, to standard output")

    predict = commands.add_parser("predict", help="answer lines from standard input as a run's strategy would")
    predict.add_argument("run", metavar="RUN", help="the run's id, or the beginning of it")
    predict.add_argument("--strategy", required=True, metavar="NAME")

    decide = commands.add_parser("decide", help="decide from scores that were measured elsewhere")
    decide.add_argument(
        "file",
        type=Path,
        metavar="OUTCOMES",
        help="a row for each answer: example, strategy, score (0 to 1); also seconds, tokens_in, tokens_out, group",
    )
    decide.add_argument(
        "--costs", type=Path, metavar="FILE", help="a row for each strategy: strategy, one_off, per_1000 (answers)"
    )
    _add_priorities(decide)
    # What a run measures and a file of scores does not hold: indexing, rows learned from, answers made together.
    decide.set_defaults(reindex_days=None, labelled_row=0.0, together=False)
    decide.add_argument("--json", action="store_true", help="print the decision as JSON, and nothing else")

    commands.add_parser("worker", help="run what the pages ask for, until there is nothing to do for a while")
    commands.add_parser("runs", help="list the runs, newest first")
    return parser


def _add_priorities(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--volume", type=_whole, default=10_000, metavar="N", help="answers a month (default: 10,000)")
    parser.add_argument(
        "--margin",
        type=_number,
        default=2,
        metavar="N",
        help="points of a hundred that do not matter to you: 2 is a score of .02 (default: 2)",
    )
    parser.add_argument("--max-seconds", type=_number, metavar="S", help="the longest that 95 of 100 answers may take")
    parser.add_argument(
        "--machine", type=_number, default=0.10, metavar="PRICE", help="the machine's price an hour (default: 0.10)"
    )
    parser.add_argument(
        "--months", type=_whole, default=12, metavar="N", help="the time costs add up over (default: 12)"
    )
    parser.add_argument("--retrain-days", type=_number, metavar="N", help="how often the task changes (default: never)")
    parser.add_argument("--wrong-answer", type=_number, default=0.0, metavar="PRICE", help="what a wrong answer costs")
    parser.add_argument(
        "--hosted", metavar="MODEL", help="price answers as those of this hosted model, like 'OpenAI: GPT-5 mini'"
    )
    parser.add_argument(
        "--read-price", type=_number, metavar="USD", help="for a million tokens it reads (default: as listed)"
    )
    parser.add_argument(
        "--written-price", type=_number, metavar="USD", help="for a million tokens it writes (default: as listed)"
    )
    parser.add_argument(
        "--tuned-factor", type=_number, metavar="N", help="a trained model costs N times as much (default: unknown)"
    )


def _whole(text: str) -> int:
    """Also with commas between thousands, as this program writes them."""
    if not _WHOLE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"“{text}” is no whole number; write it like 10000")
    return int(text.replace(",", ""))


def _number(text: str) -> float:
    if (value := number(text)) is None:
        raise argparse.ArgumentTypeError(f"“{text}” is no number; write it like 2.5")
    return value


def _metric(text: str) -> str:
    """A name in its own spelling, however it was capitalised."""
    return {name.casefold(): name.value for name in MetricName}.get(text.casefold(), text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
