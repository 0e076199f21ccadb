"""What every service that fine-tunes can do, whatever its paths are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol


@dataclass(frozen=True, slots=True)
class JobOrder:
    """A training of `model`, named as its service names it, on uploaded files, by their ids. `validation_file` is ""
    if there is none. `suffix` becomes part of the tuned model's name."""

    model: str
    training_file: str
    validation_file: str
    epochs: int
    seed: int
    suffix: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The job is in the queue, or its files are being checked."""


@dataclass(frozen=True, slots=True)
class Running:
    """The job trains. `tokens` are those it was trained on so far, None if the service doesn't say."""

    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Tuned:
    """The job is done: the name of the tuned model, and the tokens that are paid for, None if the service doesn't
    say."""

    model: str
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The job ended without a model. `reason` is what the service says, "" if it says nothing. `tokens` as above."""

    reason: str
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    tokens: int | None = None


JobState = Waiting | Running | Tuned | Failed | Cancelled


class Provider(Protocol):
    """One service. Every method raises `StoppedError` with a sentence if the service can't do it, `NoKeyError` if it
    wants a key, or another one."""

    name: ClassVar[str]

    def upload(self, name: str, content: bytes) -> str:
        """Uploads a file of chats, a line each, and returns its id."""
        ...

    def uploaded(self, name: str) -> str | None:
        """The id of the file with this name, if it is there already."""
        ...

    def start(self, order: JobOrder) -> str:
        """Starts a job, which costs money, and returns its id."""
        ...

    def started(self, training_file: str) -> str | None:
        """The id of the latest job on this file, if one was started."""
        ...

    def state(self, job: str) -> JobState: ...

    def cancel(self, job: str) -> None: ...

    def delete_file(self, file: str) -> None: ...

    def delete_model(self, model: str) -> None: ...
