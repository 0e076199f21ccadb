"""Does the score see wrong answers? Measured before a run, on corrupted expected answers of training rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from eval.scoring.code import language_of
from eval.scoring.collection import Collection
from eval.scoring.corruptions import Corrupter, Corruption
from eval.scoring.metric import leads_with_facts, metric_for
from eval.scoring.scorer import Scorer
from eval.task import Document, Example, Kind

ROWS_CHECKED = 60
MOST_FACTS = 3  # in an expected answer, so that one wrong fact makes it wrong
FEWEST_ROWS = 5  # of a corruption; with fewer it isn't reported
LEAST_GAP = 0.2  # between reworded right answers and wrong ones; below it, the score hardly separates them
_CHANGED = (Corruption.CHANGED_NUMBER, Corruption.CHANGED_DATE, Corruption.CHANGED_NAME)
_OF_FACTS = (*_CHANGED, Corruption.WITHOUT_FACT)


@dataclass(frozen=True, slots=True)
class CorruptedScore:
    """The scores of answers corrupted in one way: their `mean` over `rows`, and the share of rows in which the reworded
    right answer scores higher. For changed facts, only answers with few facts count, because a single wrong fact makes
    those wrong."""

    corruption: Corruption
    mean: float
    rows: int
    right_is_higher: float


@dataclass(frozen=True, slots=True)
class ScoreCheck:
    """How well a metric separates right answers from wrong ones. `right` is the mean score of reworded right answers
    over `rows`. `blind_to` lists the kinds of wrong answer that it should see but that score almost as much."""

    right: float
    rows: int
    corrupted: tuple[CorruptedScore, ...]
    blind_to: tuple[Corruption, ...]

    def of(self, corruption: Corruption) -> CorruptedScore:
        return next(one for one in self.corrupted if one.corruption is corruption)


def check_score(scorer: Scorer, rows: Sequence[Example], documents: Sequence[Document], seed: int) -> ScoreCheck | None:
    """How well the score separates right from wrong answers. None for labels, fields and code, which are compared
    exactly, and if there are too few rows.

    `scorer` is the one that will score the answers. `rows` must be training rows.
    """
    if scorer.kind not in (Kind.ANSWERING, Kind.WRITING) or language_of([row.target for row in rows]):
        return None
    checked = rows[:ROWS_CHECKED]
    collection = scorer.collection or Collection(rows, documents, rows)
    keeps_order = not leads_with_facts(scorer.metric)
    corrupter = Corrupter(rows, collection, scorer.metric.carries, keeps_order, scorer.question)
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
    for scores in wrong.values():  # an expected refusal is never reworded
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
