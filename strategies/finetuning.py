"""Adapter fine-tuning: a LoRA adapter is trained on the solved examples and merged into the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from eval.task import BadInput, Document, LearningSplit
from strategies.contract import ReportProgress
from strategies.declaration import Declaration, Mark, Words
from strategies.engine.adapter_shape import USUAL, AdapterShape
from strategies.training import Training
from strategies.tuned_again import EarlierAdapter

if TYPE_CHECKING:
    from peft import PeftModel

    from strategies.engine.local_model import LocalModel
    from strategies.engine.loss import Pair

# Short trials favour high rates: 5e-3 narrowly won one, and the full training then diverged (docs/benchmarks.md).
LEARNING_RATES = (2e-3, 1e-3, 5e-4, 2e-4, 1e-4)


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
        self.answer_with(partial(self._load_apart, self._kept))

    def switch_off(self) -> None:
        self.answer_with(self.load_model)

    def put_together(self) -> None:
        self.answer_with(partial(self._load, self._kept))

    @property
    def _tries_shapes(self) -> bool:
        return self.earlier is None

    def _shape(self) -> AdapterShape:
        """Raises BadInput if that of the earlier adapter can't be read."""
        if self.earlier is None:
            return USUAL
        if (shape := AdapterShape.of(self.earlier.folder)) is None:
            raise BadInput(f"The adapter of run {self.earlier.run} can't be read: start from the base model.")
        return shape

    def _start(self, model: LocalModel) -> PeftModel:
        """Raises BadInput if the earlier adapter doesn't fit the model."""
        from strategies.engine.adapter import add_adapter, further_adapter

        if self.earlier is not None:
            return further_adapter(model.network, self.earlier.folder)
        assert self._adapter_shape is not None
        return add_adapter(model.network, self.seed, self._adapter_shape)

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
        from strategies.engine.adapter import read_adapter

        model = self.load_model()
        model.network = read_adapter(model.network, folder).merge_and_unload().eval()
        return model

    def _load_apart(self, folder: Path) -> LocalModel:
        """The model with the adapter kept separate from the base weights."""
        from strategies.engine.adapter import read_adapter
        from strategies.engine.few_rows import hasten_few_rows

        model = self.load_model()
        read_adapter(model.network, folder).eval()  # inserts its parts into the network itself
        if model.device.type == "cpu" and not model.slow_because:
            hasten_few_rows(model.network)
        return model
