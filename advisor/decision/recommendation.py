"""Which strategy to take among measured ones, and what is said of it: limits first, then the rule of `choice.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from advisor.decision import caveats, outlook, sentences
from advisor.decision.baseline import baseline_reason, judge_baselines
from advisor.decision.choice import PROBABLE, SAME_COST, WEAK, Choice, Option, choose
from advisor.decision.reasons import reasons
from advisor.decision.situation import Situation, Tie
from advisor.decision.turns import ends_of, turns_of
from advisor.measurement import Measurement, Paired, believed, derive, is_judged, of_whole_race, paired_scores
from advisor.pairing import strategy_of
from advisor.plan import STRATEGIES, Priorities
from advisor.schema import Recommendation, Turn
from eval.money.costs import Consumption, Cost, Quote
from eval.outcomes import Trial
from eval.scoring.check import ScoreCheck
from eval.scoring.labels import OF_LABELS
from eval.statistics.inference import Difference, even_groups
from eval.statistics.posterior import Posterior
from eval.statistics.scored import paired_difference, score_of, scored
from eval.task import Kind


def recommend(
    trials: Sequence[Trial],
    priorities: Priorities,
    kind: Kind | None,
    majority_share: float | None = None,
    quotes: Mapping[str, Quote] | None = None,
    baselines: Sequence[Trial] = (),
    doubt: str | None = None,
    check: ScoreCheck | None = None,
) -> Recommendation:
    """The strategy to take among `trials`, which answered the same test rows.

    `kind` is None where the scores were measured elsewhere; `majority_share` is what always giving the most common
    label of the test rows would score in a classification; `quotes` by strategy stand in for costs that would follow
    from the seconds measured; `baselines` answered the same rows without a language model: the headline begins with
    one that is as good, but none is ever the choice; `doubt` is the sentence that says why the score itself is
    doubtful, and then no verdict is more than weak; `check` says what right and wrong answers score.
    """
    case = _Case(trials, priorities, quotes or {})
    ruling = case.under(priorities)
    kept, taken, totals = ruling.kept, ruling.taken, ruling.totals
    if taken is None:
        return _no_choice(trials, ruling.broken)
    together = case.together(kept)
    scores, groups = case.scores | together.scores, together.groups

    @cache  # a comparison of graded scores resamples thousands of times
    def gap(a: str, b: str) -> Difference:
        paired = case.pair(a, b)
        return paired_difference(paired.scores[a], paired.scores[b], paired.groups)

    choice = next(one for one in kept if one.strategy == taken.name)
    others = [one for one in kept if one is not choice]
    best = next(one for one in kept if one.strategy in together.scores)
    if choice.strategy in together.scores:
        is_best = choice.score.mean == best.score.mean
    else:  # it stopped early, so its score is of other rows
        is_best = gap(choice.strategy, best.strategy).difference >= 0

    def rule(changed: Priorities) -> str | None:
        """What is taken; the choice still where only the draws, or the order, tell something else from it."""
        other = case.under(changed).taken
        if (
            other
            and choice.strategy in other.alike
            and score_of(scores[choice.strategy]) == score_of(scores[other.name])
        ):
            return choice.strategy
        return other.name if other else None

    def tie_at(changed: Priorities) -> Tie | None:
        """What is too close between the choice and what would be taken instead, so that the simplest is taken."""
        other = case.under(changed)
        if other.taken is None or other.taken.odds < WEAK:
            return "scores" if other.taken else None
        own, instead = other.totals.get(choice.strategy), other.totals[other.taken.name]
        return "costs" if own is not None and instead is not None and own <= instead <= own * SAME_COST else None

    def tie_along(turn: Turn) -> Tie | None:
        first, last = map(tie_at, ends_of(turn, priorities, case.measured))
        return first if first == last else None

    turns = turns_of(rule, priorities, case.measured)
    situation = Situation(
        priorities,
        kind,
        choice,
        best=choice if is_best else best,
        near=[one for one in kept if one is choice or taken.probabilities[one.strategy] >= PROBABLE],
        cheaper=[one for one in kept if one.strategy in taken.cheaper],
        others=others,
        left_out=[one for one in case.measured if one.strategy in ruling.broken],
        scores=scores,
        groups=groups,
        totals=totals,
        probabilities=taken.probabilities,
        odds=taken.odds,
        pieces=len(set(groups)),
        gap=gap,
        pair=case.pair,
        turns=turns,
        ties={turn.priority: tie for turn in turns if turn.choice and (tie := tie_along(turn))},
        check=check,
    )
    measured = [derive(one, priorities, case.quotes.get(one.strategy)) for one in baselines if is_judged(one)]
    within = [one for one in measured if sentences.broken_limit(one, priorities) is None]
    baseline = judge_baselines(situation, within)
    headline = sentences.headline(situation, taken.confidence, baseline)
    of_baseline = baseline_reason(situation, baseline) if baseline else None
    confidence_line = sentences.confidence_line(situation, taken.confidence, of_baseline)
    if baseline is not None and baseline.lead is not None and of_baseline is None:
        # The headline names no strategy, so the line does.
        confidence_line = sentences.evidence_line(situation, taken.confidence) or confidence_line
    why = (
        sentences.by_score_alone(situation, taken.confidence) if doubt is not None else None,
        sentences.evidence_line(situation, taken.confidence) if of_baseline else None,
        *reasons(situation, tuple(ruling.broken.values())),
    )
    is_too_sure = doubt is not None and taken.confidence in ("strong", "moderate")
    return Recommendation(
        choice=choice.strategy,
        confidence="weak" if is_too_sure else taken.confidence,
        odds=taken.odds if others else None,
        probabilities=taken.probabilities,
        runner_up=others[0].strategy if others else None,
        headline=headline if doubt is None else sentences.doubtful_headline(situation),
        confidence_line=doubt or confidence_line,
        runner_up_line=sentences.runner_up_line(situation),
        baseline=baseline,
        reasons=tuple(sentence for sentence in why if sentence),
        caveats=caveats.before_you_act(situation, trials, None if baseline else majority_share),
        changes=outlook.changes(situation, baseline),
        rows_needed=outlook.rows_that_would_tell(situation),
        turns=tuple(turns),
    )


def choice_among(trials: Sequence[Trial], priorities: Priorities) -> Choice | None:
    """What the rule alone takes of these trials; None where none is judged and within the limits."""
    return _Case(trials, priorities, {}).under(priorities).taken


@dataclass(frozen=True, slots=True)
class _Ruling:
    """What is taken under some priorities (None where nothing is within the limits): from `kept`, best first, whose
    `totals` over the horizon may be unknown, and not from what is `broken`, by strategy the sentence that says why."""

    kept: list[Measurement]
    broken: dict[str, str]
    totals: dict[str, float | None]
    taken: Choice | None


class _Case:
    """The judged trials, ready to be ruled on under any priorities: what is believed of the scores stays as it is."""

    def __init__(self, trials: Sequence[Trial], priorities: Priorities, quotes: Mapping[str, Quote]) -> None:
        judged = [trial for trial in trials if is_judged(trial)]
        self.measured = [derive(trial, priorities, quotes.get(trial.strategy)) for trial in judged]
        self._consumed = [Consumption.of(trial) for trial in judged]
        self.quotes = quotes
        if judged:
            self._posterior = believed(judged)
            self._judged = judged
            self._paired = cache(lambda *names: paired_scores([one for one in judged if one.strategy in names]))
            self.scores = {trial.strategy: scored(trial.metric, trial.outcomes) for trial in judged}

    def together(self, kept: Sequence[Measurement]) -> Paired:
        """On the rows that all of the whole race answered; if none of these is among `kept`, on those of `kept`."""
        judged = of_whole_race(self._judged)
        if not any(one.trial in judged for one in kept):
            judged = [one.trial for one in kept]
        return self._paired(*(trial.strategy for trial in judged))

    def pair(self, a: str, b: str) -> Paired:
        """On the rows of the whole race, or, if one of the two was not in all of it, on those that both answered."""
        together = self.together(self.measured)
        return together if {a, b} <= together.scores.keys() else self._paired(a, b)

    @cached_property
    def _share_right(self) -> Posterior:
        """What is believed of the mean score of a row: a wrong answer costs as much whichever label it should have had,
        also where the metric counts labels alike."""
        if not any(trial.metric in OF_LABELS for trial in self._judged):
            return self._posterior
        return believed([replace(trial, metric="") for trial in self._judged])

    def under(self, priorities: Priorities) -> _Ruling:
        priced = [
            replace(one, cost=consumed.cost(priorities, self.quotes.get(one.strategy)))
            for one, consumed in zip(self.measured, self._consumed, strict=True)
        ]
        broken = {
            one.strategy: limit for one in priced if (limit := sentences.broken_limit(one, priorities)) is not None
        }
        kept = sorted((one for one in priced if one.strategy not in broken), key=_by_score)
        totals = _totals(kept, priorities)
        if not kept:
            return _Ruling(kept, broken, totals, None)
        options = [Option(one.strategy, totals[one.strategy], _simplicity(one)) for one in kept]
        handicaps = _in_points(kept, priorities)
        posterior = (self._share_right if handicaps else self._posterior).restricted(list(totals), handicaps)
        rows = even_groups(self.together(kept).groups)
        return _Ruling(kept, broken, totals, choose(options, posterior, priorities.margin, rows))


def _totals(kept: Sequence[Measurement], priorities: Priorities) -> dict[str, float | None]:
    """What each costs over the horizon; without getting ready, once or anew, where its cost is known of none."""
    costs = _counted(kept)
    return {name: cost.total_over(priorities.months, priorities.monthly_volume) for name, cost in costs.items()}


def _counted(kept: Sequence[Measurement]) -> dict[str, Cost]:
    costs = {one.strategy: one.cost for one in kept}
    if all(cost.one_off is None for cost in costs.values()):
        costs = {name: replace(cost, one_off=0.0) for name, cost in costs.items()}
    if all(cost.upkeep_per_month is None for cost in costs.values()):
        costs = {name: replace(cost, upkeep_per_month=0.0) for name, cost in costs.items()}
    return costs


def _in_points(kept: Sequence[Measurement], priorities: Priorities) -> dict[str, float]:
    """Where a wrong answer has a price: what a strategy costs, in the score that would be worth as much. So a strategy
    is near the best when neither its answers nor its bills lose more than the margin."""
    requests = priorities.monthly_volume * priorities.months
    spent = {name: cost.spent_over(priorities.months) for name, cost in _counted(kept).items()}
    if not priorities.wrong_answer or any(each is None for each in spent.values()):
        return {}
    return {name: (each or 0.0) / (priorities.wrong_answer * requests) for name, each in spent.items()}


def _by_score(one: Measurement) -> tuple[float, int]:
    return -one.score.mean, _simplicity(one)


def _simplicity(one: Measurement) -> int:
    """Prompting before retrieval before fine-tuning; what is not one of these comes last."""
    strategy = strategy_of(one.strategy)
    return STRATEGIES.index(strategy) if strategy in STRATEGIES else len(STRATEGIES)


def _no_choice(trials: Sequence[Trial], broken: Mapping[str, str]) -> Recommendation:
    """Nothing finished, or nothing is within the limits."""
    return Recommendation(
        choice=None,
        confidence="none",
        odds=None,
        probabilities={},
        runner_up=None,
        headline="No strategy meets your limits." if broken else "Nothing to recommend yet.",
        confidence_line="No strategy is known to meet the limits you set." if broken else "No strategy finished.",
        runner_up_line=None,
        baseline=None,
        reasons=tuple(broken.values()),
        caveats=caveats.unfinished(trials),
        changes=("Raise or remove a limit to compare the strategies it leaves out.",) if broken else (),
        rows_needed=None,
        turns=(),
    )
