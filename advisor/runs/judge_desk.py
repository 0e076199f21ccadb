"""The worker's part in judging a run: a child that asks the judge, while nothing else waits for the machine."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from filelock import Timeout

from advisor.pairing import model_words
from advisor.runs.child import SECONDS_TO_END, death_sentence, failure_sentence, settle_in, spawned
from advisor.spending import unlimited
from advisor.storage.judge_queue import Judging, end_judging, judging_of, next_judging, save_judging
from advisor.storage.store import Store
from strategies.base_models import loader_of
from strategies.served.keys import (
    Key,
    KeyNeededError,
    accept,
    forget,
    handed_over,
    use_keys_of,
    was_handed_over,
)

_SECONDS_BETWEEN_LOOKS = 0.3


@dataclass(frozen=True, slots=True)
class _Pairs:
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class _End:
    """`problem` is None if all pairs are judged; `host` is the server that wants a key."""

    problem: str | None = None
    host: str = ""


def judge_next(store: Store, beat: Callable[[], None] = lambda: None) -> bool:
    """Judges the run that has waited longest, and calls `beat` again and again meanwhile. False if there is none, or if
    another process has the machine. If a run wants the machine, the judge stops and goes on later: each ballot is kept.
    """
    one = next_judging(store)
    if one is None:
        return False
    try:
        lock = store.device_lock.acquire(timeout=0)
    except Timeout:
        return False
    with lock:
        if not store.run_folder(one.run_id).exists():  # deleted meanwhile
            end_judging(store, one.run_id)
            return True
        try:
            use_keys_of(store.run(one.run_id).owner)
            _judge(store, one, beat)
        except Exception as wrong:  # an exception here would end every worker that takes it up again
            traceback.print_exc()
            _give_up(store, replace(one, state="failed", problem=failure_sentence(wrong, "judging")))
    return True


def _give_up(store: Store, failed: Judging) -> None:
    """On a full disk it leaves the queue without a word."""
    try:
        save_judging(store, failed)
    except OSError:
        end_judging(store, failed.run_id)


def _judge(store: Store, one: Judging, beat: Callable[[], None]) -> None:
    keys = handed_over([one.model])
    one = replace(one, state="running")
    save_judging(store, one)
    with spawned(_ask, store.home, one.run_id, one.model, keys) as (child, reports):
        end: _End | None = None
        while end is None:
            beat()
            if judging_of(store, one.run_id) is None:  # somebody stopped it
                return
            if store.next_run() is not None:
                save_judging(store, replace(one, state="waiting"))
                return
            if not reports.poll(_SECONDS_BETWEEN_LOOKS):
                continue
            try:
                heard = reports.recv()
            except (EOFError, OSError):
                child.join(SECONDS_TO_END)
                heard = _End(death_sentence(child.exitcode))
            if isinstance(heard, _Pairs):
                one = replace(one, done=heard.done, total=heard.total)
                save_judging(store, one)
            else:
                end = heard
        child.join(SECONDS_TO_END)
    if end.problem is None:
        end_judging(store, one.run_id)
        return
    if not end.host:
        save_judging(store, replace(one, state="failed", problem=end.problem))
        return
    forget(end.host, keys.get(end.host.lower()))
    awaited = "" if was_handed_over(end.host) else end.host.lower()
    save_judging(store, replace(one, state="waiting", problem=end.problem, awaits_key=awaited))


def _ask(home: Path, run_id: str, model: str, keys: Mapping[str, Key], reports: Connection) -> None:
    """The child's part."""
    settle_in(home / "judging.log")
    from advisor.runs.judging import judge_run  # with statistics and drawing, which take the worker seconds to import

    accept(keys)
    try:
        judge_run(
            Store(home),
            run_id,
            model_words(model),
            lambda: loader_of(model, unlimited(run_id, "judge"))(),
            lambda done, total: reports.send(_Pairs(done, total)),
        )
    except KeyNeededError as wrong:
        reports.send(_End(str(wrong), wrong.host))
    except Exception as wrong:
        traceback.print_exc()
        reports.send(_End(failure_sentence(wrong, "judging")))
    else:
        reports.send(_End())
    reports.close()
