"""A fitted strategy as a folder to take home: the prompt as a request, the trained model in two forms, a short program,
and what was measured. What is written is loaded again and asked test rows of the run."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.render.fitted_needs import packaged_models, requirements, search_licences
from advisor.render.fitted_zip import FittedFiles, fitted_files, program
from advisor.render.model_card import Base, Held, Parts, model_card
from advisor.render.request import INPUT, RequestForm, answer_schema, prompt_with_places
from advisor.runs.child import spare_others
from advisor.runs.order import load_fitted
from advisor.runs.trying import order_to_answer
from advisor.storage.files import for_the_person, give, whole_folder
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trial
from advisor.wording import name_of
from eval.task import BadInput, Split, Task
from eval.temporary import temporary_folder
from strategies.contract import ShowsPrompts, Strategy, Trained
from strategies.engine.language_model import Prompt
from strategies.engine.sealed_folder import file_hash, seal_folder
from strategies.registry import BASELINES
from strategies.served.address import is_served

if TYPE_CHECKING:  # imports torch
    from strategies.engine.local_model import LocalModel

MODEL = "model"
_PARTS_MERGED = ("weights/", "layers/")  # of a strategy, which the merged model has; an adapter may still be of use
_SMALLEST_ROOM, _LARGEST_ROOM = 1024, 8192  # tokens
_ROOM = 2  # times the longest prompt of the checked rows
_LABEL_TOKENS = 64  # for a label that a server writes, where the run compared how probable each is

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """`gguf`: the precision of the GGUF file, None for none. `rows`: how many test rows to take along and to ask."""

    gguf: str | None = "f16"
    rows: int = 50


@dataclass(frozen=True, slots=True)
class _Row:
    input: str
    expected: str
    answer: str  # of the run


def export(
    store: Store, run: StoredRun, strategy: str, folder: Path, wanted: Wanted, build_strategy: str, say: Say
) -> tuple[Held, ...]:
    """Writes the folder, which must not exist or be empty. Returns how its models held to the answers of the run.
    Raises BadInput."""
    if strategy in BASELINES:
        raise BadInput(f"{name_of(strategy)} has no prompt and no language model: take it with 'download' instead.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} exists already: choose another folder for --out.")
    try:
        with for_the_person(), whole_folder(folder.absolute()) as beside:
            beside.chmod(0o755)
            spare_others()
            task, split = read_task(store.own_run_folder(run.id))
            fitted = load_fitted(order_to_answer(store, run, strategy, build_strategy))
            rows = _rows(store, run, strategy, split)[: wanted.rows]
            served = is_served(run.plan.pairing(strategy).model)
            make = _Served if served else _Local
            held = make(store, run, strategy, task, split, fitted, rows, wanted, beside, say).write()
            seal_folder(beside)
            for file in beside.rglob("*"):
                if file.is_file():  # some are written for their owner alone
                    give(file)
            if folder.exists():
                folder.rmdir()  # it is empty
    except OSError as wrong:
        raise BadInput(f"The export can't be written to {folder} ({wrong.strerror}): choose another folder.") from wrong
    return held


def _rows(store: Store, run: StoredRun, strategy: str, split: Split) -> list[_Row]:
    """The test rows that got an answer in the run."""
    trial = read_trial(store.own_run_folder(run.id) / strategy)
    examples = {row.id: row for row in split.test}
    outcomes = trial.outcomes if trial else ()
    return [
        _Row(examples[one.example_id].input, examples[one.example_id].target, one.text)
        for one in outcomes
        if one.error is None and one.example_id in examples
    ]


@dataclass(slots=True)
class _Export(ABC):
    store: Store
    run: StoredRun
    strategy: str
    task: Task
    split: Split
    fitted: Strategy
    rows: Sequence[_Row]
    wanted: Wanted
    folder: Path
    say: Say

    @abstractmethod
    def write(self) -> tuple[Held, ...]:
        """Everything but the seal. Returns how the models that it wrote held to the answers of the run."""

    @property
    def shown_input(self) -> str:
        return self.rows[0].input if self.rows else self.split.test[0].input

    def prompt_of(self, text: str) -> Prompt:
        assert isinstance(self.fitted, ShowsPrompts)
        return self.fitted.prompts([text])[0]

    def template_prompt(self, retrieves: bool) -> Prompt:
        """The prompt with places for what changes from input to input."""
        if not retrieves:
            return self.prompt_of(INPUT)
        instruction = self.prompt_of(INPUT)[0].content
        settings = self.fitted.settings
        return prompt_with_places(instruction, settings["passages"], settings["examples"])

    def write_text(self, name: str, text: str | bytes) -> None:
        (self.folder / name).write_bytes(text.encode() if isinstance(text, str) else text)

    def write_request(self, name: str, request: dict[str, Any]) -> None:
        self.write_text(name, json.dumps(request, ensure_ascii=False, indent=2))

    def write_card(self, base: Base, parts: Parts, held: tuple[Held, ...]) -> None:
        report = self.store.report(self.run.id)
        card = model_card(self.run, self.strategy, self.task, self.split, report, base, parts, held)
        self.write_text("README.md", card)


class _Served(_Export):
    """Only the prompt: the model is where it is."""

    def write(self) -> tuple[Held, ...]:
        from strategies.served.served_model import ServedModel

        assert isinstance(self.fitted, ShowsPrompts)
        model = self.fitted.asked_model  # the tuned one, where a service trained it
        assert isinstance(model, ServedModel)
        retrieves = "passages" in self.fitted.settings
        tokens = int(self.fitted.settings.get("answer_tokens", _LABEL_TOKENS))
        schema = answer_schema(self.task.kind, self.split.train)
        self.write_request("request.json", model.request(self.template_prompt(retrieves), tokens, schema))
        self.write_request("request_example.json", model.request(self.prompt_of(self.shown_input), tokens, schema))
        if not retrieves:
            self.write_text("example.py", program("example_server"))
        parts = Parts(retrieves=retrieves, serves=True, plain_script=not retrieves)
        self.write_card(Base(model.address.model), parts, ())
        return ()


class _Local(_Export):
    def write(self) -> tuple[Held, ...]:
        from strategies.engine.exported import label_tokens

        files = fitted_files(self.store, self.run, self.strategy)
        settings, model = files.settings, self._model()
        said = settings["model"]
        base = Base(said["title"], said["name"], said["licence"], said["commit"], said["sha256"])
        settings["label_tokens"] = label_tokens(model, settings["continuations"]) if settings["labels"] else []
        lengths = [len(model.encode(self.prompt_of(row.input))) for row in self.rows]
        room = max(_SMALLEST_ROOM, _ROOM * (max(lengths, default=0) + settings["answer_tokens"]))
        # With labels, llama-cpp-python keeps the logits after every token of the context.
        settings["context_tokens"] = min(model.context_tokens, room if settings["labels"] else _LARGEST_ROOM)
        retrieves = bool(settings["search"])
        template = self._write_requests(model, settings, retrieves)
        is_plain = (
            not retrieves
            and not settings["grammar"]
            and not settings["in_turns"]
            and model.form.is_read_plainly
            and all(isinstance(turn["content"], str) for turn in template)
        )
        parts = Parts(retrieves=retrieves, checks=len(self.rows), licences=tuple(search_licences(settings["search"])))
        held: tuple[Held, ...] = ()
        if isinstance(self.fitted, Trained):
            parts = self._write_trained(files, model, parts, is_plain)
            del model
            held = tuple(self._held(parts.gguf))
        self._write_programs(files, parts)
        self._write_rows()
        self.write_text("requirements.txt", "".join(f"{line}\n" for line in requirements(settings)))
        self.write_text("settings.json", json.dumps(settings, ensure_ascii=True, indent=2))
        self.write_card(base, replace(parts, packages=tuple(packaged_models(settings))), held)
        return held

    def _model(self) -> LocalModel:
        from strategies.engine.local_model import LocalModel

        found = self.fitted.asked_model if isinstance(self.fitted, ShowsPrompts) else None
        assert isinstance(found, LocalModel)
        return found

    def _write_requests(self, model: LocalModel, settings: dict[str, Any], retrieves: bool) -> list[dict[str, Any]]:
        is_trained = isinstance(self.fitted, Trained)
        form = RequestForm(
            self.strategy if is_trained else settings["model"]["title"],
            settings["answer_tokens"],
            answer_schema(self.task.kind, self.split.train),
            {} if is_trained else model.form.switches,  # the exported template has them in it
        )
        template = model.form.messages(self.template_prompt(retrieves))
        self.write_request("request.json", form.request(template))
        shown = model.form.messages(self.prompt_of(self.shown_input))
        self.write_request("request_example.json", form.request(shown))
        return template

    def _write_trained(self, files: FittedFiles, model: LocalModel, parts: Parts, is_plain: bool) -> Parts:
        """The merged model, and the same as GGUF with its Modelfile if that can be had."""
        from strategies.engine.exported import modelfile, save_folder, save_gguf
        from strategies.engine.gguf_file import Precision
        from strategies.engine.gguf_vocabulary import UnwritableError

        settings, missing, gguf, has_modelfile = files.settings, [], "", False
        licence = settings["model"]["licence"]
        self.say("Writing the merged model …")
        save_folder(model, self.folder / MODEL)
        merged = {file.name: file_hash(file) for file in sorted((self.folder / MODEL).glob("*.safetensors"))}
        settings["trained_part"] = None  # it is merged
        settings["model"] = {**settings["model"], "folder": MODEL, "sha256": merged, "gguf": None}
        if self.wanted.gguf:
            precision = Precision(self.wanted.gguf)
            title = f"{settings['model']['title']} {name_of(self.strategy)}"
            self.say(f"Writing the GGUF file ({precision.upper()}) …")
            try:
                gguf = save_gguf(model, self.folder, precision, title, licence, files.model)
                settings["model"]["gguf_sha256"] = {gguf: file_hash(self.folder / gguf)}
                prompt = self.template_prompt(parts.retrieves)
                begins = [(turn.role, turn.content) for turn in (prompt[:1] if parts.retrieves else prompt[:-1])]
                room = min(model.context_tokens, _LARGEST_ROOM)
                text = modelfile(model, gguf, begins, settings["answer_tokens"], room, licence)
                self.write_text("Modelfile", text)
                has_modelfile = True
            except UnwritableError as wrong:
                missing.append(str(wrong))
        return replace(
            parts,
            model=True,
            gguf=gguf,
            modelfile=has_modelfile,
            plain_script=is_plain,
            adapter=any(file.startswith("adapter/") for file in files.files),
            missing=tuple(missing),
        )

    def _held(self, gguf: str) -> list[Held]:
        if not self.rows:
            return []
        self.say(f"Loading what was written, and asking {len(self.rows)} test rows …")
        found = [self._asked("The merged model", self.folder / MODEL)]
        if gguf:
            from strategies.engine.weights import unpack

            with temporary_folder() as unpacked:
                unpack(self.folder / gguf, unpacked)
                found.append(self._asked(f"The GGUF file ({gguf}), read by transformers,", unpacked))
        return found

    def _asked(self, what: str, model: Path) -> Held:
        from strategies.engine.weights import load_language_model

        assert isinstance(self.fitted, Trained)
        self.fitted.answer_with(lambda: load_language_model(str(model)))
        answers = self.fitted.predict([row.input for row in self.rows])
        same = sum(one.text == row.answer for one, row in zip(answers, self.rows, strict=True))
        return Held(what, same, len(self.rows))

    def _write_programs(self, files: FittedFiles, parts: Parts) -> None:
        for name, content in files.contents.items():
            self._put(name, content)
        for name, path in files.files.items():
            if not (parts.model and name.startswith(_PARTS_MERGED)):
                self._put(name, path)
        if not parts.plain_script:
            self.write_text("example.py", program("example_strategy"))
            return
        way = "labels" if files.settings["labels"] else "written"
        self.write_text("example.py", program(f"example_{way}"))
        if parts.gguf:
            self.write_text("example_gguf.py", program(f"example_gguf_{way}"))
        if way == "labels":
            self.write_text("choice.py", program("example_choice"))

    def _put(self, name: str, content: bytes | Path) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
            return
        with content.open("rb") as original, file.open("wb") as copy:
            while part := original.read(1 << 24):
                copy.write(part)

    def _write_rows(self) -> None:
        if self.rows:
            lines = [
                json.dumps({"input": row.input, "expected": row.expected, "answer": row.answer}, ensure_ascii=False)
                for row in self.rows
            ]
            self.write_text("check.jsonl", "\n".join(lines) + "\n")
