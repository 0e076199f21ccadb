"""The report of a run as plain JSON, schema 1. Pages, files and the command line all read this and nothing else."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

from advisor.advice.agreement import hold_against
from advisor.advice.circumstances import circumstances_of
from advisor.decision.recommendation import recommend
from advisor.decision.score_doubt import score_doubt
from advisor.measurement import apart_seconds, derive, is_judged, paired_scores, score_of_each_training
from advisor.plan import Priorities
from advisor.report.changed_documents import freshness, refusals, without_documents
from advisor.report.curves import curves_from, training_caveats, turning_sentences
from advisor.report.robustness import robustness
from advisor.report.side_effects import side_effects
from eval.cost_ranges import crossing_range, price_range
from eval.costs import Cost, Quote, cost_of
from eval.failures import sort_failures
from eval.outcomes import Outcome, Trial
from eval.scored import detectable_difference, paired_difference, score_of, scored
from eval.scoring import metric_for
from eval.scoring.check import ScoreCheck
from eval.scoring.labels import rates_by_label
from eval.statistics import holm
from eval.task import Example, Kind, Split, Task

SCHEMA = 1
_UNTIMED = {"p50": None, "p95": None, "n": 0, "p50_range": [None, None], "p95_range": [None, None]}


def build_report(
    *,
    run_id: str,
    created_at: str,
    seed: int,
    device: str,
    model: str,
    task: Task,
    split: Split,
    trials: Sequence[Trial],
    floors: Sequence[Trial] = (),
    priorities: Priorities,
    warnings: Sequence[str],
    versions: Mapping[str, str],
    preset: str | None = None,
    fewer: Mapping[str, Mapping[int, Trial]] | None = None,
    score_check: ScoreCheck | None = None,
) -> dict[str, Any]:
    """Everything a person is told about a run, ready for `json.dumps(..., allow_nan=False)`.

    `created_at` is ISO 8601; `device` and `model` are in words; row counts are those of `split`, the rows used.
    Scores are in [0, 1], times in seconds, money in `priorities.currency`. What was not measured is null.
    `score_check` says how well the score tells right answers from wrong ones.
    `fewer` holds, by strategy and by how many of the training rows it learned from, the trials of learning curves.
    """
    doubt = score_doubt(trials, score_check, bool(task.documents))
    metric = (task.metric or metric_for(task.kind, split.train, task.documents)).name
    majority = _majority_score(task.kind, metric, split.test)
    judged = judge(trials, priorities, task.kind, majority, floors=floors, doubt=doubt)
    for candidate, trial, failures in zip(judged["candidates"], trials, sort_failures(trials, task), strict=True):
        candidate["failures"] = asdict(failures) if is_judged(trial) else None
        candidate |= {
            "robustness": robustness(trial),
            "side_effects": side_effects(trial),
            "freshness": freshness(trial, task),
            "without_documents": without_documents(trial, task.kind),
            "refusals": refusals(trial, task) if is_judged(trial) else None,
            "labels": [asdict(one) for one in rates_by_label(trial.outcomes)],
        }
    report = {
        "schema": SCHEMA,
        "run_id": run_id,
        "created_at": created_at,
        "seed": seed,
        "device": device,
        "model": model,
        "preset": preset,
        "task": {
            "name": task.name,
            "kind": task.kind.value,
            "metric": metric,
            "instruction": task.instruction,
            "labels": len(task.labels),
            "rows": len(task.examples),
            "train": len(split.train),
            "dev": len(split.dev),
            "test": len(split.test),
            "documents": len(task.documents),
        },
        **judged,
        "warnings": [*split.notes, *warnings],
        "versions": dict(versions),
        "circumstances": asdict(circumstances_of(task, split, metric)),
        "curves": curves_from(trials, fewer or {}, len(split.train)),
        "score_check": asdict(score_check) if score_check else None,
        "score_doubt": doubt,
    }
    report["recommendation"]["changes"] += turning_sentences(report)
    report["recommendation"]["caveats"] += training_caveats(report)
    return _as_json({**report, "rules": hold_against(report)})


def judge(
    trials: Sequence[Trial],
    priorities: Priorities,
    kind: Kind | None,
    majority_share: float | None = None,
    quotes: Mapping[str, Quote] | None = None,
    floors: Sequence[Trial] = (),
    doubt: str | None = None,
) -> dict[str, Any]:
    """The part of a report that follows from outcomes and priorities alone; the arguments are those of `recommend`."""
    elsewhere = {"failed_answers": None} if kind is None else {}  # a score of 0 does not say whether it was answered

    def figures(given: Sequence[Trial]) -> list[dict[str, Any]]:
        return [{**_candidate(one, priorities, (quotes or {}).get(one.strategy)), **elsewhere} for one in given]

    judged = {
        "schema": SCHEMA,
        "priorities": asdict(priorities),
        "candidates": figures(trials),
        "floors": figures(floors),
        "comparisons": _comparisons(trials),
        "crossings": _crossings(trials, priorities, quotes or {}),
        "recommendation": asdict(recommend(trials, priorities, kind, majority_share, quotes, floors, doubt)),
    }
    return _as_json(judged)


def under_priorities(
    report: dict[str, Any], priorities: Priorities, trials: Sequence[Trial], floors: Sequence[Trial], split: Split
) -> dict[str, Any]:
    """The report of these trials as it would be under other priorities. What does not depend on them is kept: scores,
    ranges, comparisons."""
    kind = Kind(report["task"]["kind"])
    majority, doubt = _majority_score(kind, report["task"]["metric"], split.test), report.get("score_doubt")
    recommendation = recommend(trials, priorities, kind, majority, floors=floors, doubt=doubt)
    costs = {
        one.strategy: _costs(one, cost_of(one, priorities), priorities) for one in (*trials, *floors) if is_judged(one)
    }
    changed = {
        "priorities": asdict(priorities),
        **{
            part: [{**one, **costs.get(one["name"], {})} for one in report.get(part, [])]
            for part in ("candidates", "floors")
        },
        "crossings": _crossings(trials, priorities, {}),
        "recommendation": asdict(recommendation),
    }
    judged = {**report, **changed}
    judged["recommendation"]["changes"] += tuple(turning_sentences(judged))
    judged["recommendation"]["caveats"] += tuple(training_caveats(judged))
    return _as_json({**judged, "rules": hold_against(judged)})


def _candidate(trial: Trial, priorities: Priorities, quote: Quote | None) -> dict[str, Any]:
    """One strategy in figures; one that was not judged has the same keys, with null where nothing was measured."""
    measured = derive(trial, priorities, quote) if is_judged(trial) else None
    score = measured.score if measured else None
    latency = measured.latency if measured else None
    return {
        "name": trial.strategy,
        "status": trial.status,
        "reason": trial.reason,
        "score": asdict(score) if score else {"mean": None, "low": None, "high": None, "n": 0},
        "parts": measured.parts if measured else {},
        "latency_seconds": asdict(latency) if latency else _UNTIMED,
        "phase_seconds": measured.phase_seconds if measured else {},
        "first_word_seconds": asdict(measured.first_word) if measured and measured.first_word else None,
        "apart_seconds": apart_seconds(trial),
        "score_of_each_training": score_of_each_training(trial),
        "requests_per_second": trial.requests_per_second,
        "tokens_in_mean": measured.tokens_in_mean if measured else None,
        "tokens_out_mean": measured.tokens_out_mean if measured else None,
        "fit_seconds": trial.fit_seconds,
        "peak_memory_bytes": trial.peak_memory_bytes,
        **_costs(trial, measured.cost if measured else Cost(None, None, None, priorities.currency), priorities),
        "hit_rate": measured.hit_rate if measured else None,
        "failed_answers": measured.failed_answers if measured else None,
        "settings": trial.settings,
        "choices": trial.choices,
        "effort": asdict(trial.effort),
        "notes": trial.notes,
    }


def _costs(trial: Trial, cost: Cost, priorities: Priorities) -> dict[str, Any]:
    """With the range of what 1,000 answers cost."""
    return {"cost": asdict(cost), "per_1000_range": price_range(trial, cost, priorities)}


def _comparisons(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Each pair of judged strategies on the rows both answered. `p_value` is of that pair alone, `p_value_holm`
    allows for all the pairs tested; `detectable` is the true difference these rows would show 8 times in 10."""
    paired = paired_scores([trial for trial in trials if is_judged(trial)])
    pairs = list(combinations(paired.scores, 2))
    differences = [paired_difference(paired.scores[a], paired.scores[b], paired.groups) for a, b in pairs]
    adjusted = holm([difference.p_value for difference in differences])
    return [
        {
            "a": a,
            "b": b,
            **asdict(difference),
            "p_value_holm": p_value,
            "detectable": detectable_difference(paired.scores[a], paired.scores[b], paired.groups),
        }
        for (a, b), difference, p_value in zip(pairs, differences, adjusted, strict=True)
    ]


def _crossings(trials: Sequence[Trial], priorities: Priorities, quotes: Mapping[str, Quote]) -> list[dict[str, Any]]:
    """For each pair of judged strategies whose costs are known, the monthly volume at which they cost the same."""
    costs = [(trial, cost_of(trial, priorities, quotes.get(trial.strategy))) for trial in trials if is_judged(trial)]
    known = [(trial, cost) for trial, cost in costs if cost.line(priorities.months) is not None]
    return [
        {"a": a[0].strategy, "b": b[0].strategy, **asdict(crossing_range(a, b, priorities, is_ranged=not quotes))}
        for a, b in combinations(known, 2)
    ]


def _majority_score(kind: Kind, metric: str, test: Sequence[Example]) -> float | None:
    """What always giving the commonest label of the test rows would score; None where answers are no labels."""
    if kind is not Kind.CLASSIFICATION or not test:
        return None
    labels = Counter(example.target for example in test)
    commonest = max(labels, key=labels.__getitem__)
    outcomes = [
        Outcome(one.id, "", commonest, float(one.target == commonest), {}, 0, 0, expected=one.target) for one in test
    ]
    return score_of(scored(metric, outcomes))


def _as_json(value: Any) -> Any:
    """The same value in JSON's own types; a number that is not finite (a dev loss that diverged) becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
