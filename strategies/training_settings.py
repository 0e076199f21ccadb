"""What a training is set to, and which settings are tried: one change after the other, each to the best so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev
from typing import Any

from strategies.engine.adapter_shape import MORE_RANK, AdapterShape
from strategies.instructions import Instruction

RATES_FIRST = 2  # before anything else: the rate matters most
RATES_BEFORE_SHAPES = 3
SURE = 1.64  # standard errors
VARIED_UNDER = 300  # training rows; with more, variants of them teach hardly anything
VARIANTS = "a variant of each row"  # as the report shows it


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """`instruction` begins every prompt, in training and afterwards. `shape` is that of an adapter, None where other
    weights are trained. `varied`: training rows also come in a variant (`row_variants.py`)."""

    learning_rate: float
    instruction: Instruction
    shape: AdapterShape | None = None
    varied: bool = False

    @property
    def shown(self) -> dict[str, Any]:
        """As the report shows them."""
        shape = {} if self.shape is None else self.shape.shown
        varied = {VARIANTS: "yes"} if self.varied else {}
        return {"learning_rate": self.learning_rate, "prompt": self.instruction.name, **shape, **varied}

    def settled(self, shown: Mapping[str, Any], found: Instruction | None) -> TrainingSettings:
        """As `shown` says, where it says anything. `found` is the instruction that prompting chose."""
        named = found is not None and shown.get("prompt") == found.name
        return TrainingSettings(
            shown.get("learning_rate", self.learning_rate),
            found if found is not None and named else self.instruction,
            None if self.shape is None else self.shape.settled(shown),
            VARIANTS in shown,
        )


Change = Callable[[TrainingSettings], TrainingSettings]


def changes_to_try(
    rates: Sequence[float], found: Instruction | None, tries_variants: bool, tries_shapes: bool, most: int
) -> list[Change]:
    """At most so many. The first sets the default rate; then come other rates, the instruction that prompting `found`
    best, variants of few rows, and other shapes of the adapter."""
    by_rate = [_with_rate(rate) for rate in rates]
    shapes: list[Change] = [_with_more_rank, _with_all_layers] if tries_shapes else []
    instruction = [] if found is None else [_with_instruction(found)]
    variants: list[Change] = [_with_variants] if tries_variants else []
    first, second = RATES_FIRST, RATES_BEFORE_SHAPES
    return [*by_rate[:first], *instruction, *by_rate[first:second], *variants, *shapes, *by_rate[second:]][:most]


def is_clearly_lower(losses: Sequence[float], of_best: Sequence[float]) -> bool:
    """Whether the losses of the same dev rows are lower by more than chance explains in 5 of 100 cases."""
    gains = [before - now for before, now in zip(of_best, losses, strict=True)]
    if len(gains) < 2:
        return False
    return mean(gains) > SURE * stdev(gains) / math.sqrt(len(gains))


def _with_rate(rate: float) -> Change:
    return lambda now: replace(now, learning_rate=rate)


def _with_instruction(instruction: Instruction) -> Change:
    return lambda now: replace(now, instruction=instruction)


def _with_variants(now: TrainingSettings) -> TrainingSettings:
    return replace(now, varied=True)


def _with_more_rank(now: TrainingSettings) -> TrainingSettings:
    assert now.shape is not None
    return replace(now, shape=replace(now.shape, rank=MORE_RANK))


def _with_all_layers(now: TrainingSettings) -> TrainingSettings:
    assert now.shape is not None
    return replace(now, shape=replace(now.shape, all_layers=True))
