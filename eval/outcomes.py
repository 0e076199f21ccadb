"""Raw facts of a measurement. Everything else (means, intervals, costs) is derived from these when asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

EXAMPLE_SOURCE = "train:"  # before the id of a training example among the sources of an answer


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer of one strategy.

    `tokens_in` counts the whole prompt, `tokens_out` the answer; `sources` are the ids of the documents or training
    examples the answer was given, best first; `error` is a sentence when no answer could be made (then `text` is "").
    """

    text: str
    tokens_in: int
    tokens_out: int
    sources: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test example answered by one strategy.

    `score` is the primary metric in [0, 1]; where that is one score of all labels together (macro-F1), it is 1 for the
    right label and 0 for any other. `parts` holds secondary ones by name (e.g. {"valid": 1.0, "exact": 0.0});
    `seconds` is the wall time of this request answered alone after a warm-up, None where it ran only in a batch;
    `found_gold` says whether a gold document was among the sources, None where there is no gold document;
    `group` is that of the example, None where it stands by itself; `phases` are the parts of `seconds` that were told
    apart, by name; `expected` is the label that was right, None where answers are no labels, and in older runs.
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


TRAINED_ON = "trained_on"  # among a trial's probes
TRAINED_AGAIN = "trained_again_"  # as well, before a number: all test rows, answered after one more training
CHANGED_FACTS, TAKEN_OUT = "changed_facts", "taken_out"  # as well, for a task with documents
NEW_FACT, OLD_FACT = "new", "old"  # parts of an outcome on a changed fact: its score against either
INDEXING = "indexing"  # the stage in which what can be looked up is made ready


@dataclass(frozen=True, slots=True)
class Effort:
    """What a strategy spent on choosing its settings: settings tried, dev rows each was judged on, wall seconds."""

    settings_tried: int = 0
    dev_rows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a model knows beside the task: how much each general text surprises it, in nats a token, and whether it
    answers each general question (1 or 0); whether it refuses each of these, and whether it admits not to know what
    nobody can, for each such question; both are empty where an earlier version did not ask."""

    surprise: tuple[float, ...]
    right: tuple[float, ...]
    refused: tuple[float, ...] = ()
    admitted: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """All that is known of one strategy in one run.

    `status` is "done", "failed" (it crashed; `reason` says how, in a sentence) or "excluded" (it does not apply;
    `reason` says why). `requests_per_second` is the throughput of the batched pass over the test rows;
    `changes_weights` says whether what answers is the base model no more; `rows_learned` counts the rows whose answers
    it needed to get ready, None where that was not noted; `stage_seconds` says of each stage of getting ready how long
    it took; `settings` are the chosen ones, JSON values by name; `choices` lists every setting tried with its dev
    score; `peak_memory_bytes` is the resident peak of the process that ran it; `notes` are plain sentences worth
    knowing; `metric` names what makes one score of the outcomes, "" in older runs and for scores from elsewhere, where
    it is their mean; `busy` is the share of the processor that other programs used while single answers were timed,
    None where that was not noted.

    What was measured beside, where the budget allows: `probes` holds the outcomes on rows other than the test rows as
    they are, by name: some test rows in each variant (`eval.variants`), under `TRAINED_ON` some rows it trained on,
    under `TRAINED_AGAIN` with a number the test rows after one more training with another seed, and under
    `CHANGED_FACTS` and `TAKEN_OUT` some test rows after their answers were changed in the documents, or their documents
    taken out; `changed_facts` are the new answers by row, `refresh_seconds` is what it took to index the changed
    documents anew, None where nothing is looked up. `knowledge` is that of the base model and of the trained one;
    `apart_seconds` are those of some of the timed requests, by example, asked again with the adapter kept apart from
    the weights.
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
