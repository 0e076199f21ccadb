"""Fine-tuning: the model trains on the solved examples. Then a short prompt is enough, because the weights hold what to
do. This file trains a LoRA adapter and merges it into the weights; full_finetuning.py trains all weights."""

from __future__ import annotations

import gc
import json
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from eval.outcomes import Effort, LossPoint, Prediction
from eval.scoring import scorer_while_learning
from eval.task import Brief, Document, Example, LearningSplit
from strategies.answerer import Answerer
from strategies.choosing import Attempt, choose
from strategies.contract import CHOOSING_RATE, TRAINING, Progress, ReportProgress
from strategies.declaration import Declaration, Mark, Words
from strategies.engine.language_model import LanguageModel, Prompt
from strategies.presets import TRIAL_SHARE, Budget
from strategies.prompts import SHORT_INSTRUCTIONS, answered, are_conversations, as_asked, build_prompt
from strategies.training_rows import TrainingRows, learns_all_answers
from strategies.tuned_again import EarlierAdapter

if TYPE_CHECKING:  # imports torch, and a page only needs the declarations
    from peft import PeftModel
    from transformers import PreTrainedModel

    from strategies.engine.local_model import LocalModel
    from strategies.engine.loss import Pair
    from strategies.engine.training import Trained

# Short trials favour high rates: 5e-3 narrowly won one, and the full training then diverged (docs/benchmarks.md).
LEARNING_RATES = (2e-3, 1e-3, 5e-4, 2e-4, 1e-4)
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
    learns_earlier: bool = True  # all answers of a conversation, not only the last; False only to compare
    _packs: bool = field(default=True, init=False, repr=False)  # several rows into one sequence
    _in_turns: bool = field(default=False, init=False, repr=False)  # whether prompts keep the turns of conversations
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
        asked = self._teach(split.train, model)
        pairs = rows.of_conversations(split.train, asked) if self._learns_all else rows.of_answers(split.train, asked)
        if cut := sum(pair.tokens == rows.longest for pair in pairs):
            self.notes.append(f"Rows too long to train on whole: {cut:,}. Their last {rows.longest} tokens were used.")
        self._note_turns(asked)
        dev = rows.of_answers(split.dev, self._ask([example.input for example in split.dev], model))

        if not packing_is_right(model.network, [*pairs, *dev]):
            self._packs = False
            self.notes.append("Each row was trained alone, which is slower, because together they gave another loss.")
        self._look_before(model, dev)
        rates = self.learning_rates[: self.budget.learning_rates]
        total = min(self.budget.training_tokens, self.budget.epochs * sum(pair.tokens for pair in pairs))
        trial_tokens = int(TRIAL_SHARE * total)
        tokens = total - trial_tokens * len(rates)
        started, tried_tokens = time.perf_counter(), 0
        best_rate = settled_rate = self.budget.settled.get("learning_rate")
        for at, rate in enumerate(rates if best_rate is None else ()):

            def trial_done(read: int, before: int = at * trial_tokens) -> None:
                report_progress(Progress(CHOOSING_RATE, before + read, total))

            trial = self._train(model, pairs, dev, rate, trial_tokens, 1, trial_done)
            tried_tokens += trial.tokens + sum(pair.tokens for pair in dev)
            self.choices.append({"learning_rate": rate, "tokens": trial.tokens, "dev_loss": round(trial.dev_loss, 4)})
        if best_rate is None:
            best_rate = min(self.choices, key=lambda choice: choice["dev_loss"])["learning_rate"]

        seconds = time.perf_counter() - started

        def training_done(read: int) -> None:
            report_progress(Progress(TRAINING, trial_tokens * len(rates) + read, total))

        self._kept_here = TemporaryDirectory(prefix=f"threeways-{self.trained_part}-")
        self._kept = Path(self._kept_here.name)
        trained = self._train(model, pairs, dev, best_rate, tokens, EVALUATIONS, training_done, self._kept)
        self.choices += [
            {"learning_rate": best_rate, "tokens": point.tokens, "dev_loss": round(point.dev, 4)}
            for point in trained.history
        ]
        self.losses = tuple(trained.history)
        answer_tokens, schema = answerer.answer_tokens, answerer.schema
        del model, answerer
        gc.collect()  # one model in memory at a time
        self.trained_model = self._load(self._kept)
        self._check_reloaded(trained, dev)
        self._answerer = Answerer(self.trained_model, self.brief, answer_tokens, schema=schema)
        ask = Attempt({}, partial(self._ask, model=self.trained_model))
        scorer = scorer_while_learning(self.brief, split, documents)
        _, choices, effort = choose(self._answerer, [ask], split.dev, scorer, report_progress)
        self.choices += choices
        # Dev losses during training aren't settings, and a single way to answer isn't a choice.
        tried = len(self.choices) - len(trained.history) - (len(choices) == 1)
        found_better = best_rate != rates[0] if settled_rate is None and len(rates) > 1 else None
        self.effort = Effort(
            tried, len(split.dev), seconds + effort.seconds, tried_tokens + effort.tokens, found_better=found_better
        )
        self.notes += self.trained_model.notes
        self.settings = {
            "learning_rate": best_rate,
            "epochs": round(trained.epochs, 2),
            "training_tokens": trained.tokens,
            **self._sizes(),
            **self._answerer.settings,
        }

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return self._answerer.answer(self._ask(inputs, self._answerer.model))

    def answer_trained(self, train: Sequence[Example], rows: Sequence[int]) -> list[Prediction]:
        prompts = self._teach(train, self.trained_model)
        return self._answerer.answer([prompts[row] for row in rows])

    def save(self, folder: Path) -> None:
        shutil.copytree(self._kept, folder / self.trained_part, dirs_exist_ok=True)
        fitted = {"settings": self.settings, "in_turns": self._in_turns, "answerer": self._answerer.to_json()}
        (folder / "finetuning.json").write_text(json.dumps(fitted))

    def load(self, folder: Path) -> None:
        fitted = json.loads((folder / "finetuning.json").read_text())
        self.settings = fitted["settings"]
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
        return self._ask([example.input for example in train], model)

    def _ask(self, inputs: Sequence[str], model: LanguageModel) -> list[Prompt]:
        """A short instruction, because the weights hold what to do."""
        instruction = SHORT_INSTRUCTIONS[self.brief.kind]
        return [build_prompt(instruction, input, is_conversation=self._in_turns) for input in inputs]

    def _rows(self, model: LocalModel, answer_tokens: int) -> TrainingRows:
        return TrainingRows(model, None if self.brief.labels else answer_tokens)

    @property
    def _learns_all(self) -> bool:
        return self.learns_earlier and learns_all_answers(self.brief.kind)

    def _note_turns(self, prompts: Sequence[Prompt]) -> None:
        earlier = [len(answered(prompt)) for prompt in prompts]
        if not sum(earlier):
            return
        kept = f"{sum(map(bool, earlier)):,} training rows are conversations of several turns, which the prompts keep."
        if self._learns_all:
            learned = f"The model was trained on all {sum(earlier) + len(prompts):,} answers in the training rows."
        else:
            learned = "The model was trained only on the last answer of each."
        self.notes.append(f"{kept} {learned}")

    def _train(
        self,
        model: LocalModel,
        pairs: Sequence[Pair],
        dev: Sequence[Pair],
        learning_rate: float,
        tokens: int,
        evaluations: int,
        tokens_done: Callable[[int], None],
        folder: Path | None = None,
    ) -> Trained:
        """One training run from the same start. What it trained is kept in `folder`."""
        from strategies.engine.training import train

        network = self._start(model)
        with self._attention(network):
            trained = train(
                network,
                pairs,
                dev,
                learning_rate=learning_rate,
                tokens=tokens,
                epochs=self.budget.epochs,
                evaluations=evaluations,
                seed=self.seed,
                tokens_done=tokens_done,
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

    def _sizes(self) -> dict[str, int]:
        """Sizes of the trained part, reported with the settings."""
        return {}

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


@dataclass(eq=False)
class Finetuning(Training):
    """Trains an adapter and answers with it merged into the weights."""

    name: ClassVar[str] = "finetuning"
    declaration: ClassVar[Declaration] = Declaration(
        words=Words(
            "Adapter fine-tuning",
            "Like learning on the job",
            "We train a small add-on of the model (a LoRA adapter) on your examples. The model's own weights don't "
            "change, and the adapter can be removed.",
        ),
        mark=Mark("#009E73", "triangle-up"),
        worth_it="Worth it if you have 100 training rows or more, or many requests a month.",
        trains="adapter",
        by_default=True,
    )
    learning_rates: ClassVar[tuple[float, ...]] = LEARNING_RATES
    trained_part: ClassVar[str] = "adapter"
    earlier: EarlierAdapter | None = field(default=None, init=False)
    _loss_before: float = field(default=0.0, init=False, repr=False)  # with the earlier adapter, on dev

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        super().fit(split, documents, report_progress)
        if self.earlier is not None:
            self.settings = {"tuned from run": self.earlier.run, **self.settings}
            after = min(point.dev for point in self.losses)
            self.notes.append(self.earlier.sentence(self._loss_before, after))

    def take_apart(self) -> None:
        self._serve(self._load_apart)

    def switch_off(self) -> None:
        self._serve(lambda _: self.load_model())

    def put_together(self) -> None:
        self._serve(self._load)

    def _serve(self, load: Callable[[Path], LocalModel]) -> None:
        del self.trained_model, self._answerer.model  # one model in memory at a time
        gc.collect()
        self.trained_model = self._answerer.model = load(self._kept)

    def _sizes(self) -> dict[str, int]:
        from strategies.engine.adapter_shape import ALPHA, RANK

        return {"rank": RANK, "alpha": ALPHA}

    def _start(self, model: LocalModel) -> PeftModel:
        """Raises BadInput if the earlier adapter doesn't fit the model."""
        from strategies.engine.adapter import add_adapter, further_adapter

        if self.earlier is not None:
            return further_adapter(model.network, self.earlier.folder)
        return add_adapter(model.network, self.seed)

    def _look_before(self, model: LocalModel, dev: Sequence[Pair]) -> None:
        from strategies.engine.loss import mean_loss

        if self.earlier is None:
            return
        network = self._start(model)
        with self._attention(network):
            self._loss_before = mean_loss(network, dev)
        self._end(model, network)

    def _keep(self, network: PeftModel, folder: Path) -> None:
        network.save_pretrained(str(folder))

    def _end(self, model: LocalModel, network: PeftModel) -> None:
        model.network = network.unload()

    def _load(self, folder: Path) -> LocalModel:
        from peft import PeftModel

        model = self.load_model()
        model.network = PeftModel.from_pretrained(model.network, folder).merge_and_unload().eval()
        return model

    def _load_apart(self, folder: Path) -> LocalModel:
        """The model with the adapter kept separate from the base weights."""
        from peft import PeftModel

        from strategies.engine.few_rows import hasten_few_rows

        model = self.load_model()
        PeftModel.from_pretrained(model.network, folder).eval()  # inserts its parts into the network itself
        if model.device.type == "cpu" and not model.slow_because:
            hasten_few_rows(model.network)
        return model
