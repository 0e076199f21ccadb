"""What a run's fine-tuning goes on from: the adapters of an earlier run, copied into its folder, because the earlier
run may be deleted.

    start/start.json     which run that was, and which rows its adapters have learned from
    start/<candidate>/   the adapter that this candidate goes on from
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from advisor.as_json import AsJson
from advisor.plan import Plan
from advisor.storage.files import write_whole
from advisor.storage.task_file import read_task
from eval.task import BadInput
from strategies.engine.adapter_shape import CONFIG
from strategies.engine.sealed_folder import DamagedError, check_folder, seal_folder
from strategies.registry import DECLARATIONS
from strategies.tuned_again import EarlierAdapter

_FOLDER, _FILE = "start", "start.json"


@dataclass(frozen=True, slots=True)
class LearnedRow:
    """`trained`: training read it; otherwise settings were chosen on it."""

    input: str
    group: str | None = None
    trained: bool = True


@dataclass(frozen=True, slots=True)
class Start:
    """`run` is the earlier run's id; it trained on so many `rows`. `learned` are all rows that its adapters were
    trained or chosen on, with those of the runs that it went on from itself."""

    run: str
    rows: int
    learned: tuple[LearnedRow, ...]


_START = AsJson[Start](Start)


def adapters_in(run_folder: Path, plan: Plan) -> dict[tuple[str, str], Path]:
    """The folder of each adapter that a run trained and kept, by strategy and model."""
    return {
        (one.strategy, one.model): folder
        for one in plan.pairings
        if one.strategy in DECLARATIONS
        and DECLARATIONS[one.strategy].trains == "adapter"
        and (folder := run_folder / one.name / "fitted" / "adapter").joinpath(CONFIG).is_file()
    }


def starts_for(plan: Plan, adapters: Mapping[tuple[str, str], Path]) -> dict[str, Path]:
    """Which candidate of a plan goes on from which of an earlier run's adapters: that of the same strategy with the
    same model."""
    return {
        one.name: adapters[one.strategy, one.model] for one in plan.pairings if (one.strategy, one.model) in adapters
    }


def learned_by(run_folder: Path, run_id: str) -> Start:
    """What the adapters of this run have learned from. Raises BadInput if its task can't be read."""
    _, split = read_task(run_folder)
    own = tuple(
        LearnedRow(row.input, row.group, trained)
        for side, trained in ((split.train, True), (split.dev, False))
        for row in side
    )
    before = read_start(run_folder)
    return Start(run_id, len(split.train), own + (before.learned if before else ()))


def keep_start(run_folder: Path, plan: Plan, earlier_folder: Path, earlier_id: str, earlier: Plan) -> None:
    """Raises BadInput if an adapter was changed since it was trained."""
    for name, adapter in starts_for(plan, adapters_in(earlier_folder, earlier)).items():
        _check(adapter.parent)
        shutil.copytree(adapter, run_folder / _FOLDER / name)
    write_whole(run_folder / _FOLDER / _FILE, _START.write(learned_by(earlier_folder, earlier_id)))
    seal_folder(run_folder / _FOLDER)


def read_start(run_folder: Path) -> Start | None:
    """None if the run started from the base model. Raises BadInput if what it started from was changed since."""
    folder = run_folder / _FOLDER
    if not folder.is_dir():
        return None
    _check(folder)
    try:
        return _START.read((folder / _FILE).read_bytes())
    except (OSError, ValueError) as wrong:
        raise BadInput(f"{folder / _FILE} can't be read; start the comparison again.") from wrong


def _check(folder: Path) -> None:
    try:
        check_folder(folder)
    except DamagedError as wrong:
        raise BadInput(f"Fine-tuning can't go on from an adapter: {wrong} Start from another run.") from wrong


def earlier_adapter(run_folder: Path, candidate: str) -> EarlierAdapter | None:
    """The adapter that a candidate of this run goes on from; None if it starts from the base model."""
    folder = run_folder / _FOLDER / candidate
    start = read_start(run_folder) if folder.is_dir() else None
    return None if start is None else EarlierAdapter(folder, start.run, start.rows)
