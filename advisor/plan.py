"""What a run should do: the meaning of the data, the budget, and the person's priorities. Read and written as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, ValidationError

from advisor.as_json import AsJson
from advisor.earlier_plans import current_plan, current_setup
from advisor.pairing import Pairing, pairings_of
from eval.mapping.build import BuiltTask, build_task
from eval.mapping.columns import Columns
from eval.mapping.steps import Cleaned, Step, apply_steps, sentences_on
from eval.money.costs import Terms
from eval.reading.table import Table
from eval.scoring import chosen_metric, metric_for
from eval.scoring.own_metric import own_metric
from eval.task import BadInput, Document, Example, Kind, Task
from strategies.presets import PRESETS
from strategies.registry import DECLARATIONS
from strategies.registry import STRATEGIES as REGISTERED
from strategies.served.budget import Limit

STRATEGIES = tuple(REGISTERED)  # the simplest first
DEFAULT_STRATEGIES = tuple(name for name in STRATEGIES if DECLARATIONS[name].by_default)  # the others only on request
BASELINES_STEP = "baselines"  # all of them, in one process
CURVES_STEP = "curves"  # of all strategies, in one process
DEFAULT_MODEL = "embedded"  # SmolLM2-135M-Instruct from its package; else a hub id or a local folder

LONGEST_MEANING = 300  # characters; a sentence or two

Meanings = tuple[tuple[str, str], ...]  # labels with what they mean

_STRICT = ConfigDict(extra="forbid")  # don't misread what a later version wrote

# Minimum and maximum of each priority.
VOLUME_BOUNDS = (1, 1_000_000_000)
MARGIN_BOUNDS = (0.0, 0.5)
SECONDS_BOUNDS = (0.001, 1e9)
COST_BOUNDS = (0.0001, 1e9)
MACHINE_BOUNDS = (0.0, 1_000.0)
MONTHS_BOUNDS = (1, 120)
DAYS_BOUNDS = (1.0, 3_650.0)
ERROR_BOUNDS = (0.0, 1e6)
FACTOR_BOUNDS = (0.1, 1_000.0)


@dataclass(frozen=True, slots=True)
class Setup:
    """What the columns of an upload mean. `kind` None: inferred from the targets. `steps` are the changes that
    the person made to the rows, applied in order. `metric` None: the data decides. `required` are phrases that
    answers must contain. `own_metric` is "file.py:function", only from the command line. `joined` are further columns
    of the input; `rejected` is the column of a worse answer, `also` that of further right ones; `marked` are columns
    that say yes or no for one label. `meanings` are labels with what they mean, in the order of the labels; a label
    that the data doesn't have is ignored."""

    __pydantic_config__: ClassVar = _STRICT
    input: str
    target: str
    group: str | None = None
    split: str | None = None
    document: str | None = None
    kind: Kind | None = None
    instruction: str = ""
    steps: tuple[Step, ...] = ()
    metric: str | None = None
    required: tuple[str, ...] = ()
    own_metric: str | None = None
    joined: tuple[str, ...] = ()
    rejected: str | None = None
    marked: tuple[str, ...] = ()
    also: str | None = None
    meanings: Meanings = ()

    @staticmethod
    def of(columns: Columns) -> Setup:
        """The setup that uses these columns and leaves everything else to the data."""
        return Setup(
            columns.input,
            columns.target,
            columns.group,
            columns.split,
            columns.document,
            joined=columns.joined,
            rejected=columns.rejected,
            marked=columns.marked,
            also=columns.also,
        )

    @property
    def columns(self) -> Columns:
        return Columns(
            self.input,
            self.target,
            self.group,
            self.split,
            self.document,
            self.joined,
            self.rejected,
            self.marked,
            self.also,
        )

    def settle_metric(self, task: Task, train: Sequence[Example]) -> Task:
        """The task with the metric the person chose, or with its default metric, which depends on the training rows
        only. Raises BadInput if there is no such metric."""
        if self.own_metric:
            return replace(task, metric=own_metric(self.own_metric))
        of_itself = metric_for(task.kind, train, task.documents)
        return replace(task, metric=chosen_metric(task.kind, of_itself, self.metric, self.required))

    def read(self, table: Table, name: str, documents: Sequence[Document]) -> BuiltTask:
        """The task that this setup makes of `table`, before any step; raises BadInput if it makes none.

        `name` is the file's name. Without its extension, it names the task.
        """
        return build_task(
            table,
            self.columns,
            kind=self.kind,
            name=Path(name).stem,
            instruction=self.instruction,
            documents=documents,
        )

    def clean(self, read: Task) -> Cleaned:
        """The task after the person's steps, with the meanings of the labels it then has. Raises BadInput if the steps
        would leave too little."""
        cleaned = apply_steps(read, self.steps)
        meanings = tuple((label, meaning) for label, meaning in self.meanings if label in cleaned.task.labels)
        return replace(cleaned, task=replace(cleaned.task, meanings=meanings)) if meanings else cleaned

    def build(self, table: Table, name: str, documents: Sequence[Document]) -> BuiltTask:
        """`read`, with the person's steps applied and a sentence on them; raises BadInput as `read` and `clean` do."""
        built = self.read(table, name, documents)
        cleaned = self.clean(built.task)
        left_out = built.left_out + sentences_on(self.steps, cleaned.changed)
        return replace(built, task=cleaned.task, left_out=left_out)


DEFAULT_MACHINE_PRICE = 0.10  # an hour of two to four rented processor cores; a rented GPU costs many times as much


@dataclass(frozen=True, slots=True)
class Priorities(Terms):
    """What matters to the person: the costs in `Terms`, and the limits they set.

    `margin` is the score difference that doesn't matter to them (0.02 = 2 points). `max_seconds` limits the 95th
    percentile of the latency. A limit is None if there is none. `hosted` names the model that would answer at a price
    per token; None is this machine. Raises BadInput if a value is out of bounds.
    """

    __pydantic_config__: ClassVar = _STRICT
    machine_per_hour: float = DEFAULT_MACHINE_PRICE  # never unknown here
    margin: float = 0.02
    max_seconds: float | None = None
    max_cost_per_1000: float | None = None
    hosted: str | None = None

    @property
    def has_default_machine_price(self) -> bool:
        """Whether we assumed the price, as far as it shows."""
        return self.machine_per_hour == DEFAULT_MACHINE_PRICE

    def __post_init__(self) -> None:
        _check("The volume", self.monthly_volume, VOLUME_BOUNDS, " requests a month")
        _check("The margin", self.margin * 100, (MARGIN_BOUNDS[0] * 100, MARGIN_BOUNDS[1] * 100), " points")
        _check("The latency limit", self.max_seconds, SECONDS_BOUNDS, " seconds")
        _check("The limit on the cost per 1,000 requests", self.max_cost_per_1000, COST_BOUNDS)
        _check("The machine's price per hour", self.machine_per_hour, MACHINE_BOUNDS)
        _check("The time to add up costs", self.months, MONTHS_BOUNDS, " months")
        _check("The time until the task changes", self.retrain_days, DAYS_BOUNDS, " days")
        _check("The time until the documents change", self.reindex_days, DAYS_BOUNDS, " days")
        _check("The price of a wrong answer", self.wrong_answer, ERROR_BOUNDS)
        _check("The price of labelling a row", self.labelled_row, ERROR_BOUNDS)
        _check("The price per million tokens read", self.read_per_million, ERROR_BOUNDS)
        _check("The price per million tokens written", self.written_per_million, ERROR_BOUNDS)
        _check("The price factor of a fine-tuned model", self.tuned_factor, FACTOR_BOUNDS)


@dataclass(frozen=True, slots=True)
class FurtherModel:
    """Another model of a comparison, and the strategies that use it."""

    __pydantic_config__: ClassVar = _STRICT
    model: str
    strategies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What a served model costs per million tokens, in the currency of the priorities. `source` says in words where the
    price comes from, such as "genai-prices 0.0.61"; "" is the person. Raises BadInput if a price is out of bounds."""

    __pydantic_config__: ClassVar = _STRICT
    model: str
    read: float
    written: float
    source: str = ""

    def __post_init__(self) -> None:
        _check(f"The price of {self.model} per million input tokens", self.read, ERROR_BOUNDS)
        _check(f"The price of {self.model} per million output tokens", self.written, ERROR_BOUNDS)


@dataclass(frozen=True, slots=True)
class TuningPrice:
    """What a service charges to fine-tune a served model, per million tokens it trains on, and per million that the
    tuned model reads and writes afterwards. None is unknown; both of the last two are known, or none. Raises BadInput
    if a price is out of bounds."""

    __pydantic_config__: ClassVar = _STRICT
    model: str
    training: float | None
    read: float | None = None
    written: float | None = None

    def __post_init__(self) -> None:
        _check(f"The price of training {self.model} per million tokens", self.training, ERROR_BOUNDS)
        _check(f"The price of the tuned {self.model} per million input tokens", self.read, ERROR_BOUNDS)
        _check(f"The price of the tuned {self.model} per million output tokens", self.written, ERROR_BOUNDS)


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of the comparison over one stored dataset. `strategies` use `model`; each of `further` models has its
    own. `prices` are those of its served models, as far as known; `limit` is the most that their requests may cost.
    `tunings` are the prices of fine-tuning them, and `sends_training` says that the person agreed to send training rows
    to the services that do. `tunes_from` is the run whose adapters fine-tuning goes on from.
    `asks_all_rows`: no strategy stops before the last test row, even if it can't be chosen any more.
    `reuses`: what earlier runs have measured in the same way is taken over (`advisor.runs.reuse`).
    `cluster`: the address of the Ray cluster whose nodes compute; "" is this machine."""

    __pydantic_config__: ClassVar = _STRICT
    dataset_id: str
    setup: Setup
    preset: str = "quick"
    strategies: tuple[str, ...] = DEFAULT_STRATEGIES
    model: str = DEFAULT_MODEL
    seed: int = 0
    priorities: Priorities = field(default_factory=Priorities)
    follows: str | None = None  # the run whose data was changed for this one
    further: tuple[FurtherModel, ...] = ()
    prices: tuple[ModelPrice, ...] = ()
    limit: Limit = field(default_factory=Limit)
    tunings: tuple[TuningPrice, ...] = ()
    sends_training: bool = False
    tunes_from: str | None = None
    asks_all_rows: bool = False
    reuses: bool = True
    cluster: str = ""

    @property
    def steps(self) -> tuple[str, ...]:
        """What a run does, in this order. Baselines come first: they take seconds and show what strategies have to
        beat. Learning curves come last, if the preset has them."""
        preset, names = PRESETS.get(self.preset), [one.name for one in self.pairings]
        return (BASELINES_STEP, *names, *([CURVES_STEP] if preset and preset.curve_shares else []))

    @property
    def stops_early(self) -> bool:
        return PRESETS[self.preset].stops_early and not self.asks_all_rows

    @property
    def chosen(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Each model with its strategies."""
        return ((self.model, self.strategies), *((one.model, one.strategies) for one in self.further))

    @property
    def pairings(self) -> tuple[Pairing, ...]:
        """The candidates, model by model, the simplest strategy first."""
        return pairings_of(self.chosen)

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(model for model, _ in self.chosen)

    def pairing(self, name: str) -> Pairing:
        """The candidate with this name. A step or a baseline, which no model answers, is paired with the first."""
        return next((one for one in self.pairings if one.name == name), Pairing(name, name, self.model))

    def with_model(self, model: str) -> Plan:
        """The part of the plan that concerns one of its models, as a plan for that model alone."""
        return replace(self, model=model, strategies=dict(self.chosen)[model], further=())

    def with_chosen(self, chosen: Sequence[tuple[str, tuple[str, ...]]]) -> Plan:
        """The plan with these models, each with its strategies. A model without any is left out."""
        (model, strategies), *others = [each for each in chosen if each[1]] or chosen[:1]
        return replace(self, model=model, strategies=strategies, further=tuple(FurtherModel(*one) for one in others))


PLAN, SETUP = AsJson[Plan](Plan, current_plan), AsJson[Setup](Setup, current_setup)


def read_plan(stored: str) -> Plan:
    """Raises BadInput if this version doesn't know the shape of a stored plan."""
    try:
        return PLAN.read(stored)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(
            f"Another version of Threeways planned this run ({where}: {first['msg']}); start the comparison again."
        ) from wrong
    except ValueError as wrong:
        raise BadInput("The plan of this run is damaged; start the comparison again.") from wrong


def _check(what: str, value: float | None, bounds: tuple[float, float], unit: str = "") -> None:
    low, high = bounds
    if value is not None and not low <= value <= high:  # also catches NaN
        raise BadInput(f"{what} must be from {low:,.10g} to {high:,.10g}{unit}, not {value:,.10g}.")
