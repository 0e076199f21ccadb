"""What is different between two runs: in the data, in how they were measured, and in each strategy's result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from advisor.candidates import judged
from advisor.plan import Priorities
from advisor.schema import SCORE_VERSION, Candidate, Report
from advisor.wording import money_text
from eval.scoring import MetricName
from eval.scoring.labels import OF_LABELS
from eval.statistics.inference import unpaired_difference
from eval.task import Document, Example, normalised


@dataclass(frozen=True, slots=True)
class DataChange:
    """Examples by their normalised input: new ones, gone ones, and (before, after) where the answer is another."""

    added: tuple[Example, ...]
    removed: tuple[Example, ...]
    changed: tuple[tuple[Example, Example], ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """Documents by their id: titles of new ones, gone ones, and those whose text is another."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResultChange:
    """A strategy's figures in two runs, (before, after), None where one has none.

    `scores`, `seconds` (half of the answers come within) and `costs` (of 1,000 answers); `difference` is that of the
    scores (after - before) with its 95 % range, None also where the two runs have another metric.
    """

    strategy: str
    scores: tuple[float | None, float | None]
    seconds: tuple[float | None, float | None]
    costs: tuple[float | None, float | None]
    difference: float | None
    low: float | None
    high: float | None


def compare_data(before: Sequence[Example], after: Sequence[Example]) -> DataChange:
    """Rows with equal inputs are paired in their order, those with equal answers first."""
    old, new = _by_input(before), _by_input(after)
    added: list[Example] = []
    removed: list[Example] = []
    changed: list[tuple[Example, Example]] = []
    unchanged = 0
    for key in old.keys() | new.keys():
        gone, come = _without_common(old.get(key, []), new.get(key, []))
        unchanged += len(new.get(key, [])) - len(come)
        pairs = min(len(gone), len(come))
        changed += zip(gone[:pairs], come[:pairs], strict=True)
        removed += gone[pairs:]
        added += come[pairs:]
    order_before = {example.id: place for place, example in enumerate(before)}
    order_after = {example.id: place for place, example in enumerate(after)}
    return DataChange(
        tuple(sorted(added, key=lambda example: order_after[example.id])),
        tuple(sorted(removed, key=lambda example: order_before[example.id])),
        tuple(sorted(changed, key=lambda pair: order_after[pair[1].id])),
        unchanged,
    )


def compare_documents(before: Sequence[Document], after: Sequence[Document]) -> DocumentChange:
    """A document that was only renamed counts as removed and added."""
    old, new = {one.id: one for one in before}, {one.id: one for one in after}
    return DocumentChange(
        tuple(one.title or one.id for one in after if one.id not in old),
        tuple(one.title or one.id for one in before if one.id not in new),
        tuple(one.title or one.id for one in after if one.id in old and old[one.id] != one),
    )


def compare_measuring(before: Report, after: Report) -> list[str]:
    """What else is not the same in two reports, in words: "model was X, is now Y"."""
    told: tuple[tuple[str, Callable[[Report], object]], ...] = (
        ("metric", lambda report: report.task.metric),
        ("version of the score", _score_version),
        ("model", lambda report: report.model),
        ("effort", lambda report: report.preset),
        ("seed", lambda report: report.seed),
        ("margin in points", lambda report: f"{100 * report.priorities.margin:.3g}"),
        ("machine price per hour", lambda report: _price(report.priorities)),
        ("training rows", lambda report: report.task.train),
        ("dev rows", lambda report: report.task.dev),
        ("test rows", lambda report: report.task.test),
        ("examples in the prompt", _shown_by_prompting),
    )
    return [
        f"{name} {old} before, {new} after"
        for name, tell in told
        if (old := tell(before)) != (new := tell(after)) and None not in (old, new)
    ]


def _shown_by_prompting(report: Report) -> int | None:
    """Before prompting with examples stood apart, prompting itself could show some."""
    named = (one.settings for one in judged(report) if one.strategy == "prompting")
    return next((settings.get("examples", 0) for settings in named if settings), None)


def _price(priorities: Priorities) -> str:
    return money_text(priorities.machine_per_hour, priorities.currency)


def are_scored_alike(before: Report, after: Report) -> bool:
    """Whether equal answers have equal scores in both reports."""
    return before.task.metric == after.task.metric and _score_version(before) == _score_version(after)


def _score_version(report: Report) -> str | None:
    """None for labels, which every version compares exactly."""
    if report.task.metric in (*OF_LABELS, MetricName.ACCURACY):
        return None
    return report.versions.get(SCORE_VERSION, "1")


def compare_results(before: Report, after: Report) -> list[ResultChange]:
    """Every strategy of either report, in the order of the later one."""
    old, new = ({one.id: one for one in judged(report)} for report in (before, after))
    is_comparable = are_scored_alike(before, after)
    ids = dict.fromkeys(one.id for one in (*after.candidates, *before.candidates))
    return [_result(id, old.get(id), new.get(id), is_comparable) for id in ids]


def _result(name: str, before: Candidate | None, after: Candidate | None, is_comparable: bool) -> ResultChange:
    """The range is that of measurements on different rows."""

    def both(figure: Callable[[Candidate], float | None]) -> tuple[float | None, float | None]:
        return figure(before) if before else None, figure(after) if after else None

    scores = both(lambda one: one.score.mean)
    others = (
        both(lambda one: one.latency_seconds.p50 if one.latency_seconds else None),
        both(lambda one: one.cost.per_1000),
    )
    if before is None or after is None or not is_comparable:
        return ResultChange(name, scores, *others, None, None, None)
    gap = unpaired_difference(after.score, before.score)
    return ResultChange(name, scores, *others, gap.mean, gap.low, gap.high)


def _by_input(examples: Sequence[Example]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    for example in examples:
        found.setdefault(normalised(example.input), []).append(example)
    return found


def _without_common(before: Sequence[Example], after: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """What is left of two lists of examples once those with equal answers are paired off."""
    left = list(after)
    gone = []
    for example in before:
        twin = next((one for one in left if one.target.strip() == example.target.strip()), None)
        if twin is None:
            gone.append(example)
        else:
            left.remove(twin)
    return gone, left
