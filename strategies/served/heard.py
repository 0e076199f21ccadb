"""What came back from a server, counted for the notes and for costs, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from eval.measuring.phases import READING, WRITING, is_listening, took, took_instead
from eval.money.tokens import Spent
from strategies.served.requests import Answer, Reply, Request
from strategies.served.usage import tokens_taken

_NAMED = 5  # names of other models; some servers make up a new one for each answer


class Heard:
    """The answers so far: how many, how many of them an earlier process asked for, and under which names. `used` is
    what all of them take, as if none had been kept."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._answers = self._kept = 0
        self.used = Spent()
        self._asked: set[str] = set()
        self._began, self._oldest = time.time(), time.time()
        self._names: dict[str, None] = {}  # in the order they came

    def add(self, requests: Sequence[Request], replies: Sequence[Reply], seconds: float, at_once: int) -> None:
        """Replies to these requests that came within `seconds`, with so many at once. If somebody listens, the time
        counts that the answers took when they were asked for."""
        answers = [reply for reply in replies if isinstance(reply, Answer)]
        for request, reply in zip(requests, replies, strict=True):
            key = request.key(self._model)
            if request.is_for_answer and isinstance(reply, Answer) and key not in self._asked:
                self._asked.add(key)  # equal ones are asked once
                tokens = tokens_taken(request, reply)
                self.used += Spent(1, tokens.read, tokens.written)
        for request, reply in zip(requests, replies, strict=True):
            if request.is_for_answer and isinstance(reply, Answer):
                self._answers += 1
                self._names[str(reply.body.get("model") or self._model)] = None
                self._kept += reply.asked_at < self._began
                self._oldest = min(self._oldest, reply.asked_at)
        if not is_listening() or not answers or len(answers) < len(replies):
            return
        if len(answers) == 1:
            [answer] = answers
            took_instead(answer.seconds, seconds)
            if answer.first_token_seconds is not None:
                took(READING, answer.first_token_seconds)
                took(WRITING, answer.seconds - answer.first_token_seconds)
        elif all(answer.was_kept for answer in answers):
            each = [answer.seconds for answer in answers]
            took_instead(max(max(each), sum(each) / at_once), seconds)

    @property
    def notes(self) -> list[str]:
        notes = []
        others = [name for name in self._names if not _is_same_model(name, self._model)]
        if others:
            shown, more = others[:_NAMED], len(others) - _NAMED
            named = ", ".join([*shown, f"and {more:,} more"] if more > 0 else shown)
            notes.append(f"The server answered as another model than {self._model}: {named}.")
        if self._kept:
            notes.append(
                f"Answers kept from an earlier run: {self._kept:,} of {self._answers:,}, the first of "
                f"{_day(self._oldest)}. They count with the time and the tokens that they took then."
            )
        return notes


def _day(seconds: float) -> str:
    """Such as "1 December 2026"; what was kept may be damaged."""
    try:
        day = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return "an unknown day"
    return f"{day.day} {day:%B %Y}"


def _is_same_model(answered: str, asked: str) -> bool:
    """Services add a date or a version, servers leave out a folder or an ending."""
    answered, asked = (name.casefold().rsplit("/", 1)[-1].removesuffix(".gguf") for name in (answered, asked))
    return answered.startswith(asked) or asked.startswith(answered)
