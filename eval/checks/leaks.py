"""Rows on both sides of the split that a person gave, by input or by group.

A run never learns from them: `split_task` leaves them out. The person still should know, because their own figures
come from the same split.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from eval.checks.finding import Finding, counted_rows
from eval.splitting.duplicates import Likeness, inputs_of
from eval.task import Example, Task


@dataclass(frozen=True, slots=True)
class Leaks:
    """The training and dev rows with the same or nearly the same input as a row they are tested on, and the other ones
    that share its group."""

    by_input: tuple[str, ...]
    by_group: tuple[str, ...]


def find_leaks(task: Task, likeness: Likeness | None = None) -> Leaks:
    """The rows that `split_task` leaves out. `likeness` is that of all inputs, if it is already known."""
    if not any(example.split in ("test", "dev") for example in task.examples):
        return Leaks((), ())
    likeness = likeness or inputs_of(task.examples).likeness()
    sides: dict[str, list[tuple[Example, int]]] = defaultdict(list)
    for example, key in zip(task.examples, likeness.key.tolist(), strict=True):
        sides[example.split or "train"].append((example, key))
    alike: dict[int, set[int]] = defaultdict(set)
    for a, b in likeness.pairs.tolist():
        alike[a].add(b)
        alike[b].add(a)
    by_input, by_group = set[str](), set[str]()
    for kept, cleaned in (("test", "dev"), ("test", "train"), ("dev", "train")):
        keys = {key for _, key in sides[kept]}
        keys |= {other for key in keys for other in alike.get(key, ())}
        groups = {example.group for example, _ in sides[kept]} - {None}
        by_input |= {example.id for example, key in sides[cleaned] if key in keys}
        by_group |= {example.id for example, key in sides[cleaned] if key not in keys and example.group in groups}
        sides[cleaned] = [row for row in sides[cleaned] if row[1] not in keys and row[0].group not in groups]
    in_order = [example.id for example in task.examples]
    return Leaks(tuple(row for row in in_order if row in by_input), tuple(row for row in in_order if row in by_group))


def check_leaks(task: Task, likeness: Likeness) -> Iterable[Finding]:
    found = find_leaks(task, likeness)
    we_do = "We never train on these rows, so our scores are fair. Scores measured elsewhere may be too high."
    if found.by_input:
        alike = "the same or nearly the same" if likeness.complete else "the same"
        yield Finding(
            "leaks",
            "warning",
            f"{counted_rows(found.by_input, 'has', 'have')} {alike} input as a row on the other side of your split.",
            f"A model that was trained on them knows the answer. {we_do}",
            "Remove them from training",
            found.by_input,
        )
    if found.by_group:
        yield Finding(
            "group-leaks",
            "warning",
            f"{counted_rows(found.by_group, 'shares its', 'share their')} group with a row on the other side of your "
            "split.",
            f"Rows of a group are alike, so a model that was trained on them has seen half the answer. {we_do}",
            "Remove them from training",
            found.by_group,
        )
