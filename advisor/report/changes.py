"""What is different in the data of two runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.task import Document, Example, normalised


@dataclass(frozen=True, slots=True)
class DataChange:
    """Examples by their normalised input: new ones, gone ones, and (before, after) where the answer is another."""

    added: tuple[Example, ...]
    removed: tuple[Example, ...]
    changed: tuple[tuple[Example, Example], ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """Documents by their id: titles of new ones, gone ones, and those whose text is another."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def compare_data(before: Sequence[Example], after: Sequence[Example]) -> DataChange:
    """Rows with equal inputs are paired in their order, those with equal answers first."""
    old, new = _by_input(before), _by_input(after)
    added: list[Example] = []
    removed: list[Example] = []
    changed: list[tuple[Example, Example]] = []
    unchanged = 0
    for key in old.keys() | new.keys():
        gone, come = _without_common(old.get(key, []), new.get(key, []))
        unchanged += len(new.get(key, [])) - len(come)
        pairs = min(len(gone), len(come))
        changed += zip(gone[:pairs], come[:pairs], strict=True)
        removed += gone[pairs:]
        added += come[pairs:]
    order_before = {example.id: place for place, example in enumerate(before)}
    order_after = {example.id: place for place, example in enumerate(after)}
    return DataChange(
        tuple(sorted(added, key=lambda example: order_after[example.id])),
        tuple(sorted(removed, key=lambda example: order_before[example.id])),
        tuple(sorted(changed, key=lambda pair: order_after[pair[1].id])),
        unchanged,
    )


def compare_documents(before: Sequence[Document], after: Sequence[Document]) -> DocumentChange:
    """A document that was only renamed counts as removed and added."""
    old, new = {one.id: one for one in before}, {one.id: one for one in after}
    return DocumentChange(
        tuple(one.title or one.id for one in after if one.id not in old),
        tuple(one.title or one.id for one in before if one.id not in new),
        tuple(one.title or one.id for one in after if one.id in old and old[one.id] != one),
    )


def _by_input(examples: Sequence[Example]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    for example in examples:
        found.setdefault(normalised(example.input), []).append(example)
    return found


def _without_common(before: Sequence[Example], after: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """What is left of two lists of examples once those with equal answers are paired off."""
    left = list(after)
    gone = []
    for example in before:
        twin = next((one for one in left if one.target.strip() == example.target.strip()), None)
        if twin is None:
            gone.append(example)
        else:
            left.remove(twin)
    return gone, left
