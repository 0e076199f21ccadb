"""The raw facts of a measurement. Everything else (means, intervals, costs) is derived from these on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from eval.money.tokens import Price, Spent
from eval.sent import Sent, SentPrompts

EXAMPLE_SOURCE = "train:"  # prefix of a training example's id among the sources of an answer


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer of one strategy.

    `tokens_in` counts the whole prompt, `tokens_out` the answer; `sources` are the ids of the documents or training
    examples in the prompt, best first; `error` is a sentence if there is no answer (then `text` is ""); `cut_off` says
    whether the answer reached the limit of tokens before its end; `sent` gives the prompt that a language model read;
    `thinking_tokens` of `tokens_out` were thoughts of the model, which aren't in the text; `unmatched` says whether
    it was written for one of the task's labels and is none of them, so that it is wrong.
    """

    text: str
    tokens_in: int
    tokens_out: int
    sources: tuple[str, ...] = ()
    error: str | None = None
    cut_off: bool = False
    sent: Sent | None = field(default=None, compare=False, repr=False)
    thinking_tokens: int = 0
    unmatched: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test example answered by one candidate, whose name `strategy` is: that of a strategy, with that of its model
    in a run with several models.

    `score` is the primary metric in [0, 1]. If that is one score over all labels (macro-F1), it is 1 for the right
    label and 0 for any other. `parts` holds secondary metrics by name (e.g. {"valid": 1.0, "exact": 0.0}). `seconds` is
    the wall time of this request answered alone after a warm-up, None if it only ran in a batch. `found_gold` says
    whether a gold document was among the sources, None if there is no gold document. `group` is the example's group,
    if any. `phases` are the measured parts of `seconds` by name. `expected` is the right label, labels or number; None
    for other answers, and in older runs. `cut_off` is as in `Prediction`, None in older runs. `thinking_tokens` is as
    in `Prediction`, 0 in older runs, and so is `unmatched`, False in older runs. `processor_seconds` are the seconds
    that the processor worked for it, and `undisturbed_seconds` what `seconds` would have been on a quiet machine
    (`eval.measuring.processor_time`); None if that isn't known, and in older runs.
    """

    example_id: str
    strategy: str
    text: str
    score: float
    parts: dict[str, float]
    tokens_in: int
    tokens_out: int
    seconds: float | None = None
    sources: tuple[str, ...] = ()
    found_gold: bool | None = None
    error: str | None = None
    group: str | None = None
    phases: dict[str, float] = field(default_factory=dict)
    expected: str | None = None
    cut_off: bool | None = None
    thinking_tokens: int = 0
    unmatched: bool = False
    processor_seconds: float | None = None
    undisturbed_seconds: float | None = None


# Names of a trial's probes. TRAINED_AGAIN is followed by a number: the test set, answered after one more training.
TRAINED_ON = "trained_on"
TRAINED_AGAIN = "trained_again_"
CHANGED_FACTS, TAKEN_OUT = "changed_facts", "taken_out"  # only for tasks with documents
NEW_FACT, OLD_FACT = "new", "old"  # parts of an outcome on a changed fact: its score against each
INDEXING = "indexing"  # the stage that builds the search index


@dataclass(frozen=True, slots=True)
class Preferred:
    """How many of so many `pairs` of answers a trained model judges as people did. `by_reward`: compared with before
    preference training, the chosen answer gained more log-probability than the rejected one (the implicit reward of
    DPO). `by_likelihood`: the chosen one has the higher log-probability, summed over its tokens. `before`: as many by
    likelihood before preference training."""

    pairs: int
    by_reward: int
    by_likelihood: int
    before: int

    @staticmethod
    def of(leads: Sequence[float], leads_before: Sequence[float]) -> Preferred:
        """Given how much likelier each chosen answer is than its rejected one, in nats."""
        gained = sum(after > before for after, before in zip(leads, leads_before, strict=True))
        return Preferred(len(leads), gained, sum(lead > 0 for lead in leads), sum(lead > 0 for lead in leads_before))

    @property
    def share(self) -> float:
        """By reward."""
        return self.by_reward / self.pairs


@dataclass(frozen=True, slots=True)
class Effort:
    """What a strategy spent on choosing its settings: settings tried, labelled rows that the best ones answered, wall
    seconds, and tokens that the model read, wrote or trained on for it (0 in older runs and for baselines).
    `training_rows` of the labelled rows came from the training set, for a strategy that otherwise needs no such rows.
    `found_better`: whether any setting scored better than the default; None in older runs, and where nothing else was
    tried."""

    settings_tried: int = 0
    dev_rows: int = 0
    seconds: float = 0.0
    tokens: int = 0
    training_rows: int = 0
    found_better: bool | None = None


@dataclass(frozen=True, slots=True)
class LossPoint:
    """Losses in nats per answer token after `tokens` were read in training: `train` is the mean over the rows read
    since the point before, `dev` that over all dev rows."""

    tokens: int
    train: float
    dev: float


@dataclass(frozen=True, slots=True)
class RankQuality:
    """How early a search finds what holds the answer: the share of rows for which it is among the first 1, 3 and 10
    results, and nDCG@10."""

    hits: tuple[float, float, float]
    ndcg: float


@dataclass(frozen=True, slots=True)
class SearchQuality:
    """How well a strategy's search works on `rows` that its settings weren't chosen on and the test set doesn't have.

    `finds`: passages that hold the answer, or solved examples with the same answer. `first` is the order of the search,
    `reranked` that of the reranker; None if there is none.
    """

    finds: Literal["passages", "examples"]
    rows: int
    first: RankQuality
    reranked: RankQuality | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a model knows outside the task.

    `surprise`: for each general text, its negative log-likelihood in nats per token. `right` and `refused`: for each
    general question, 1 or 0. `admitted`: for each question that nobody can answer, whether it admits that. The last
    two are empty in runs from versions that didn't ask.
    """

    surprise: tuple[float, ...]
    right: tuple[float, ...]
    refused: tuple[float, ...] = ()
    admitted: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """Why a candidate answered no more test rows: it could no longer be chosen by its score ("behind", and `chance` was
    the probability that nothing beats it by more than the margin), it broke a limit of the person's ("limit"), or the
    verdict was clear ("settled")."""

    why: Literal["behind", "limit", "settled"]
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class Reused:
    """What wasn't measured again: `run` fitted the candidate and gave this many of its `answers`."""

    run: str
    answers: int


@dataclass(frozen=True, slots=True)
class Trial:
    """Everything one run recorded about one candidate, whose name `strategy` is, as in `Outcome`.

    - `status`: "done", "failed" (it crashed; `reason` is a sentence on how) or "excluded" (it doesn't apply; `reason`
      says why).
    - `requests_per_second`: the throughput of the batched pass over the test set.
    - `changes_weights`: whether the answers come from a trained model instead of the base model.
    - `rows_learned`: how many labelled rows it needed; None if not recorded.
    - `fit_seconds`, `stage_seconds`: the time to get ready, in total and by stage.
    - `undisturbed_stage_seconds`, `undisturbed_requests_per_second`: the same on a quiet machine, as estimated; empty
      and None if that isn't known.
    - `settings`: the chosen settings, JSON values by name. `choices`: every setting tried with its dev score.
    - `peak_memory_bytes`: the resident peak of its process.
    - `notes`: sentences worth knowing.
    - `metric`: how the outcomes make one score; "" (their mean) in older runs and for scores from elsewhere.
    - `busy`: other programs' share of the processor during the latency measurement; None if not recorded.
    - `losses`: of the final training; empty if nothing was trained, and in older runs.
    - `instruction`: the instruction in every prompt that was sent; None if there is none, or if it was not recorded.
    - `slow_because`: a sentence on why its language model ran on the code of transformers, which is slower than our
      engine; None if it ran on the engine, if there is none, or if it was not recorded.
    - `on_server`: a server answered, so the seconds are not those of this machine alone.
    - `fit_tokens`: what its server was asked to fit it, as if nothing had been asked before; None if no server was
      asked, or if it was not recorded.
    - `search`: how well its search finds answers; None if it looks nothing up, if no row could tell, and in older runs.
    - `preferred`: which answers to test rows it prefers; None unless it learned from rejected answers and some test row
      has one, and in older runs.
    - `trained_tokens`: the tokens that a service bills for training it, as if no earlier run had had it trained; None
      if no service did.
    - `stopped`: why it answered only the first of the test rows; None if it answered all.
    - `reused`: what an earlier run had measured, with the time and the cost it had then; None if it had nothing.
    - `paid`: what its whole step sent to its server, without answers that were kept from earlier; None likewise.

    Measured in addition if the budget allows:

    - `probes`: outcomes by probe name. A sample of test rows in each variant (`eval.measuring.robustness`);
      `TRAINED_ON`, some training rows; `TRAINED_AGAIN` and a number, the test set after one more training with another
      seed; `CHANGED_FACTS` and `TAKEN_OUT`, test rows after their answers were changed in the documents, or their
      documents removed.
    - `changed_facts`: the new answers by row. `refresh_seconds`: the time to index the changed documents; None if the
      strategy looks nothing up.
    - `knowledge`: of the base model and of the trained model.
    - `apart_seconds`: by example, the latency of some timed requests with the adapter kept separate from the weights.

    Not in trial.json: `training_price`, what its service charges for a million tokens of training, likewise;
    `timed_alike`, the timed outcomes of other trials of the run whose requests take the same work;
    `prompts`, which are large and have a file of their own, None if they were not recorded or not read; `token_price`,
    what its server charges, from the run's plan, None if that is unknown or if no server answered.
    """

    strategy: str
    status: Literal["done", "failed", "excluded"]
    reason: str | None = None
    outcomes: tuple[Outcome, ...] = ()
    fit_seconds: float | None = None
    changes_weights: bool = False
    rows_learned: int | None = None
    stage_seconds: dict[str, float] = field(default_factory=dict)
    requests_per_second: float | None = None
    undisturbed_stage_seconds: dict[str, float] = field(default_factory=dict)
    undisturbed_requests_per_second: float | None = None
    peak_memory_bytes: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    choices: tuple[dict[str, Any], ...] = ()
    effort: Effort = Effort()
    notes: tuple[str, ...] = ()
    probes: dict[str, tuple[Outcome, ...]] = field(default_factory=dict)
    knowledge: tuple[Knowledge, Knowledge] | None = None
    busy: float | None = None
    changed_facts: dict[str, str] = field(default_factory=dict)
    refresh_seconds: float | None = None
    apart_seconds: dict[str, float] = field(default_factory=dict)
    metric: str = ""
    losses: tuple[LossPoint, ...] = ()
    instruction: str | None = None
    slow_because: str | None = None
    on_server: bool = False
    fit_tokens: Spent | None = None
    paid: Spent | None = None
    trained_tokens: int | None = None
    training_price: float | None = None
    token_price: Price | None = None
    search: SearchQuality | None = None
    preferred: Preferred | None = None
    stopped: EarlyStop | None = None
    reused: Reused | None = None
    timed_alike: tuple[Outcome, ...] = ()
    prompts: SentPrompts | None = field(default=None, compare=False, repr=False)

    @property
    def as_fitted(self) -> Trial:
        """What there was to record before the first answer."""
        return Trial(
            self.strategy,
            self.status,
            fit_seconds=self.fit_seconds,
            stage_seconds=self.stage_seconds,
            undisturbed_stage_seconds=self.undisturbed_stage_seconds,
            changes_weights=self.changes_weights,
            on_server=self.on_server,
            fit_tokens=self.fit_tokens,
            trained_tokens=self.trained_tokens,
            rows_learned=self.rows_learned,
            settings=self.settings,
            choices=self.choices,
            effort=self.effort,
            notes=self.notes,
            metric=self.metric,
            losses=self.losses,
            search=self.search,
            peak_memory_bytes=self.peak_memory_bytes,
        )
