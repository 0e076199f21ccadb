"""Which solved examples a fixed prompt shows: every label once before any twice, none that contradicts the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from eval.splitting.stable_order import stable_hash
from eval.task import Brief, Example, Kind
from strategies.engine.language_model import LanguageModel
from strategies.standing import Standing

TOKENS_OF_EXAMPLES = 3000  # read once for all inputs, where the model keeps what all prompts begin with
# Tried in a task without labels, the most promising first (docs/benchmarks.md): where the examples are read once for
# all inputs, where every request pays for them, and where answers are free text, of which examples show only the form.
COUNTS, COUNTS_IF_PAID, COUNTS_OF_TEXTS = (32, 16, 64, 8, 4), (8, 16, 32, 4), (8, 4, 16, 32)
COUNTS_OF_LABELS = (4, 8, 16)  # in one with labels, made multiples of them; more examples have shown no gain there
AT_RANDOM, TYPICAL, BORDERLINE = "at random", "the most typical", "near other labels"


@dataclass(frozen=True, slots=True)
class Draw:
    """How many examples to show, which ones, and the number of the draw among several at random."""

    examples: int
    taken: str = AT_RANDOM
    draw: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        return {"examples": self.examples, "examples taken": self.taken, "draw": self.draw}


def counts_for(brief: Brief, read_once: bool) -> list[int]:
    """How many examples are worth trying, the most promising first: in a task with labels, each label equally often.
    `read_once`: whether the model keeps what all prompts begin with."""
    if labels := len(brief.labels):
        return sorted({-(-count // labels) * labels for count in COUNTS_OF_LABELS})
    if brief.kind in (Kind.ANSWERING, Kind.WRITING):
        return list(COUNTS_OF_TEXTS)
    return list(COUNTS if read_once else COUNTS_IF_PAID)


def draws_for(brief: Brief, read_once: bool) -> list[Draw]:
    """The draws to try, the most promising first; `read_once` as in `counts_for`."""
    first, *others = counts_for(brief, read_once)
    second = others[0] if others else 2 * first
    rest = [Draw(first, draw=1), Draw(second, draw=1), *map(Draw, others[1:]), Draw(first, draw=2)]
    if not brief.labels:
        return [Draw(first), Draw(second), *rest, Draw(first, TYPICAL)]
    return [Draw(first), Draw(first, TYPICAL), Draw(second), *rest, Draw(first, BORDERLINE)]


def examples_for(draw: Draw, rows: Sequence[Standing], seed: int, model: LanguageModel) -> list[Example]:
    """The examples of a draw, the same ones for a seed; adding or removing rows keeps the order of the others, so that
    a rerun shows mostly the same ones."""

    def place(*said: str) -> int:
        return stable_hash(seed, draw.draw, *said)

    def at_random(one: Standing) -> float:
        return place(one.row.input, one.row.target)

    orders: dict[str, Callable[[Standing], float]] = {
        AT_RANDOM: at_random,
        TYPICAL: lambda one: -one.typical,
        BORDERLINE: lambda one: one.margin,
    }
    order = orders[draw.taken]
    ordered = sorted(rows, key=lambda one: (one.contradicts, order(one), at_random(one)))
    chosen = _each_label_in_turn(ordered, draw.examples, place)
    most = min(TOKENS_OF_EXAMPLES, model.context_tokens // 2)
    fitting = within_tokens(chosen, most, model)
    if len(fitting) == len(chosen):
        return chosen
    by_length = sorted(rows, key=lambda one: (one.contradicts, len(one.row.input + one.row.target), at_random(one)))
    shortest = within_tokens(_each_label_in_turn(by_length, draw.examples, place), most, model)
    is_too_long = _lengths(chosen[:1], model)[0] > most  # already the first one alone
    misses_labels = len(shortest) > len(fitting) and any(one.labels for one in rows)
    return shortest if is_too_long or misses_labels else fitting


def _each_label_in_turn(ordered: Sequence[Standing], count: int, place: Callable[[str], int]) -> list[Example]:
    """The first rows of each label, one label after the other; without labels, the first rows."""
    labels = sorted({label for one in ordered for label in one.labels}, key=place) or [""]
    piles = {label: [one for one in ordered if label in (one.labels or ("",))] for label in labels}
    taken: dict[str, Example] = {}  # by id
    while len(taken) < count and any(piles.values()):
        for label in labels:
            piles[label] = [one for one in piles[label] if one.row.id not in taken]
            if piles[label] and len(taken) < count:
                row = piles[label].pop(0).row
                taken[row.id] = row
    return list(taken.values())


def within_tokens(examples: Sequence[Example], most: int, model: LanguageModel) -> list[Example]:
    """The first examples that together fit into `most` tokens, but at least one."""
    fitting = sum(tokens <= most for tokens in accumulate(_lengths(examples, model)))
    return list(examples[: max(1, fitting)])


def _lengths(examples: Sequence[Example], model: LanguageModel) -> list[int]:
    return model.count_tokens([f"{example.input}\n{example.target}" for example in examples])
