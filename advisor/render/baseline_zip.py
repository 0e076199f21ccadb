"""A fitted baseline as one ZIP: what it learned from, a program that answers without a language model, and a README."""

from __future__ import annotations

import json
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from jinja2 import Environment, StrictUndefined

import strategies
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from advisor.wording import name_of
from eval.mapping.label_sets import NO_LABEL, labels_in
from eval.scoring.closeness import number_in
from eval.task import BadInput, Document, Kind
from eval.words import usual_length
from strategies.registry import DECLARATIONS
from strategies.search.passages import cut_passages
from strategies.tuned_encoder import FOLDER

ALWAYS_THE_SAME = ("majority_label", "commonest_labels", "median_number")
_README = Path(__file__).with_name("baseline_readme.md.j2")
_LEARNERS = {Kind.MULTI_LABEL: "labels", Kind.NUMBER: "number"}  # of a linear baseline; else one label
_NEAREST = ("nearest_example", "best_sentence")


def write_baseline_zip(run: StoredRun, run_folder: Path, baseline: str, fitted: Path, target: Path | IO[bytes]) -> None:
    """Raises BadInput if what the baseline saved can't be read."""
    kind = read_task(run_folder)[0].brief.kind
    try:
        stored = json.loads((fitted / "baseline.json").read_text("utf-8"))
        settings, rows = _settings(baseline, kind, stored, run.plan.seed), _rows(baseline, kind, stored)
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise BadInput(
            f"The fitted files of {name_of(baseline)} can't be read ({fitted}); compare the strategies again."
        ) from wrong
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("README.md", _readme(run, baseline, settings))
        archive.writestr("answer.py", Path(strategies.__path__[0], "standalone_baseline.py").read_bytes())
        archive.writestr("requirements.txt", "".join(f"{line}\n" for line in _requirements(settings)))
        archive.writestr("settings.json", json.dumps(settings, indent=2))
        archive.writestr("rows.json", json.dumps(rows, indent=1))
        for file in sorted((fitted / FOLDER).rglob("*")):  # a tuned encoder
            if file.is_file():
                archive.write(file, f"encoder/{file.relative_to(fitted / FOLDER).as_posix()}")
        for embeddings in fitted.glob("*.npy"):
            archive.write(embeddings, "embeddings.npy")


def _settings(baseline: str, kind: Kind, stored: dict[str, Any], seed: int) -> dict[str, Any]:
    settings = {"baseline": baseline, "kind": kind.value, "seed": seed, "no_label": NO_LABEL, **stored["settings"]}
    if baseline in _NEAREST:
        return settings | {"learner": "nearest", "features": "embedding"}
    return settings | {"learner": _LEARNERS.get(kind, "label"), "features": _features(baseline, stored["train"])}


def _features(baseline: str, train: list[dict[str, Any]]) -> str:
    match baseline.partition("_")[0]:
        case "tfidf":
            return "words"
        case "char":
            _, unit = usual_length([row["input"] for row in train])
            return "characters" if unit == "character" else "characters within words"
    return "embedding"


def _rows(baseline: str, kind: Kind, stored: dict[str, Any]) -> dict[str, list[Any]]:
    """Texts, and the answer to each."""
    if baseline == "best_sentence":
        sentences = cut_passages([Document(**document) for document in stored["documents"]], words=1)
        return {"texts": [one.titled for one in sentences], "answers": [one.text for one in sentences]}
    targets: list[Any] = [row["target"] for row in stored["train"]]
    if baseline not in _NEAREST and kind is Kind.MULTI_LABEL:
        targets = [list(labels_in(target) or (NO_LABEL,)) for target in targets]
    elif baseline not in _NEAREST and kind is Kind.NUMBER:
        targets = [number_in(target) or 0.0 for target in targets]
    return {"texts": [row["input"] for row in stored["train"]], "answers": targets}


def _requirements(settings: dict[str, Any]) -> list[str]:
    needed = ["numpy"]
    needed += [] if settings["learner"] == "nearest" else ["scikit-learn"]
    needed += ["sentence-transformers"] if settings["features"] == "embedding" else []
    return [f"{package}=={version(package).partition('+')[0]}" for package in needed]


def _readme(run: StoredRun, baseline: str, settings: dict[str, Any]) -> str:
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    template = environment.from_string(_README.read_text("utf-8"))
    explanation = DECLARATIONS[baseline].words.explanation
    return template.render(run=run, name=name_of(baseline), explanation=explanation, settings=settings)
