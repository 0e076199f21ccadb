"""Rows of one conversation: one row's turns go on from another row's answer. If they were in two parts of a split,
training on every answer of a conversation would read an answer of the test set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from eval.conversation import turns_of
from eval.task import Example, Turn, normalised

MOST = 20  # rows that go on from the same one: more of them share a common opening ("Hi"), not a conversation


def continued(examples: Sequence[Example]) -> list[tuple[int, int]]:
    """Pairs of rows of which the second goes on from the first."""
    if not any(example.turns for example in examples):
        return []
    ended: dict[str, list[int]] = defaultdict(list)  # the rows that end with these turns
    for row, example in enumerate(examples):
        *_, whole = _beginnings((*turns_of(example.input), Turn("assistant", example.target)))
        ended[whole].append(row)
    found = [
        [beginning for beginning in _beginnings(turns_of(example.input)) if beginning in ended] for example in examples
    ]
    going_on = Counter(beginnings[-1] for beginnings in found if beginnings)
    return [
        (first, row)
        for row, beginnings in enumerate(found)
        for beginning in beginnings
        if going_on[beginning] <= MOST
        for first in ended[beginning]
    ]


def _beginnings(turns: Sequence[Turn]) -> Iterator[str]:
    """The turns up to each answer, as texts to compare."""
    text = ""
    for turn in turns:
        text += f"{turn.role}\n{normalised(turn.text)}\n"
        if turn.role == "assistant":
            yield text
