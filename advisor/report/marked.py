"""What a person's own marks on answers say about the score and the strategies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from advisor.measurement import is_judged
from advisor.schema import Marked, MarkedOf, Noted
from advisor.storage.own_marks import Key, OwnMark
from eval.outcomes import Trial
from eval.scoring import is_right
from eval.task import Example, Kind


class _Answer(NamedTuple):
    """A marked answer; `by_score` is None if the score can't say whether it is right."""

    strategy: str
    mark: OwnMark
    score: float
    by_score: bool | None


def marked_of(
    kind: Kind, trials: Sequence[Trial], examples: Sequence[Example], marks: Sequence[OwnMark]
) -> Marked | None:
    """None if none of the answers in `trials` is marked."""
    answers = _marked_answers(kind, trials, {row.id: row.input for row in examples}, {one.key: one for one in marks})
    if not answers:
        return None
    once = {one.mark.key: one for one in answers}.values()
    scores = {side: [one.score for one in once if one.mark.is_right is side] for side in (True, False)}
    judged = [(bool(one.mark.is_right), one.by_score) for one in once if one.by_score is not None]
    return Marked(
        right=len(scores[True]),
        wrong=len(scores[False]),
        agreed=sum(own == by_score for own, by_score in judged),
        too_kind=judged.count((False, True)),
        too_strict=judged.count((True, False)),
        right_score=fmean(scores[True]) if scores[True] else None,
        wrong_score=fmean(scores[False]) if scores[False] else None,
        by_strategy=tuple(
            _of_one(name, [one for one in answers if one.strategy == name])
            for name in dict.fromkeys(one.strategy for one in answers)
        ),
        notes=tuple(
            Noted(one.mark.input, one.mark.answer, bool(one.mark.is_right), one.mark.note)
            for one in once
            if one.mark.note
        ),
    )


def _marked_answers(
    kind: Kind, trials: Sequence[Trial], inputs: Mapping[str, str], marks: Mapping[Key, OwnMark]
) -> list[_Answer]:
    return [
        _Answer(trial.strategy, mark, outcome.score, is_right(kind, outcome.score, outcome.parts, trial.metric))
        for trial in trials
        if is_judged(trial)
        for outcome in trial.outcomes
        if outcome.error is None and (mark := marks.get((inputs.get(outcome.example_id, ""), outcome.text))) is not None
    ]


def _of_one(strategy: str, answers: Sequence[_Answer]) -> MarkedOf:
    right = sum(bool(one.mark.is_right) for one in answers)
    by_score = [one.by_score for one in answers if one.by_score is not None]
    return MarkedOf(
        strategy,
        right,
        len(answers) - right,
        sum(by_score) if by_score else None,
        fmean(one.score for one in answers),
    )
