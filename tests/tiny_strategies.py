"""Strategies that need no model, for what must hold of any strategy: being run, stopped, failing, being reloaded."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic, sleep
from typing import Any, ClassVar

from advisor.estimate import Speed
from advisor.storage.store import Store
from eval.measuring.runner import ROWS_A_CALL
from eval.outcomes import Effort, Prediction
from eval.task import Brief, Document, Example, Kind, LearningSplit, Split, Task
from strategies.contract import Progress, ReportProgress, Strategy
from strategies.declaration import Declaration, Words
from strategies.presets import Preset
from strategies.registry import BASELINES, STRATEGIES, build_strategy, class_at
from strategies.served.address import is_served
from strategies.served.budget import NO_LIMIT, Allowance

STEADY = "tests.tiny_strategies:build_steady"
FRAGILE = "tests.tiny_strategies:build_fragile"
FATAL = "tests.tiny_strategies:build_fatal"
KILLED = "tests.tiny_strategies:build_killed"
ENDLESS = "tests.tiny_strategies:build_endless"
PRACTISED = "tests.tiny_strategies:build_practised"
STALLED = "tests.tiny_strategies:build_stalled"
SHORT = "tests.tiny_strategies:build_short"
WAVERING = "tests.tiny_strategies:build_wavering"
TORN = "tests.tiny_strategies:build_torn"
HURRIED = "tests.tiny_strategies:build_hurried"
ASKING = "tests.tiny_strategies:build_asking"
CROWDED = "tests.tiny_strategies:build_crowded"
HALTING = "tests.tiny_strategies:build_halting"
RACING = "tests.tiny_strategies:build_racing"
NOTING = "tests.tiny_strategies:build_noting"
STRUCK = "tests.tiny_strategies:build_struck"
STALLED_ROWS = 24
SPEED = Speed("CPU", load_seconds=1, read=300, read_alone=200, write=40, write_alone=10, train=120, embed=50)
_PATIENCE_SECONDS = 300  # a process that starts on a busy machine takes a minute


class CommonestAnswer:
    """Always gives the answer that train has most often."""

    name: ClassVar[str] = "commonest"
    declaration: ClassVar[Declaration] = Declaration(words=Words("Commonest", "", ""))

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.choices: list[dict[str, Any]] = []
        self.effort = Effort()
        self.notes: list[str] = []

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        counts = Counter(example.target for example in split.train)
        self.settings = {"answer": max(sorted(counts), key=lambda answer: counts[answer])}
        report_progress(Progress("counting", len(split.train), len(split.train)))

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return [Prediction(self.settings["answer"], len(text.split()), 1) for text in inputs]

    def save(self, folder: Path) -> None:
        (folder / "answer.json").write_text(json.dumps(self.settings))

    def load(self, folder: Path) -> None:
        self.settings = json.loads((folder / "answer.json").read_text())


class Noting(CommonestAnswer):
    """Notes what it is fitted on and asked, in the file that an environment variable names."""

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        _note("fitted", [str(len(split.train))])
        super().fit(split, documents, report_progress)

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        _note("asked", inputs)
        return super().predict(inputs)


def _note(what: str, lines: Sequence[str]) -> None:
    with Path(os.environ["NOTES"]).open("a") as notes:
        notes.writelines(f"{what} {line}\n" for line in lines)


class Failing(CommonestAnswer):
    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        report_progress(Progress("looking things up", 1, 2))
        raise ZeroDivisionError("nothing to divide by\nand a second line")


class Killed(CommonestAnswer):
    """Ends as a process does that the system picks when memory runs out."""

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Fatal(CommonestAnswer):
    """Ends its parent, as when memory runs out while a child computes."""

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        report_progress(Progress("filling memory", 1, 2))
        sleep(1)  # until the parent has heard of it
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()


class Deadly(CommonestAnswer):
    """Ends the process that loads it, as when memory runs out."""

    def load(self, folder: Path) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Endless(CommonestAnswer):
    """Computes until it is ended; the stage it reports names its process."""

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        row = 0
        while True:
            sum(number * number for number in range(10_000))
            row += 1
            report_progress(Progress(f"computing in process {os.getpid()}", row, 10**9))


class Practised(CommonestAnswer):
    """Right on the more messages of `tiny_task`, the more rows it learned from."""

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        self.settings = {"rows": len(split.train)}
        report_progress(Progress("practising", len(split.train), len(split.train)))

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        rows = [int(text.split()[1]) for text in inputs]
        right = [37 * row % 100 < 0.6 * self.settings["rows"] for row in rows]
        return [
            Prediction("billing" if is_right == bool(row % 3) else "delivery", 3, 1)
            for row, is_right in zip(rows, right, strict=True)
        ]


class Stalled(Practised):
    """Never has enough of `STALLED_ROWS` rows."""

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        if len(split.train) == STALLED_ROWS:
            Endless().fit(split, documents, report_progress)
        super().fit(split, documents, report_progress)


class Short(Practised):
    """Fails on the fewest rows."""

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        if len(split.train) < STALLED_ROWS:
            raise ValueError("too few rows")
        super().fit(split, documents, report_progress)


class Wavering(CommonestAnswer):
    """Trained, and wrong on as many tenths of the messages of `tiny_task` as its seed says."""

    declaration: ClassVar[Declaration] = Declaration(words=Words("Wavering", "", ""), trains="all weights")

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        rows = [int(text.split()[1]) for text in inputs]
        right = ["billing" if row % 3 else "delivery" for row in rows]
        return [
            Prediction(answer if row % 10 >= self.seed else "none", 3, 1)
            for row, answer in zip(rows, right, strict=True)
        ]


class Torn(Wavering):
    """Cannot be trained twice."""

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        if self.seed:
            raise ValueError("once is enough")
        super().fit(split, documents, report_progress)


class Knowing(CommonestAnswer):
    """Right on all messages of `tiny_task` but every so many; `save` counts how often it was fitted."""

    def __init__(self, wrong_every: int) -> None:
        super().__init__()
        self.wrong_every = wrong_every

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        rows = [int(text.split()[1]) for text in inputs]
        return [
            Prediction("none" if row % self.wrong_every == 0 else "billing" if row % 3 else "delivery", 3, 1)
            for row in rows
        ]

    def save(self, folder: Path) -> None:
        super().save(folder)
        with (folder.parent / "fits.txt").open("a") as fits:
            fits.write("fitted\n")


def build_racing(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    """Retrieval and fine-tuning are nearly as good as each other, prompting is right on two rows of three."""
    return {"retrieval": Knowing(20), "finetuning": Knowing(11)}.get(name) or CommonestAnswer()


class Crowded(CommonestAnswer):
    """Finds the disk full as long as the home has a file "full"."""

    def save(self, folder: Path) -> None:
        if (folder.parents[3] / "full").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        super().save(folder)


def build_crowded(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Crowded() if name == "retrieval" else CommonestAnswer()


class Halting(CommonestAnswer):
    """Answers the test rows up to the end of the first call with many of them, and then waits until it is ended."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = 0

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        if self._asked > ROWS_A_CALL:
            signal.pause()
        self._asked += len(inputs)
        return super().predict(inputs)


def build_halting(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Halting() if name == "retrieval" else CommonestAnswer()


def build_practised(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Practised() if name == "finetuning" else CommonestAnswer()


def build_stalled(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Stalled() if name == "finetuning" else CommonestAnswer()


def build_short(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Short() if name == "finetuning" else CommonestAnswer()


def build_wavering(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Wavering(seed) if name == "finetuning" else CommonestAnswer()


def build_torn(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Torn(seed) if name == "finetuning" else CommonestAnswer()


def build_asking(name: str, brief: Brief, model: str, preset: Preset, seed: int, *given: Allowance) -> Strategy:
    """What asks a server is real."""
    if name in BASELINES or not is_served(model):
        return CommonestAnswer()
    return build_strategy(name, brief, model, preset, seed, *given)


def build_hurried(
    name: str, brief: Brief, model: str, preset: Preset, seed: int, allowance: Allowance = NO_LIMIT
) -> Strategy:
    """As a run asks a server, with little time for each answer."""
    from strategies.served.client import Patience
    from strategies.served.serving import ServedLoader, Serving

    if name in BASELINES:
        return CommonestAnswer()
    patience = Patience(connecting=1, answering=1, first_wait=0.01, longest_wait=0.02, tries=2)
    load_model = ServedLoader(model, Serving(allowance=allowance, patience=patience))
    strategy: Strategy = class_at(STRATEGIES[name])(brief, load_model, preset.budget(brief.kind), seed)
    return strategy


def build_steady(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return CommonestAnswer()


def build_noting(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return CommonestAnswer() if name in BASELINES else Noting()


def build_fragile(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Failing() if name == "retrieval" else CommonestAnswer()


def build_killed(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Killed() if name == "retrieval" else CommonestAnswer()


def build_fatal(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Fatal() if name == "retrieval" else CommonestAnswer()


def build_deadly(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Deadly() if name == "prompting" else CommonestAnswer()


def build_endless(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return Endless() if name == "retrieval" else CommonestAnswer()


def tiny_task(train: int = 24, test: int = 10) -> tuple[Task, Split]:
    """Messages of two labels, 24 to learn from, 6 to choose on, 10 to judge by."""
    examples = tuple(
        Example(f"r{row}", f"message {row}", "billing" if row % 3 else "delivery") for row in range(train + 6 + test)
    )
    task = Task("tickets", Kind.CLASSIFICATION, "", examples, labels=("billing", "delivery"))
    sides = examples[:train], examples[train : train + 6], examples[train + 6 :]
    return task, Split(*sides, ("A note of the split.",))


def serve(home: Path, build_strategy: str) -> None:
    """What a worker process of a test does. The imports wait until here: other children of tests do without."""
    from advisor.runs.worker import work
    from advisor.storage.store import Store

    work(Store(home), build_strategy)


def wait_until(condition: Callable[[], bool], process: BaseProcess) -> None:
    """Looks again and again while `process` runs; fails when it ends first, or after five minutes."""
    deadline = monotonic() + _PATIENCE_SECONDS
    while not condition():
        process.join(timeout=0.05)
        assert monotonic() < deadline, "it did not happen within five minutes"
        assert process.is_alive() or condition(), f"the process ended first, with exit code {process.exitcode}"


def tiny_model(folder: Path) -> str:
    """A folder that passes for a model of four numbers. Its sizes are small: whoever loads it all the same would
    otherwise get the 7 billion random numbers of the type's own sizes, 26 GB of them."""
    header = json.dumps({"weight": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    folder.mkdir()
    sizes = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "vocab_size": 8,
    }
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "num_key_value_heads": 1, **sizes}))
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    return str(folder)


@contextmanager
def working(store: Store) -> Iterator[BaseProcess]:
    """A real worker, whose log is what it prints here."""
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(store.home, ASKING))
    process.start()
    try:
        yield process
    finally:
        process.terminate()
        process.join()


def files_with(secret: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


class Meeting(Knowing):
    """Only fitted once another strategy is being fitted at the same time. They see each other in the folder that an
    environment variable names."""

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        folder = Path(os.environ["MEETING_PLACE"])
        (folder / f"here-{self.wrong_every}").touch()
        deadline = monotonic() + _PATIENCE_SECONDS
        while len(list(folder.glob("here-*"))) < 2:
            assert monotonic() < deadline, "nobody came"
            report_progress(Progress("waiting for another", 0, 1))
            sleep(0.1)
        super().fit(split, documents, report_progress)


class Struck(Meeting):
    """Once, it stops in the middle of the test rows and waits for the end of its machine. It says so in the folder that
    an environment variable names, with the process that started it."""

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        struck = Path(os.environ["MEETING_PLACE"]) / "struck"
        if any(int(text.split()[1]) > 55 for text in inputs) and not struck.exists():
            struck.with_suffix(".part").write_text(str(os.getppid()))
            struck.with_suffix(".part").rename(struck)
            signal.pause()
        return super().predict(inputs)


def build_struck(name: str, brief: Brief, model: str, preset: Preset, seed: int, *_: Allowance) -> Strategy:
    return {"retrieval": Struck(20), "finetuning": Meeting(11)}.get(name) or CommonestAnswer()
