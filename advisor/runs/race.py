"""The candidates of a run take turns: one computes at a time, and the test rows come in blocks for all of them. Where
there is more than one machine, they answer a block at the same time, and only take turns to be timed.

After each block the verdict so far says who can't be chosen any more, and whether it is clear; who stops then answers
no more rows. Answers are timed after the first block, one of each candidate in turn, so that whatever else the machine
does meanwhile hits all of them alike. Children stay alive between their turns while the memory has room.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import asdict, replace
from functools import partial
from threading import RLock

from advisor.decision.stopping import block_ends, is_clear, stops
from advisor.runs.at_once import all_at_once
from advisor.runs.child import SECONDS_TO_END, Deaths, death_sentence
from advisor.runs.order import StepOrder, sibling_of
from advisor.runs.pace import Pace
from advisor.runs.place import HERE, Child, Pipe, Place, nearest
from advisor.runs.step import Answer, DiskFailed, End, EndRound, KeyNeeded, Standing, Stopped, Time, Turn, run_in_turns
from advisor.runs.whole_step import CancelledError, StoppedError, measure_at_once
from advisor.schema import Recommendation
from advisor.storage.stored import StoredStep
from advisor.storage.trial_files import read_replaced, read_trial, write_trial
from eval.measuring.runner import MOST_ROUNDS, is_timed, spread
from eval.outcomes import EarlyStop, Trial
from eval.task import BadInput
from strategies.contract import Progress
from strategies.presets import PRESETS
from strategies.served.keys import KeyNeededError, forget, handed_over

SECONDS_BETWEEN_LOOKS = 0.2
_WAITING = "waiting for its next turn"  # counts rows

Tell = Callable[[StoredStep], None]
Judge = Callable[[Sequence[Trial]], Recommendation | None]


class Racer:
    """A candidate as its parent sees it: its child, if that is alive, and what it has measured so far."""

    def __init__(
        self,
        order: StepOrder,
        expected: float | None,
        rows: int,
        tell: Tell,
        cancelled: Callable[[], bool],
        place: Place = HERE,
    ) -> None:
        """`expected` are the seconds that it should take in all, for `rows` test rows."""
        self.order = order
        self.place = nearest(order, place)
        self.make_room: Callable[[], None] = lambda: None  # called while there is none for its child
        finished = read_trial(order.folder)
        self.trial = finished or read_replaced(order.begun)
        self.is_running = finished is None
        self._rows, self._tell, self._cancelled = rows, tell, cancelled
        self._worked = _seconds_behind(self.trial) if self.trial else 0.0
        self._pace = Pace(expected, self._worked)
        self._pace.pause()  # until its first turn
        self._step = StoredStep(order.run_folder.name, order.strategy, "running", stage="starting")
        self._turn_began: float | None = None
        self._child: Child | None = None
        self._connection: Pipe | None = None
        self._alive: AbstractContextManager[object] | None = None
        self._busy = RLock()  # held in a turn
        self._is_given_up = False
        self._keys = handed_over(order.models)
        self._deaths = Deaths(order.folder)

    @property
    def answered(self) -> int:
        return len(self.trial.outcomes) if self.trial else 0

    @property
    def is_alive(self) -> bool:
        return self._child is not None

    @property
    def is_fitted(self) -> bool:
        """Or never will be."""
        return self.trial is not None or not self.is_running

    @property
    def is_cancelled(self) -> bool:
        return self._is_given_up or self._cancelled()

    def take(self, turn: Turn) -> Standing | None:
        """The reply of the child, which is started if there is none. None if it ended instead: then `trial` is what it
        left. Raises CancelledError, StoppedError, KeyNeededError if a server wants a key, or BadInput if the disk is
        full."""
        with self._busy:
            return self._take(turn)

    def _take(self, turn: Turn) -> Standing | None:
        self._turn_began = time.monotonic()
        self._pace.go_on()
        try:
            while self.is_running:
                if self._connection is None and not self._start():
                    continue
                assert self._connection is not None
                with suppress(OSError):  # a child that died since its last turn; the pipe still has what it sent
                    self._connection.send(turn)
                if reply := self._hear():
                    return reply
            return None
        finally:
            self._worked, self._turn_began = self._worked_seconds(), None
            self._pace.pause()

    def wait(self) -> None:
        """Tells that it is another one's turn."""
        left = self._pace.remaining_seconds(Progress(_WAITING, self.answered, self._rows))
        self._say(Progress(_WAITING, self.answered, self._rows), left)

    def end(self, stopped: EarlyStop | None) -> None:
        """It answers no more test rows, and leaves its trial. Where there is more than one machine, the trainings that
        it repeats have a child each, and its own reads what they left."""
        if self.place is not HERE and self.trial is not None:
            again = [one for one in self.order.trained_again(self.trial, stopped) if read_trial(one.folder) is None]
            if again:
                self.leave()
                began = time.monotonic()
                measure_at_once(again, self._tell_trainings, lambda: self.is_cancelled, self.place, self.make_room)
                self._worked += time.monotonic() - began
        self.take(End(stopped))

    def leave(self) -> None:
        """Ends the child. What it has measured is in its folder."""
        with self._busy:  # another thread may want its place
            if self._alive is not None:
                self._alive.__exit__(None, None, None)
            self._alive = self._child = self._connection = None

    def leave_if_idle(self) -> None:
        """Unless it is in a turn."""
        if self._busy.acquire(blocking=False):
            try:
                self.leave()
            finally:
                self._busy.release()

    def give_up(self) -> None:
        """The turn that it is in, in another thread, ends as if the run were cancelled."""
        self._is_given_up = True

    def _start(self) -> bool:
        self.order.folder.mkdir(exist_ok=True)
        if self._step.started_at is None:
            self._step = replace(self._step, started_at=time.time())
        self._tell(self._step)
        alive = self.place.child(run_in_turns, self.order, self._keys, lambda: self.make_room())
        self._child, self._connection = alive.__enter__()
        self._alive = alive
        return self._hear() is not None

    def _hear(self) -> Standing | None:
        assert self._connection is not None
        while not self.is_cancelled:
            if not self._connection.poll(SECONDS_BETWEEN_LOOKS):
                continue
            try:
                heard = self._connection.recv()
            except (EOFError, OSError):  # the child finished and closed its end, or died
                self._finish()
                return None
            match heard:
                case Stopped(reason):
                    raise StoppedError(reason)
                case DiskFailed(reason):
                    raise BadInput(reason)
                case KeyNeeded(host, sentence):
                    forget(host, self._keys.get(host.lower()))
                    raise KeyNeededError(sentence, host)
                case Standing():
                    self.trial = heard.trial or self.trial
                    return heard
                case _:
                    self._say(heard, self._pace.remaining_seconds(heard))
        raise CancelledError

    def _tell_trainings(self, ended: int) -> None:
        self._say(Progress("training again with other seeds", ended, PRESETS[self.order.preset].trainings - 1), None)

    def _say(self, progress: Progress, remaining_seconds: float | None) -> None:
        self._tell(
            replace(
                self._step,
                **asdict(progress),
                remaining_seconds=remaining_seconds,
                worked_seconds=self._worked_seconds(),
            )
        )

    def _worked_seconds(self) -> float:
        """In all its turns, also of an earlier attempt."""
        return self._worked + (time.monotonic() - self._turn_began if self._turn_began is not None else 0.0)

    def _finish(self) -> None:
        """The trial that the child left; a failed one if it left none, unless it is started again."""
        assert self._child is not None
        self._child.join(SECONDS_TO_END)
        exit_code = self._child.exitcode
        self.leave()
        finished = read_trial(self.order.folder)
        if finished is None and self._deaths.may_go_on(exit_code):
            return
        self.trial = finished
        if self.trial is None:
            self.trial = Trial(self.order.strategy, "failed", death_sentence(exit_code))
            write_trial(self.order.folder, self.trial)
        self.is_running = False
        self._step = replace(self._step, ended_at=time.time(), worked_seconds=self._worked_seconds())
        self._tell(replace(self._step, state=self.trial.status, stage="", reason=self.trial.reason))


def _seconds_behind(trial: Trial) -> float:
    """About how long it took to measure a trial so far, without what another run measured: what was between its answers
    isn't recorded."""
    answers = len(trial.outcomes) - (trial.reused.answers if trial.reused else 0)
    answering = answers / trial.requests_per_second if trial.requests_per_second else 0.0
    if trial.reused:
        return answering
    return (trial.fit_seconds or 0.0) + answering + sum(outcome.seconds or 0.0 for outcome in trial.outcomes)


def race(racers: Sequence[Racer], rows: int, timed: int, judge: Judge, stops_early: bool) -> None:
    """Lets all `racers` answer `rows` test rows, or, if it `stops_early`, as many as it takes; so many answers are
    timed. `judge` hears of the trials whenever they change, and returns the verdict on them, if there is one. Leaves a
    finished trial in each racer. Raises what `Racer.take` raises; all children are ended then."""
    with ExitStack() as children:
        for one in racers:
            children.callback(one.leave)
            one.make_room = partial(_make_room, one, racers)
        ends = block_ends(rows)
        for end in ends:
            behind = [one for one in _running(racers) if one.answered < end]
            _each(behind, racers, partial(_answer, end=end, racers=racers), lambda: judge(_judged(racers)))
            timed_rows = spread(ends[0], timed)
            if not all(one.trial and is_timed(one.trial.outcomes, len(timed_rows)) for one in _running(racers)):
                _time(racers, timed_rows)
            verdict = judge(_judged(racers))
            if not stops_early or verdict is None or end == rows:
                continue
            names = [one.order.strategy for one in _running(racers)]
            stopped = stops(verdict.probabilities, is_clear(verdict), names)
            ended = [one for one in racers if one.order.strategy in stopped]
            _each(ended, racers, partial(_end, stopped=stopped))
        _each(_running(racers), racers, partial(_end, stopped={}))


def _each(
    some: Sequence[Racer],
    racers: Sequence[Racer],
    act: Callable[[Racer], object],
    heard: Callable[[], object] = lambda: None,
) -> None:
    """Lets some of the racers act: those on this machine one after the other, and at the same time all others. `heard`
    is called after each."""
    here = [one for one in some if one.place is HERE]
    if len(here) == len(some):
        for one in here:
            act(one)
            heard()
        return

    def in_turn() -> None:
        for one in here:
            act(one)

    def when_it_can(one: Racer) -> None:
        _await_sibling(one, racers)
        act(one)

    def give_up() -> None:
        for one in racers:
            one.give_up()

    works = [partial(when_it_can, one) for one in some if one.place is not HERE]
    all_at_once([*works, *([in_turn] if here else [])], heard, give_up)


def _await_sibling(one: Racer, racers: Sequence[Racer]) -> None:
    """Until the strategy is fitted whose prompt this one may be trained on."""
    name = sibling_of(one.order)
    sibling = next((other for other in racers if other.order.strategy == name and other is not one), None)
    while sibling is not None and not sibling.is_fitted:
        if one.is_cancelled:
            raise CancelledError
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _make_room(waiting: Racer, racers: Sequence[Racer]) -> None:
    """Those leave that hold a place on the same machines and don't compute: otherwise they could wait for each other
    for ever."""
    for one in racers:
        if one is not waiting and one.place is waiting.place:
            one.leave_if_idle()


def _running(racers: Sequence[Racer]) -> list[Racer]:
    return [one for one in racers if one.is_running]


def _judged(racers: Sequence[Racer]) -> list[Trial]:
    """What there is to judge so far."""
    return [one.trial for one in racers if one.trial is not None and one.trial.outcomes]


def _answer(one: Racer, end: int, racers: Sequence[Racer]) -> None:
    standing = one.take(Answer(end))
    # In a cluster, each has a device of its own.
    if one.place is HERE and standing is not None and not standing.has_room and len(_running(racers)) > 1:
        one.leave()
    if one.is_running:
        one.wait()


def _end(one: Racer, stopped: Mapping[str, EarlyStop]) -> None:
    one.end(stopped.get(one.order.strategy))


def _time(racers: Sequence[Racer], rows: Sequence[int]) -> None:
    """Those whose children are alive take turns, row by row; the others are timed one after the other, and so are those
    whose child ended meanwhile."""
    alive = [one for one in _running(racers) if one.is_alive]
    _time_together(alive, rows)
    for one in _running(racers):
        if one not in alive or not (one.trial and is_timed(one.trial.outcomes, len(rows))):
            _time_together([one], rows)
            one.leave()


def _time_together(racers: Sequence[Racer], rows: Sequence[int]) -> None:
    for _ in range(MOST_ROUNDS):
        for row in rows:
            for one in _in_round(racers):
                one.take(Time(row, len(rows)))
        ended = [one.take(EndRound()) for one in _in_round(racers)]
        for one in _running(racers):
            one.wait()
        if not any(standing and standing.is_noisy for standing in ended):
            return


def _in_round(racers: Sequence[Racer]) -> Iterator[Racer]:
    """Without those of several whose child had to leave its place to another: they would take it back, row by row."""
    for one in racers:
        if one.is_running and (one.is_alive or len(racers) == 1):
            yield one
