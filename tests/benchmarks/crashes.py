"""What comes of a run that is killed, or whose disk is full or fails, at each kind of write.

`python -m advisor compare` runs all strategies with a tiny model. Whenever one of its processes gets to a write that
none has got to before, by its line of code and its file, it breaks: all processes are killed (`kill`), or the disk is
full until they have ended (`full`), or the write fails (`EIO`). The run is then continued, until it ends without having
met a new kind of write. It must have the same answers as an undisturbed run, `doctor` must find nothing, and what has
answered test rows must not be fitted again.

`HOW=kill,full,EIO` chooses what breaks. A tenth of all kinds of writes counts, with FULL=1 every kind. `SHARE=.5-1`
takes the second half of them, so that several runs, side by side or one after the other, can share the work.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from advisor.storage.store import Store
from advisor.storage.trial_files import read_trials
from eval.outcomes import Trial
from eval.temporary import NAME
from tests.benchmarks.forked import ended, import_libraries
from tests.benchmarks.saboteur import Saboteur
from tests.tiny_model import save_tiny_model

STRATEGIES = (
    "prompting,prompting_examples,retrieval,finetuning,retrieval_finetuning,preference_tuning,last_layers,"
    "full_finetuning"
)
HOW = "kill,full,EIO"
_NONE = "0-0"
_TENTH, _ALL = "0-.1", "0-1"
_DISK = "3g"  # that gets full; on a smaller one, `doctor` says that it nearly is
_SECONDS = 600  # for one attempt
_NO_SENTENCE = re.compile(r"Traceback \(most recent call last\)")


def run(full: bool) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place, _disk(Path(place)) as disk:
        bench = Bench(disk, os.environ.get("SHARE", _ALL if full else _TENTH))
        bench.undisturbed()
        return [bench.broken(how) for how in os.environ.get("HOW", HOW).split(",")]


@contextmanager
def _disk(place: Path) -> Iterator[Path]:
    """A small disk of its own, so that it can get full. Mounting one needs root."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class Bench:
    def __init__(self, disk: Path, share: str) -> None:
        self._disk, self._share = disk, share
        self._outside = Path(tempfile.mkdtemp())
        self._met, self._log = self._outside / "met", self._outside / "log"
        self._model, self._task = save_tiny_model(self._outside / "model"), self._outside / "tickets.jsonl"
        self._task.write_text(task_of_pairs())
        self._answers: list[object] = []
        import_libraries()

    def undisturbed(self) -> None:
        """Keeps its answers to compare with."""
        said = self._go_on("kill", share=_NONE)
        if said.returncode:
            raise RuntimeError(said.stderr)
        self._answers = self._measured()

    def broken(self, how: str) -> dict[str, Any]:
        for path in self._disk.iterdir():
            shutil.rmtree(path)
        self._met.write_text("")
        problems: list[str] = []
        attempts, seconds = 0, time.monotonic()
        while True:
            met, tested = self._met.read_text(), self._tested()
            said = self._go_on(how, self._share)
            attempts += 1
            new = self._met.read_text().removeprefix(met).splitlines()
            (self._disk / "ballast").unlink(missing_ok=True)
            found = [*self._damage(), *self._again(tested)]
            if how != "kill" and (said.returncode < 0 or _NO_SENTENCE.search(said.stdout + said.stderr)):
                found.append(f"ended with {said.returncode}: {said.stdout[-500:]}{said.stderr[-2000:]}")
            if not new and said.returncode:
                found.append(f"can't go on: {said.returncode} {said.stdout[-500:]}{said.stderr[-2000:]}")
            problems += found
            for one in found:
                sys.stderr.write(f"{how} at {new}: {one}\n")
            if not new or not said.returncode:  # some broken writes change nothing but the next run's speed
                break
        same = self._measured() == self._answers
        return {
            "what breaks": how,
            "share": self._share,
            "kinds of writes": len(self._met.read_text().splitlines()),
            "attempts": attempts,
            "problems": len(problems),
            "the same answers": same,
            "doctor": self._doctor(),
            "temporary folders left": temporary_folders(),
            "seconds": time.monotonic() - seconds,
        }

    def _go_on(self, how: str, share: str) -> subprocess.CompletedProcess[str]:
        """The next thing that a person would do."""
        run = next(iter(self._runs()), None)
        out = str(self._disk / "report")
        if run is None:
            options = ["--model", str(self._model), "--strategies", STRATEGIES, "--all-rows", "--out", out]
            return self._command(how, share, "compare", str(self._task), *options)
        return self._command(how, share, "resume", run, "--out", out)

    def _command(self, how: str, share: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        self._log.write_text("")
        begin, end = map(float, share.split("-"))
        saboteur = Saboteur(self._disk, how, (begin, end), self._met, self._log)
        out, err = self._outside / "out", self._outside / "err"
        environment = {"THREEWAYS_HOME": str(self._disk / "home"), "XDG_CACHE_HOME": str(self._disk / "cache")}
        code = ended(arguments, out, err, environment, _SECONDS, saboteur.watch)
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())

    def _runs(self) -> list[str]:
        """Newest first."""
        home = self._disk / "home"
        if not (home / "threeways.sqlite").exists():
            return []
        return [run.id for run in Store(home).runs()]

    def _tested(self) -> set[str]:
        """The folders, below the disk, of strategies that have answered test rows."""
        found = (*self._disk.glob("home/runs/*/*/begun"), *self._disk.glob("home/runs/*/*/manifest.json"))
        return {str(path.parent.relative_to(self._disk)) for path in found}

    def _again(self, tested: set[str]) -> list[str]:
        """Strategies that were fitted again though they had answered test rows."""
        paths = {line.split("\t")[1] for line in self._log.read_text().splitlines() if line.startswith("os.rename")}
        same = {re.sub(r"\.[a-z0-9_]{8}\b|[0-9a-f]{6,}|\d+", "*", folder): folder for folder in tested}
        return [
            f"{folder} was fitted again"
            for named, folder in same.items()
            if any(path.startswith((f"{named}/fitted", f"{named}/.fitted", f"{named}/training")) for path in paths)
        ]

    def _damage(self) -> list[str]:
        path = self._disk / "home" / "threeways.sqlite"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            (found,) = database.execute("PRAGMA integrity_check(1)").fetchone()
        return [] if found == "ok" else [f"the database: {found}"]

    def _doctor(self) -> str:
        """What it says once the leftovers are old."""
        for path in self._disk.rglob(".*"):
            os.utime(path, (0, 0), follow_symlinks=False)
        self._command("kill", _NONE, "doctor", "--repair")
        said = self._command("kill", _NONE, "doctor")
        return said.stdout.strip()[-300:] if said.returncode else "sound"

    def _measured(self) -> list[object]:
        runs = self._runs()
        return findings_in(Store(self._disk / "home"), runs[0]) if runs else []


def temporary_folders() -> int:
    return len([*Path(tempfile.gettempdir()).glob(f"{NAME}*")])


def findings_in(store: Store, run_id: str) -> list[object]:
    """What a run found, without times and memory."""
    steps = [step.strategy for step in store.steps(run_id)]
    return [_findings(trial) for group in read_trials(store.run_folder(run_id), steps) for trial in group]


def _findings(trial: Trial) -> object:
    answers = [(one.example_id, one.text, one.score) for one in trial.outcomes]
    return trial.strategy, trial.status, answers, trial.settings, trial.choices, trial.losses, trial.fit_tokens


def task_of_pairs() -> str:
    """Messages with a right and a rejected label."""
    rows = []
    for at in range(60):
        for word in ("parcel", "invoice"):
            label, other = ("delivery", "refund") if at % 2 else ("refund", "delivery")
            text = f"my {word} {at} {('is late', 'was wrong')[at % 2]}"
            rows.append({"prompt": text, "chosen": label, "rejected": other})
    return "".join(f"{json.dumps(row)}\n" for row in rows)
