"""Budgets, fixed before a run. They count rows and tokens, never seconds, so that the same seed gives the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eval.task import Kind

TRIAL_SHARE = 0.1  # of the training tokens, for each way to train that is tried
# By how much an answer may be longer than the training targets: an untrained model puts "35 crowns" in a sentence, and
# mustn't be cut off before the crowns.
SENTENCE_TOKENS = 24
TRAINING_COST = 3.0  # training on a token takes about as long as reading so many
CURVE_TEST_SHARE = 0.4  # of a preset's test rows, answered at each point of a learning curve


@dataclass(frozen=True, slots=True)
class Budget:
    """What one strategy may spend on one kind of task.

    `test_rows`, `dev_rows`: rows used at most. `latency_rows`: test rows also answered one at a time. `settings`:
    settings each baseline may try on dev; what a strategy may try follows from them. `training_tokens`: tokens read
    during training, all epochs and the choice of its settings together. `epochs`: passes over the training rows at
    most. `answer_tokens`: the longest written answer. `probe_rows`: test rows asked in every variant and again after
    their documents changed, and training rows asked again of a strategy that trains; 0 turns such probes off.
    `settled`: settings kept from an earlier choice, so that no others are tried.
    """

    test_rows: int
    dev_rows: int
    latency_rows: int
    settings: int
    training_tokens: int
    epochs: int
    answer_tokens: int
    probe_rows: int = 0
    settled: dict[str, Any] = field(default_factory=dict)

    def left_to_try(self, tried: Sequence[tuple[int, ...]], *names: str) -> Sequence[tuple[int, ...]]:
        """The values of these settings to try: only the settled ones, if they are settled."""
        return [tuple(self.settled[name] for name in names)] if self.settled.keys() >= {*names} else tried

    def for_fewer(self, share: float, settled: dict[str, Any]) -> Budget:
        """A budget for this share of the rows: each row is read as often as with all rows, with the settings chosen on
        all."""
        tokens = round(share * self.training_tokens)
        return replace(self, latency_rows=0, probe_rows=0, training_tokens=tokens, settled=settled)

    @property
    def settings_raced(self) -> int:
        """How many settings enter a choice by halves (`choosing.py`), which drops most of them after a few rows."""
        return 1 if self.settled else 2 * self.settings

    @property
    def rewritings(self) -> int:
        """How often a model that is able to may rewrite the best instruction."""
        return self.settings // 3

    @property
    def choosing_tokens(self) -> int:
        """Tokens that a strategy without training may read to choose its settings: they take as long as trying ways to
        train."""
        return round(TRAINING_COST * self.trials * TRIAL_SHARE * self.training_tokens)

    @property
    def trials(self) -> int:
        """How many ways to train are tried, each with `TRIAL_SHARE` of the training tokens. The final training is
        judged as it goes."""
        return self.settings // 2 + 1


@dataclass(frozen=True, slots=True)
class Preset:
    name: str
    description: str
    budgets: dict[Kind, Budget]
    train_rows: int | None = None  # used at most: with a million, encoding them alone takes hours on a CPU
    curve_shares: tuple[float, ...] = ()  # shares of the training rows; each strategy trains on each share
    trainings: int = 1  # per strategy that trains; repeats use the chosen settings and other seeds
    stops_early: bool = True  # who can't be chosen any more answers no more test rows

    def budget(self, kind: Kind) -> Budget:
        return self.budgets[kind]

    def curve_test_rows(self, kind: Kind) -> int:
        return round(CURVE_TEST_SHARE * self.budgets[kind].test_rows)

    def for_fewer(self, kind: Kind, share: float, settled: dict[str, Any]) -> Preset:
        return replace(self, budgets={kind: self.budgets[kind].for_fewer(share, settled)})


PRESETS = {
    "quick": Preset(
        "quick",
        "A first answer while you wait: few settings, up to 10,000 training rows and 200 test rows.",
        {
            Kind.CLASSIFICATION: Budget(200, 40, 20, 3, 30_000, 6, 0),
            Kind.MULTI_LABEL: Budget(200, 40, 20, 3, 30_000, 6, 0),
            Kind.NUMBER: Budget(200, 40, 20, 3, 30_000, 6, 16),
            Kind.EXTRACTION: Budget(100, 16, 10, 3, 40_000, 6, 96),
            Kind.ANSWERING: Budget(120, 20, 10, 3, 30_000, 6, 32),
            Kind.WRITING: Budget(40, 8, 5, 3, 40_000, 5, 96),
        },
        train_rows=10_000,
    ),
    "standard": Preset(
        "standard",
        "For a decision: more settings, longer training, up to 100,000 training rows and 500 test rows. It also "
        "measures robustness and the learning curve.",
        {
            Kind.CLASSIFICATION: Budget(500, 100, 40, 6, 250_000, 10, 0, 60),
            Kind.MULTI_LABEL: Budget(500, 100, 40, 6, 250_000, 10, 0, 60),
            Kind.NUMBER: Budget(500, 100, 40, 6, 250_000, 10, 16, 60),
            Kind.EXTRACTION: Budget(400, 48, 20, 6, 250_000, 10, 160, 60),
            Kind.ANSWERING: Budget(400, 64, 20, 6, 200_000, 10, 48, 60),
            Kind.WRITING: Budget(150, 24, 10, 6, 250_000, 8, 192, 20),
        },
        train_rows=100_000,
        curve_shares=(1 / 8, 1 / 4, 1 / 2),
    ),
    "thorough": Preset(
        "thorough",
        "For large budgets: like standard, with all settings, three trainings, all training rows and up to 2,000 test "
        "rows. It takes hours on a CPU.",
        {
            Kind.CLASSIFICATION: Budget(2000, 200, 60, 10, 1_500_000, 15, 0, 150),
            Kind.MULTI_LABEL: Budget(2000, 200, 60, 10, 1_500_000, 15, 0, 150),
            Kind.NUMBER: Budget(2000, 200, 60, 10, 1_500_000, 15, 16, 150),
            Kind.EXTRACTION: Budget(2000, 100, 40, 10, 1_500_000, 15, 256, 150),
            Kind.ANSWERING: Budget(2000, 150, 40, 10, 1_000_000, 15, 64, 150),
            Kind.WRITING: Budget(500, 60, 20, 10, 1_500_000, 12, 320, 60),
        },
        curve_shares=(1 / 8, 1 / 4, 1 / 2),
        trainings=3,
        stops_early=False,
    ),
}
