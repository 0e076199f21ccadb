"""`python -m advisor export`: a strategy of a run as a folder that works without Threeways."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.text import Text

from advisor.command_line.terminal import Screen
from advisor.runs.exporting import Wanted, export
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.wording import name_of

_NONE = "none"
_USUAL = Wanted()


def add_exporting(commands: Any, whole: Callable[[str], int]) -> None:
    exported = commands.add_parser(
        "export", help="write a strategy of a run to a folder: its prompt, its model, a program and what was measured"
    )
    exported.add_argument("run", metavar="RUN", help="the run's id, or its beginning")
    exported.add_argument("--strategy", required=True, metavar="NAME", help="such as finetuning or retrieval@MODEL")
    exported.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder that doesn't exist yet")
    exported.add_argument(
        "--gguf",
        choices=("f32", "f16", "bf16", "q8_0", _NONE),
        default=_USUAL.gguf,
        help="the precision of a trained model's GGUF file, or none (default: f16)",
    )
    exported.add_argument(
        "--rows",
        type=whole,
        default=_USUAL.rows,
        metavar="N",
        help="include up to N test rows with the run's answers, and hold the exported model to them (default: 50)",
    )


def export_strategy(store: Store, run: StoredRun, options: argparse.Namespace, build_strategy: str) -> None:
    """Raises BadInput."""
    screen = Screen(highlight=False)

    def say(sentence: str) -> None:
        screen.print(Text(sentence), soft_wrap=True)

    wanted = Wanted(None if options.gguf == _NONE else options.gguf, max(0, options.rows))
    held = export(store, run, options.strategy, options.out, wanted, build_strategy, say)
    for one in held:
        say(one.sentence)
    say(f"{name_of(options.strategy)}: {options.out}. Its README.md says how to use it.")
