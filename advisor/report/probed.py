"""What was measured beside the test rows: less tidy inputs, changed documents, what training did besides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from advisor.measurement import NEITHER_FACT, fact_told, gap_of, paired_scores, share_interval
from advisor.schema import (
    AnswersChange,
    ChangedAnswer,
    Freshness,
    KnowledgeChange,
    Lost,
    Refusals,
    SideEffects,
    WithoutDocuments,
)
from eval.failures.refusals import is_refusal, refuses
from eval.measuring.robustness import VARIANTS
from eval.outcomes import CHANGED_FACTS, EXAMPLE_SOURCE, NEW_FACT, OLD_FACT, TAKEN_OUT, Outcome, Trial
from eval.scoring import is_right
from eval.statistics.inference import Interval, mean_change, paired_difference
from eval.statistics.scored import paired_difference as scored_difference
from eval.statistics.scored import score_of
from eval.task import LABELLED, Kind, Task

EXAMPLES_KEPT = 20
ADMITTED, RIGHT, INVENTED = "admitted", "right", "invented"  # with the documents taken out


def robustness(trial: Trial) -> tuple[Lost, ...] | None:
    """For each variant its rows' mean scores as they are and varied, and the paired difference, positive where points
    are lost. None where none was asked."""
    found = []
    for name in VARIANTS:
        if varied := trial.probes.get(name):
            paired = paired_scores([replace(trial, strategy="plain"), replace(trial, strategy=name, outcomes=varied)])
            plain, changed = paired.scores["plain"], paired.scores[name]
            lost = scored_difference(plain, changed, paired.groups)
            found.append(
                Lost(
                    variant=name,
                    plain=score_of(plain),
                    varied=score_of(changed),
                    lost=lost.difference,
                    low=lost.low,
                    high=lost.high,
                    p_value=lost.p_value,
                    n=lost.n,
                    method=lost.method,
                    test=lost.test,
                )
            )
    return tuple(found) or None


def side_effects(trial: Trial) -> SideEffects | None:
    """`gap`: the scores on rows it trained on and on test rows, and the first minus the second; `knowledge`: its
    surprise at general text in nats a token, the general questions it answers and those it refuses, and of those that
    nobody can answer how many it admits not to know, before and after. Each is None where it was not measured; None
    where nothing was."""
    gap, knowledge = gap_of(trial), _knowledge(trial)
    return SideEffects(gap, knowledge) if gap or knowledge else None


def _knowledge(trial: Trial) -> KnowledgeChange | None:
    if trial.knowledge is None:
        return None
    before, after = trial.knowledge
    surprise, right = mean_change(before.surprise, after.surprise), paired_difference(after.right, before.right)
    return KnowledgeChange(
        texts=surprise.n,
        nats_before=fmean(before.surprise),
        nats_after=fmean(after.surprise),
        nats_change=surprise,
        perplexity_before=math.exp(fmean(before.surprise)),
        perplexity_after=math.exp(fmean(after.surprise)),
        questions=right.n,
        right_before=int(sum(before.right)),
        right_after=int(sum(after.right)),
        right_change=right,
        refused=_change(before.refused, after.refused),
        admitted=_change(before.admitted, after.admitted),
    )


def _change(before: Sequence[float], after: Sequence[float]) -> AnswersChange | None:
    """Of how many questions it held before and after; None where they were not asked."""
    if not before or not after:
        return None
    return AnswersChange(len(before), int(sum(before)), int(sum(after)), paired_difference(after, before))


def freshness(trial: Trial, task: Task) -> Freshness | None:
    """Which fact an answer gives after the documents changed is decided by the higher of its two scores. The first few
    answers are kept as examples. None where it was not measured."""
    probes = trial.probes.get(CHANGED_FACTS)
    if not probes:
        return None
    rows = {example.id: example for example in task.examples}
    before = {outcome.example_id: outcome for outcome in trial.outcomes}
    was_right = [is_right(Kind.ANSWERING, before[one.example_id].score, {}) is True for one in probes]
    told = [fact_told(outcome) for outcome in probes]
    return Freshness(
        before=share_interval(probes, was_right),
        new=_share(probes, told, NEW_FACT),
        old=_share(probes, told, OLD_FACT),
        neither=_share(probes, told, NEITHER_FACT),
        n=len(probes),
        refresh_seconds=trial.refresh_seconds,
        trained=trial.changes_weights,
        examples=tuple(
            ChangedAnswer(
                input=rows[outcome.example_id].input,
                old=rows[outcome.example_id].target,
                new=trial.changed_facts[outcome.example_id],
                answer=outcome.text,
                told=fact,
            )
            for outcome, fact in zip(probes[:EXAMPLES_KEPT], told, strict=False)
            if outcome.example_id in trial.changed_facts
        ),
    )


def without_documents(trial: Trial, kind: Kind) -> WithoutDocuments | None:
    """With the documents that hold the answer taken out. None where it was not measured."""
    probes = trial.probes.get(TAKEN_OUT)
    if not probes:
        return None
    read = [source for outcome in trial.outcomes for source in outcome.sources]
    told = [_admits(outcome, kind) for outcome in probes]
    return WithoutDocuments(
        n=len(probes),
        admitted=_share(probes, told, ADMITTED),
        right=None if kind is Kind.WRITING else _share(probes, told, RIGHT),
        invented=_share(probes, told, INVENTED),
        reads=any(not source.startswith(EXAMPLE_SOURCE) for source in read),
    )


def refusals(trial: Trial, task: Task) -> Refusals | None:
    """Test rows answered by refusing where another answer was expected. None without outcomes, and where answers are
    labels."""
    if not trial.outcomes or task.kind in LABELLED:
        return None
    answers = {example.id: example.answers for example in task.examples}
    refused = [
        all(is_refusal(outcome.text, answer) for answer in answers[outcome.example_id]) for outcome in trial.outcomes
    ]
    share = share_interval(trial.outcomes, refused)
    return Refusals(sum(refused), share.mean, share.low, share.high, share.n, share.method)


def _share(probes: Sequence[Outcome], told: Sequence[str], way: str) -> Interval:
    return share_interval(probes, [one == way for one in told])


def _admits(outcome: Outcome, kind: Kind) -> str:
    if outcome.error is not None or not outcome.text.strip() or refuses(outcome.text):
        return ADMITTED
    return RIGHT if is_right(kind, outcome.score, outcome.parts) else INVENTED
