"""`python -m advisor serve`: a strategy of a run as an OpenAI-compatible endpoint."""

from __future__ import annotations

import argparse
import os
import string
from collections.abc import Callable
from typing import Any

from rich.text import Text

from advisor.command_line.terminal import Screen
from advisor.serving.limits import KEY_VARIABLE, Address, Limits
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.wording import name_of
from eval.task import BadInput

_KEY_CHARACTERS = frozenset(string.ascii_letters + string.digits + string.punctuation)
_USUAL, _USUAL_ADDRESS = Limits(), Address()


def add_serving(commands: Any, whole: Callable[[str], int], number: Callable[[str], float]) -> None:
    served = commands.add_parser("serve", help="answer requests with a strategy of a run, in the way of OpenAI's API")
    served.add_argument("run", metavar="RUN", help="the run's id, or its beginning")
    served.add_argument("--strategy", required=True, metavar="NAME", help="such as retrieval or retrieval@MODEL")
    served.add_argument(
        "--host",
        default=_USUAL_ADDRESS.host,
        metavar="ADDRESS",
        help=f"where to listen; beyond this machine it needs a key (default: {_USUAL_ADDRESS.host})",
    )
    served.add_argument(
        "--port",
        type=whole,
        default=_USUAL_ADDRESS.port,
        metavar="N",
        help=f"0 takes any free one (default: {_USUAL_ADDRESS.port})",
    )
    served.add_argument(
        "--key",
        metavar="KEY",
        help="what requests must send as “Authorization: Bearer KEY”; others on this machine can see it in the list of "
        f"processes, so rather set the variable {KEY_VARIABLE} (default: no key)",
    )
    served.add_argument(
        "--at-once",
        type=whole,
        default=_USUAL.at_once,
        metavar="N",
        help=f"answer up to N requests together (default: {_USUAL.at_once})",
    )
    served.add_argument(
        "--most-waiting",
        type=whole,
        default=_USUAL.most_waiting,
        metavar="N",
        help=f"refuse further requests while N wait (default: {_USUAL.most_waiting})",
    )
    served.add_argument(
        "--timeout",
        type=number,
        default=_USUAL.seconds,
        metavar="S",
        help=f"give up on a request after S seconds (default: {_USUAL.seconds:g})",
    )
    served.add_argument(
        "--most-bytes",
        type=whole,
        default=_USUAL.most_bytes,
        metavar="N",
        help=f"refuse larger requests (default: {_USUAL.most_bytes:,})",
    )


def serve_strategy(store: Store, run: StoredRun, options: argparse.Namespace, build_strategy: str) -> None:
    """Returns when a signal has ended it. Raises BadInput."""
    from advisor.serving.server import serve  # a web framework, which no other command needs

    key = key_of(options.key)
    if not 0 <= options.port <= 65_535:
        raise BadInput(f"There is no port {options.port:,}: choose one from 0 to 65535.")
    limits = Limits(options.most_bytes, options.at_once, options.most_waiting, options.timeout)
    if min(limits.most_bytes, limits.at_once, limits.most_waiting, limits.seconds) <= 0:
        raise BadInput("--most-bytes, --at-once, --most-waiting and --timeout must be above 0.")
    screen = Screen(highlight=False)

    def say(url: str) -> None:
        protected = "with a key" if key else "without a key, to this machine alone"
        screen.print(
            Text(f"{name_of(options.strategy)} of run {run.id} answers at {url}, {protected}."), soft_wrap=True
        )
        screen.file.flush()

    serve(store, run, options.strategy, Address(options.host, options.port), key, limits, build_strategy, say)


def key_of(given: str | None) -> str | None:
    """The key that requests need: the one given, else that of the variable; None without both. Raises BadInput."""
    key = os.environ.get(KEY_VARIABLE) if given is None else given
    if key == "":  # a secret that somebody forgot to fill in must not open the server
        raise BadInput(f"The key is empty: give --key a text, or set {KEY_VARIABLE} to one or not at all.")
    if key is not None and not _KEY_CHARACTERS.issuperset(key):
        raise BadInput("The key may only have letters, digits and punctuation of ASCII: choose another one.")
    return key
