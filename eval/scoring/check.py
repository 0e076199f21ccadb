"""Is the score blind? Measured before anything runs, on expected answers of training rows that were corrupted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from eval.scoring.collection import Collection
from eval.scoring.corruptions import Corrupter, Corruption
from eval.scoring.metric import leads_with_facts, metric_for
from eval.scoring.scorer import Scorer
from eval.task import Document, Example, Kind

ROWS_CHECKED = 60
MOST_FACTS = 3  # in an expected answer that is wrong once one of them is
FEWEST_ROWS = 5  # of one corruption, below which nothing is said of it
LEAST_GAP = 0.2  # between right answers in other words and wrong ones: below it the score hardly tells them apart
_CHANGED = (Corruption.CHANGED_NUMBER, Corruption.CHANGED_DATE, Corruption.CHANGED_NAME)
_OF_FACTS = (*_CHANGED, Corruption.WITHOUT_FACT)


@dataclass(frozen=True, slots=True)
class CorruptedScore:
    """What answers score that were corrupted in one way: `mean` over `rows`, and in what share of them the right answer
    in other words scores higher. Of changed facts, answers of few facts are meant, which are wrong then."""

    corruption: Corruption
    mean: float
    rows: int
    right_is_higher: float


@dataclass(frozen=True, slots=True)
class ScoreCheck:
    """How well a metric tells right answers from wrong ones: `right` is the mean score of right answers in other words,
    over `rows`; `blind_to` are the kinds of wrong answer that it should see and that score almost as much."""

    right: float
    rows: int
    corrupted: tuple[CorruptedScore, ...]
    blind_to: tuple[Corruption, ...]

    def of(self, corruption: Corruption) -> CorruptedScore:
        return next(one for one in self.corrupted if one.corruption is corruption)


def check_score(scorer: Scorer, rows: Sequence[Example], documents: Sequence[Document], seed: int) -> ScoreCheck | None:
    """None for labels and fields, which are compared one by one, and where there are too few rows.

    `scorer` is the one the answers will meet; `rows` may be learned from.
    """
    if scorer.kind not in (Kind.ANSWERING, Kind.WRITING):
        return None
    checked = rows[:ROWS_CHECKED]
    collection = scorer.collection or Collection(rows, documents, rows)
    corrupter = Corrupter(rows, collection, scorer.metric.carries, keeps_order=not leads_with_facts(scorer.metric))
    right: dict[str, float] = {}
    wrong: defaultdict[Corruption, dict[str, float]] = defaultdict(dict)
    for row in checked:
        facts = len(corrupter.told(row))
        for corruption, text in corrupter.corruptions(row, seed):
            if corruption in _CHANGED and facts > MOST_FACTS:
                continue
            value = scorer.score(text, row).value
            (right if corruption is Corruption.OTHER_WORDS else wrong[corruption])[row.id] = value
    if len(right) < FEWEST_ROWS:
        return None
    for scores in wrong.values():  # where a refusal is expected there are no other words for it
        for missing in scores.keys() - right.keys():
            del scores[missing]
    corrupted = tuple(
        CorruptedScore(
            corruption,
            fmean(scores.values()),
            len(scores),
            fmean(right[row] > score for row, score in scores.items()),
        )
        for corruption in Corruption
        if len(scores := wrong.get(corruption, {})) >= FEWEST_ROWS
    )
    mean = fmean(right.values())
    facts_lead = leads_with_facts(metric_for(scorer.kind, rows, documents, collection))
    should_see = [one for one in corrupted if one.corruption not in _OF_FACTS or facts_lead]
    blind_to = tuple(one.corruption for one in should_see if mean - one.mean < LEAST_GAP)
    return ScoreCheck(mean, len(right), corrupted, blind_to)
