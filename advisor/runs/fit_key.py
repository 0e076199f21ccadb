"""What decides what a candidate becomes when it is fitted, so that a later run can tell whether it would be the same.

Each part is a hash, kept in fit_key.json beside the fitted strategy.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from advisor.as_json import AsJson
from advisor.pairing import strategy_of
from advisor.runs.machine_file import installed_versions
from advisor.runs.order import StepOrder
from advisor.storage.seals import read_sealed, write_sealed
from advisor.storage.start import read_start
from advisor.storage.trial_files import FIT_KEY_FILE
from eval.task import Example, Split, Task
from strategies.base_models import fingerprint_of
from strategies.declaration import Declaration
from strategies.engine.sealed_folder import DamagedError
from strategies.presets import PRESETS
from strategies.prompting import Prompting
from strategies.registry import BASELINES, DECLARATIONS
from strategies.search.models import SearchModels

_SOURCES = Path(__file__).parents[2]  # of the checkout


@dataclass(frozen=True, slots=True)
class Rows:
    """Hashes of what a task gives to be fitted on. Those of rows are with and without their places in the file."""

    task: Task
    train: tuple[str, str]
    dev: tuple[str, str]
    documents: str

    @staticmethod
    def of(task: Task, split: Split) -> Rows:
        documents = _hash([asdict(one) for one in task.documents])
        return Rows(task, _of_rows(split.train), _of_rows(split.dev), documents)


@dataclass(frozen=True, slots=True)
class FitKey:
    """`beside` is what of the same run it is fitted with: an adapter that it goes on from, and a prompt that another
    strategy found."""

    program: str
    machine: str
    model: str
    effort: str
    task: str
    training_rows: str
    dev_rows: str
    documents: str
    beside: str

    @staticmethod
    def of(order: StepOrder, rows: Rows) -> FitKey:
        """For a candidate or a baseline of a run."""
        declared = DECLARATIONS.get(strategy_of(order.strategy))
        is_baseline = order.strategy in BASELINES
        # What looks rows up names them in its answers. The others don't know their places in the file.
        named = is_baseline or declared is None or declared.looks_up is not None
        # A new document may also make an invented fact of a dev answer a true one. That hardly ever changes which
        # setting is best, and all answers are scored again, so what reads no documents is kept.
        reads = declared is None or declared.looks_up is not None or declared.needs_documents
        budget = PRESETS[order.preset].budget(rows.task.kind)
        brief = {**asdict(rows.task.brief), "name": "", "own": _own_metric(rows.task)}
        return FitKey(
            program=_hash([_program(), order.build_strategy, SearchModels().embedders, SearchModels().rerankers]),
            machine=_hash(list(order.hardware.facts) if order.hardware else machine_facts()),
            model="" if is_baseline else _hash([order.model, fingerprint_of(order.model)]),
            effort=_hash([order.preset, asdict(budget), PRESETS[order.preset].trainings, order.seed]),
            task=_hash(brief),
            training_rows=rows.train[not named],
            dev_rows=rows.dev[not named],
            documents=rows.documents if reads else "",
            beside="" if is_baseline else _hash(_beside(order, declared)),
        )

    def unlike(self, other: FitKey) -> list[str]:
        """The names of the parts that differ."""
        return [one.name for one in fields(self) if getattr(self, one.name) != getattr(other, one.name)]


_KEY = AsJson[FitKey](FitKey)


def write_key(folder: Path, key: FitKey) -> None:
    write_sealed(folder / FIT_KEY_FILE, _KEY.write(key, indent=2))


def read_key(folder: Path) -> FitKey | None:
    """None if there is none, if it was damaged, or if another version wrote it."""
    try:
        return _KEY.read(read_sealed(folder / FIT_KEY_FILE))
    except (OSError, DamagedError, ValueError, RecursionError):
        return None


def content_of(row: Example) -> str:
    """A hash of a row without its place in the file."""
    turns = [(turn.role, turn.text) for turn in row.turns]
    return _hash([row.input, row.target, row.group, row.document_ids, row.also_right, row.rejected, turns])


def _of_rows(rows: Sequence[Example]) -> tuple[str, str]:
    contents = [content_of(row) for row in rows]
    return _hash([[row.id, content] for row, content in zip(rows, contents, strict=True)]), _hash(contents)


def _beside(order: StepOrder, declared: Declaration | None) -> list[object]:
    start = read_start(order.run_folder)
    has_prompting = any(one.strategy == Prompting.name and one.model == order.model for one in order.pairings)
    return [asdict(start) if start else None, has_prompting and declared is not None and declared.trains is not None]


def _own_metric(task: Task) -> str:
    """The code of a person's own metric, which may change while its name stays."""
    if task.metric is None or task.metric.own is None:
        return ""
    return Path(task.metric.own.rpartition(":")[0]).read_text()


@lru_cache(maxsize=1)
def _program() -> str:
    """The code that fits and answers, and the libraries it uses, for whatever hardware they were built."""
    versions = {name: number.partition("+")[0] for name, number in installed_versions().items()}
    found = hashlib.sha256(json.dumps(versions, sort_keys=True).encode())
    for room in ("eval", "strategies"):
        for path in sorted((_SOURCES / room).rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()


def machine_facts() -> list[object]:
    """Its processor, whether it has a GPU, and for which torch was built: times and, in the last digits, answers follow
    from them."""
    built_for = version("torch").partition("+")[2]
    said = ""
    with suppress(OSError):
        said = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    return [said or platform.processor(), platform.machine(), os.cpu_count(), Path("/dev/nvidia0").exists(), built_for]


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
