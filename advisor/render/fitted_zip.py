"""A fitted strategy as one ZIP: its settings, its index or trained weights, a program that answers with them, and a
README that says how to use it and what it needs."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from jinja2 import Environment, StrictUndefined

import strategies
from advisor.pairing import strategy_of
from advisor.plan import BASELINES_STEP
from advisor.render.baseline_zip import ALWAYS_THE_SAME, write_baseline_zip
from advisor.render.fitted_needs import packaged_models, requirements, search_licences
from advisor.render.markdown import escaped
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from advisor.wording import count_text, name_of
from eval.mapping.label_sets import NO_LABEL
from eval.scoring.closeness import number_in
from eval.task import BadInput, Brief, Example, Kind
from strategies.engine.json_grammar import grammar_of
from strategies.engine.models import EMBEDDED, EMBEDDED_NAME, embedded_gguf, is_here, local_folder
from strategies.engine.sealed_folder import DamagedError, check_folder
from strategies.label_choice import LabelChoice, continuations_of
from strategies.model_files import commit_of, on_disk, parts_of
from strategies.model_licence import licence_of
from strategies.open_book import NO_VOTE, TEMPERATURE, VOTERS
from strategies.prompts import SHORT_INSTRUCTIONS
from strategies.registry import BASELINES, STRATEGIES
from strategies.retrieval import TOKENS_OF_EXAMPLES
from strategies.search.embedder import DEFAULT
from strategies.search.onnx_models import BGE_QUERY, MODEL_FILES, licence_files, packaged_folder
from strategies.search.passages import WORDS_A_PASSAGE
from strategies.search.settings import SearchSettings
from strategies.search.word_index import word_rules
from strategies.served.address import is_served
from strategies.standing import labels_of

_EARLIER_PROMPT = {
    "turns": "own",
    "in_parts": False,
    "word": "",
    "variables": {"enable_thinking": False},
    "added": "",
    "first_tokens": None,
}
_EARLIER_FORM: dict[str, Any] = {  # how models were asked before that was saved
    "prompts": {"alone": _EARLIER_PROMPT, "with examples": _EARLIER_PROMPT},
    "opening": "",
    "lead": "",
    "end": None,
    "next_turn": "\nuser:",
    "thoughts": [],
    "usual_thoughts": [],
}
_PARTS = ("adapter", "weights", "layers")
_README = Path(__file__).with_name("fitted_readme.md.j2")
_BYTES_AT_ONCE = 2**24  # bytes


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What `save` of a strategy left, in the form that the program in the ZIP reads."""

    settings: dict[str, Any]
    search: dict[str, list[Any]]  # passages and examples, by index
    indexes: dict[str, Path]
    files: dict[str, Path]  # trained weights, models and word indexes, by their name in the ZIP


def can_download(store: Store, run: StoredRun, strategy: str) -> bool:
    """Any strategy or baseline that was saved here, except those whose answer is always the same, and strategies whose
    model is on a server."""
    if strategy_of(strategy) in STRATEGIES:
        known = not is_served(run.plan.pairing(strategy).model)
    else:
        known = strategy in BASELINES and strategy not in ALWAYS_THE_SAME
    return known and run.is_own and _folder(store, run, strategy).is_dir()


def unpacked_bytes(store: Store, run: StoredRun, strategy: str) -> int:
    """About the size of the ZIP: indexes and weights hardly shrink. The packaged models of a search are copied."""
    folder = _folder(store, run, strategy)
    size = sum(file.stat().st_size for file in folder.rglob("*"))
    for book in (folder / "retrieval.json", folder / "book.json"):
        try:
            search = json.loads(book.read_text("utf-8")).get("search")
        except (OSError, ValueError):  # most have none; of one that is damaged, the download says so
            continue
        for name in (search["embedder"], search["reranker"]) if search else ():
            if name and (packaged := packaged_folder(name)):
                size += sum((packaged / file).stat().st_size for file in MODEL_FILES)
    return size


@dataclass(frozen=True, slots=True)
class FittedFiles:
    """The program that answers with a strategy, and what it reads: contents and files by their names. `model` is the
    base model's file or folder on this machine."""

    settings: dict[str, Any]
    contents: dict[str, bytes]
    files: dict[str, Path]
    model: Path


def fitted_files(store: Store, run: StoredRun, strategy: str) -> FittedFiles:
    """Of a strategy with a local model, without its settings and README. Raises BadInput if the run has no such fitted
    strategy, or if its model is gone, so that it can't be named."""
    if not can_download(store, run, strategy):
        raise BadInput(
            f"Run {run.id} has no fitted {strategy!r} to download: name a strategy that it measured on this machine."
        )
    folder = _checked(store, run, strategy)
    task, _ = read_task(store.own_run_folder(run.id))
    fitted = _read(folder, strategy, task.brief)
    model = run.plan.pairing(strategy).model
    fitted.settings["model"] = _model(model)
    contents = {"answer.py": program("standalone")}
    if fitted.search:
        contents["search.py"] = program("standalone_search")
        contents["search.json"] = json.dumps(fitted.search, ensure_ascii=True, indent=1).encode()
    files = {f"{name}.faiss": path for name, path in fitted.indexes.items()}
    for name, path in fitted.files.items():
        if path.name == "adapter_config.json":  # peft notes in it where the base model lay on this machine
            noted = json.loads(path.read_text("utf-8"))
            noted["base_model_name_or_path"] = fitted.settings["model"]["name"]
            contents[name] = json.dumps(noted, indent=2).encode()
        else:
            files[name] = path
    return FittedFiles(fitted.settings, contents, files, _model_path(model))


def write_fitted_zip(store: Store, run: StoredRun, strategy: str, target: Path | IO[bytes]) -> None:
    """Raises BadInput as `fitted_files` does."""
    if strategy in ALWAYS_THE_SAME:
        raise BadInput(f"{name_of(strategy)} always gives the same answer, so there is nothing to download.")
    if strategy in BASELINES and can_download(store, run, strategy):
        write_baseline_zip(run, store.own_run_folder(run.id), strategy, _checked(store, run, strategy), target)
        return
    fitted = fitted_files(store, run, strategy)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("README.md", _readme(run, strategy, fitted.settings))
        archive.writestr("requirements.txt", "".join(f"{line}\n" for line in requirements(fitted.settings)))
        archive.writestr("settings.json", json.dumps(fitted.settings, ensure_ascii=True, indent=2))
        for name, content in fitted.contents.items():
            archive.writestr(name, content)
        for name, path in fitted.files.items():
            with archive.open(name, "w", force_zip64=True) as packed, path.open("rb") as original:
                shutil.copyfileobj(original, packed, _BYTES_AT_ONCE)


def program(name: str) -> bytes:
    """One of the programs that import nothing of this project."""
    return Path(strategies.__path__[0], f"{name}.py").read_bytes()


def _checked(store: Store, run: StoredRun, strategy: str) -> Path:
    """The folder of the fitted strategy. Raises BadInput if a file in it was changed."""
    folder = _folder(store, run, strategy)
    try:
        check_folder(folder)
    except DamagedError as wrong:
        raise BadInput(
            f"The fitted files of {name_of(strategy)} can't be used: {wrong} Compare the strategies again."
        ) from wrong
    return folder


def _folder(store: Store, run: StoredRun, strategy: str) -> Path:
    return store.own_run_folder(run.id) / (BASELINES_STEP if strategy in BASELINES else "") / strategy / "fitted"


def _read(folder: Path, strategy: str, brief: Brief) -> _Fitted:
    try:
        stored = {file.stem: json.loads(file.read_text("utf-8")) for file in folder.glob("*.json")}
        own = stored.get("prompting") or stored.get("retrieval") or stored["finetuning"]
        answerer, part = own["answerer"], next((name for name in _PARTS if (folder / name).is_dir()), None)
        book = stored.get("book") or stored.get("retrieval")
        choice = LabelChoice.from_json(answerer)
        search, indexes, sizes = _search(folder, own["settings"], book) if book else ({}, {}, None)
        if sizes and book and choice.votes:
            index = folder / "solved.faiss"
            indexes["voters"], search["voters"] = index, _places_of_labels(book["solved"], brief)
            sizes["candidates"]["voters"] = _candidates(index)
            sizes["votes"] = {
                "voters": VOTERS,
                "temperature": TEMPERATURE,
                "no_vote": NO_VOTE,
                "labels": len(brief.labels),
            }
        settings = {
            "strategy": strategy_of(strategy),
            "kind": brief.kind.value,
            "instruction": own.get("instruction", SHORT_INSTRUCTIONS[brief.kind]),
            "examples": [[question, answer] for _, question, answer in own.get("shown", [])],
            "in_turns": own.get("in_turns", False),
            "labels": brief.labels,
            "continuations": continuations_of(brief),
            "values": [number_in(label) or 0.0 for label in brief.labels] if brief.kind is Kind.NUMBER else [],
            "no_label": NO_LABEL,
            "answer_tokens": answerer["answer_tokens"],
            "choice": asdict(choice),
            "grammar": grammar_of(answerer["schema"]) if answerer.get("schema") else None,
            "form": answerer.get("form") or _EARLIER_FORM,
            "search": sizes,
            "trained_part": part,
        }
    except (OSError, ValueError, KeyError) as wrong:
        raise BadInput(
            f"The fitted files of {name_of(strategy)} can't be read ({folder}); compare the strategies again."
        ) from wrong
    weights = (folder / part).rglob("*") if part else ()
    kept = [path for path in weights if path.suffix in (".json", ".safetensors")]
    files = {path.relative_to(folder).as_posix(): path for path in kept}
    files |= _search_files(indexes, sizes) if sizes else {}
    return _Fitted(settings, search, indexes, files)


def _search(
    folder: Path, settings: dict[str, Any], book: dict[str, Any]
) -> tuple[dict[str, list[Any]], dict[str, Path], dict[str, Any]]:
    """The texts and indexes that this strategy uses, how much it takes from each, and how it searches them."""
    solved = "solved_by_reading" if settings["passages"] else "solved"
    texts: dict[str, list[Any]] = {
        "passages": [[one["document_id"], one["title"], one["text"]] for one in book["passages"]],
        "examples": [[question, answer] for _, question, answer in book[solved]],
    }
    indexes = {"passages": folder / "passages.faiss", "examples": folder / f"{solved}.faiss"}
    indexes = {name: path for name, path in indexes.items() if texts[name] and settings[name]}
    chosen = SearchSettings.from_json(book["search"]) if "search" in book else SearchSettings(WORDS_A_PASSAGE)
    ways = {"passages": chosen.way, "examples": chosen.example_way}
    embedder_files, reranker = packaged_folder(chosen.embedder), chosen.reranker if "passages" in indexes else None
    return (
        {name: texts[name] if name in indexes else [] for name in texts},
        indexes,
        {
            "passages": settings["passages"],
            "examples": settings["examples"],
            "tokens_of_examples": book.get("tokens_of_examples", TOKENS_OF_EXAMPLES),
            "candidates": {name: _candidates(path) for name, path in indexes.items()},
            "ways": {name: way.value for name, way in ways.items()},
            "words": word_rules(chosen.language),
            "embedder": {
                "name": chosen.embedder,
                "files": embedder_files is not None,
                "prefix": BGE_QUERY if embedder_files else "",
            },
            "reranker": {"name": reranker, "files": packaged_folder(reranker) is not None} if reranker else None,
            "reranked": chosen.reranked,
            "titled": chosen.titled,
            "neighbours": chosen.neighbours,
        },
    )


def _search_files(indexes: dict[str, Path], search: dict[str, Any]) -> dict[str, Path]:
    """What a search needs besides its texts and vectors, by its name in the ZIP: indexes of words, and the files of
    packaged models with their licences."""
    files: dict[str, Path] = {}
    for name in search["ways"].keys() & indexes.keys():  # voters are found by their vectors alone
        words = indexes[name].with_suffix(".bm25")
        files |= {f"{name}.bm25/{file.name}": file for file in words.glob("*")}
    for part in ("embedder", "reranker"):
        model = search[part]
        if model and model["files"] and (folder := packaged_folder(model["name"])):
            files |= {f"{part}/{file}": folder / file for file in MODEL_FILES}
            files |= {f"{part}/{file.name}": file for file in licence_files()}
    return files


def _places_of_labels(solved: list[list[str]], brief: Brief) -> list[list[int]]:
    """Of each solved example."""
    place = {label: at for at, label in enumerate(brief.labels)}
    return [[place[label] for label in labels_of(Example(id, input, target), brief)] for id, input, target in solved]


def _candidates(index: Path) -> int:
    """How many vectors an approximate index compares exactly; 0 for an exact one."""
    measured = index.with_suffix(".json")
    return int(json.loads(measured.read_text())["candidates"]) if measured.exists() else 0


def _model_path(name: str) -> Path:
    path = embedded_gguf() if name == EMBEDDED else local_folder(name) if is_here(name) else None
    if path is None or not path.exists():
        raise BadInput(f"The model {name} is no longer on this machine, so its hash can't be noted: put it back first.")
    return path


def _model(name: str) -> dict[str, Any]:
    if is_served(name):
        raise BadInput(f"{name} is on a server, so there is no model to download: choose a run with a local model.")
    path = _model_path(name)
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors")) or sorted(path.glob("*.gguf"))[:1]
    return {
        "name": parts_of(name)[0] if name == EMBEDDED or not on_disk(name) else Path(name).name,
        "commit": commit_of(path),
        "title": EMBEDDED_NAME if name == EMBEDDED else Path(name).name if Path(name).is_absolute() else name,
        "licence": licence_of(name, path),
        "gguf": next((file.name for file in files if file.suffix == ".gguf"), None),
        "sha256": {file.name: _sha256(file, file.stat().st_mtime_ns) for file in files},
    }


@lru_cache(maxsize=32)
def _sha256(file: Path, changed: int) -> str:
    """`changed` is part of the key."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _readme(run: StoredRun, strategy: str, settings: dict[str, Any]) -> str:
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters["escaped"] = escaped
    template = environment.from_string(_README.read_text("utf-8"))
    return template.render(
        run=run,
        name=name_of(strategy),
        settings=settings,
        packages=packaged_models(settings),
        licences=search_licences(settings["search"]),
        embedded=EMBEDDED,
        default_embedder=DEFAULT,
        count=count_text,
    )
