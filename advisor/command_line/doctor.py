"""`python -m advisor doctor`: whether everything that is stored is sound, and what can be put right."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from rich.text import Text

from advisor.command_line.terminal import Screen
from advisor.runs.report_files import write_report_again
from advisor.storage.checkup import Problem, check_home, problem_of_database
from advisor.storage.databases import postgres_address
from advisor.storage.files import bytes_in
from advisor.storage.presence import is_silent
from advisor.storage.rebuild import rebuild_database
from advisor.storage.store import Store, home_at
from advisor.wording import count_text, memory_text
from eval.task import BadInput
from strategies.engine.weight_cache import cache_folder, damaged_in

_PROBLEMS_LEFT = 3  # the exit code, as that of `check`
_FEWEST_BYTES_FREE = 2e9


def doctor(repair: bool) -> int:
    """Prints what is wrong and, if it may `repair`, puts right what can be. Returns the exit code: 3 if something is
    left. Raises BadInput if another process uses the home that is to be repaired."""
    home, screen = home_at(), Screen(highlight=False)
    if not home.exists():
        raise BadInput(f"There is no folder {home}: Threeways has stored nothing yet, or THREEWAYS_HOME names another.")
    with ExitStack() as alone:
        if repair:
            for name in ("worker.lock", "device.lock"):
                try:
                    alone.enter_context(FileLock(home / name, timeout=0))
                except Timeout:
                    raise BadInput(
                        "A run or the worker uses the stored files now; wait for it or end it, and repair then."
                    ) from None
        left = sum(not _told(problem, repair, screen) for problem in _problems(home, repair))
    _say(screen, _summary(home))
    if not left:
        _say(screen, "Everything that is stored is sound.")
        return 0
    hint = "" if repair else " `python -m advisor doctor --repair` puts right what can be."
    _say(screen, f"{count_text(left, 'problem')} left.{hint}")
    return _PROBLEMS_LEFT


def _problems(home: Path, repair: bool) -> Iterator[Problem]:
    if problem := problem_of_database(home):
        kept = "" if postgres_address() else ", and kept the old one beside it"
        yield Problem(problem, partial(rebuild_database, home), f"We rebuilt it from the folders{kept}.")
        if not repair:
            return  # nothing else can be checked without it
    store = Store(home)
    yield from check_home(store, lambda run: write_report_again(store, run))
    if is_silent(home):
        yield Problem("The worker is silent, so it has probably hung; end it on the page of a run.")
    for folder in damaged_in(cache_folder()):
        yield Problem(
            f"The unpacked weights in {folder} are damaged.",
            partial(shutil.rmtree, folder),
            "Deleted; the next run unpacks them again.",
        )
    if (free := shutil.disk_usage(home).free) < _FEWEST_BYTES_FREE:
        yield Problem(f"The disk with {home} has only {memory_text(free)} left; free some space.")


def _told(problem: Problem, repair: bool, screen: Screen) -> bool:
    """Whether it is put right."""
    said = problem.what
    is_mended = False
    if repair and problem.mend is not None:
        try:
            problem.mend()
            said, is_mended = f"{said} {problem.mended}", True
        except (BadInput, OSError) as wrong:
            said = f"{said} It can't be repaired: {wrong}"
    _say(screen, said)
    return is_mended


def _summary(home: Path) -> str:
    sizes = {name: bytes_in(home / name) for name in ("runs", "datasets")}
    runs = len(list((home / "runs").glob("[!.]*"))) if (home / "runs").is_dir() else 0
    return (
        f"{home}: {count_text(runs, 'run')} with {memory_text(sizes['runs'])}, data with "
        f"{memory_text(sizes['datasets'])}; unpacked weights in {cache_folder()} with "
        f"{memory_text(bytes_in(cache_folder()))}; {memory_text(shutil.disk_usage(home).free)} free."
    )


def _say(screen: Screen, sentence: str) -> None:
    screen.print(Text(sentence), soft_wrap=True)
