"""Personal data."""

from __future__ import annotations

import re
from collections.abc import Iterable

from eval.checks.finding import Finding, counted_rows
from eval.task import Task

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+\.\w")  # bounded: linear time in long text without an @
_CARD_NUMBER = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")


def check_personal_data(task: Task) -> Iterable[Finding]:
    rows = personal_data(task)
    if rows:
        yield Finding(
            "personal-data",
            "info",
            f"{counted_rows(rows, 'seems', 'seem')} to contain an e-mail address or a card number.",
            "A fine-tuned model can repeat its training data in answers. Replace real data with made-up data.",
            rows=rows,
        )


def personal_data(task: Task) -> tuple[str, ...]:
    """The rows that seem to hold an e-mail address or the number of a payment card."""
    return tuple(example.id for example in task.examples if _looks_personal(f"{example.input}\n{example.target}"))


def _looks_personal(text: str) -> bool:
    return bool(_EMAIL.search(text)) or any(_is_card_number(match[0]) for match in _CARD_NUMBER.finditer(text))


def _is_card_number(text: str) -> bool:
    """Luhn's check. One in ten other long numbers passes it too."""
    digits = [int(character) for character in reversed(text) if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
