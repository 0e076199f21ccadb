"""Which rows of a task have which flaw, as example ids in file order."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict

from eval.task import Kind, Task, normalised

FEW_ROWS_A_LABEL = 5

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+\.\w")  # bounded: linear time in long text without an @
_BETWEEN_WORDS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")
_WHOLE_NUMBER = re.compile(r"([+-]?(?:0|[1-9]\d*))\.0+")  # 1.0 is 1, but 007 is not 7
_END = re.compile(r"(?<=\w)[.!]$")
_MISSING = frozenset((
    "nan", "none", "null", "nil", "n/a", "n.a.", "na", "#n/a", "<na>", "-", "--", "?", "???", "...", "undefined", "tbd",
    "tba", "todo", "unlabeled", "unlabelled", "not labeled", "no label", "missing", "not available", "k.a.", "k. a.",
    "keine angabe", "n/d", "s/o", "未標註", "未标注",
))  # fmt: skip
_CARD_NUMBER = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")


def duplicates(task: Task) -> tuple[str, ...]:
    """The rows that repeat the input and the answer of an earlier one."""
    seen: set[tuple[str, str]] = set()
    rows = []
    for example in task.examples:
        pair = (normalised(example.input), example.target)
        if pair[0] and pair in seen:
            rows.append(example.id)
        seen.add(pair)
    return tuple(rows)


def conflicts(task: Task) -> tuple[str, ...]:
    """The rows whose input has a different answer in another row."""
    targets: dict[str, set[str]] = defaultdict(set)
    for example in task.examples:
        targets[normalised(example.input)].add(example.target)
    several = {text for text, answers in targets.items() if text and len(answers) > 1}
    return tuple(example.id for example in task.examples if normalised(example.input) in several)


def label_spellings(task: Task) -> dict[str, str]:
    """Labels that differ from another one only in capitals, spacing, hyphens, a full stop or the form of a number, each
    with the most common spelling."""
    if task.kind is not Kind.CLASSIFICATION:
        return {}
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for example in task.examples:
        spellings[_spelled_plainly(example.target)][example.target] += 1
    merged: dict[str, str] = {}
    for counts in spellings.values():
        commonest = min(counts, key=lambda label: (-counts[label], label))
        merged |= {label: commonest for label in counts if label != commonest}
    return merged


def _spelled_plainly(label: str) -> str:
    plain = _BETWEEN_WORDS.sub(" ", unicodedata.normalize("NFKC", label).casefold().strip())
    return _WHOLE_NUMBER.sub(r"\1", plain) if _WHOLE_NUMBER.fullmatch(plain) else _END.sub("", plain)


def missing_words(task: Task) -> tuple[str, ...]:
    """The rows whose answer is a word that programs write where there is none, such as "nan" or "-"."""
    return tuple(example.id for example in task.examples if example.target.casefold() in _MISSING)


def copied_answers(task: Task) -> tuple[str, ...]:
    """The rows whose answer is their input."""
    return tuple(
        example.id
        for example in task.examples
        if len(example.target) * 2 > len(example.input)  # to compare few of them
        and normalised(example.input) == normalised(example.target)
    )


def rare_labels(task: Task) -> tuple[str, ...]:
    """The rows of labels that have fewer than `FEW_ROWS_A_LABEL` of them."""
    if task.kind is not Kind.CLASSIFICATION:
        return ()
    counts = Counter(example.target for example in task.examples)
    return tuple(example.id for example in task.examples if counts[example.target] < FEW_ROWS_A_LABEL)


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
