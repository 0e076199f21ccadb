"""Training: the model learns from the solved examples. This is what all strategies that change weights share; each says
which part of the network is trained."""

from __future__ import annotations

import gc
import json
import math
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from eval.outcomes import Effort, LossPoint, Prediction
from eval.scoring import scorer_while_learning
from eval.task import Brief, Document, Example, LearningSplit
from strategies.answerer import Answerer, Asking
from strategies.choosing import Attempt, choose
from strategies.contract import CHOOSING_TRAINING, TRAINING, Progress, ReportProgress
from strategies.declaration import Declaration
from strategies.engine.adapter_shape import AdapterShape
from strategies.engine.checkpoints import Checkpoint, Checkpoints
from strategies.engine.language_model import LanguageModel, Prompt
from strategies.instructions import SHORT, Instruction
from strategies.presets import TRIAL_SHARE, Budget
from strategies.prompts import SHORT_INSTRUCTIONS, are_conversations, as_asked, build_prompt
from strategies.row_variants import with_variants
from strategies.training_rows import Encoded, TrainingRows, learns_all_answers, note_on_turns
from strategies.training_settings import (
    VARIED_UNDER,
    Change,
    TrainingSettings,
    changes_to_try,
    is_clearly_lower,
)

if TYPE_CHECKING:  # imports torch, and a page only needs the declarations
    from peft import PeftModel
    from transformers import PreTrainedModel

    from strategies.engine.local_model import LocalModel
    from strategies.engine.loss import Pair
    from strategies.engine.training import Trained

# A trial stops halfway if its training loss there is so many times that of the best one on the same rows.
HOPELESS = 1.5
MOST_CUT = 0.05  # of the training rows, for an instruction that prompting chose
SAME_LOSS = 0.1  # nats per token that reloaded weights may differ by: bfloat16 rounds, wrong weights differ far more


@dataclass(eq=False)
class Training(ABC):
    """What all strategies that train share. Subclasses say what the prompt of a training row or an input contains
    (`_prepare`, `_teach`, `_ask`), and which part of the network is trained and how it is kept (`_start`, `_keep`,
    `_end`, `_load`)."""

    brief: Brief
    load_model: Callable[[], LocalModel]  # a fresh network each time: training changes it
    budget: Budget
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict, init=False)
    choices: list[dict[str, Any]] = field(default_factory=list, init=False)
    effort: Effort = field(default=Effort(), init=False)
    notes: list[str] = field(default_factory=list, init=False)
    losses: tuple[LossPoint, ...] = field(default=(), init=False)
    trained_model: LocalModel = field(init=False, repr=False)
    found: Instruction | None = field(default=None, init=False)  # the one that prompting chose
    checkpoints: Checkpoints | None = field(default=None, init=False, repr=False)
    learns_earlier: bool = True  # all answers of a conversation, not only the last; False only to compare
    _packs: bool = field(default=True, init=False, repr=False)  # several rows into one sequence
    _instruction: str = field(default="", init=False, repr=False)
    _adapter_shape: AdapterShape | None = field(default=None, init=False, repr=False)
    _in_turns: bool = field(default=False, init=False, repr=False)  # whether prompts keep the turns of conversations
    _varied: bool = field(default=False, init=False, repr=False)  # training rows also come in a variant
    name: ClassVar[str]
    declaration: ClassVar[Declaration]
    learning_rates: ClassVar[tuple[float, ...]]  # tried in this order within the budget
    trained_part: ClassVar[str]  # also the name of its folder

    def __post_init__(self) -> None:
        import_module("strategies.engine.adapter")  # torch and peft take seconds, which shouldn't count as fitting

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        from strategies.engine.training import EVALUATIONS, packing_is_right

        split = as_asked(split, self.brief.kind)
        model = self.load_model()
        answerer = Answerer(model, self.brief)
        answerer.learn_length(split.train, self.budget.answer_tokens)
        self._in_turns = are_conversations(split.train)
        self._prepare(split, documents, report_progress)
        rows = self._rows(model, answerer.answer_tokens)
        short = Instruction(SHORT, SHORT_INSTRUCTIONS[self.brief.kind])
        default = TrainingSettings(self.learning_rates[0], short, self._shape())
        self._take(default)
        first = self._encode(split, rows)
        encoded = partial(self._encoded, known={(short, False): first}, split=split, rows=rows)
        if not packing_is_right(model.network, [*first.train, *first.dev]):
            self._packs = False
            self.notes.append("Each row was trained alone, which is slower, because together they gave another loss.")
        self._look_before(model, first.dev)
        total = min(self.budget.training_tokens, self.budget.epochs * sum(pair.tokens for pair in first.train))
        changes = self._changes_to_try(len(split.train), self._found_that_fits(rows, first.train))
        best, effort = self._try_out(model, default, changes, encoded, total, report_progress)
        tried = effort.settings_tried * int(TRIAL_SHARE * total)

        def training_done(read: int) -> None:
            report_progress(Progress(TRAINING, tried + read, total))

        self._kept_here = TemporaryDirectory(prefix=f"threeways-{self.trained_part}-")
        self._kept = Path(self._kept_here.name)
        learned = encoded(best)
        rate = best.learning_rate
        checkpoint = self.checkpoints.of(self.trained_part) if self.checkpoints else None
        trained = self._train(
            model, learned, rate, total - tried, EVALUATIONS, training_done, checkpoint, self._kept
        ).checked()
        self.choices += [
            best.shown | {"tokens": point.tokens, "dev_loss": round(point.dev, 4)} for point in trained.history
        ]
        self.losses = tuple(trained.history)
        self.notes += learned.notes
        answer_tokens, schema = answerer.answer_tokens, answerer.schema
        del model, answerer, rows, encoded
        gc.collect()  # one model in memory at a time
        self.trained_model = self._load(self._kept)
        self._check_reloaded(trained, learned.dev)
        self._answerer = Answerer(self.trained_model, self.brief, answer_tokens, schema=schema)
        ask = Attempt({}, partial(self._ask, model=self.trained_model))
        scorer = scorer_while_learning(self.brief, split, documents)
        _, choices, compared = choose(self._answerer, [ask], split.dev, scorer, report_progress)
        self.choices += choices
        self.effort = replace(
            effort,
            settings_tried=effort.settings_tried + (len(choices) if len(choices) > 1 else 0),  # one way is no choice
            dev_rows=len(split.dev),
            seconds=effort.seconds + compared.seconds,
            tokens=effort.tokens + compared.tokens,
        )
        self.notes += self.trained_model.notes
        self.settings = {
            **best.shown,
            "epochs": round(trained.epochs, 2),
            "training_tokens": trained.tokens,
            **self._answerer.settings,
        }

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return self._answerer.answer(self._ask(inputs, self._answerer.model).prompts)

    def prompts(self, inputs: Sequence[str]) -> list[Prompt]:
        return list(self._ask(inputs, self._answerer.model).prompts)

    @property
    def asked_model(self) -> LanguageModel:
        return self._answerer.model

    def answer_with(self, load: Callable[[], LocalModel]) -> None:
        del self.trained_model, self._answerer.model  # one model in memory at a time
        gc.collect()
        self.trained_model = self._answerer.model = load()

    def answer_trained(self, train: Sequence[Example], rows: Sequence[int]) -> list[Prediction]:
        prompts = self._teach(train, self.trained_model)
        return self._answerer.answer([prompts[row] for row in rows])

    def save(self, folder: Path) -> None:
        shutil.copytree(self._kept, folder / self.trained_part, dirs_exist_ok=True)
        fitted = {
            "settings": self.settings,
            "instruction": self._instruction,
            "in_turns": self._in_turns,
            "answerer": self._answerer.to_json(),
        }
        (folder / "finetuning.json").write_text(json.dumps(fitted, ensure_ascii=False))

    def load(self, folder: Path) -> None:
        fitted = json.loads((folder / "finetuning.json").read_text())
        self.settings = fitted["settings"]
        self._instruction = fitted.get("instruction", SHORT_INSTRUCTIONS[self.brief.kind])
        self._in_turns = fitted.get("in_turns", False)
        self._kept = folder / self.trained_part
        self.trained_model = self._load(self._kept)
        self._answerer = Answerer.from_json(self.trained_model, self.brief, fitted["answerer"])

    def _prepare(  # noqa: B027  # most strategies need no preparation
        self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress
    ) -> None:
        """Work to do before there are prompts."""

    def _teach(self, train: Sequence[Example], model: LanguageModel) -> list[Prompt]:
        """The prompts to train on: the same as at prediction."""
        return list(self._ask([example.input for example in train], model).prompts)

    def _ask(self, inputs: Sequence[str], model: LanguageModel) -> Asking:
        """Usually with a short instruction, because the weights hold what to do."""
        return Asking([build_prompt(self._instruction, input, is_conversation=self._in_turns) for input in inputs])

    def _rows(self, model: LocalModel, answer_tokens: int) -> TrainingRows:
        return TrainingRows(model, None if self.brief.labels else answer_tokens)

    def _encoded(
        self,
        settings: TrainingSettings,
        known: dict[tuple[Instruction, bool], Encoded],
        split: LearningSplit,
        rows: TrainingRows,
    ) -> Encoded:
        """The rows with these settings, which are taken. `known` are those of instructions that were tried before, with
        variants of rows or without."""
        self._take(settings)
        key = (settings.instruction, settings.varied)
        if key not in known:
            known[key] = self._encode(split, rows)
        return known[key]

    def _take(self, settings: TrainingSettings) -> None:
        """Prompts and trained parts are as these settings say from now on."""
        self._instruction, self._adapter_shape = settings.instruction.text, settings.shape
        self._varied = settings.varied

    def _encode(self, split: LearningSplit, rows: TrainingRows) -> Encoded:
        train = with_variants(split.train, self.brief.kind, self.seed) if self._varied else split.train
        asked = self._teach(train, rows.model)
        learns_all = self.learns_earlier and learns_all_answers(self.brief.kind)
        pairs = rows.of_conversations(train, asked) if learns_all else rows.of_answers(train, asked)
        dev = rows.of_answers(split.dev, self._ask([example.input for example in split.dev], rows.model).prompts)
        note = note_on_turns(asked, learns_all)
        notes = [] if note is None else [note]
        if cut := sum(pair.tokens == rows.longest for pair in pairs):
            notes.append(f"Rows too long to train on whole: {cut:,}. Their last {rows.longest} tokens were used.")
        return Encoded(pairs, dev, notes)

    def _found_that_fits(self, rows: TrainingRows, pairs: Sequence[Pair]) -> Instruction | None:
        """The instruction that prompting chose, if there is one and hardly any row would lose its beginning to it.
        `pairs` are the rows with the short instruction."""
        if self.found is None:
            return None
        long, short = rows.model.count_tokens([self.found.text, SHORT_INSTRUCTIONS[self.brief.kind]])
        cut = sum(pair.tokens < rows.longest < pair.tokens + long - short for pair in pairs)
        return self.found if cut <= MOST_CUT * len(pairs) else None

    def _changes_to_try(self, rows: int, found: Instruction | None) -> list[Change]:
        """With so many training rows; `found` is the instruction that prompting chose."""
        tries_variants = rows < VARIED_UNDER and self._reads_only_inputs and not self._in_turns
        return changes_to_try(self.learning_rates, found, tries_variants, self._tries_shapes, self.budget.trials)

    def _try_out(
        self,
        model: LocalModel,
        default: TrainingSettings,
        changes: Sequence[Change],
        encoded: Callable[[TrainingSettings], Encoded],
        total: int,
        report_progress: ReportProgress,
    ) -> tuple[TrainingSettings, Effort]:
        """The settings with the lowest dev loss after a short training, and what the trainings took. The settled ones,
        if they are settled.

        One of the rates has to be chosen. Anything else is taken only if its loss is lower beyond chance, because a
        short training on few dev rows favours what learns fast."""
        if "learning_rate" in self.budget.settled:
            return default.settled(self.budget.settled, self.found), Effort()
        started, earlier, taken, tokens = time.perf_counter(), 0.0, 0, int(TRIAL_SHARE * total)
        best, lowest = default, math.inf
        of_best: tuple[float, ...] = ()  # dev rows
        early, early_rows = math.inf, None  # the early loss of the best so far, and its rows
        for at, change in enumerate(changes):

            def trial_done(read: int, before: int = at * tokens) -> None:
                report_progress(Progress(CHOOSING_TRAINING, before + read, total))

            settings = change(best)
            rows = encoded(settings)
            stops_above = HOPELESS * early if rows is early_rows else math.inf
            checkpoint = self.checkpoints.of(f"trial {at + 1}", keeps_weights=False) if self.checkpoints else None
            trial = self._train(
                model, rows, settings.learning_rate, tokens, 1, trial_done, checkpoint, stops_above=stops_above
            )
            earlier += trial.earlier_seconds
            taken += trial.tokens + sum(pair.tokens for pair in rows.dev)
            loss = round(trial.dev_loss, 4) if math.isfinite(trial.dev_loss) else None
            was_stopped = trial.early_loss is not None and not trial.early_loss <= stops_above
            stopped = {"stopped": "halfway"} if was_stopped else {}  # whatever its dev loss was there
            self.choices.append(settings.shown | {"tokens": trial.tokens, "dev_loss": loss} | stopped)
            is_rate = replace(settings, learning_rate=best.learning_rate) == best
            is_lower = trial.dev_loss < lowest and not was_stopped
            if is_lower and (is_rate or not of_best or is_clearly_lower(trial.dev_rows, of_best)):
                best, lowest, of_best = settings, trial.dev_loss, trial.dev_rows
                early, early_rows = math.inf if trial.early_loss is None else trial.early_loss, rows
        found_better = best != default if len(changes) > 1 else None
        seconds = earlier + time.perf_counter() - started
        return best, Effort(len(changes), 0, seconds, taken, found_better=found_better)

    @property
    def _tries_shapes(self) -> bool:
        return False

    @property
    def _reads_only_inputs(self) -> bool:
        """Whether a training row's prompt follows from its input, so that rows can be varied."""
        return True

    def _shape(self) -> AdapterShape | None:
        """That of the adapter, by default."""
        return None

    def _train(
        self,
        model: LocalModel,
        rows: Encoded,
        learning_rate: float,
        tokens: int,
        evaluations: int,
        tokens_done: Callable[[int], None],
        checkpoint: Checkpoint | None = None,
        folder: Path | None = None,
        stops_above: float = math.inf,
    ) -> Trained:
        """One training run from the same start. What it trained is kept in `folder`."""
        from strategies.engine.training import train

        network = self._start(model)
        with self._attention(network):
            trained = train(
                network,
                rows.train,
                rows.dev,
                learning_rate=learning_rate,
                tokens=tokens,
                epochs=self.budget.epochs,
                evaluations=evaluations,
                seed=self.seed,
                tokens_done=tokens_done,
                stops_above=stops_above,
                checkpoint=checkpoint,
            )
        if folder:
            self._keep(network, folder)
        self._end(model, network)
        return trained

    def _attention(self, network: Any) -> AbstractContextManager[None]:
        """The network's own attention where rows can't be trained together."""
        from strategies.engine.attention import own_attention
        from strategies.engine.loss import without_adapter

        return nullcontext() if self._packs else own_attention(without_adapter(network))

    def _look_before(self, model: LocalModel, dev: Sequence[Pair]) -> None:  # noqa: B027  # most start from nothing
        """Before anything is trained."""

    @abstractmethod
    def _start(self, model: LocalModel) -> PreTrainedModel | PeftModel:
        """The network, with gradients enabled for the part to train."""

    @abstractmethod
    def _keep(self, network: Any, folder: Path) -> None:
        """Write the trained part as safetensors."""

    @abstractmethod
    def _end(self, model: LocalModel, network: Any) -> None:
        """Undo what training did to the base model."""

    @abstractmethod
    def _load(self, folder: Path) -> LocalModel:
        """The model to serve: a fresh base model with the trained part."""

    def _check_reloaded(self, trained: Trained, dev: Sequence[Pair]) -> None:
        from strategies.engine.loss import mean_loss

        network = self.trained_model.network
        with self._attention(network):
            loss = mean_loss(network, dev)
        if abs(loss - trained.dev_loss) > SAME_LOSS * max(1.0, trained.dev_loss):
            saved = f"The dev loss of the reloaded {self.trained_part} is {loss:.4f}"
            raise RuntimeError(f"{saved}, but training reached {trained.dev_loss:.4f}.")
