"""What came back from a server, counted for the notes, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from eval.measuring.phases import READING, WRITING, is_listening, took, took_instead
from strategies.served.requests import Answer, Reply


class Heard:
    """The answers so far: how many, how many of them were kept from earlier, and under which names."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._answers = self._kept = 0
        self._oldest: float | None = None
        self._names: dict[str, None] = {}  # in the order they came

    def add(self, replies: Sequence[Reply], seconds: float, at_once: int) -> None:
        """Replies that came within `seconds`, with so many requests at once. If somebody listens, the time counts that
        the answers took when they were asked for."""
        answers = [reply for reply in replies if isinstance(reply, Answer)]
        for answer in answers:
            self._answers += 1
            self._names[str(answer.body.get("model") or self._model)] = None
            if answer.was_kept:
                self._kept += 1
                self._oldest = min(self._oldest or answer.asked_at, answer.asked_at)
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
            notes.append(f"The server answered as another model than {self._model}: {', '.join(others)}.")
        if self._oldest is not None:
            day = datetime.fromtimestamp(self._oldest, UTC)
            notes.append(
                f"{self._kept:,} of {self._answers:,} answers were kept from earlier requests, the first of "
                f"{day.day} {day:%B %Y}. They count with the time and the tokens that they took then."
            )
        return notes


def _is_same_model(answered: str, asked: str) -> bool:
    """Services add a date or a version, servers leave out a folder or an ending."""
    answered, asked = (name.casefold().rsplit("/", 1)[-1].removesuffix(".gguf") for name in (answered, asked))
    return answered.startswith(asked) or asked.startswith(answered)
