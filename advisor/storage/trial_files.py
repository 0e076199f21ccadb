"""A trial on disk: trial.json, one outcome per line in outcomes.jsonl, outcomes of probes, if any, in probes.jsonl,
prompts of a language model in prompts.jsonl, and manifest.json, which is written last. Beside it lie files that have
a hash of their own.

The manifest holds the hashes of the others. A trial without a matching manifest was never finished and counts as
absent.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from advisor.as_json import AsJson
from advisor.plan import BASELINES_STEP, CURVES_STEP
from advisor.storage.files import whole_folder, write_whole
from advisor.storage.prompt_file import prompts_of_text, prompts_to_text
from eval.outcomes import Trial
from eval.sent import SentPrompts
from strategies.engine.checkpoints import CHECKPOINT
from strategies.registry import BASELINES

_TRIAL = AsJson[Trial](Trial)
MANIFEST = "manifest.json"
_FACTS, _OUTCOMES, _PROBES = "trial.json", "outcomes.jsonl", "probes.jsonl"
PROMPTS_FILE = "prompts.jsonl"
MACHINE_FILE = "machine.json"  # what measured it
FIT_KEY_FILE = "fit_key.json"  # what decided what it was fitted to
TRIAL_FILES = (_FACTS, _OUTCOMES, _PROBES, PROMPTS_FILE)  # besides the manifest, which names those that there are


def write_trial(folder: Path, trial: Trial) -> None:
    """`folder` must exist. An earlier trial in it is invalid from the first moment on."""
    (folder / MANIFEST).unlink(missing_ok=True)
    facts = asdict(replace(trial, prompts=None))
    outcomes, probes = facts.pop("outcomes"), facts.pop("probes")
    del facts["timed_alike"], facts["prompts"], facts["token_price"], facts["training_price"]
    contents = {
        _FACTS: json.dumps(facts, indent=2),
        _OUTCOMES: "".join(json.dumps(outcome) + "\n" for outcome in outcomes),
    }
    if probes:
        lines = [{"probe": name, **outcome} for name, each in probes.items() for outcome in each]
        contents[_PROBES] = "".join(json.dumps(line) + "\n" for line in lines)
    if trial.prompts:
        contents[PROMPTS_FILE] = prompts_to_text(trial.prompts)
    for name, content in contents.items():
        write_whole(folder / name, content)
    hashes = {name: _hash(content.encode()) for name, content in contents.items()}
    write_whole(folder / MANIFEST, json.dumps(hashes, indent=2))


def replace_trial(folder: Path, trial: Trial) -> None:
    """Writes a trial in place of the one in `folder`, which holds nothing else. A process that is killed at any moment
    leaves the earlier one or this one for `read_replaced`."""
    with replacing(folder) as unnamed:
        write_trial(unnamed, trial)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `folder` if the block ends without an error."""
    _settle(folder)
    with whole_folder(_newer(folder)) as unnamed:
        yield unnamed
    _settle(folder)


def read_replaced(folder: Path) -> Trial | None:
    """The trial that `replace_trial` wrote last. Only the process that would replace it may call this."""
    _settle(folder)
    return read_trial(folder)


def remove_replaced(folder: Path) -> None:
    """With what a killed process left of it."""
    for path in (folder, _newer(folder), *folder.parent.glob(f".{_newer(folder).name}.*")):
        shutil.rmtree(path, ignore_errors=True)


def _newer(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}_next")


def _settle(folder: Path) -> None:
    """A folder with contents can't be replaced in one step, so the newer one, which is whole, stands beside it until
    the older one is gone."""
    if _newer(folder).exists():
        shutil.rmtree(folder, ignore_errors=True)
        _newer(folder).rename(folder)


def read_trial(folder: Path) -> Trial | None:
    """Without its prompts. None if there is no finished trial, or if it was changed since, or if another version wrote
    it."""
    try:
        return trial_in({name: (folder / name).read_bytes() for name in named_by((folder / MANIFEST).read_bytes())})
    except (OSError, ValueError, TypeError):
        return None


def named_by(manifest: bytes) -> tuple[str, ...]:
    """The files of a trial by its manifest, which is the last of them. Raises ValueError or TypeError if it is no
    manifest."""
    named = json.loads(manifest)
    return (_FACTS, _OUTCOMES, *(name for name in (_PROBES, PROMPTS_FILE) if name in named), MANIFEST)


def trial_in(files: Mapping[str, bytes]) -> Trial | None:
    """As `read_trial`, for files that are read already, by their names."""
    try:
        hashes = json.loads(files[MANIFEST])
        contents = {name: files[name] for name in named_by(files[MANIFEST]) if name != MANIFEST}
        if hashes != {name: _hash(content) for name, content in contents.items()}:
            return None
        facts = json.loads(contents[_FACTS])
        outcomes = map(json.loads, contents[_OUTCOMES].decode().splitlines())
        probes: dict[str, list[object]] = {}
        for line in map(json.loads, contents.get(_PROBES, b"").decode().splitlines()):
            probes.setdefault(line.pop("probe"), []).append(line)
        return _TRIAL.of({**facts, "outcomes": list(outcomes), "probes": probes})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def read_prompts(folder: Path) -> SentPrompts | None:
    """None if they were not recorded, or can't be read."""
    try:
        return prompts_of_text((folder / PROMPTS_FILE).read_text())
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_trials(run_folder: Path, steps: Sequence[str]) -> tuple[list[Trial], list[Trial]]:
    """The finished trials of a run: of its strategies in the order of `steps`, and of the baselines."""
    strategies = [run_folder / step for step in steps if step not in (BASELINES_STEP, CURVES_STEP)]
    baselines = [run_folder / BASELINES_STEP / name for name in BASELINES]
    finished = [[trial for folder in each if (trial := read_trial(folder))] for each in (strategies, baselines)]
    return finished[0], finished[1]


def measured_bytes(run_folder: Path) -> int:
    """How much the trials of a run hold, finished or not, and what its trainings have reached: more after every block
    of answers and every dev evaluation. 0 if nothing is there."""
    found = 0
    for name in (_OUTCOMES, CHECKPOINT):
        for path in run_folder.rglob(name):
            with suppress(OSError):  # deleted meanwhile
                found += 1 + path.stat().st_size  # a fitted strategy without answers counts too
    return found


def curve_folder(run_folder: Path, strategy: str, rows: int) -> Path:
    """The folder for the trial of a strategy that trained on this many rows."""
    return run_folder / CURVES_STEP / strategy / str(rows)


def read_curves(run_folder: Path) -> dict[str, dict[int, Trial]]:
    """The finished trials of learning curves, by strategy and by training rows."""
    curves: dict[str, dict[int, Trial]] = {}
    for folder in (run_folder / CURVES_STEP).glob("*/*/"):
        if folder.name.isdecimal() and (trial := read_trial(folder)):
            curves.setdefault(folder.parent.name, {})[int(folder.name)] = trial
    return curves


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
