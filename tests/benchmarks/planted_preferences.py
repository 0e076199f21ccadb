"""A task made so that it is known what people prefer: a short and polite reply, not a rude one and not a long one. How
often preference tuning with the real model prefers it on rows it never saw, beside supervised fine-tuning alone."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random
from typing import Any

from eval.scoring import scorer_for
from eval.task import Example, Kind, LearningSplit, Split, Task
from strategies.presets import PRESETS, Preset
from strategies.registry import build_strategy

TRAIN, DEV, TEST = 220, 8, 40
TOKENS = 16_000  # of training, both stages together, unless FULL=1
_THINGS = (
    "lamp",
    "kettle",
    "chair",
    "bicycle",
    "tent",
    "radio",
    "clock",
    "jacket",
    "printer",
    "blender",
    "sofa",
    "drill",
)
_TROUBLES = (
    ("arrived broken", "We will send a new {thing} today."),
    ("has not arrived yet", "Your {thing} will arrive within two days."),
    ("has the wrong colour", "We will exchange your {thing} for free."),
    ("makes a strange noise", "Please send the {thing} back, and we will repair it."),
    ("came without its manual", "We will email you the manual of your {thing}."),
    ("cost more than in the shop", "We will refund the difference for your {thing}."),
)
_ASKED = ("The {thing} I ordered {trouble}.", "My {thing} {trouble}. What now?", "Hello, the new {thing} {trouble}.")
_POLITE = ("Thank you for writing.", "We are sorry about that.", "Thank you for telling us.")
_RUDE = ("That is not our problem.", "You should have been more careful.", "Stop writing to us about this.")
_LONG = (
    "We would like to take this opportunity to assure you that every single message is read with the greatest of care, "
    "and that we always do our best."
)


def planted_preferences(count: int, seed: int) -> list[Example]:
    """Half of the rejected replies are rude, half are long. All hold the same facts as the chosen ones."""
    draw = Random(seed)
    rows = []
    for at in range(count):
        thing, (trouble, answer), polite = draw.choice(_THINGS), draw.choice(_TROUBLES), draw.choice(_POLITE)
        number = draw.randrange(1000, 9999)
        asked = f"{draw.choice(_ASKED).format(thing=thing, trouble=trouble)} My order is {number}."
        helpful = answer.format(thing=thing)
        rejected = f"{draw.choice(_RUDE)} {helpful}" if at % 2 else f"{polite} {_LONG} {helpful}"
        rows.append(Example(f"r{at}", asked, f"{polite} {helpful}", rejected=rejected))
    return rows


def run(full: bool) -> list[dict[str, Any]]:
    return [row for seed in range(3 if full else 1) for row in _compare(seed, full)]


def _compare(seed: int, full: bool) -> list[dict[str, Any]]:
    rows = tuple(planted_preferences(TRAIN + DEV + TEST, seed))
    split = Split(rows[:TRAIN], rows[TRAIN : TRAIN + DEV], rows[TRAIN + DEV :])
    task = Task("planted preferences", Kind.WRITING, "", rows, (), ())
    budget = replace(PRESETS["quick"].budget(task.kind), probe_rows=0)
    if not full:
        budget = replace(budget, settings=1, training_tokens=TOKENS, test_rows=8)
    preset = Preset("benchmark", "", {task.kind: budget})
    found = []
    for name in ("preference_tuning", "finetuning"):
        strategy: Any = build_strategy(name, task.brief, "embedded", preset, seed)
        started = time.perf_counter()
        strategy.fit(LearningSplit(split.train, split.dev), (), lambda progress: None)
        seconds = time.perf_counter() - started
        asked = split.test[: budget.test_rows]
        texts = [one.text for one in strategy.predict([row.input for row in asked])]
        score = scorer_for(task, split).overall(texts, asked)
        row: dict[str, Any] = {"seed": seed, "strategy": name, "score": score, "seconds to fit": seconds}
        if name == "preference_tuning":
            preferred = strategy.prefers(split.test)
            row |= {
                "chosen preferred by reward": preferred.share,
                "by likelihood": preferred.by_likelihood / preferred.pairs,
                "by likelihood before": preferred.before / preferred.pairs,
                "beta": strategy.settings["beta"],
            }
        found.append({**row, "replies": " | ".join(texts[:3])})
    return found
