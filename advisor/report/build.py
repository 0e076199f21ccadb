"""The report of a run. Pages, files and the command line all read this and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean
from typing import Any, Literal

from advisor.advice.agreement import hold_against
from advisor.advice.circumstances import circumstances_of
from advisor.decision.recommendation import recommend
from advisor.decision.score_doubt import score_doubt
from advisor.measurement import (
    apart_seconds,
    derive,
    is_judged,
    of_whole_race,
    paired_scores,
    score_of_each_training,
)
from advisor.pairing import strategy_of
from advisor.plan import Priorities
from advisor.report.by_model import by_model
from advisor.report.learned import curves_from, training_caveats, turning_sentences
from advisor.report.probed import freshness, refusals, robustness, side_effects, without_documents
from advisor.schema import Candidate, Comparison, CostCrossing, Judgement, NotMeasured, Report, ServedFacts, TaskFacts
from advisor.shutdowns import hosted_shutdown_sentence
from advisor.wording import money_text, runs_on_gpu
from eval.failures.sorting import Failures, sort_failures
from eval.money.costs import Quote, cost_of
from eval.money.ranges import crossing_ranges, price_range
from eval.outcomes import Outcome, Trial
from eval.scoring import metric_for
from eval.scoring.check import ScoreCheck
from eval.scoring.closeness import mean_error
from eval.scoring.label_sets import label_averages, rates_of_sets
from eval.scoring.labels import rates_by_label
from eval.statistics.grouping import piece_of
from eval.statistics.inference import holm
from eval.statistics.scored import detectable_difference, paired_difference, score_of, scored
from eval.task import Example, Kind, Split, Task


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
    baselines: Sequence[Trial] = (),
    priorities: Priorities,
    warnings: Sequence[str],
    versions: Mapping[str, str],
    preset: str | None = None,
    fewer: Mapping[str, Mapping[int, Trial]] | None = None,
    score_check: ScoreCheck | None = None,
    models: Mapping[str, str] | None = None,
    sizes: Mapping[str, float] | None = None,
    served: Sequence[ServedFacts] = (),
) -> Report:
    """Everything a person is told about a run.

    `created_at` is ISO 8601; `device` and `model` are in words. `models` are those of the candidates in words, by name,
    where there are several, and `sizes` their parameters, as far as known, by the model in words. Row counts are those
    of `split`, the rows used.
    Scores are in [0, 1], times in seconds, money in `priorities.currency`. What was not measured is null.
    `score_check` says how well the score tells right answers from wrong ones.
    `served` are the facts on the models that a server answered for.
    `fewer` holds, by strategy and by how many of the training rows it learned from, the trials of learning curves.
    """
    doubt = score_doubt(trials, score_check, bool(task.documents))
    metric = (task.metric or metric_for(task.kind, split.train, task.documents)).name
    majority = _majority_score(task.kind, metric, split.test)
    judged = judge(
        trials,
        priorities,
        task.kind,
        majority,
        baselines=baselines,
        doubt=doubt,
        model=model,
        check=score_check,
        models=models,
    )
    found = zip(judged.candidates, trials, sort_failures(trials, task), strict=True)
    report = Report(
        priorities=priorities,
        candidates=tuple(_probed(one, trial, failures, task) for one, trial, failures in found),
        baselines=tuple(
            replace(one, failures=failures, **_by_kind(trial, task.kind)) if isinstance(one, Candidate) else one
            for one, trial, failures in zip(judged.baselines, baselines, sort_failures(baselines, task), strict=True)
        ),
        comparisons=judged.comparisons,
        crossings=judged.crossings,
        recommendation=judged.recommendation,
        run_id=run_id,
        created_at=created_at,
        seed=seed,
        device=device,
        model=model,
        preset=preset,
        task=TaskFacts(
            name=task.name,
            kind=task.kind,
            metric=metric,
            instruction=task.instruction,
            labels=len(task.labels),
            rows=len(task.examples),
            train=len(split.train),
            dev=len(split.dev),
            test=len(split.test),
            documents=len(task.documents),
            meanings=task.meanings,
        ),
        warnings=(*split.notes, *warnings),
        versions=dict(versions),
        circumstances=circumstances_of(task, split, metric),
        curves=curves_from(trials, fewer or {}, len(split.train)),
        score_check=score_check,
        score_doubt=doubt,
        by_model=by_model(judged, trials, priorities, sizes or {}, doubt is not None),
        served=tuple(served),
    )
    return _with_curves_and_rules(report)


def judge(
    trials: Sequence[Trial],
    priorities: Priorities,
    kind: Kind | None,
    majority_share: float | None = None,
    quotes: Mapping[str, Quote] | None = None,
    baselines: Sequence[Trial] = (),
    doubt: str | None = None,
    model: str = "",
    check: ScoreCheck | None = None,
    models: Mapping[str, str] | None = None,
) -> Judgement:
    """The part of a report that follows from outcomes and priorities alone; the arguments are those of `recommend`,
    and the model that answered, in words, or several of them by the candidate."""

    def model_of(name: str) -> str:
        """A baseline asks none: in a report on one model it stands under that, in one on several under none."""
        return model if models is None else models.get(name, "")

    def figures(given: Sequence[Trial]) -> tuple[Candidate | NotMeasured, ...]:
        found = (_candidate(one, priorities, (quotes or {}).get(one.strategy), model_of(one.strategy)) for one in given)
        if kind is not None:
            return tuple(found)
        # A score of 0 from elsewhere doesn't say whether it was answered; an error does.
        return tuple(
            replace(one, failed_answers=one.failed_answers or None) if isinstance(one, Candidate) else one
            for one in found
        )

    return Judgement(
        priorities=priorities,
        candidates=figures(trials),
        baselines=figures(baselines),
        comparisons=_comparisons(trials),
        crossings=_crossings(trials, priorities, quotes or {}),
        recommendation=recommend(trials, priorities, kind, majority_share, quotes, baselines, doubt, check),
    )


def under_priorities(
    report: Report, priorities: Priorities, trials: Sequence[Trial], baselines: Sequence[Trial], split: Split
) -> Report:
    """The report of these trials as it would be under other priorities. What does not depend on them is kept: scores,
    ranges, comparisons."""
    majority = _majority_score(report.task.kind, report.task.metric, split.test)
    by_id = {one.strategy: one for one in (*trials, *baselines) if is_judged(one)}

    def priced(given: Sequence[Candidate | NotMeasured]) -> tuple[Candidate | NotMeasured, ...]:
        return tuple(
            _priced(one, by_id[one.id], priorities) if isinstance(one, Candidate) and one.id in by_id else one
            for one in given
        )

    changed = replace(
        report,
        priorities=priorities,
        candidates=priced(report.candidates),
        baselines=priced(report.baselines),
        crossings=_crossings(trials, priorities, {}),
        recommendation=recommend(
            trials,
            priorities,
            report.task.kind,
            majority,
            baselines=baselines,
            doubt=report.score_doubt,
            check=report.score_check,
        ),
        by_model=by_model(report, trials, priorities, _sizes(report), report.score_doubt is not None),
    )
    return _with_curves_and_rules(changed)


def _sizes(report: Report) -> dict[str, float]:
    each = report.by_model.of_each if report.by_model else ()
    return {one.model: one.parameters for one in each if one.parameters is not None}


def _with_curves_and_rules(report: Report) -> Report:
    """With what learning curves add to the recommendation, and the rules of thumb held against the whole."""
    recommendation = replace(
        report.recommendation,
        changes=(*report.recommendation.changes, *turning_sentences(report)),
        caveats=(
            *report.recommendation.caveats,
            *_machine_price(report),
            *_shutdown(report),
            *training_caveats(report),
        ),
    )
    report = replace(report, recommendation=recommendation)
    return replace(report, rules=hold_against(report))


def _machine_price(report: Report) -> list[str]:
    """The caveat where nobody said what a GPU costs: the default is the price of a few processor cores."""
    if not runs_on_gpu(report.device) or not report.priorities.has_default_machine_price:
        return []
    price = money_text(report.priorities.machine_per_hour, report.priorities.currency)
    return [f"Costs assume {price} an hour, our default. That is too low for a GPU: set what your machine costs."]


def _shutdown(report: Report) -> list[str]:
    """The caveat where the model of the choice has an announced end, or the one at whose prices it is costed."""
    choice = next((one for one in report.candidates if one.id == report.recommendation.choice), None)
    if choice is None:
        return []
    ends = [one.shutdown for one in report.served if one.model == choice.model]
    if not (isinstance(choice, Candidate) and choice.by_token):  # it has no prices of its own
        ends.append(hosted_shutdown_sentence(report.priorities.hosted))
    return [said for said in ends if said]


def _candidate(trial: Trial, priorities: Priorities, quote: Quote | None, model: str) -> Candidate | NotMeasured:
    if not is_judged(trial):
        status: Literal["failed", "excluded"] = "excluded" if trial.status == "excluded" else "failed"
        return NotMeasured(trial.strategy, strategy_of(trial.strategy), model, status, trial.reason, trial.notes)
    measured = derive(trial, priorities, quote)
    return Candidate(
        id=trial.strategy,
        strategy=strategy_of(trial.strategy),
        model=model,
        score=measured.score,
        cost=measured.cost,
        parts=measured.parts,
        latency_seconds=measured.latency,
        phase_seconds=measured.phase_seconds,
        first_word_seconds=measured.first_word,
        apart_seconds=apart_seconds(trial),
        score_of_each_training=score_of_each_training(trial),
        requests_per_second=trial.requests_per_second,
        processor_seconds=_processor_seconds(trial),
        tokens_in_mean=measured.tokens_in_mean,
        tokens_out_mean=measured.tokens_out_mean,
        fit_seconds=trial.fit_seconds,
        peak_memory_bytes=trial.peak_memory_bytes,
        per_1000_range=price_range(trial, measured.cost, priorities),
        timed_alike=len(trial.timed_alike),
        hit_rate=measured.hit_rate,
        failed_answers=measured.failed_answers,
        cut_off=_cut_off(trial),
        thinking_share=_thinking_share(trial),
        instruction=trial.instruction,
        slow_because=trial.slow_because,
        losses=trial.losses,
        settings=trial.settings,
        choices=trial.choices,
        search=trial.search,
        preferred=trial.preferred,
        stopped=trial.stopped,
        effort=trial.effort,
        notes=(*trial.notes, *_reused(trial)),
        busy=trial.busy,
        by_token=trial.token_price is not None,
    )


def _reused(trial: Trial) -> list[str]:
    if trial.reused is None:
        return []
    answers = f"{trial.reused.answers:,} of {len(trial.outcomes):,} answers"
    return [f"Its setup and {answers} are from run {trial.reused.run}, with the time and the cost that they had there."]


def _processor_seconds(trial: Trial) -> float | None:
    """What the processor worked for an answer given alone, on average; None if a server gave it, or in older runs."""
    known = [one.processor_seconds for one in trial.outcomes if one.processor_seconds is not None]
    return fmean(known) if known and not trial.on_server else None


def _cut_off(trial: Trial) -> int | None:
    """None in a run of an earlier version, and for scores from elsewhere."""
    known = [outcome.cut_off for outcome in trial.outcomes if outcome.cut_off is not None]
    return sum(known) if len(known) == len(trial.outcomes) else None


def _thinking_share(trial: Trial) -> float | None:
    """Of all tokens that the model wrote for the test rows."""
    thoughts = sum(outcome.thinking_tokens for outcome in trial.outcomes)
    return thoughts / sum(outcome.tokens_out for outcome in trial.outcomes) if thoughts else None


def _probed(one: Candidate | NotMeasured, trial: Trial, failures: Failures, task: Task) -> Candidate | NotMeasured:
    """With what was measured beside the test rows, and what went wrong on them."""
    if isinstance(one, NotMeasured):
        return one
    return replace(
        one,
        failures=failures,
        robustness=robustness(trial),
        side_effects=side_effects(trial),
        freshness=freshness(trial, task),
        without_documents=without_documents(trial, task.kind),
        refusals=refusals(trial, task),
        **_by_kind(trial, task.kind),
    )


def _by_kind(trial: Trial, kind: Kind) -> dict[str, Any]:
    """The figures that only labels, several labels or numbers have."""
    groups = [piece_of(outcome) for outcome in trial.outcomes]
    match kind:
        case Kind.CLASSIFICATION:
            return {"labels": rates_by_label(trial.outcomes)}
        case Kind.MULTI_LABEL:
            averages = label_averages(trial.outcomes, groups)
            return {"labels": rates_of_sets(trial.outcomes), "label_averages": averages}
        case Kind.NUMBER:
            return {"error": mean_error(trial.outcomes, groups)}
        case _:
            return {}


def _priced(one: Candidate, trial: Trial, priorities: Priorities) -> Candidate:
    cost = cost_of(trial, priorities)
    return replace(one, cost=cost, per_1000_range=price_range(trial, cost, priorities))


def _comparisons(trials: Sequence[Trial]) -> tuple[Comparison, ...]:
    """Each pair of judged strategies on the rows both answered."""
    judged = [trial for trial in trials if is_judged(trial)]
    together = paired_scores(of_whole_race(judged))
    pairs = [
        (a, b, together if {a.strategy, b.strategy} <= together.scores.keys() else paired_scores([a, b]))
        for a, b in combinations(judged, 2)
    ]
    differences = [
        paired_difference(paired.scores[a.strategy], paired.scores[b.strategy], paired.groups) for a, b, paired in pairs
    ]
    adjusted = holm([difference.p_value for difference in differences])
    return tuple(
        Comparison(
            a=a.strategy,
            b=b.strategy,
            difference=one.difference,
            low=one.low,
            high=one.high,
            p_value=one.p_value,
            n=one.n,
            p_value_holm=p_value,
            detectable=detectable_difference(paired.scores[a.strategy], paired.scores[b.strategy], paired.groups),
            method=one.method,
            test=one.test,
        )
        for (a, b, paired), one, p_value in zip(pairs, differences, adjusted, strict=True)
    )


def _crossings(
    trials: Sequence[Trial], priorities: Priorities, quotes: Mapping[str, Quote]
) -> tuple[CostCrossing, ...]:
    """For each pair of judged strategies whose costs are known, the monthly volume at which they cost the same."""
    costs = [(trial, cost_of(trial, priorities, quotes.get(trial.strategy))) for trial in trials if is_judged(trial)]
    known = [(trial, cost) for trial, cost in costs if cost.line(priorities.months) is not None]
    found = crossing_ranges(known, priorities, is_ranged=not quotes)
    return tuple(
        CostCrossing(a[0].strategy, b[0].strategy, at.monthly, at.low, at.high, at.is_ranged)
        for (a, b), at in zip(combinations(known, 2), found, strict=True)
    )


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
