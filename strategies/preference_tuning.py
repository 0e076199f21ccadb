"""Fine-tuning on preferences: supervised training as in `finetuning.py`, then direct preference optimisation on rows
that have a rejected answer beside the ideal one.

The first stage has all training tokens, as supervised training alone has, so that what differs is due to preferences.
The second adds half as many. It goes on with the adapter of the first, which is the reference that it is compared with.
"""

from __future__ import annotations

import gc
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from eval.outcomes import Effort, Preferred
from eval.scoring import scorer_while_learning
from eval.splitting.stable_order import stable_hash
from eval.task import BadInput, Document, Example, LearningSplit
from strategies.choosing import Attempt, choose
from strategies.contract import TRAINING_PREFERENCES, Progress, ReportProgress
from strategies.declaration import Declaration, Mark, Words, lacking
from strategies.finetuning import Finetuning
from strategies.prompts import as_asked

if TYPE_CHECKING:  # imports torch
    from strategies.engine.local_model import LocalModel
    from strategies.engine.preference_loss import Preference

PREFERENCE_SHARE = 0.5  # of the training tokens, with all betas together
# Times the cost of supervised training alone: the reference reads each pair once more.
TRAINING_COST = 1 + PREFERENCE_SHARE * 4 / 3
BETAS = (0.1, 0.3, 0.03)  # tried in this order within the budget; 0.1 is where most people start
LEARNING_RATE = 2e-4  # a tenth of the supervised stage's first: the model knows the task by now
EPOCHS = 4
EVALUATIONS = 4
FEWEST_PAIRS = 16  # to train on
FEWEST_HELD_OUT = 8  # on dev; with fewer, every eighth training pair is held out
HELD_OUT_SHARE = 1 / 8
_BEFORE = "adapter_before_preferences"  # the folder of the supervised stage's adapter


@dataclass(eq=False)
class PreferenceTuning(Finetuning):
    name: ClassVar[str] = "preference_tuning"
    declaration: ClassVar[Declaration] = Declaration(
        words=Words(
            "Fine-tuning on preferences",
            "Like learning on the job, with feedback",
            "We train an adapter on your examples, then on pairs of answers: one that people chose and one that they "
            "rejected (direct preference optimisation, DPO). The model's own weights don't change.",
        ),
        mark=Mark("#009E73", "pentagon"),
        worth_it="Worth it if what makes an answer good is easier to show in pairs than to say in words.",
        trains="adapter",
        training_cost=TRAINING_COST,
        needs_rejected=FEWEST_PAIRS,
    )
    _before: Path | None = field(default=None, init=False, repr=False)  # the adapter of the supervised stage

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        """Raises BadInput if too few training rows have a rejected answer."""
        split = as_asked(split, self.brief.kind)
        is_part = self.budget.settled and len(with_rejected(split.train)) > 1  # of rows that were enough
        if (problem := lacking(self.declaration, split.train)) and not is_part:
            raise BadInput(problem)
        super().fit(split, documents, report_progress)
        started = time.perf_counter()
        learned = self._learn_preferences(split, report_progress)
        scorer = scorer_while_learning(self.brief, split, documents)
        ask = Attempt({"beta": learned["beta"]}, lambda inputs: self._ask(inputs, self.trained_model))
        tokens = sum(choice["tokens"] for choice in self.choices if "beta" in choice)
        _, choices, effort = choose(self._answerer, [ask], split.dev, scorer, report_progress)
        self.choices += choices
        tried = self.effort.settings_tried + len(self._betas)
        tried += len(choices) if len(choices) > 1 else 0  # a single way to answer isn't a choice
        found = [] if self.effort.found_better is None else [self.effort.found_better]
        found += [learned["beta"] != self._betas[0]] if len(self._betas) > 1 else []
        self.effort = Effort(
            tried,
            len(split.dev),
            self.effort.seconds + time.perf_counter() - started,
            self.effort.tokens + tokens + effort.tokens,
            found_better=any(found) if found else None,
        )
        self.settings |= {**learned, **self._answerer.settings}

    def prefers(self, rows: Sequence[Example]) -> Preferred:
        """How often the chosen answer of these rows is preferred to the rejected one. Those without one don't count,
        and none does if an earlier version saved it, without the adapter of the supervised stage."""
        from strategies.engine.preference_loss import log_probabilities, with_reference

        found = with_rejected(as_asked(LearningSplit(tuple(rows), ()), self.brief.kind).train)
        before = self._before
        if not found or before is None:
            return Preferred.of([], [])
        pairs = self._preferences(found, self.trained_model)
        after = log_probabilities(self.trained_model.network, pairs)
        self.answer_with(lambda: self._load(before))
        pairs = with_reference(self.trained_model.network, pairs)
        self.put_together()
        return Preferred.of([chosen - rejected for chosen, rejected in after], [pair.lead for pair in pairs])

    def save(self, folder: Path) -> None:
        super().save(folder)
        if self._before is not None:
            shutil.copytree(self._before, folder / _BEFORE, dirs_exist_ok=True)

    def load(self, folder: Path) -> None:
        super().load(folder)
        self._before = before if (before := folder / _BEFORE).is_dir() else None

    @property
    def _betas(self) -> Sequence[float]:
        settled = self.budget.settled.get("beta")
        return BETAS[: self.budget.trials] if settled is None else (settled,)

    def _learn_preferences(self, split: LearningSplit, report_progress: ReportProgress) -> dict[str, Any]:
        """Trains the adapter further, with every beta to try, and keeps the one with which most held-out pairs come out
        right (the first if equal, which is the closest to the usual). Returns its settings."""
        from strategies.engine.adapter import read_adapter
        from strategies.engine.loss import without_adapter
        from strategies.engine.preference_loss import PreferenceLoss, log_probabilities, with_reference
        from strategies.engine.training import keep_within_memory, train_for

        self._before_here = TemporaryDirectory(prefix="threeways-before-preferences-")
        self._before = Path(self._before_here.name)
        train_rows, held_out = _held_out(split)
        del self.trained_model, self._answerer.model
        gc.collect()  # one model in memory at a time
        model = self.load_model()
        network = read_adapter(model.network, self._kept, is_trainable=True)
        network.save_pretrained(str(self._before))
        keep_within_memory(without_adapter(network))
        tokens = int(PREFERENCE_SHARE * self.budget.training_tokens) // len(self._betas)
        rows = with_reference(network, within_tokens(self._preferences(train_rows, model), tokens, self.seed))
        dev = with_reference(network, self._preferences(held_out, model))
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        start = [weight.detach().clone() for weight in weights]
        total = min(tokens, EPOCHS * sum(row.tokens for row in rows)) * len(self._betas)
        best: Preferred | None = None
        found: dict[str, Any] = {}
        with self._attention(network):
            for at, beta in enumerate(self._betas):

                def tokens_done(read: int, before: int = at * total // len(self._betas)) -> None:
                    report_progress(Progress(TRAINING_PREFERENCES, before + read, total))

                for weight, first in zip(weights, start, strict=True):
                    weight.data.copy_(first)
                trained = train_for(
                    PreferenceLoss(beta),
                    network,
                    rows,
                    dev,
                    learning_rate=LEARNING_RATE,
                    tokens=tokens,
                    epochs=EPOCHS,
                    evaluations=EVALUATIONS,
                    seed=self.seed,
                    tokens_done=tokens_done,
                    checkpoint=self.checkpoints.of(f"beta {beta}") if self.checkpoints else None,
                )
                self.effort = replace(self.effort, seconds=self.effort.seconds + trained.earlier_seconds)
                if math.isinf(trained.dev_loss):  # another beta may go well
                    self.choices.append({"beta": beta, "tokens": trained.history[-1].tokens, "pairs_preferred": None})
                    continue
                leads = [chosen - rejected for chosen, rejected in log_probabilities(network, dev)]
                preferred = Preferred.of(leads, [row.lead for row in dev])
                read = trained.history[-1].tokens
                self.choices.append({"beta": beta, "tokens": read, "pairs_preferred": round(preferred.share, 4)})
                if best is None or preferred.by_reward > best.by_reward:
                    best, found = preferred, {"beta": beta, "pairs": len(rows), "preference_tokens": trained.tokens}
                    network.save_pretrained(str(self._kept))
        if best is None:
            trained.checked()
        del model, network, weights, start
        gc.collect()
        self.trained_model = self._answerer.model = self._load(self._kept)
        return found

    def _preferences(self, examples: Sequence[Example], model: LocalModel) -> list[Preference]:
        from strategies.engine.preference_loss import Preference

        prompts, rows = self._teach(examples, model), self._rows(model, self._answerer.answer_tokens)
        chosen = rows.of_answers(examples, prompts)
        rejected = rows.of_answers([replace(one, target=one.rejected) for one in examples], prompts)
        return [Preference(*pair) for pair in zip(chosen, rejected, strict=True)]


def with_rejected(rows: Sequence[Example]) -> list[Example]:
    """The rows whose rejected answer is another than the ideal one."""
    return [row for row in rows if row.rejected and row.rejected != row.target]


def within_tokens(rows: Sequence[Preference], most: int, seed: int) -> list[Preference]:
    """So many of the rows, drawn with a seed, as training reads within `most` tokens: the reference needn't read the
    others."""
    drawn: list[Preference] = []
    tokens = 0
    for row in Random(f"{seed}-preferences").sample(rows, len(rows)):
        if tokens >= most:
            break
        drawn.append(row)
        tokens += row.tokens
    return drawn


def _held_out(split: LearningSplit) -> tuple[list[Example], list[Example]]:
    """Rows to train on and rows to choose beta on."""
    train, dev = with_rejected(split.train), with_rejected(split.dev)
    if len(dev) >= FEWEST_HELD_OUT:
        return train, dev
    order = sorted(train, key=lambda row: stable_hash(row.input, row.target))
    few = max(1, round(HELD_OUT_SHARE * len(order)))
    return order[few:], order[:few]
