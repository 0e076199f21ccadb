"""A trial's figures, at the person's prices. Always computed from the outcomes, never stored with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from advisor.pairing import model_in, strategy_of
from advisor.plan import Priorities
from advisor.schema import ApartSeconds, Gap
from eval.measuring.phases import PHASES, WRITING
from eval.money.costs import Cost, Quote, cost_of
from eval.outcomes import NEW_FACT, OLD_FACT, TRAINED_AGAIN, TRAINED_ON, Outcome, Trial
from eval.scoring import is_right
from eval.statistics import inference
from eval.statistics.grouping import piece_of
from eval.statistics.inference import Interval, Percentiles, percentiles, unpaired_difference
from eval.statistics.posterior import Posterior, believe
from eval.statistics.scored import Scored, interval, score_of, scored
from eval.task import Kind
from strategies.registry import LOOKS_UP, TRAINED

NEITHER_FACT = "neither"


@dataclass(frozen=True, slots=True)
class Measurement:
    """The figures of a judged trial; None if not measured.

    `phase_seconds` are the mean seconds per phase of the timed requests. `first_word` is the time until the first word
    of a written answer; None if answers aren't written, or if the model thinks before it writes them.

    `parts` are the means of the secondary metrics. `hit_rate` is the share of rows with a known gold document whose
    sources include it. `failed_answers` counts the rows without an answer (they score 0).
    """

    trial: Trial
    score: Interval
    parts: dict[str, float]
    latency: Percentiles | None
    phase_seconds: dict[str, float]
    first_word: Percentiles | None
    cost: Cost
    tokens_in_mean: float | None
    tokens_out_mean: float | None
    hit_rate: float | None
    failed_answers: int

    @property
    def strategy(self) -> str:
        return self.trial.strategy


@dataclass(frozen=True, slots=True)
class Paired:
    """The group of each row (a row without one is its own group), each strategy's results on the rows in the same
    order, and the row ids."""

    groups: list[str]
    scores: dict[str, Scored]
    rows: list[str]


def derive(trial: Trial, priorities: Priorities, quote: Quote | None = None) -> Measurement:
    """The figures of a trial with outcomes. Costs follow from the measured seconds, unless they are quoted."""
    outcomes = trial.outcomes
    part_names = sorted({name for outcome in outcomes for name in outcome.parts})
    tokens_in = fmean(outcome.tokens_in for outcome in outcomes)
    tokens_out = fmean(outcome.tokens_out for outcome in outcomes)
    found = [outcome.found_gold for outcome in outcomes if outcome.found_gold is not None]
    return Measurement(
        trial=trial,
        score=score_of_trial(trial),
        parts={name: fmean(outcome.parts.get(name, 0.0) for outcome in outcomes) for name in part_names},
        latency=percentiles([outcome.seconds for outcome in outcomes if outcome.seconds is not None]),
        phase_seconds=_phase_seconds([outcome.phases for outcome in outcomes if outcome.phases]),
        first_word=percentiles([before for outcome in outcomes if (before := _before_writing(outcome)) is not None]),
        cost=cost_of(trial, priorities, quote),
        tokens_in_mean=tokens_in or None,
        tokens_out_mean=tokens_out if tokens_in else tokens_out or None,  # a server may score labels and write nothing
        hit_rate=fmean(found) if found else None,
        failed_answers=sum(outcome.error is not None for outcome in outcomes),
    )


def sharing_timings(trials: Sequence[Trial]) -> list[Trial]:
    """The trials of a run, so that all that were trained of one model and retrieve nothing share their timed requests:
    they put the same prompts through networks of one size, and only chance makes one of them look cheaper."""
    alike = [each for each in trials if is_judged(each) and _retrieves_nothing_trained(strategy_of(each.strategy))]

    def beside(trial: Trial) -> Trial:
        of_model = [other for other in alike if model_in(other.strategy) == model_in(trial.strategy)]
        others = (outcome for other in of_model if other is not trial for outcome in other.outcomes)
        return replace(trial, timed_alike=tuple(outcome for outcome in others if outcome.seconds is not None))

    return [beside(trial) if any(trial is each for each in alike) else trial for trial in trials]


def _retrieves_nothing_trained(strategy: str) -> bool:
    return strategy in TRAINED and strategy not in LOOKS_UP


def score_of_trial(trial: Trial) -> Interval:
    """On the test rows that it answered."""
    return _score_interval(trial, trial.outcomes)


def _score_interval(trial: Trial, outcomes: Sequence[Outcome]) -> Interval:
    return interval(scored(trial.metric, outcomes), [piece_of(outcome) for outcome in outcomes])


def share_interval(outcomes: Sequence[Outcome], held: Sequence[bool]) -> Interval:
    """The share of outcomes for which `held` is true, with its interval."""
    return inference.interval([float(each) for each in held], [piece_of(outcome) for outcome in outcomes])


def _phase_seconds(timed: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: fmean(one.get(name, 0.0) for one in timed) for name in PHASES if any(name in one for one in timed)}


def _before_writing(outcome: Outcome) -> float | None:
    if outcome.seconds is None or WRITING not in outcome.phases or outcome.thinking_tokens:
        return None
    return outcome.seconds - outcome.phases[WRITING]


def is_judged(trial: Trial) -> bool:
    """Whether a trial has outcomes to judge."""
    return trial.status == "done" and bool(trial.outcomes)


def paired_scores(trials: Sequence[Trial]) -> Paired:
    """What each trial did on the rows that all of them answered, in one order."""
    by_strategy = {trial.strategy: {outcome.example_id: outcome for outcome in trial.outcomes} for trial in trials}
    rows = sorted(set.intersection(*map(set, by_strategy.values()))) if by_strategy else []
    return Paired(
        [piece_of(*(outcomes[row] for outcomes in by_strategy.values())) for row in rows],
        {trial.strategy: on_rows(trial, trial.outcomes, rows) for trial in trials},
        rows,
    )


def on_rows(trial: Trial, outcomes: Sequence[Outcome], rows: Sequence[str]) -> Scored:
    """The trial's outcomes as its metric counts them, in the order of `rows`. They must answer all these rows."""
    by_row = {outcome.example_id: outcome for outcome in outcomes}
    return scored(trial.metric, [by_row[row] for row in rows])


def of_whole_race(trials: Sequence[Trial]) -> list[Trial]:
    """Those that answered test rows for as long as any did; all, if none did."""
    return [trial for trial in trials if not is_beaten(trial)] or list(trials)


def is_beaten(trial: Trial) -> bool:
    """Whether it stopped while others went on."""
    return trial.stopped is not None and trial.stopped.why != "settled"


def believed(trials: Sequence[Trial]) -> Posterior:
    """The posterior of their scores on the rows that all of them answered, including repeated trainings. One that
    stopped while others went on is placed by its distance from the best of these on the rows that both answered."""
    whole = of_whole_race(trials)
    posterior = _believed_together(whole)
    for trial in trials:
        if trial not in whole:
            best = max(whole, key=lambda one: posterior.mean_of(one.strategy))
            posterior = posterior.beside(best.strategy, _believed_together([best, trial]))
    return posterior


def _believed_together(trials: Sequence[Trial]) -> Posterior:
    paired = paired_scores(trials)
    again = {trial.strategy: [on_rows(trial, each, paired.rows) for each in trained_again(trial)] for trial in trials}
    return believe({name: [own, *again[name]] for name, own in paired.scores.items()}, paired.groups)


def trained_again(trial: Trial) -> list[tuple[Outcome, ...]]:
    """The test outcomes of each training after the first."""
    return [outcomes for name, outcomes in trial.probes.items() if name.startswith(TRAINED_AGAIN)]


def score_of_each_training(trial: Trial) -> tuple[float, ...] | None:
    """The score of each training, starting with the one that was kept; None if there was at most one."""
    again = trained_again(trial)
    return tuple(score_of(scored(trial.metric, each)) for each in (trial.outcomes, *again)) if again else None


def gap_of(trial: Trial) -> Gap | None:
    """The scores on training rows and on test rows, and their difference (training minus test); None if not
    measured."""
    trained_on = trial.probes.get(TRAINED_ON)
    if not trained_on or not trial.outcomes:
        return None
    seen, new = _score_interval(trial, trained_on), _score_interval(trial, trial.outcomes)
    gap = unpaired_difference(seen, new)
    return Gap(seen, new, gap.mean, gap.low, gap.high)


def fact_told(outcome: Outcome) -> str:
    """Which fact an answer gives after the documents changed. Both can share words (14 days, 30 days): the nearer one
    counts, if the answer is right."""
    new, old = outcome.parts[NEW_FACT], outcome.parts[OLD_FACT]
    if outcome.error is not None or new == old or not is_right(Kind.ANSWERING, max(new, old), {}):
        return NEITHER_FACT
    return NEW_FACT if new > old else OLD_FACT


def apart_seconds(trial: Trial) -> ApartSeconds | None:
    """None if not measured."""
    both = [(one.seconds, trial.apart_seconds.get(one.example_id)) for one in trial.outcomes]
    pairs = [(merged, apart) for merged, apart in both if merged is not None and apart is not None]
    apart, merged = (percentiles([pair[side] for pair in pairs]) for side in (1, 0))
    if not apart or not merged:
        return None
    return ApartSeconds(apart.p50, apart.p95, apart.n, merged.p50, apart.p50_range, apart.p95_range)
