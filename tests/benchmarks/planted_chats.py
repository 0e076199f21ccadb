"""A task made so that every answer of a conversation teaches the same rules: an office replies with the desk (a private
rule), and with the place, which may be named only in an earlier message. Adapter fine-tuning with the real
model, trained on every answer or on the last one alone, with the same rows and the same budget of tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
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

ANSWERS = 4  # of the assistant in each conversation
TRAIN, DEV, TEST = 120, 16, 60
TOKENS = 14_000  # of training; FULL=1 takes those of the quick preset
FLATTENED, LAST, EVERY = "one text, last answer", "turns, last answer", "turns, every answer"
ARMS = (FLATTENED, LAST, EVERY)
_DESKS = {
    "red": ("before noon", "within the hour"),
    "blue": ("next month", "when there is room"),
    "green": ("for free", "as a gift"),
}
_THINGS = ("lamp", "ladder", "kettle", "saddle", "drum", "mirror", "anchor", "basket", "bench", "lantern", "kite")
_PLACES = ("Torvad", "Ilmeny", "Quessant", "Bexley", "Ostrava", "Lindle", "Carrick", "Vantor", "Soley", "Marrow")
_ASKED = ("A {thing} for {place}, {how}.", "Send a {thing} to {place} {how}.", "{place} needs a {thing}, {how}.")
_ASKED_AGAIN = ("And a {thing} there, {how}.", "Also a {thing} to the same place, {how}.", "They need a {thing} {how}.")
_SAME_PLACE = 0.5  # of the messages after the first


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


def planted_chats(count: int, seed: int) -> bytes:
    """A file of chats in OpenAI's format."""
    draw = Random(seed)
    return "".join(f"{json.dumps({'messages': _chat(draw)})}\n" for _ in range(count)).encode()


def _chat(draw: Random) -> list[dict[str, str]]:
    messages = [
        {"role": "system", "content": "You are the order office. Answer each order with its desk, thing and place."}
    ]
    place = ""
    for _ in range(ANSWERS):
        desk, thing = draw.choice(list(_DESKS)), draw.choice(_THINGS)
        stays = bool(place) and draw.random() < _SAME_PLACE
        place = place if stays else draw.choice([other for other in _PLACES if other != place])
        asked = draw.choice(_ASKED_AGAIN if stays else _ASKED)
        asked = asked.format(place=place, thing=thing, how=draw.choice(_DESKS[desk]))
        messages.append({"role": "user", "content": asked})
        messages.append({"role": "assistant", "content": f"{desk}, {thing} to {place}"})
    return messages


def task_of(seed: int) -> Task:
    table = read_table("chats.jsonl", planted_chats(TRAIN + DEV + TEST, seed))
    return build_task(table, guess_columns(table), kind=None, name="planted chats", instruction=table.instruction).task


def run(full: bool) -> list[dict[str, Any]]:
    return figures([measure(seed, arm, full) for seed in range(3) for arm in ARMS])


def measure(seed: int, arm: str, full: bool = False) -> Answered:
    task = task_of(seed)
    train, dev, test = task.examples[:TRAIN], task.examples[TRAIN : TRAIN + DEV], task.examples[TRAIN + DEV :]
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
                "desk right": _share(runs, lambda text, row: text.split(",")[0] == row.target.split(",")[0]),
                "place right": _share(runs, lambda text, row: text.split()[-1:] == row.target.split()[-1:]),
                "every answer is better by": f"{gain.difference:.3f} ({gain.low:.3f} to {gain.high:.3f})"
                if gain
                else "",
                "rows": len(right),
                "training tokens": ", ".join(str(one.settings["training_tokens"]) for one in runs),
                "seconds to fit": mean(one.seconds for one in runs),
            }
        )
    return rows


def _share(runs: Sequence[Answered], is_right: Callable[[str, Example], bool]) -> float:
    return mean(
        float(is_right(text.strip(), row))
        for one in runs
        for text, row in zip(one.texts, tests_of(one.seed), strict=True)
    )


def tests_of(seed: int) -> tuple[Example, ...]:
    return task_of(seed).examples[TRAIN + DEV :]
