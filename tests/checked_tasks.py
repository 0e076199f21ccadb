"""Tasks without a flaw, for tests that plant one."""

from __future__ import annotations

import random
from collections.abc import Sequence

from eval.checks import Finding, check_task
from eval.task import Example, Kind, Task, labels_of

WORDS = (
    "apple", "river", "stone", "cloud", "winter", "garden", "market", "bridge", "silver", "candle", "forest", "letter",
    "window", "planet", "dragon", "copper", "violin", "harbour", "pepper", "meadow", "lantern", "mirror", "castle",
)  # fmt: skip


def sentences(count: int) -> list[str]:
    """Different sentences of six words, with hardly a word sequence in common."""
    chance = random.Random(0)
    return [" ".join(chance.sample(WORDS, 6)) for _ in range(count)]


def task_of(pairs: Sequence[tuple[str, str]], kind: Kind = Kind.CLASSIFICATION) -> Task:
    examples = tuple(Example(f"r{i}", text, target) for i, (text, target) in enumerate(pairs, start=2))
    return Task("t", kind, "", examples, labels=labels_of(examples) if kind is Kind.CLASSIFICATION else ())


def clean(count: int = 120) -> list[tuple[str, str]]:
    return [(text, "left" if i % 2 else "right") for i, text in enumerate(sentences(count))]


def findings(task: Task) -> dict[str, Finding]:
    return {finding.id: finding for finding in check_task(task)}
