"""What a recommendation is about, and the terms that its sentences share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from advisor.decision.choice import FEW_ROWS
from advisor.decision.weak_texts import LOW_SCORE, WrittenTexts, losing_facts
from advisor.measurement import Measurement, Paired
from advisor.pairing import model_in
from advisor.plan import Priorities
from advisor.schema import Turn
from advisor.wording import count_text, margin_text, rough_money
from eval.scoring import is_right
from eval.scoring.check import ScoreCheck
from eval.statistics.inference import Difference, even_groups
from eval.statistics.scored import Scored
from eval.task import Kind

Tie = Literal["scores", "costs"]
Instead = Literal["cheaper", "simpler", "cheaper or simpler", "of known cost"]


def wrong_answers(one: Measurement, kind: Kind) -> int:
    """How many answers are known to be wrong."""
    return sum(is_right(kind, outcome.score, outcome.parts) is False for outcome in one.trial.outcomes)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the sentences speak of: the kind of task (None where the scores were measured elsewhere), the choice, the
    best score, those probably within the margin of the best (`near`, the choice in any case among them), those that
    would be taken instead if they were near (`cheaper`, or simpler at about the same cost), all `others` within the
    limits, best first, and those `left_out` by a limit. `scores` are by strategy, paired on rows of `groups` but for
    strategies that were beaten on fewer; `totals` is what each costs over the horizon; `probabilities` are those of
    being within the margin, `odds` those of the choice, and of nothing cheaper being so; `pieces` counts what is
    evidence by itself: rows, or groups of them; `gap(a, b)` is the difference a - b of two strategies on the rows of
    `pair(a, b)`; `turns` say at which other priorities something else would be taken, and `ties` at which of these it
    would be taken because it is the simplest: by priority, what would be too close; `check` says what right and wrong
    answers score, None where that is unknown."""

    priorities: Priorities
    kind: Kind | None
    choice: Measurement
    best: Measurement
    near: Sequence[Measurement]
    cheaper: Sequence[Measurement]
    others: Sequence[Measurement]
    left_out: Sequence[Measurement]
    scores: Mapping[str, Scored]
    groups: Sequence[str]
    totals: Mapping[str, float | None]
    probabilities: Mapping[str, float]
    odds: float
    pieces: int
    gap: Callable[[str, str], Difference]
    pair: Callable[[str, str], Paired]
    turns: Sequence[Turn]
    ties: Mapping[str, Tie]
    check: ScoreCheck | None

    @property
    def rows(self) -> int:
        return len(self.groups)

    @property
    def alternative(self) -> str:
        """What else could be chosen. In a run with several models also the same strategy with another model."""
        several = {model_in(one.strategy) for one in (self.choice, *self.others, *self.left_out)}
        return "strategy or model" if len(several) > 1 else "strategy"

    @property
    def counts_errors(self) -> bool:
        """Whether wrong answers have a price and all else that is paid is known, so that money alone decides."""
        return bool(self.priorities.wrong_answer) and None not in self.totals.values()

    @property
    def is_poor(self) -> bool:
        """Whether even the best is more wrong than right, as far as that can be said. A short answer may score well for
        parts of it that are right, so that there most answers must be right too."""
        if self.kind is None:
            return False
        if self.kind is Kind.WRITING:
            return self.texts_of(self.best).weakness is not None
        if self.best.score.mean < LOW_SCORE:
            return True
        return self.kind is Kind.ANSWERING and wrong_answers(self.best, self.kind) > self.best.score.n / 2

    @property
    def low_score(self) -> float:
        """A mean score below it is poor."""
        return self.texts_of(self.best).low_score if self.kind is Kind.WRITING else LOW_SCORE

    def texts_of(self, one: Measurement) -> WrittenTexts:
        outcomes = one.trial.outcomes
        return WrittenTexts(one.trial.metric, one.score.mean, losing_facts(outcomes), len(outcomes), self.check)

    @property
    def evidence(self) -> str:
        """ "200 test rows", or "8 groups of test rows"."""
        if self.pieces == self.rows:
            return count_text(self.rows, "test row")
        return f"{count_text(self.pieces, 'group')} of test rows"

    @property
    def is_few(self) -> bool:
        """Whether there is so little evidence that a verdict is a first guess: few rows, few groups, or few that hold
        most of the rows."""
        return even_groups(self.groups) < FEW_ROWS

    @property
    def has_large_group(self) -> bool:
        """Whether there is little evidence only because one group holds most of the rows."""
        return self.is_few and self.pieces >= FEW_ROWS

    @property
    def why_few(self) -> str:
        """ "only 12 test rows", or "one group holds 150 of 210 test rows"."""
        if not self.has_large_group:
            return f"only {self.evidence}"
        return f"one group holds {max(Counter(self.groups).values()):,} of {count_text(self.rows, 'test row')}"

    @property
    def over(self) -> str:
        """ "over 12 months"."""
        return f"over {count_text(self.priorities.months, 'month')}"

    @property
    def over_at_volume(self) -> str:
        """ "over 12 months at 10,000 requests a month"."""
        return f"{self.over} at {count_text(self.priorities.monthly_volume, 'request')} a month"

    @property
    def near_best(self) -> str:
        """ "within 2 points of the best strategy", since a baseline may score higher; without a margin just "the best
        strategy"."""
        within = f"within {margin_text(self.priorities.margin)} of " if self.priorities.margin > 0 else ""
        return f"{within}the best strategy"

    @property
    def margin_money(self) -> str:
        """What the points that make no difference are worth in wrong answers."""
        one = self.priorities
        return rough_money(one.margin * one.wrong_answer * one.monthly_volume * one.months, one.currency)

    def more_points(self, way: str = "better") -> str:
        """ "more than 2 points better"; without a margin just "better", or "worse"."""
        return f"more than {margin_text(self.priorities.margin)} {way}" if self.priorities.margin > 0 else way

    def instead(self, *rivals: Measurement) -> Instead:
        """Why others would be taken instead if they were as good: they cost less, or are simpler at about the same
        cost, or it is at least known what they cost."""
        own = self.totals[self.choice.strategy]
        prices = [self.totals[one.strategy] for one in rivals or self.cheaper]
        if own is None and any(price is not None for price in prices):
            return "of known cost"
        less = [price is not None and own is not None and price < own for price in prices]
        return "cheaper" if all(less) else "cheaper or simpler" if any(less) else "simpler"
