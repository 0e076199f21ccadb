"""New inputs that a person tries with a finished run: one file each in the run's folder, and a queue for the worker.

The page writes a try once; from then on only the worker does. A file in the queue, named like the try, says that it
isn't answered yet, so that whatever happens to the worker, the next one finds it.
"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from advisor.as_json import AsJson
from advisor.storage.files import write_whole
from advisor.storage.store import Store
from eval.sent import SentPrompt
from eval.task import BadInput

KEPT = 8  # tries of a run; older ones are deleted
MOST_CHARACTERS = 100_000  # of an input: far beyond the context of any model, and quick to store and show

Stage = Literal["starting", "loading", "answering"]


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely a strategy finds a label: 0 to 1."""

    label: str
    share: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A strategy or baseline that a try asks: as it was fitted, or with its adapter switched off."""

    strategy: str
    adapter_off: bool = False


@dataclass(frozen=True, slots=True)
class TriedAnswer:
    """One strategy's answer to a try, or the `problem` in a sentence. `adapter_off`: as in `Asked`.

    `seconds` is the wall time of the answer, `loading_seconds` that of loading the strategy, None if it was in memory.
    `sources` are ids as in a `Prediction`. `likely` are the likeliest of all `labels`, best first; `prompt` is what a
    language model was sent. `awaits_key` is the server, with its port, that wants a key first.
    """

    strategy: str
    text: str = ""
    problem: str | None = None
    seconds: float | None = None
    loading_seconds: float | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    sources: tuple[str, ...] = ()
    likely: tuple[Likelihood, ...] = ()
    labels: int = 0
    prompt: SentPrompt | None = None
    awaits_key: str = ""
    adapter_off: bool = False


@dataclass(frozen=True, slots=True)
class Try:
    """An input and what the strategies answered so far. Those in `also_off` are asked again with their adapter switched
    off. While it runs, `strategy` is in this `stage` since `since` (seconds since 1970, as `created_at`); `is_off` says
    whether its adapter is off."""

    id: str
    run_id: str
    input: str
    strategies: tuple[str, ...]
    created_at: float
    state: Literal["waiting", "running", "done"] = "waiting"
    strategy: str = ""
    stage: Stage = "starting"
    since: float = 0.0
    answers: tuple[TriedAnswer, ...] = ()
    also_off: tuple[str, ...] = ()
    is_off: bool = False

    @property
    def asked(self) -> tuple[Asked, ...]:
        """In the order in which they answer."""
        return tuple(
            Asked(name, adapter_off)
            for name in self.strategies
            for adapter_off in ((False, True) if name in self.also_off else (False,))
        )

    @property
    def left(self) -> tuple[Asked, ...]:
        """Those that haven't answered."""
        answered = {Asked(answer.strategy, answer.adapter_off) for answer in self.answers}
        return tuple(one for one in self.asked if one not in answered)


_TRY = AsJson[Try](Try)


def new_try(run_id: str, text: str, strategies: tuple[str, ...], also_off: tuple[str, ...] = ()) -> Try:
    """Raises BadInput if there is nothing to answer, or too much."""
    text = text.strip()
    if not text:
        raise BadInput("The input is empty: write something to answer.")
    if len(text) > MOST_CHARACTERS:
        raise BadInput(f"The input has {len(text):,} characters, and the limit is {MOST_CHARACTERS:,}: shorten it.")
    now = time.time()
    name = f"{int(now * 1000):015d}-{secrets.token_hex(4)}"
    return Try(name, run_id, text, strategies, now, since=now, also_off=also_off)


def add_try(store: Store, one: Try) -> None:
    """Stores a try and puts it in the queue."""
    keep_try(store, one)
    _queue(store).mkdir(exist_ok=True)
    write_whole(_queue(store) / one.id, one.run_id)


def keep_try(store: Store, one: Try) -> None:
    """Stores a try. Deletes the oldest answered ones of its run, if there are many."""
    _folder(store, one.run_id).mkdir(exist_ok=True)
    save_try(store, one)
    waiting = {try_id for _, try_id in waiting_tries(store)}
    for old in tries_of(store, one.run_id)[KEPT:]:
        if old.id not in waiting:
            _path(store, old.run_id, old.id).unlink(missing_ok=True)


def save_try(store: Store, one: Try) -> None:
    """Raises OSError if the run's folder is gone."""
    write_whole(_path(store, one.run_id, one.id), _TRY.write(one))


def read_try(store: Store, run_id: str, try_id: str) -> Try | None:
    """None if there is none, or if another version wrote it."""
    try:
        return _TRY.read(_path(store, run_id, try_id).read_bytes())
    except (OSError, ValueError):
        return None


def tries_of(store: Store, run_id: str) -> list[Try]:
    """Newest first."""
    files = sorted(_folder(store, run_id).glob("*.json"), reverse=True)
    return [one for file in files if (one := read_try(store, run_id, file.stem))]


def waiting_tries(store: Store) -> list[tuple[str, str]]:
    """The run and the id of each try that isn't answered yet, the one that has waited longest first."""
    found = []
    with suppress(FileNotFoundError):
        for file in sorted(path for path in _queue(store).iterdir() if not path.name.startswith(".")):
            with suppress(OSError):  # answered meanwhile, or nothing that a page put here
                found.append((file.read_text(errors="replace"), file.name))
    return found


def leave_queue(store: Store, try_id: str) -> None:
    (_queue(store) / try_id).unlink(missing_ok=True)


def _folder(store: Store, run_id: str) -> Path:
    return store.own_run_folder(run_id) / "tries"


def _path(store: Store, run_id: str, try_id: str) -> Path:
    return _folder(store, run_id) / f"{try_id}.json"


def _queue(store: Store) -> Path:
    return store.home / "tries"
