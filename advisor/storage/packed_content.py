"""What a packed run holds: one rule on its files for `pack` and `unpack`, and the bounds of every value that is stored
or computed with."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from advisor.plan import BASELINES_STEP, CURVES_STEP, Plan
from advisor.storage.foreign_json import check_foreign_lines, read_foreign
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import StoredTask
from advisor.storage.trial_files import MACHINE_FILE, TRIAL_FILES, trial_in
from advisor.storage.trial_files import MANIFEST as TRIAL_MANIFEST
from advisor.storage.upload import AS_FOUND, READING
from eval.outcomes import Outcome
from eval.reading.encodings import ENCODINGS
from strategies.registry import BASELINES, STRATEGIES

DATASET, RUN = "dataset/", "run/"
RUN_FILES = ("plan.json", "task.json", "speed.json", "estimate.json", "steps.json", "score_check.json", "report.json")
RENDERED = ("report.html", "report.md", "outcomes.csv")
_PLAN, _TASK, _REPORT = f"{RUN}plan.json", f"{RUN}task.json", f"{RUN}report.json"
_NEEDED = {f"{DATASET}upload", _PLAN, _TASK, _REPORT}
_OF_A_TRIAL = (*TRIAL_FILES, MACHINE_FILE, TRIAL_MANIFEST)

_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}", re.ASCII)  # as `Store.add_run` makes it: none begins another
_SOONEST, _LATEST = datetime(1971, 1, 1, tzinfo=UTC).timestamp(), datetime(2201, 1, 1, tzinfo=UTC).timestamp()
_MOST_ROWS, _MOST_SECONDS = 10**9, 1e9
_LONGEST_NAME, _LONGEST_REASON = 1_000, 10_000  # characters
_MOST_PLAN_BYTES = 2**24  # the database keeps the plan, and a list of runs reads it
_ENDED = ("done", "failed", "cancelled", "excluded")
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class PackedRun:
    """The manifest of a packed run. `files` are the SHA-256 of each file by its name. Times are seconds since 1970."""

    format: int
    run_id: str
    created_at: float
    started_at: float | None
    ended_at: float | None
    data_name: str
    dataset_id: str
    rows: int
    documents_name: str | None
    documents: int
    steps: tuple[StoredStep, ...]
    files: dict[str, str]


def is_packed(name: str, plan: Plan, has_documents: bool) -> bool:
    """Whether a file belongs to a packed run of this plan, by its name there. Whatever else is in a run's folder is
    trained, or says what a person did with the run."""
    candidates = {one.name for one in plan.pairings}
    match name.split("/"):
        case ["dataset", file]:
            return file in ("upload", "reading.json") or (file == "documents" and has_documents)
        case ["run", file]:
            return file in (*RUN_FILES, *RENDERED)
        case ["run", step, file] if step in candidates:
            return file in _OF_A_TRIAL
        case ["run", step, baseline, file] if step == BASELINES_STEP and baseline in BASELINES:
            return file in _OF_A_TRIAL
        case ["run", step, candidate, rows, file] if step == CURVES_STEP and candidate in candidates:
            return file in _OF_A_TRIAL and re.fullmatch(r"[1-9]\d{0,8}", rows, re.ASCII) is not None
    return False


def has_needed(manifest: PackedRun) -> bool:
    """Whether the files are there without which there is no run."""
    needed = _NEEDED if manifest.documents_name is None else {*_NEEDED, f"{DATASET}documents"}
    return needed <= manifest.files.keys()


def is_known(plan: Plan) -> bool:
    """Whether this version has every strategy of the plan."""
    return all(one.strategy in STRATEGIES for one in plan.pairings)


def is_sound_manifest(manifest: PackedRun, plan: Plan) -> bool:
    """Whether its files are those of a packed run, and whether its values are such as a finished run has."""
    names, steps = [manifest.data_name, *plan.models], [step.strategy for step in manifest.steps]
    if manifest.documents_name is not None:
        names.append(manifest.documents_name)
    return (
        _ID.fullmatch(manifest.run_id) is not None
        and all(is_packed(name, plan, manifest.documents_name is not None) for name in manifest.files)
        and all(map(_is_name, names))
        and _is_time(manifest.created_at)
        and all(one is None or _is_time(one) for one in (manifest.started_at, manifest.ended_at))
        and all(0 <= count <= _MOST_ROWS for count in (manifest.rows, manifest.documents))
        and len(set(steps)) == len(steps)
        and set(steps) <= set(plan.steps)
        and all(one.run_id == manifest.run_id and _is_sound_step(one) for one in manifest.steps)
    )


def is_sound_content(files: Mapping[str, bytes], task: StoredTask) -> bool:
    """Whether every trial is whole and answers rows of the task. The files are those of a sound manifest."""
    test = {row.id for row in task.test}
    return (
        len(files[_PLAN]) <= _MOST_PLAN_BYTES
        and _is_known_reading(files.get(f"{DATASET}reading.json"))
        and _is_name(task.name)
        and all(_is_sound_trial(strategy, trial, test) for strategy, trial in _trials(files))
    )


def is_sound_json(files: Mapping[str, bytes]) -> bool:
    """Whether every JSON can be read and computed with."""
    try:
        for name, content in files.items():
            if name == _REPORT:  # where a break-even volume may be any number
                read_foreign(content, largest=sys.float_info.max)
            elif name.endswith(".json"):
                read_foreign(content)
            elif name.endswith(".jsonl"):
                check_foreign_lines(content)
    except ValueError:
        return False
    return True


def _trials(files: Mapping[str, bytes]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The candidate or baseline of each folder of a trial, and the files in the folder."""
    folders: dict[str, dict[str, bytes]] = {}
    for name, content in files.items():
        folder, _, file = name.rpartition("/")
        if folder + "/" not in (DATASET, RUN):
            folders.setdefault(folder, {})[file] = content
    for folder, within in folders.items():
        parts = folder.split("/")
        yield parts[2] if parts[1] in (BASELINES_STEP, CURVES_STEP) else parts[1], within


def _is_sound_trial(strategy: str, files: Mapping[str, bytes], test: set[str]) -> bool:
    trial = trial_in(files)
    if trial is None or trial.strategy != strategy:
        return False
    answered = [one.example_id for one in trial.outcomes]
    if len(set(answered)) < len(answered) or not set(answered) <= test:
        return False
    probed = (one for each in trial.probes.values() for one in each)
    return all(map(_is_sound_outcome, (*trial.outcomes, *probed)))


def _is_sound_outcome(outcome: Outcome) -> bool:
    return (
        -_ROUNDING <= outcome.score <= 1 + _ROUNDING
        and min(outcome.tokens_in, outcome.tokens_out, outcome.thinking_tokens) >= 0
        and (outcome.seconds is None or 0 <= outcome.seconds <= _MOST_SECONDS)
    )


def _is_sound_step(step: StoredStep) -> bool:
    texts = (step.stage, step.reason or "")
    return (
        step.state in _ENDED
        and all(0 <= count <= _MOST_ROWS for count in (step.done, step.total))
        and (step.remaining_seconds is None or abs(step.remaining_seconds) <= _MOST_SECONDS)
        and (step.worked_seconds is None or 0 <= step.worked_seconds <= _MOST_SECONDS)
        and all(one is None or _is_time(one) for one in (step.started_at, step.ended_at))
        and all(len(text) <= _LONGEST_REASON and "\0" not in text and _is_text(text) for text in texts)
    )


def _is_known_reading(content: bytes | None) -> bool:
    if content is None:
        return True
    reading = READING.read(content)
    return (
        reading != AS_FOUND
        and (not reading.sheet or _is_name(reading.sheet))
        and reading.encoding in ("", *ENCODINGS.values())
    )


def _is_time(seconds: float) -> bool:
    return _SOONEST <= seconds < _LATEST  # also refuses NaN


def _is_name(name: str) -> bool:
    """Of a file, a sheet, a task or a model: what is shown on one line, and what a database keeps."""
    return 0 < len(name) <= _LONGEST_NAME and all(unicodedata.category(sign) not in ("Cc", "Cs") for sign in name)


def _is_text(text: str) -> bool:
    """Whether it can be written: without halves of characters."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)
