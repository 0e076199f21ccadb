"""When written texts, which aren't simply right or wrong, are too weak to rely on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from advisor.wording import count_text, score_text
from eval.failures.sorting import loses_facts
from eval.outcomes import Outcome
from eval.scoring import counts_facts
from eval.scoring.check import ScoreCheck
from eval.scoring.corruptions import Corruption
from eval.scoring.metric import leads_with_facts
from eval.task import Metric

LOW_SCORE = 0.5
# Where form leads, texts must score at least this share of the way from the answer to another row (0) to the right
# answer in other words (1). Eight good replies in the house style of the sample, written by hand, are at .20 on
# average; replies with only the greeting and the closing formula are at -.03.
_LEAST_FIT = 0.1
LEAST_FIT_TEXT = "a tenth"

Weakness = Literal["facts", "score", "fit"]


@dataclass(frozen=True, slots=True)
class WrittenTexts:
    """The texts of one strategy: their mean `score`, and how many of them lose at least half of the expected facts."""

    metric: str
    score: float
    losing: int
    texts: int
    check: ScoreCheck | None

    @property
    def low_score(self) -> float:
        """Below it, texts are weak; 0 where form leads and nobody knows what the answers to other rows score."""
        if leads_with_facts(Metric(self.metric.split(",")[0])):
            return LOW_SCORE
        other = other_answers(self.check)
        return 0.0 if self.check is None or other is None else other + _LEAST_FIT * (self.check.right - other)

    @property
    def weakness(self) -> Weakness | None:
        if counts_facts(self.metric) and self.losing > self.texts / 2:
            return "facts"
        if self.score >= self.low_score:
            return None
        return "score" if leads_with_facts(Metric(self.metric.split(",")[0])) else "fit"

    def sentence(self, who: str) -> str | None:
        """What is weak in the texts of `who`; None if nothing is."""
        match self.weakness:
            case None:
                return None
            case "facts":
                texts = count_text(self.texts, "text")
                return f"{who} loses at least half of the expected facts in {self.losing:,} of {texts}."
            case "score":
                return f"{who} scores only {score_text(self.score)}."
            case "fit":
                other = other_answers(self.check)
                assert self.check is not None and other is not None
                return (
                    f"{who} scores {score_text(self.score)}. An answer taken from another row scores "
                    f"{score_text(other)}, and a right answer in other words {score_text(self.check.right)}."
                )


def other_answers(check: ScoreCheck | None) -> float | None:
    """What the answers to other rows score on average; None if that is unknown."""
    found = check.corrupted if check else ()
    return next((one.mean for one in found if one.corruption is Corruption.OTHER_ANSWER), None)


def losing_facts(outcomes: Iterable[Outcome]) -> int:
    """How many texts lose at least half of the expected facts, or are missing."""
    return sum(one.error is not None or loses_facts(one.parts) for one in outcomes)
