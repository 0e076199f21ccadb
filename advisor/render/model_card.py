"""The README.md of an export: how to use it, what was measured of it, what it forgets, and what nobody tested."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from advisor.candidates import judged
from advisor.render.markdown import escaped
from advisor.schema import Candidate, Report
from advisor.sections.figures import ranged
from advisor.sections.not_measured import beyond_preset
from advisor.sections.robustness import WORDS
from advisor.sections.side_effects import sentences
from advisor.storage.stored import StoredRun
from advisor.wording import (
    KIND_NAMES,
    count_text,
    money_text,
    name_of,
    points_text,
    score_text,
    words_of,
)
from eval.task import Split, Task
from strategies.engine.models import EMBEDDED

_README = Path(__file__).with_name("model_card.md.j2")


@dataclass(frozen=True, slots=True)
class Held:
    """How many answers of an export to so many test rows were those of the run. `what` names the export."""

    what: str
    same: int
    rows: int

    @property
    def sentence(self) -> str:
        if self.same == self.rows:
            return f"{self.what} gave the same answers as the run, on {count_text(self.rows, 'test row')}."
        return f"{self.what} gave other answers than the run on {self.rows - self.same:,} of {self.rows:,} test rows."


@dataclass(frozen=True, slots=True)
class Base:
    """The base model. `name` is what answer.py calls it: "embedded", a hub id, or the name of its folder or file.
    `sha256` are the hashes of its weights by file, none where a server has them."""

    title: str
    name: str = ""
    licence: str | None = None
    commit: str | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parts:
    """What an export has.

    `model`: a merged model. `gguf`: the name of the file, "" without one. `modelfile`: one for Ollama. `retrieves`: its
    prompt needs a search. `serves`: the model is behind a server. `checks`: the number of test rows in check.jsonl.
    `plain_script`: example.py needs no other program. `adapter`: the adapter alone, too. `packages` and
    `licences` are those of `fitted_needs`. `missing`: sentences on what could not be written.
    """

    model: bool = False
    gguf: str = ""
    modelfile: bool = False
    retrieves: bool = False
    serves: bool = False
    checks: int = 0
    plain_script: bool = False
    adapter: bool = False
    packages: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def model_card(
    run: StoredRun,
    strategy: str,
    task: Task,
    split: Split,
    report: Report | None,
    base: Base,
    parts: Parts,
    held: tuple[Held, ...],
) -> str:
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False, keep_trailing_newline=True
    )
    environment.filters["escaped"] = escaped
    found = next((one for one in judged(report) if one.id == strategy), None) if report else None
    card = environment.from_string(_README.read_text("utf-8")).render(
        run=run,
        strategy=strategy,
        name=name_of(strategy),
        words=words_of(strategy),
        kind=KIND_NAMES[task.kind],
        task=task,
        split=split,
        labels=len(task.labels),
        base=base,
        embedded=EMBEDDED,
        parts=parts,
        held=held,
        measured=_measured(report, found) if report and found else (),
        changed=_changed(found) if found else (),
        untested=_untested(report, found),
        count=count_text,
    )
    return re.sub(r"\n{3,}", "\n\n", card)  # what a condition left out


def _measured(report: Report, one: Candidate) -> tuple[str, ...]:
    score, cost, timed = one.score, one.cost, one.latency_seconds
    found = [
        f"Score ({report.task.metric}): {score_text(score.mean)} (95 % CI {score_text(score.low)} to "
        f"{score_text(score.high)}) on {count_text(score.n, 'test row')}."
    ]
    best = report.recommendation.baseline
    if best is not None:
        found.append(
            f"The best baseline without a language model, {name_of(best.name).lower()}: {score_text(best.score)}."
        )
    if timed is not None:
        found.append(
            f"Latency: median {ranged(timed.p50, timed.p50_range)}, 95th percentile "
            f"{ranged(timed.p95, timed.p95_range)}, on {report.device}."
        )
    if cost.per_1000 is not None:
        ends = one.per_1000_range
        range_text = f" (95 % CI {' to '.join(money_text(end, cost.currency) for end in ends)})" if ends else ""
        found.append(f"Cost: {money_text(cost.per_1000, cost.currency)} per 1,000 requests{range_text}.")
    if one.failed_answers:
        found.append(f"{count_text(one.failed_answers, 'test row')} got no answer.")
    if one.cut_off:
        found.append(f"{count_text(one.cut_off, 'answer')} reached the token limit before the end.")
    if one.score_of_each_training:
        scores = ", ".join(map(score_text, one.score_of_each_training))
        found.append(f"Trained with other seeds, it scores {scores}.")
    return tuple(found)


def _changed(one: Candidate) -> tuple[str, ...]:
    """What training did besides, and what messy inputs cost."""
    lost = [
        f"{WORDS[each.variant][0]}: {score_text(each.plain)} becomes {score_text(each.varied)} on "
        f"{count_text(each.n, 'row')} ({points_text(each.lost)} {'less' if each.lost > 0 else 'more'})."
        for each in one.robustness or ()
        if each.variant in WORDS
    ]
    return (*sentences(one), *lost)


def _untested(report: Report | None, one: Candidate | None) -> tuple[str, ...]:
    found = []
    if report is not None and (beyond := beyond_preset(report)):
        found.append(beyond)
    elif one is not None and one.robustness is None:
        found.append("Messy inputs (typos, capitals, other words) were not tried.")
    if one is not None and one.stopped is not None:
        found.append(f"It stopped after {count_text(one.score.n, 'test row')}, because others were clearly better.")
    return (
        *found,
        "All test rows come from the same file as the training rows. Inputs from another source, in another language "
        "or from a later time were not tested.",
        "Attacks were not tested, such as instructions hidden in an input.",
    )
