"""The report of a run as types: everything it says, except values that are only computed for display.

`REPORT` reads and writes it as JSON and publishes the JSON Schema (docs/report.schema.json). Scores are in [0, 1],
times in seconds, money in `priorities.currency`. None means not measured.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from advisor.as_json import AsJson
from advisor.plan import Priorities
from eval.blind.verdict import PersonalVerdict
from eval.failures.sorting import Failures
from eval.judging.agreement import Agreement as JudgeAgreement
from eval.money.costs import Cost
from eval.money.tokens import Price, Spent
from eval.outcomes import EarlyStop, Effort, LossPoint, Preferred, SearchQuality
from eval.scoring.check import ScoreCheck
from eval.scoring.label_sets import LabelAverages
from eval.scoring.labels import LabelRates
from eval.statistics.inference import Difference, Interval, Percentiles
from eval.statistics.reweighted import Average
from eval.task import Kind
from strategies.served_workload import Foreseen

SCHEMA = 2

Confidence = Literal["strong", "moderate", "weak", "too close to call", "none"]
Claim = Literal["better", "as good", "worse"]
Agreement = Literal["agrees", "disagrees", "cannot tell"]
Knowledge = Literal["general", "documents", "changing"]
Form = Literal["free", "categories", "structure", "style"]
Tried = Literal["no", "well", "misses", "long"]
Job = Literal["simple", "complex", "broad"]


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """The task. `rows` counts all rows read; `train`, `dev` and `test` count those used. `documents` and `labels` are
    counts. `meanings` are labels with what the person says they mean. An empty `instruction` was drafted from the
    training answers."""

    name: str
    kind: Kind
    metric: str
    instruction: str
    labels: int
    rows: int
    train: int
    dev: int
    test: int
    documents: int
    meanings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ApartSeconds:
    """The percentiles of some requests answered with the adapter separate from the weights. `merged_p50` is the median
    of the same requests with it merged."""

    p50: float
    p95: float
    n: int
    merged_p50: float
    p50_range: tuple[float | None, float | None] = (None, None)
    p95_range: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Lost:
    """What varied inputs cost: the mean scores of the same `n` rows as they are and varied, and their paired difference
    `lost` (positive if points are lost) with its 95 % confidence interval."""

    variant: str
    plain: float
    varied: float
    lost: float
    low: float
    high: float
    p_value: float
    n: int
    method: str = ""
    test: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """The scores on training rows (`seen`) and on test rows (`new`), and the first minus the second."""

    seen: Interval
    new: Interval
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AnswersChange:
    """For how many of the `questions` something was true before and after training."""

    questions: int
    before: int
    after: int
    change: Difference


@dataclass(frozen=True, slots=True)
class KnowledgeChange:
    """How training changed general knowledge: the loss on `texts`, in nats per token and as perplexity; the general
    `questions` answered right; how many of those it refused; and how many unanswerable questions it admits not to
    know."""

    texts: int
    nats_before: float
    nats_after: float
    nats_change: Interval
    perplexity_before: float
    perplexity_after: float
    questions: int
    right_before: int
    right_after: int
    right_change: Difference
    refused: AnswersChange | None = None
    admitted: AnswersChange | None = None


@dataclass(frozen=True, slots=True)
class SideEffects:
    gap: Gap | None
    knowledge: KnowledgeChange | None


@dataclass(frozen=True, slots=True)
class ChangedAnswer:
    """The answer to a question whose fact was changed in the documents from `old` to `new`, and which fact it gives."""

    input: str
    old: str
    new: str
    answer: str
    told: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """After facts changed in the documents: the shares of `n` answers with the new fact, the old one and neither.
    `before` is the share that was right before. `refresh_seconds` is how long indexing the changed documents took, None
    if the strategy looks nothing up. `trained` says whether it changes weights."""

    before: Interval
    new: Interval
    old: Interval
    neither: Interval
    n: int
    refresh_seconds: float | None
    trained: bool
    examples: tuple[ChangedAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class WithoutDocuments:
    """With the documents that hold the answer removed: the shares of `n` answers that admit not to know, that are right
    anyway (None if answers aren't right or wrong), and that are made up. `reads` says whether the strategy reads
    documents."""

    n: int
    admitted: Interval
    right: Interval | None
    invented: Interval
    reads: bool


@dataclass(frozen=True, slots=True)
class Refusals:
    """Test rows that were refused although another answer was expected: their `count`, and their share with its
    interval."""

    count: int
    mean: float
    low: float
    high: float
    n: int
    method: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What was measured of a strategy or a baseline with a model.

    `phase_seconds` are the mean seconds per phase of the timed requests. `first_word_seconds` is the time before the
    first word of a written answer. `per_1000_range` is the 95 % confidence interval of the cost per 1,000 requests.
    `timed_alike` counts the timed requests of other strategies that it rests on too, because they take the same work.
    `hit_rate` is the share of rows with a known document for which it was found. `error` is the mean absolute error of
    a number. `cut_off` counts the answers that reached the limit of tokens before their end. `instruction` is the one
    in every prompt that was sent. `losses` are those of its final training. `seconds` is how long the whole step took.
    `thinking_share` is the share of the output tokens that were thoughts of the model; None if there were none.
    `processor_seconds` is what the processor worked for an answer given alone, on average.
    `by_token` says whether its answers are paid by the token, at the price of its own server. `search` is how well its
    search finds answers; None if it looks nothing up or no row could tell. `stopped` says why it answered only some of
    the test rows; None if it answered all.
    """

    id: str
    strategy: str
    model: str
    score: Interval
    cost: Cost
    status: Literal["done"] = "done"
    parts: dict[str, float] = field(default_factory=dict)
    latency_seconds: Percentiles | None = None
    phase_seconds: dict[str, float] = field(default_factory=dict)
    first_word_seconds: Percentiles | None = None
    apart_seconds: ApartSeconds | None = None
    score_of_each_training: tuple[float, ...] | None = None
    requests_per_second: float | None = None
    processor_seconds: float | None = None
    tokens_in_mean: float | None = None
    tokens_out_mean: float | None = None
    fit_seconds: float | None = None
    peak_memory_bytes: int | None = None
    per_1000_range: tuple[float, float] | None = None
    timed_alike: int = 0
    hit_rate: float | None = None
    failed_answers: int | None = None
    cut_off: int | None = None
    thinking_share: float | None = None
    instruction: str | None = None
    slow_because: str | None = None
    losses: tuple[LossPoint, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    choices: tuple[dict[str, Any], ...] = ()
    search: SearchQuality | None = None
    preferred: Preferred | None = None
    stopped: EarlyStop | None = None
    effort: Effort = field(default_factory=Effort)
    notes: tuple[str, ...] = ()
    busy: float | None = None
    failures: Failures | None = None
    robustness: tuple[Lost, ...] | None = None
    side_effects: SideEffects | None = None
    freshness: Freshness | None = None
    without_documents: WithoutDocuments | None = None
    refusals: Refusals | None = None
    labels: tuple[LabelRates, ...] = ()
    label_averages: LabelAverages | None = None
    error: Average | None = None
    seconds: float | None = None
    estimated_seconds: float | None = None
    by_token: bool = False


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A strategy or a baseline that failed or doesn't apply. `reason` says why, in a sentence."""

    id: str
    strategy: str
    model: str
    status: Literal["failed", "excluded"]
    reason: str | None
    notes: tuple[str, ...] = ()
    seconds: float | None = None
    estimated_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The mean score of `a` minus that of `b` on the `n` rows both answered. `p_value` is for this pair alone, and
    `p_value_holm` allows for all pairs tested. `detectable` is the true difference that these rows would detect 80 % of
    the time."""

    a: str
    b: str
    difference: float
    low: float
    high: float
    p_value: float
    n: int
    p_value_holm: float | None = None
    detectable: float | None = None
    method: str = ""
    test: str = ""


@dataclass(frozen=True, slots=True)
class CostCrossing:
    """The requests a month at which `a` and `b` cost the same, as in `eval.money.ranges.Crossing`."""

    a: str
    b: str
    monthly: float | None
    low: float | None = None
    high: float | None = None
    is_ranged: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """The value of a priority, nearest to the person's own, at which `choice` would be chosen instead, and whether that
    holds for larger values (`is_more`) or smaller ones. None if no value was found. `until` is the last value for which
    it holds, None if it holds from there on. `now` and `value` are as in `Priorities`; None means no limit, or never
    changing."""

    priority: str
    now: float | None
    value: float | None = None
    choice: str | None = None
    is_more: bool = False
    until: float | None = None


@dataclass(frozen=True, slots=True)
class BaselineVerdict:
    """The best baseline, `name`, compared with the strategies within the limits.

    `difference` is how much higher it scores than the best strategy, `than`, on the rows both answered, with its 95 %
    confidence interval from `low` to `high`. `odds` is the probability of the `claim`: the baseline is "better" than
    every strategy by more than the margin, "as good" (no strategy is better by more than the margin), or "worse" (one
    is). `confidence` is the word for it. `lead` starts the headline, None if the headline isn't about the baseline.
    `line` is the sentence about it.
    """

    name: str
    score: float
    than: str
    difference: float
    low: float
    high: float
    claim: Claim
    odds: float
    confidence: Confidence
    lead: str | None
    line: str

    @property
    def is_probable(self) -> bool:
        """Whether it is probably as good as every strategy, or better."""
        return self.claim != "worse" and self.confidence != "too close to call"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do, for a person to read: `headline`, the lines, `reasons`, `caveats` and `changes` are sentences.

    `choice` and `runner_up` are ids of candidates; `baseline` is the verdict on the best baseline. `probabilities`
    gives, for each candidate within the limits, the probability that no other one is better by more than the margin.
    `odds` is the probability that this holds for the choice and for nothing cheaper, None if there was nothing to
    compare. `rows_needed` is the number of test rows that would measure its difference from the runner-up to within the
    margin, None if that is settled or can't be estimated.
    """

    choice: str | None
    confidence: Confidence
    odds: float | None
    probabilities: dict[str, float]
    runner_up: str | None
    headline: str
    confidence_line: str
    runner_up_line: str | None
    baseline: BaselineVerdict | None
    reasons: tuple[str, ...]
    caveats: tuple[str, ...]
    changes: tuple[str, ...]
    rows_needed: int | None
    turns: tuple[Turn, ...] = ()

    @property
    def baseline_line(self) -> str | None:
        return self.baseline.line if self.baseline else None

    @property
    def level_baseline(self) -> str | None:
        """The baseline that, according to the headline, is probably as good as the strategies or better."""
        return self.baseline.name if self.baseline and self.baseline.lead and self.baseline.is_probable else None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A score with this many training `rows`, and its interval. `n` test rows answered; None for all of them, and if it
    wasn't measured."""

    rows: int
    mean: float
    low: float
    high: float
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Ahead:
    """When a candidate would be ahead of another: the probability `now` and with the most rows (`at_most`); the fewest
    `rows` with which it probably is, None if never; and `by` how much it then probably is at least, as pairs of rows
    and points."""

    of: str
    now: float
    at_most: float
    rows: int | None
    by: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Curve:
    """The learning curve of one candidate: `points` with 95 % intervals, the `line` through them with 80 % intervals,
    and the gain with the most rows. `reason` says why a point is missing."""

    id: str
    strategy: str
    points: tuple[CurvePoint, ...]
    line: tuple[CurvePoint, ...]
    gain: CurvePoint
    ahead: tuple[Ahead, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NoCurve:
    """A candidate without a learning curve, and why."""

    id: str
    strategy: str
    reason: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known about a task; None is unknown. `volume` is requests a month and `examples` solved training
    examples, both "at least".

    `knowledge` is where answers come from, `form` what an answer must look like, `tried` how a good instruction did.
    `flawed` counts the examples that conflict or whose label has two spellings; `test` counts the held-out rows.
    """

    volume: int | None = None
    knowledge: Knowledge | None = None
    form: Form | None = None
    examples: int | None = None
    tried: Tried | None = None
    job: Job | None = None
    labels: int | None = None
    test: int | None = None
    document_words: int | None = None
    instruction_words: int | None = None
    flawed: int | None = None


@dataclass(frozen=True, slots=True)
class HeldRule:
    """A rule of thumb that applies to the task, with what was `measured` and whether that agrees."""

    id: str
    leans_to: str
    sources: str
    why: str
    fact: str
    measured: str
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Person:
    """What a person's clicks say. `verdict` is about the pairs of the run; `carried` of them were clicked before it.
    `before` is the agreement on other answers that were compared earlier, on the data or in another run."""

    verdict: PersonalVerdict
    carried: int
    before: Interval | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """What a person noted on an answer to an input that they marked."""

    input: str
    answer: str
    is_right: bool
    note: str


@dataclass(frozen=True, slots=True)
class MarkedOf:
    """The answers of one strategy that a person marked: how many are `right` and `wrong` by their marks, how many the
    score counts as right (None if it can't say), and the mean `score` of them all."""

    strategy: str
    right: int
    wrong: int
    right_by_score: int | None
    score: float


@dataclass(frozen=True, slots=True)
class Marked:
    """What a person's own marks on answers say. The same answer to the same input counts once, except in `by_strategy`.

    `agreed` counts the answers on which the person and the score say the same, `too_kind` those that only the score
    counts as right, `too_strict` those that only the person does; all are 0 if the score can't say right or wrong.
    `right_score` and `wrong_score` are the mean scores of the answers marked right and wrong. The marks never change a
    score.
    """

    right: int
    wrong: int
    agreed: int
    too_kind: int
    too_strict: int
    right_score: float | None
    wrong_score: float | None
    by_strategy: tuple[MarkedOf, ...]
    notes: tuple[Noted, ...]


@dataclass(frozen=True, slots=True)
class JudgedAgainst:
    """A judge's rulings on the answers of the choice and of one other strategy, where they differ. `as_ruled` is the
    share of `pairs` that the choice won minus the share it lost. `corrected` is the same once the judge's errors are
    accounted for, with its 95 % interval, and `probability` that it is above 0; all None if too few pairs show how
    often the judge is wrong."""

    strategy: str
    pairs: int
    as_ruled: float
    corrected: float | None
    low: float | None
    high: float | None
    probability: float | None


@dataclass(frozen=True, slots=True)
class Judge:
    """What a language model says as the judge of written answers, in both orders of each pair.

    `agreement` is that with the person's clicks on the same pairs, None without such clicks. `right` is how often it
    names the better side where there is one, with its 95 % interval; None if too few pairs were clicked.
    `follows_position` is the share of pairs in which it preferred the same position in both orders. `pairs` counts all
    pairs that it judged, `unread` those without a reply that can be read. `is_candidate`: the run compared answers of
    this very model.
    """

    model: str
    choice: str
    is_candidate: bool
    agreement: JudgeAgreement | None
    right: tuple[float, float, float] | None
    follows_position: float
    pairs: int
    unread: int
    against: tuple[JudgedAgainst, ...]


@dataclass(frozen=True, slots=True)
class OtherStep:
    """How long a step took that isn't a candidate: the baselines, or the learning curves."""

    name: str
    seconds: float | None
    estimated_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What follows from outcomes and priorities alone, wherever they were measured."""

    schema: int = SCHEMA
    priorities: Priorities
    candidates: tuple[Candidate | NotMeasured, ...]
    baselines: tuple[Candidate | NotMeasured, ...]
    comparisons: tuple[Comparison, ...]
    crossings: tuple[CostCrossing, ...]
    recommendation: Recommendation
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServedFacts:
    """A served model of a run, in words. `price` is per million tokens, None if it is unknown; it comes from
    `price_source`, "" if from the person. `paid` is what all finished steps of the run sent to its server, and
    `foreseen` the estimate of that before the run; both are None if they weren't recorded. `shutdown` is a sentence on
    its announced end, "" if none is known. `trained` are the tokens that a service bills for training it, None if it
    is nobody's fine-tuned model, and `training_price` is per million of them, None if it is unknown."""

    model: str
    price: Price | None
    price_source: str
    paid: Spent | None
    foreseen: Foreseen | None = None
    shutdown: str = ""
    trained: int | None = None
    training_price: float | None = None


@dataclass(frozen=True, slots=True)
class OfModel:
    """What would be chosen if a run had compared only one of its models. `model` is as in `Candidate`, `name` short.
    `parameters` is None if unknown. `choice` is the id of a candidate, None if none could be chosen."""

    model: str
    name: str
    parameters: float | None
    choice: str | None
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class ByModel:
    """How the verdict differs by model, for a run with several."""

    of_each: tuple[OfModel, ...]

    @property
    def largest(self) -> OfModel | None:
        """The one with the most parameters; None if a size is unknown, or if none is larger than all others."""
        sizes = [one.parameters for one in self.of_each]
        known = sorted((size for size in sizes if size is not None), reverse=True)
        if len(known) < len(sizes) or known[0] == known[1]:
            return None
        return next(one for one in self.of_each if one.parameters == known[0])


SCORE_VERSION = "score"  # in `Report.versions`: that of the rules by which answers are scored


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Judgement):
    """A run. `created_at` is ISO 8601; `device` and `model` are in words. `curves` is None in runs of versions without
    them, and empty if none was drawn. `score_doubt` is a sentence that says why to doubt the score."""

    run_id: str
    created_at: str
    seed: int
    device: str
    model: str
    preset: str | None
    task: TaskFacts
    versions: dict[str, str] = field(default_factory=dict)
    circumstances: Circumstances | None = None
    curves: tuple[Curve | NoCurve, ...] | None = None
    score_check: ScoreCheck | None = None
    score_doubt: str | None = None
    rules: tuple[HeldRule, ...] = ()
    other_steps: tuple[OtherStep, ...] = ()
    person: Person | None = None
    marked: Marked | None = None
    judges: tuple[Judge, ...] = ()
    by_model: ByModel | None = None
    served: tuple[ServedFacts, ...] = ()

    def for_others(self) -> Report:
        """Without what the person who started the run clicked, marked and noted, and what judges make of the clicks."""
        return replace(self, person=None, marked=None, judges=())


REPORT = AsJson[Report](Report)
JUDGEMENT = AsJson[Judgement](Judgement)


def json_schema() -> str:
    """The content of docs/report.schema.json; `make schema` writes it."""
    return json.dumps(REPORT.schema(), indent=2)
