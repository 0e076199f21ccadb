"""200 kills at random times: of the worker, of the child that computes, of the server of the pages, and of the child
that reads an upload. Each run of all strategies with a tiny model has to end with the answers of an undisturbed one.
The pages have to come back. An upload whose reader was killed has to be refused in one sentence. Then the same with ten
kills while the embedded model is trained."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from advisor.plan import DEFAULT_MODEL, Plan, Setup
from advisor.runs.experiment import prepare
from advisor.runs.report_files import write_report_again
from advisor.runs.worker import start_worker
from advisor.storage.checkup import check_home, problem_of_database
from advisor.storage.leftovers import sweep
from advisor.storage.store import Store
from advisor.storage.upload import Upload
from eval.mapping.columns import guess_columns
from eval.reading.apart import read_table_apart
from eval.task import BadInput
from strategies.contract import CHOOSING_TRAINING, TRAINING
from tests.benchmarks.crashes import STRATEGIES, findings_in, task_of_pairs, temporary_folders
from tests.benchmarks.load import opened
from tests.tiny_model import save_tiny_model

ROOT = Path(__file__).parents[2]
KILLS, TRAINING_KILLS = 200, 10
_KILLS_OF_A_RUN = 10  # of more, it would hardly get further
_PATIENCE_SECONDS = 3_600  # children give way to other programs
_TARGETS = {"worker": 3, "child": 4, "page": 1, "parser": 1}  # how often, in proportion


def run(full: bool) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place:
        tiny = _Bench(Path(place) / "tiny", str(save_tiny_model(Path(place) / "model")), STRATEGIES, _TARGETS)
        rows = [tiny.measure(KILLS if full else KILLS // 10)]
        real = _Bench(Path(place) / "real", DEFAULT_MODEL, "finetuning", {"training": 1})
        return [*rows, real.measure(TRAINING_KILLS if full else TRAINING_KILLS // 5)]


class _Bench:
    def __init__(self, home: Path, model: str, strategies: str, targets: Mapping[str, int]) -> None:
        self.store = Store(home)
        self._model, self._strategies, self._targets = model, tuple(strategies.split(",")), targets
        self._draw = random.Random(0)
        self._worker: subprocess.Popen[bytes] | None = None
        self._page: subprocess.Popen[str] | None = None
        self._address = ""

    def measure(self, kills: int) -> dict[str, Any]:
        whole = self._answers(self._to_its_end(self._queued(), 0)[0])
        killed: Counter[str] = Counter()
        runs, same, given_up, started = 0, 0, 0, time.monotonic()
        self._show_page()
        try:
            while killed.total() < kills:
                run_id, targets, failures = self._to_its_end(
                    self._queued(), min(kills - killed.total(), _KILLS_OF_A_RUN)
                )
                killed += targets
                runs, given_up = runs + 1, given_up + failures
                same += self._answers(run_id) == whole
                sys.stderr.write(f"{runs} runs, {same} the same, {dict(killed)}, {time.monotonic() - started:.0f} s\n")
        finally:
            if self._page is not None:
                self._page.kill()
                self._page.wait()
        return {
            "model": "tiny" if self._model != DEFAULT_MODEL else self._model,
            "kills": killed.total(),
            "of what": ", ".join(f"{target} {killed[target]}" for target in self._targets),
            "runs": runs,
            "with the same answers": same,
            "continued by hand": given_up,
            "problems in its home": len(self._problems()),
            "temporary folders left": temporary_folders(),
            "seconds": time.monotonic() - started,
        }

    def _problems(self) -> list[str]:
        """Of the database, the runs and the datasets; those that got no name are swept first."""
        for path in self.store.home.rglob(".*"):
            os.utime(path, (0, 0), follow_symlinks=False)  # a process may still write what is younger than an hour
        sweep(self.store.home)
        if damage := problem_of_database(self.store.home):
            return [damage]
        return [problem.what for problem in check_home(self.store, partial(write_report_again, self.store))]

    def _queued(self) -> str:
        content = task_of_pairs().encode()
        upload = Upload.read("tickets.jsonl", content)
        dataset = self.store.keep_upload(upload)
        plan = Plan(
            dataset.id,
            Setup.of(guess_columns(upload.table, upload.documents)),
            strategies=self._strategies,
            model=self._model,
            asks_all_rows=True,
            reuses=False,
        )
        return prepare(self.store, plan).id

    def _to_its_end(self, run_id: str, kills: int) -> tuple[str, Counter[str], int]:
        """The run, how often what was killed, and how often somebody had to continue it: a strategy whose child was
        killed twice before it got any further has failed until then, and so has a run whose worker was, three times."""
        killed: Counter[str] = Counter()
        given_up = 0
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (state := self._state(run_id)) != "done":
            if time.monotonic() > deadline:
                raise RuntimeError(f"{run_id} is {state} after {_PATIENCE_SECONDS} seconds")
            if state == "failed":
                given_up += 1
                self.store.retry_step(run_id, *self._failed(run_id))
                self.store.continue_run(run_id, self.store.run(run_id).plan.limit)
            if self._worker is None or self._worker.poll() is not None:
                self._worker = start_worker(self.store)
            if killed.total() >= kills:
                time.sleep(0.2)
                continue
            time.sleep(self._draw.uniform(0.2, 8.0))
            (target,) = self._draw.choices(list(self._targets), list(self._targets.values()))
            killed[target] += self._kill(target, run_id)
        return run_id, killed, given_up

    def _state(self, run_id: str) -> str:
        state = self.store.run(run_id).state
        return "failed" if state == "done" and self._failed(run_id) else state

    def _failed(self, run_id: str) -> list[str]:
        return [step.strategy for step in self.store.steps(run_id) if step.state == "failed"]

    def _kill(self, target: str, run_id: str) -> bool:
        """Whether there was one. Raises RuntimeError if the product doesn't take it as it should."""
        ways: dict[str, Callable[[], bool]] = {
            "worker": self._kill_worker,
            "child": self._kill_child,
            "page": self._kill_page,
            "parser": self._kill_parser,
            "training": lambda: self._is_training(run_id) and self._kill_child(),
        }
        return ways[target]()

    def _is_training(self, run_id: str) -> bool:
        stages = (CHOOSING_TRAINING, TRAINING)
        return any(step.state == "running" and step.stage in stages for step in self.store.steps(run_id))

    def _kill_worker(self) -> bool:
        if self._worker is None or self._worker.poll() is not None:
            return False
        self._worker.kill()
        self._worker.wait()
        return True

    def _kill_child(self) -> bool:
        if self._worker is None or self._worker.poll() is not None:
            return False
        try:
            there = psutil.Process(self._worker.pid).children()
            children = [one for one in there if "spawn_main" in " ".join(one.cmdline())]
            if not children:
                return False
            self._draw.choice(children).kill()
        except psutil.NoSuchProcess:  # it has just ended
            return False
        return True

    def _show_page(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._page = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port),
             "--server.headless", "true"],
            cwd=ROOT, env=os.environ | {"THREEWAYS_HOME": str(self.store.home)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._page.stdout is not None
        if not any("URL" in line for line in self._page.stdout):
            raise RuntimeError("the app ended before it was ready")
        self._address = f"http://127.0.0.1:{port}"

    def _kill_page(self) -> bool:
        if self._page is None:
            return False
        self._page.send_signal(signal.SIGKILL)
        self._page.wait()
        self._show_page()
        asyncio.run(opened(self._address, "history"))
        return True

    def _kill_parser(self) -> bool:
        """While it reads a large file. A reader that was faster counts as none."""
        content = b"message,label\n" + b'"a message of a customer, with a comma",refund\n' * 400_000
        said: list[str] = []

        def read() -> None:
            try:
                read_table_apart("large.csv", content)
                said.append("read")
            except BadInput as refused:
                said.append(str(refused))

        before = {one.pid for one in psutil.Process().children()}
        reading = threading.Thread(target=read)
        reading.start()
        while reading.is_alive() and not (new := [p for p in psutil.Process().children() if p.pid not in before]):
            time.sleep(0.01)
        time.sleep(self._draw.uniform(0.0, 1.5))
        for one in new:
            with suppress(psutil.NoSuchProcess):  # it was faster
                one.kill()
        reading.join()
        if said[0] != "read" and "large.csv" not in said[0]:
            raise RuntimeError(f"the killed reader said: {said[0]}")
        return said[0] != "read"

    def _answers(self, run_id: str) -> list[object]:
        return findings_in(self.store, run_id)
