"""The worker's part in trying a run: which strategies can answer, and a child that answers the tries in the queue."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context

from filelock import Timeout

from advisor.plan import BASELINES_STEP, CURVES_STEP
from advisor.runs.adapter_off import no_adapter
from advisor.runs.answering import keep_answering
from advisor.runs.child import SECONDS_TO_END, death_sentence, failure_sentence, spawned
from advisor.runs.order import BUILD_STRATEGY, StepOrder
from advisor.spending import unlimited
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.tries import Asked, Stage, TriedAnswer, Try, leave_queue, read_try, save_try, waiting_tries
from advisor.wording import name_of
from eval.task import BadInput
from strategies.registry import BASELINES
from strategies.served.keys import handed_over, use_keys_of

IDLE_SECONDS = 120  # for which what was loaded stays in memory
_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_BETWEEN_CHECKS = 0.5

NOTHING_SAVED = (
    "This run has no fitted strategies on this machine, so it can't answer new inputs. A sample, a run that somebody "
    "sent you and a run of an early version have none. Compare the strategies again to try them."
)


@dataclass(frozen=True, slots=True)
class Tryable:
    """A strategy or baseline of a run. `problem` says in a sentence why it can't answer, None if it can."""

    strategy: str
    problem: str | None = None


def tryable(store: Store, run: StoredRun) -> list[Tryable]:
    """Every strategy that the run compared, then its baselines that were saved; none of a run measured elsewhere."""
    if not run.is_own:
        return []
    folder = store.run_folder(run.id)
    found = []
    for step in store.steps(run.id):
        if step.strategy in (BASELINES_STEP, CURVES_STEP):
            continue
        problem = None
        if step.state != "done":
            problem = f"{name_of(step.strategy)} wasn't measured in this run, so there is nothing to try."
        elif not (folder / step.strategy / "fitted").is_dir():
            problem = (
                f"The fitted files of {name_of(step.strategy)} are gone from {folder / step.strategy}. "
                "Compare the strategies again to try it."
            )
        found.append(Tryable(step.strategy, problem))
    saved = [name for name in BASELINES if (folder / BASELINES_STEP / name / "fitted").is_dir()]
    return [*found, *map(Tryable, saved)]


def strategies_to_try(store: Store, run: StoredRun) -> tuple[str, ...]:
    """Those that can answer. Raises BadInput if none can."""
    found = tuple(one.strategy for one in tryable(store, run) if one.problem is None)
    if not found:
        raise BadInput(NOTHING_SAVED)
    return found


def with_adapter(strategies: Sequence[str]) -> tuple[str, ...]:
    """Those of a run that can also be asked with their adapter switched off."""
    return tuple(name for name in strategies if no_adapter(name) is None)


def check_measured_here(run: StoredRun) -> None:
    """Raises BadInput if the run was measured elsewhere. No fitted strategy comes with such a run, so one in its folder
    would be forged, and may send what it is asked to anybody's server."""
    if not run.is_own:
        raise BadInput(NOTHING_SAVED)


def order_to_answer(store: Store, run: StoredRun, strategy: str, build_strategy: str = BUILD_STRATEGY) -> StepOrder:
    """Raises BadInput as `check_measured_here` does."""
    check_measured_here(run)
    plan = run.plan
    model = plan.pairing(strategy).model
    order = StepOrder(store.run_folder(run.id), strategy, plan.preset, model, plan.seed, build_strategy)
    return replace(order, allowance=unlimited(run.id, "tries"))


class TryDesk:
    """Answers tries one after the other, in a child that stays for `idle_seconds`. Runs go first: when one waits, the
    child ends at once and the try stays in the queue, with the answers it has."""

    def __init__(
        self,
        store: Store,
        build_strategy: str = BUILD_STRATEGY,
        idle_seconds: float = IDLE_SECONDS,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`beat` is called again and again while a try is answered."""
        self._store, self._build_strategy, self._idle_seconds, self._beat = store, build_strategy, idle_seconds, beat
        self._child: _Child | None = None
        self._asking = ""  # whose keys the child knows
        self._idle_since = self._checked_at = 0.0

    @property
    def is_warm(self) -> bool:
        return self._child is not None

    def answer_next(self) -> bool:
        """Answers the try that has waited longest. False if there is none, or if another process has the machine."""
        waiting = waiting_tries(self._store)
        if not waiting:
            return False
        run_id, try_id = waiting[0]
        try:
            lock = self._store.device_lock.acquire(timeout=0)
        except Timeout:
            self.close()
            return False
        with lock:
            one = read_try(self._store, run_id, try_id)
            if one is None or one.state == "done":  # deleted with its run, or answered just before a worker died
                leave_queue(self._store, try_id)
                return True
            try:
                self._answer(one)
            except Exception as wrong:  # an exception here would end every worker that takes the try up again
                self._give_up(one, wrong)
        self._idle_since = time.monotonic()
        return True

    def rest(self) -> None:
        """Ends the child when nobody tried anything for a while, or when another process needs the machine."""
        now = time.monotonic()
        if self._child is None or now - self._checked_at < _SECONDS_BETWEEN_CHECKS:
            return
        self._checked_at = now
        if now - self._idle_since >= self._idle_seconds:
            self.close()
            return
        try:
            with self._store.device_lock.acquire(timeout=0):
                pass
        except Timeout:
            self.close()

    def close(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def _answer(self, one: Try) -> None:
        for asked in one.left:
            one = self._at(one, asked, "loading" if self._child else "starting")
            answer = self._ask(one, asked)
            if answer is None:
                save_try(self._store, replace(one, state="waiting", strategy="", since=time.time()))
                self.close()
                return
            one = replace(one, answers=(*one.answers, answer))
        save_try(self._store, replace(one, state="done", strategy="", since=time.time()))
        leave_queue(self._store, one.id)

    def _give_up(self, one: Try, wrong: Exception) -> None:
        """The run may have been deleted meanwhile, or the disk is full: then nothing can be kept of the try."""
        traceback.print_exception(wrong)
        self.close()
        problem = failure_sentence(wrong, "answering")
        unanswered = tuple(
            TriedAnswer(each.strategy, problem=problem, adapter_off=each.adapter_off) for each in one.left
        )
        with suppress(OSError):
            answers = (*one.answers, *unanswered)
            save_try(self._store, replace(one, state="done", strategy="", since=time.time(), answers=answers))
        leave_queue(self._store, one.id)

    def _at(self, one: Try, asked: Asked, stage: Stage) -> Try:
        one = replace(one, state="running", strategy=asked.strategy, is_off=asked.adapter_off)
        one = replace(one, stage=stage, since=time.time())
        save_try(self._store, one)
        return one

    def _ask(self, one: Try, asked: Asked) -> TriedAnswer | None:
        """None if a run waits."""
        try:
            run = self._store.run(one.run_id)
            order = order_to_answer(self._store, run, asked.strategy, self._build_strategy)
        except BadInput as wrong:
            return TriedAnswer(asked.strategy, problem=str(wrong), adapter_off=asked.adapter_off)
        use_keys_of(run.owner)
        if run.owner != self._asking:
            self.close()  # it would ask with the keys that another person gave it
            self._asking = run.owner
        if self._child is None:
            self._child = _Child(self._store)
        child, checked_at = self._child, 0.0
        try:
            child.orders.send((order, handed_over(order.models), one.input, asked.adapter_off))
            while True:
                self._beat()
                if time.monotonic() - checked_at >= _SECONDS_BETWEEN_CHECKS:
                    checked_at = time.monotonic()
                    if self._store.next_run():
                        return None
                if child.results.poll(_SECONDS_BETWEEN_LOOKS):
                    heard = child.results.recv()
                    if isinstance(heard, TriedAnswer):
                        return heard
                    one = self._at(one, asked, heard)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            problem = child.death()
            self.close()
            return TriedAnswer(asked.strategy, problem=problem, adapter_off=asked.adapter_off)


class _Child:
    def __init__(self, store: Store) -> None:
        self._stack = ExitStack()
        heard, self.orders = get_context("spawn").Pipe(duplex=False)
        spawning = spawned(keep_answering, store.home / "tries.log", heard)
        self._process, self.results = self._stack.enter_context(spawning)
        heard.close()  # otherwise it would stay open when the child ends

    def death(self) -> str:
        self._process.join(SECONDS_TO_END)
        return death_sentence(self._process.exitcode)

    def close(self) -> None:
        self._stack.close()
        self.orders.close()
