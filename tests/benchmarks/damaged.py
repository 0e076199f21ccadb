"""What comes of one damaged file: each kind of file that a home keeps is cut in half, emptied, or has one bit flipped.

Runs of all strategies with a tiny model lie beside another run. Whatever is damaged, the commands and the pages have to
show that other run as it was and to change none of its files, and they never show a traceback. A fitted strategy
answers as before or says in a sentence why it can't. `doctor --repair` ends, and leaves a sound database.

A third of all kinds of files counts, with FULL=1 every kind.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import shutil
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from advisor.command_line.commands import main
from advisor.runs.answering import Fitted
from advisor.runs.order import BUILD_STRATEGY
from advisor.runs.trying import order_to_answer, tryable
from advisor.storage.store import Store
from eval.task import BadInput
from tests.advisor.test_damaged_files import cut, flip
from tests.app import open_page, own_home
from tests.benchmarks.crashes import STRATEGIES, task_of_pairs
from tests.tiny_model import save_tiny_model

ROOT = Path(__file__).parents[2]
_SHARE = 3  # one of so many kinds
_INPUT = "my parcel 3 is late"
_UNEXPLAINED = "It stopped with an error"


DAMAGES: dict[str, Callable[[Path], object]] = {
    "one bit flipped": flip,
    "cut in half": cut,
    "emptied": lambda path: path.write_bytes(b""),
}


def run(full: bool) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", f"{place}/cache")
        bench = _Bench(Path(place), patch)
        return [bench.damaged(name, 1 if full else _SHARE) for name in DAMAGES]


class _Bench:
    def __init__(self, place: Path, patch: pytest.MonkeyPatch) -> None:
        self._patch, self._whole, self._home = patch, place / "whole", place / "home"
        model = save_tiny_model(place / "model")
        task = place / "tickets.jsonl"
        task.write_text(task_of_pairs())
        with self._at(self._whole):
            handbook = ROOT / "examples" / "handbook_questions.csv"
            documents = ("--docs", str(ROOT / "examples" / "handbook"))
            for arguments in (
                (str(task), "--strategies", STRATEGIES),
                (str(handbook), *documents, "--strategies", "retrieval"),
                (str(handbook), "--strategies", "prompting"),
            ):
                code, said = _main("compare", *arguments, "--model", str(model), "--out", str(place / "report"))
                if code:
                    raise RuntimeError(said)
            store = Store()
            self._sound, *spoiled = [run.id for run in store.runs()]
            self._report = store.report(self._sound)
            self._answers = {run: self._answered(store, run) for run in spoiled}
        self._sums = _sums(self._whole)

    def damaged(self, name: str, share: int) -> dict[str, Any]:
        started = time.monotonic()
        kinds: dict[str, Path] = {}
        for path in sorted(self._sums):
            if self._sound not in path.parts and path.suffix != ".lock":
                kinds.setdefault(_kind(path), path)
        tried = list(kinds.values())[::share]
        unnoticed, refused, problems = 0, 0, 0
        for path in tried:
            shutil.rmtree(self._home, ignore_errors=True)
            shutil.copytree(self._whole, self._home)
            DAMAGES[name](self._home / path)
            with self._at(self._home):
                found = list(self._problems(path))
                noticed, answers = self._noticed, self._refused
            for one in found:
                sys.stderr.write(f"{path}, {name}: {one}\n")
            if not noticed:
                sys.stderr.write(f"{path}, {name}: doctor notices nothing\n")
            unnoticed, refused, problems = unnoticed + (not noticed), refused + answers, problems + len(found)
        return {
            "damage": name,
            "kinds of files": len(tried),
            "that doctor doesn't notice": unnoticed,
            "answers refused in a sentence": refused,
            "problems": problems,
            "seconds": time.monotonic() - started,
        }

    def _problems(self, path: Path) -> Iterator[str]:
        self._noticed, self._refused = False, 0
        code, said = _main("doctor")
        self._noticed = code != 0
        yield from _unexplained("doctor", code, said, (0, 3))
        if path.name.startswith("threeways.sqlite"):
            yield from _unexplained("runs", *_main("runs"), (0, 2))
        else:
            yield from self._shown(path)
        yield from _unexplained("doctor --repair", *_main("doctor", "--repair"), (0, 3))
        with closing(sqlite3.connect(self._home / "threeways.sqlite")) as database:
            if database.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
                yield "the database isn't sound"
        if Store().report(self._sound) != self._report:
            yield "the other run has lost its report"
        now = _sums(self._home)
        if changed := [one for one in self._sums if self._sound in one.parts and self._sums[one] != now.get(one)]:
            yield f"of the other run, {changed[0]} changed"

    def _shown(self, path: Path) -> Iterator[str]:
        """What the commands and pages that show runs say, and the answers of the strategies whose run was damaged."""
        code, said = _main("runs")
        yield from _unexplained("runs", code, said, (0,))
        if self._sound not in said:
            yield "runs doesn't show the other run"
        for run_id, before in self._answers.items():
            if run_id not in path.parts:
                continue
            for strategy, answer in self._answered(Store(), run_id, path).items():
                if answer.startswith("?"):
                    self._refused += 1
                    if _UNEXPLAINED in answer:
                        yield f"{strategy}: {answer}"
                elif answer != before[strategy]:
                    yield f"{strategy} answers {answer!r} instead of {before[strategy]!r}"
            yield from self._page("Report", run=run_id)
        yield from self._page("History")
        yield from self._page("Report", run=self._sound)

    def _page(self, title: str, **address: str) -> Iterator[str]:
        try:
            open_page(title, **address)
        except Exception:
            yield f"the page {title}: {traceback.format_exc()[-1500:]}"

    def _answered(self, store: Store, run_id: str, path: Path | None = None) -> dict[str, str]:
        """What each strategy of the run answers, or only those whose folder `path` lies in; after ? why it can't."""
        run, fitted, answers = store.run(run_id), Fitted(), {}
        for one in tryable(store, run):
            if path is not None and one.strategy not in path.parts and path.name != "task.json":
                continue
            try:
                order = order_to_answer(store, run, one.strategy, BUILD_STRATEGY)
                answer = fitted.answer(order, _INPUT, lambda _: None)
                answers[one.strategy] = f"? {answer.problem}" if answer.problem else answer.text
            except BadInput as wrong:
                answers[one.strategy] = f"? {wrong}"
        return answers

    @contextlib.contextmanager
    def _at(self, home: Path) -> Iterator[None]:
        """With the pages and commands at this home."""
        with contextlib.ExitStack() as opened:
            if (home / "threeways.sqlite").exists() and not _is_sound(home):
                self._patch.setenv("THREEWAYS_HOME", str(home))
            else:
                opened.enter_context(own_home(home, self._patch))
            yield


def _is_sound(home: Path) -> bool:
    path = home / "threeways.sqlite"
    if not path.stat().st_size:  # sound to SQLite
        return False
    try:
        with closing(sqlite3.connect(path)) as database:
            return bool(database.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
    except sqlite3.Error:
        return False


def _main(*arguments: str) -> tuple[int, str]:
    """The exit code, and what it said; a traceback if it raised."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = main(arguments)
        except Exception:
            return 1, f"{said.getvalue()}{traceback.format_exc()}"
    return code, said.getvalue()


def _unexplained(command: str, code: int, said: str, expected: tuple[int, ...]) -> Iterator[str]:
    if code not in expected or "Traceback" in said or "internal error" in said:
        yield f"{command} ends with {code}: {said[-1500:]}"


def _sums(home: Path) -> dict[Path, str]:
    return {
        path.relative_to(home): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file()
    }


def _kind(path: Path) -> str:
    return re.sub(r"[0-9a-f]{6,}|\d+", "*", str(path))
