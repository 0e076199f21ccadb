"""Whether to doubt the score itself: it can't tell right answers from wrong ones, or it contradicts what the answers
state."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from advisor.measurement import is_judged
from advisor.wording import in_sentence, score_text, share_text
from eval.outcomes import EXAMPLE_SOURCE, Outcome, Trial
from eval.scoring.check import ScoreCheck
from eval.scoring.corruptions import Corruption
from eval.statistics.grouping import piece_of
from eval.statistics.inference import paired_difference

CORRUPTED = {
    Corruption.CHANGED_NUMBER: "an answer with a wrong number",
    Corruption.CHANGED_DATE: "an answer with a wrong date or time",
    Corruption.CHANGED_NAME: "an answer with a wrong name",
    Corruption.WITHOUT_FACT: "an answer without its facts",
    Corruption.OTHER_ANSWER: "the answer to another question",
    Corruption.QUESTION: "the question repeated",
    Corruption.REFUSAL: "a refusal",
}
_FOUND = 0.5  # share of rows from which a strategy has found what was there to be found
_CLEARLY = 0.05  # of the expected facts, that more of them are stated than by another


def score_doubt(trials: Sequence[Trial], check: ScoreCheck | None, has_documents: bool) -> str | None:
    """The sentence that says why the score is doubtful; None where nothing speaks against it."""
    if check is not None and check.blind_to:
        return _blind_sentence(check)
    return _clash(trials) if has_documents else None


def _blind_sentence(check: ScoreCheck) -> str:
    worst = max(map(check.of, check.blind_to), key=lambda one: one.mean)
    return (
        f"The score can barely tell right from wrong: {CORRUPTED[worst.corruption]} scores {score_text(worst.mean)}, "
        f"and a right answer in other words {score_text(check.right)}."
    )


def _clash(trials: Sequence[Trial]) -> str | None:
    """Where what found the documents states far more of the expected facts than what read none, and the score does not
    show it: answers that stand only in documents cannot be known without them."""
    judged = [trial for trial in trials if is_judged(trial)]
    readers = [trial for trial in judged if _share_found(trial) >= _FOUND]
    others = [trial for trial in judged if not any(_read(outcome) for outcome in trial.outcomes)]
    for reader, other in product(readers, others):
        ours, theirs = ({one.example_id: one for one in trial.outcomes} for trial in (reader, other))
        rows = sorted(row for row in ours.keys() & theirs.keys() if "recall" in ours[row].parts)
        if not rows:
            continue
        groups = [piece_of(ours[row], theirs[row]) for row in rows]
        recall_a, recall_b = (np.array([each[row].parts.get("recall", 0.0) for row in rows]) for each in (ours, theirs))
        score_a, score_b = (np.array([each[row].score for row in rows]) for each in (ours, theirs))
        facts, scores = paired_difference(recall_a, recall_b, groups), paired_difference(score_a, score_b, groups)
        if facts.low > _CLEARLY and scores.low <= 0:
            return (
                f"The score misses facts: {in_sentence(reader.strategy)} states {share_text(recall_a.mean())} of the "
                f"expected facts and {in_sentence(other.strategy)} {share_text(recall_b.mean())}, yet "
                f"{in_sentence(reader.strategy)} doesn't score clearly higher."
            )
    return None


def _read(outcome: Outcome) -> bool:
    return any(not source.startswith(EXAMPLE_SOURCE) for source in outcome.sources)


def _share_found(trial: Trial) -> float:
    found = [outcome.found_gold for outcome in trial.outcomes if outcome.found_gold is not None]
    if found:
        return sum(found) / len(found)
    return sum(map(_read, trial.outcomes)) / len(trial.outcomes)
