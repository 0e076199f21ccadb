"""Fine-tuning: a LoRA adapter is trained on the solved examples, merged into the weights, asked with a short prompt."""

from __future__ import annotations

import gc
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from peft import PeftModel

from eval.outcomes import Effort, Prediction
from eval.task import Brief, Document, Example, LearningSplit
from strategies.answerer import Answerer, Attempt
from strategies.contract import Progress, ReportProgress
from strategies.language_model import LanguageModel, Prompt
from strategies.lora import (
    ALPHA,
    EVALUATIONS,
    RANK,
    TOKENS_A_ROW,
    Pair,
    Trained,
    add_adapter,
    cut_pair,
    mean_loss,
    train_adapter,
)
from strategies.presets import TRIAL_SHARE, Budget
from strategies.prompts import SHORT_INSTRUCTIONS, build_prompt
from strategies.transformer import Transformer

LEARNING_RATES = (2e-3, 1e-3, 3e-4, 5e-3, 1e-4)  # tried in this order as far as the budget goes
SAME_LOSS = 0.1  # nats a token by which a reloaded, merged adapter may differ: bfloat16 rounds, a wrong one is far off


@dataclass(eq=False)
class Finetuning:
    """`_prepare`, `_teach` and `_ask` say what stands in a prompt, of a training row and of an input."""

    brief: Brief
    load_model: Callable[[], Transformer]  # a fresh network each time: training changes it
    budget: Budget
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict, init=False)
    choices: list[dict[str, Any]] = field(default_factory=list, init=False)
    effort: Effort = field(default=Effort(), init=False)
    notes: list[str] = field(default_factory=list, init=False)
    trained_model: Transformer = field(init=False, repr=False)
    name: ClassVar[str] = "finetuning"
    learns_from_rows: ClassVar[bool] = True
    changes_weights: ClassVar[bool] = True

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        started = time.perf_counter()
        model = self.load_model()
        answerer = Answerer(model, self.brief)
        answerer.learn_length(split.train, self.budget.answer_tokens)
        self._prepare(split, documents, report_progress)
        pairs = self._pairs(split.train, self._teach(split.train, model), answerer.answer_tokens, model)
        if cut := sum(pair.tokens == TOKENS_A_ROW for pair in pairs):
            self.notes.append(f"{cut} training rows were cut to {TOKENS_A_ROW} tokens, from their beginning.")
        asked = self._ask([example.input for example in split.dev], model)
        dev = self._pairs(split.dev, asked, answerer.answer_tokens, model)

        rates = LEARNING_RATES[: self.budget.learning_rates]
        total = min(self.budget.training_tokens, self.budget.epochs * sum(pair.tokens for pair in pairs))
        trial_tokens = int(TRIAL_SHARE * total)
        tokens = total - trial_tokens * len(rates)
        best_rate = self.budget.settled.get("learning_rate")
        for at, rate in enumerate(rates if best_rate is None else ()):

            def trial_done(read: int, before: int = at * trial_tokens) -> None:
                report_progress(Progress("choosing the learning rate", before + read, total))

            trial = self._train(model, pairs, dev, rate, trial_tokens, 1, trial_done)
            self.choices.append({"learning_rate": rate, "tokens": trial.tokens, "dev_loss": round(trial.dev_loss, 4)})
        if best_rate is None:
            best_rate = min(self.choices, key=lambda choice: choice["dev_loss"])["learning_rate"]

        def training_done(read: int) -> None:
            report_progress(Progress("training", trial_tokens * len(rates) + read, total))

        self._trained_here = TemporaryDirectory(prefix="threeways-adapter-")
        self._adapter = Path(self._trained_here.name)
        trained = self._train(model, pairs, dev, best_rate, tokens, EVALUATIONS, training_done, self._adapter)
        self.choices += [
            {"learning_rate": best_rate, "tokens": read, "dev_loss": round(loss, 4)} for read, loss in trained.history
        ]
        answer_tokens = answerer.answer_tokens
        del model, answerer
        gc.collect()  # one model in memory at a time
        merged = self.trained_model = self._merged(self._adapter)
        _check_reloaded(merged, trained, dev)
        self._answerer = Answerer(merged, self.brief, answer_tokens)
        ask = partial(self._ask, model=merged)
        _, choices, _ = self._answerer.choose([Attempt({}, ask)], split.dev, report_progress)
        self.choices += choices
        self.effort = Effort(len(self.choices), len(split.dev), time.perf_counter() - started)
        self.settings = {
            "learning_rate": best_rate,
            "epochs": round(trained.epochs, 2),
            "training_tokens": trained.tokens,
            "rank": RANK,
            "alpha": ALPHA,
            **self._answerer.settings,
        }

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return self._answerer.answer(self._ask(inputs, self._answerer.model))

    def answer_trained(self, train: Sequence[Example], rows: Sequence[int]) -> list[Prediction]:
        prompts = self._teach(train, self.trained_model)
        return self._answerer.answer([prompts[row] for row in rows])

    def save(self, folder: Path) -> None:
        shutil.copytree(self._adapter, folder / "adapter", dirs_exist_ok=True)
        fitted = {"settings": self.settings, "answerer": self._answerer.to_json()}
        (folder / "finetuning.json").write_text(json.dumps(fitted))

    def load(self, folder: Path) -> None:
        fitted = json.loads((folder / "finetuning.json").read_text())
        self.settings = fitted["settings"]
        self._adapter = folder / "adapter"
        self.trained_model = self._merged(self._adapter)
        self._answerer = Answerer.from_json(self.trained_model, self.brief, fitted["answerer"])

    def _prepare(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        """What has to be done before there are prompts."""

    def _teach(self, train: Sequence[Example], model: LanguageModel) -> list[Prompt]:
        """The prompts to train on: those that would be asked."""
        return self._ask([example.input for example in train], model)

    def _ask(self, inputs: Sequence[str], model: LanguageModel) -> list[Prompt]:
        """A short instruction: what to do stands in the weights now."""
        return [build_prompt(SHORT_INSTRUCTIONS[self.brief.kind], input) for input in inputs]

    def _pairs(
        self, examples: Sequence[Example], prompts: Sequence[Prompt], answer_tokens: int, model: Transformer
    ) -> list[Pair]:
        """Answers end with the token that ends a turn, unless they are cut at the length that will be written."""
        pairs = []
        for example, prompt in zip(examples, prompts, strict=True):
            answer = [*model.encode_answer(example.target), model.end]
            if not self.brief.labels:
                answer = answer[:answer_tokens]
            pairs.append(cut_pair(model.encode(prompt), answer))
        return pairs

    def _train(
        self,
        model: Transformer,
        pairs: Sequence[Pair],
        dev: Sequence[Pair],
        learning_rate: float,
        tokens: int,
        evaluations: int,
        tokens_done: Callable[[int], None],
        folder: Path | None = None,
    ) -> Trained:
        """One training run from the same start, the adapter saved in `folder`; leaves the network as it was."""
        adapted = add_adapter(model.network, self.seed)
        trained = train_adapter(
            adapted,
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
            adapted.save_pretrained(str(folder))
        model.network = adapted.unload()
        return trained

    def _merged(self, adapter: Path) -> Transformer:
        """The base model with the saved adapter in its weights: what would be served."""
        model = self.load_model()
        model.network = PeftModel.from_pretrained(model.network, adapter).merge_and_unload().eval()
        return model


def _check_reloaded(merged: Transformer, trained: Trained, dev: Sequence[Pair]) -> None:
    loss = mean_loss(merged.network, dev)
    if abs(loss - trained.dev_loss) > SAME_LOSS * max(1.0, trained.dev_loss):
        raise RuntimeError(
            f"The saved adapter has a dev loss of {loss:.4f} where training reached {trained.dev_loss:.4f}."
        )
