"""A task made so that what the last answer of a conversation teaches isn't all: an office notes orders in a form of its
own, and closes the conversation when asked. In the training conversations the last answer always closes; half of the
test rows end with an order. Adapter fine-tuning with the real model, trained on every answer or on the last one alone,
with the same rows and the same budget of tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import mean
from typing import Any

from eval.mapping.build import build_task
from eval.mapping.columns import guess_columns
from eval.reading.table import read_table
from eval.statistics.inference import paired_difference
from eval.task import Example, LearningSplit, Task
from strategies.presets import PRESETS, Preset
from strategies.registry import build_strategy

MOST_ORDERS = 3  # in a conversation
TRAIN, DEV, TEST = 120, 16, 60
TOKENS = 14_000  # of training; FULL=1 takes those of the quick preset
FLATTENED, LAST, EVERY = "one text, last answer", "turns, last answer", "turns, every answer"
ARMS = (FLATTENED, LAST, EVERY)
_THINGS = ("lamp", "ladder", "kettle", "saddle", "drum", "mirror", "anchor", "basket", "bench", "lantern", "kite")
_PLACES = ("Torvad", "Ilmeny", "Quessant", "Bexley", "Ostrava", "Lindle", "Carrick", "Vantor", "Soley", "Marrow")
_ASKED = ("A {thing} for {place}, please.", "Send a {thing} to {place}.", "{place} needs a {thing}.")
_CLOSING = ("That is all, thanks.", "Nothing else today.", "We are done.")


@dataclass(frozen=True, slots=True)
class Answered:
    """One arm with one seed: the answers to the test rows, and what training took."""

    seed: int
    arm: str
    texts: list[str]
    right: list[float]
    settings: dict[str, Any]
    notes: list[str]
    seconds: float


def planted_chats(count: int, seed: int, is_test: bool = False) -> bytes:
    """A file of chats in OpenAI's format. Every second conversation of a test ends with an order."""
    draw = Random(f"{seed}-{is_test}")
    chats = [_chat(draw, is_closed=not is_test or at % 2 == 1) for at in range(count)]
    return "".join(f"{json.dumps({'messages': messages})}\n" for messages in chats).encode()


def _chat(draw: Random, is_closed: bool) -> list[dict[str, str]]:
    messages = [{"role": "system", "content": "You are the order office."}]
    thing = place = ""
    for _ in range(draw.randint(1, MOST_ORDERS)):
        thing, place = draw.choice(_THINGS), draw.choice(_PLACES)
        messages.append({"role": "user", "content": draw.choice(_ASKED).format(thing=thing, place=place)})
        messages.append({"role": "assistant", "content": f"{place.upper()} / {thing}"})
    if is_closed:
        messages.append({"role": "user", "content": draw.choice(_CLOSING)})
        messages.append({"role": "assistant", "content": f"Closed with the {thing} that goes to {place}."})
    return messages


def task_of(seed: int, is_test: bool = False) -> Task:
    table = read_table("chats.jsonl", planted_chats(TEST if is_test else TRAIN + DEV, seed, is_test))
    return build_task(table, guess_columns(table), kind=None, name="planted chats", instruction=table.instruction).task


def run(full: bool) -> list[dict[str, Any]]:
    return figures([measure(seed, arm, full) for seed in range(3) for arm in ARMS])


def measure(seed: int, arm: str, full: bool = False) -> Answered:
    task = task_of(seed)
    train, dev, test = task.examples[:TRAIN], task.examples[TRAIN:], tests_of(seed)
    if arm == FLATTENED:
        train = tuple(replace(row, turns=()) for row in train)
    budget = replace(PRESETS["quick"].budget(task.kind), settings=1)
    budget = budget if full else replace(budget, training_tokens=TOKENS)
    strategy: Any = build_strategy(
        "finetuning", task.brief, "embedded", Preset("benchmark", "", {task.kind: budget}), seed
    )
    strategy.learns_earlier = arm == EVERY
    started = time.perf_counter()
    strategy.fit(LearningSplit(train, dev), (), lambda progress: None)
    seconds = time.perf_counter() - started
    texts = [one.text for one in strategy.predict([row.input for row in test])]
    right = [float(text.strip() == row.target) for text, row in zip(texts, test, strict=True)]
    return Answered(seed, arm, texts, right, strategy.settings, strategy.notes, seconds)


def figures(found: Sequence[Answered]) -> list[dict[str, Any]]:
    """Each arm over all seeds, and how much better training on every answer is, row by row."""
    by_arm = {arm: [one for one in found if one.arm == arm] for arm in ARMS}
    every = [right for one in by_arm[EVERY] for right in one.right]
    rows = []
    for arm, runs in by_arm.items():
        right = [each for one in runs for each in one.right]
        gain = paired_difference(every, right) if arm != EVERY else None
        rows.append(
            {
                "arm": arm,
                "right": mean(right),
                "by seed": ", ".join(f"{mean(one.right):.2f}" for one in runs),
                "orders right": _right(runs, is_order=True),
                "closings right": _right(runs, is_order=False),
                "every answer is better by": f"{gain.difference:.3f} ({gain.low:.3f} to {gain.high:.3f})"
                if gain
                else "",
                "rows": len(right),
                "training tokens": ", ".join(str(one.settings["training_tokens"]) for one in runs),
                "seconds to fit": mean(one.seconds for one in runs),
            }
        )
    return rows


def _right(runs: Sequence[Answered], is_order: bool) -> float:
    return mean(
        right
        for one in runs
        for right, row in zip(one.right, tests_of(one.seed), strict=True)
        if ("/" in row.target) == is_order
    )


def tests_of(seed: int) -> tuple[Example, ...]:
    return task_of(seed, is_test=True).examples
