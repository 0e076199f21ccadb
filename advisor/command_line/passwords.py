"""`python -m advisor password`: who may log in on a server with a password file."""

from __future__ import annotations

import argparse
import sys
import warnings
from getpass import GetPassWarning, getpass

from advisor.command_line.terminal import harmless
from advisor.storage.passwords import SHORTEST, check_name, password_file, remove_account, set_password
from advisor.storage.store import Store
from eval.task import BadInput


def add_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", help="to log in with; others see it on the runs that this person shares"
    )
    parser.add_argument("--remove", action="store_true", help="take the name out, which also logs them out")


def add_sharing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the run's id, or its beginning")
    parser.add_argument("--stop", action="store_true", help="only its owner sees it again")


def share(store: Store, options: argparse.Namespace) -> None:
    run = store.run(options.run)
    store.share_run(run.id, not options.stop)
    who = "Only its owner sees" if options.stop else "Everyone who logs in can read"
    _say(f"{who} run {run.id} ({run.title}) now.")


def keep_password(store: Store, options: argparse.Namespace) -> None:
    """Asks for it twice, without showing it. Raises BadInput if it can't be used."""
    path = password_file(store.home)
    if options.remove:
        remove_account(path, options.name)
        _say(f"{options.name} can't log in any more. The runs of {options.name} stay.")
        return
    check_name(options.name)
    try:
        with warnings.catch_warnings(action="error", category=GetPassWarning):  # that it would be shown
            first = getpass(f"Password for {options.name} ({SHORTEST} characters or more): ")
            second = getpass("The same once more: ")
    except (EOFError, GetPassWarning):
        raise BadInput("A password is typed in a terminal, which hides it; run this command in one.") from None
    if first != second:
        raise BadInput("The two passwords differ, so nothing was changed; try again.")
    is_new = set_password(path, options.name, first)
    _say(f"{options.name} can log in now." if is_new else f"{options.name} has a new password now.")
    _say(f"The hash of the password is in {path}.")


def _say(sentence: str) -> None:
    sys.stdout.write(f"{harmless(sentence)}\n")
