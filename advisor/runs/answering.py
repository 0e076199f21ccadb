"""Answer new inputs with the strategies as a run fitted them. A process that does this stays for a while and keeps what
it loaded, so that the next input is answered at once."""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from advisor.runs.adapter_off import load_without_adapter
from advisor.runs.child import failure_sentence, settle_in
from advisor.runs.order import StepOrder, load_fitted
from advisor.storage.tries import Asked, Likelihood, Stage, TriedAnswer
from eval.task import BadInput
from strategies.contract import Strategy
from strategies.served.keys import KeyNeededError, accept
from strategies.witness import watching

LABELS_SHOWN = 5

TellStage = Callable[[Stage], None]


@dataclass(slots=True)
class Fitted:
    """The strategies of one run that are in memory. Those that leave a model as it is share it. `log` is where the
    details of an error go; None to print them."""

    log: Path | None = None
    _run_folder: Path | None = None
    _loaded: dict[Asked, Strategy] = field(default_factory=dict)
    _shared: dict[str, object] = field(default_factory=dict)  # each model before any training, once it is loaded

    def answer(self, order: StepOrder, text: str, tell: TellStage, adapter_off: bool = False) -> TriedAnswer:
        """Never raises: a problem is a sentence in the answer."""
        answer = self._answer(order, text, tell, Asked(order.strategy, adapter_off))
        return replace(answer, adapter_off=adapter_off)

    def _answer(self, order: StepOrder, text: str, tell: TellStage, asked: Asked) -> TriedAnswer:
        if order.run_folder != self._run_folder:
            self._forget()
            self._run_folder = order.run_folder
        loading_seconds = None
        stage: Stage = "loading"
        try:
            if asked not in self._loaded:
                tell(stage)
                started = time.perf_counter()
                self._loaded[asked] = self._load(order, asked.adapter_off)
                loading_seconds = time.perf_counter() - started
            stage = "answering"
            tell(stage)
            return _answered(self._loaded[asked], order.strategy, text, loading_seconds)
        except KeyNeededError as wrong:
            self._forget()  # what was loaded would go on with the refused key
            return TriedAnswer(order.strategy, problem=str(wrong), awaits_key=wrong.host)
        except BadInput as wrong:
            return TriedAnswer(order.strategy, problem=str(wrong))
        except Exception as wrong:
            self._note(wrong)
            return TriedAnswer(order.strategy, problem=failure_sentence(wrong, stage))

    def _note(self, wrong: Exception) -> None:
        if self.log is None:
            traceback.print_exception(wrong)
            return
        with suppress(OSError):
            self.log.write_text("".join(traceback.format_exception(wrong)))

    def _load(self, order: StepOrder, adapter_off: bool) -> Strategy:
        """If memory is short, what was loaded before makes room."""
        load = load_without_adapter if adapter_off else load_fitted
        try:
            return load(order, partial(self._share, order.model))
        except (BadInput, MemoryError):
            if not self._loaded:
                raise
            self._forget()
            return load(order, partial(self._share, order.model))

    def _share(self, model: str, load: Callable[[], object]) -> object:
        if model not in self._shared:
            self._shared[model] = load()
        return self._shared[model]

    def _forget(self) -> None:
        self._loaded.clear()
        self._shared.clear()
        gc.collect()


def keep_answering(log: Path, orders: Connection, results: Connection) -> None:
    """The child's part: for each order with its keys, its input and whether the adapter is off, the stages it goes
    through and, last, the answer."""
    settle_in(log)
    fitted = Fitted()
    while True:
        try:
            order, keys, text, adapter_off = orders.recv()
        except EOFError:
            return
        accept(keys)
        results.send(fitted.answer(order, text, results.send, adapter_off))


def _answered(strategy: Strategy, name: str, text: str, loading_seconds: float | None) -> TriedAnswer:
    with watching() as seen:
        started = time.perf_counter()
        (prediction,) = strategy.predict([text])
        seconds = time.perf_counter() - started
    shares = seen.shares[0] if seen.shares else {}
    best = sorted(shares, key=lambda label: -shares[label])[:LABELS_SHOWN]
    return TriedAnswer(
        name,
        prediction.text,
        prediction.error,
        seconds,
        loading_seconds,
        prediction.tokens_in,
        prediction.tokens_out,
        prediction.sources,
        tuple(Likelihood(label, shares[label]) for label in best),
        len(shares),
        prediction.sent() if prediction.sent else None,
    )
