"""One line of the history for each run: its words, what a search finds in it, and how the lines are sorted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from advisor.pairing import model_words
from advisor.report.run_summary import RunSummary
from advisor.schema import Confidence
from advisor.storage.stored import StoredRun
from advisor.wording import KIND_NAMES, count_text, list_text, name_of, score_text, time_text
from eval.task import BadInput

_STATE_WORDS = {
    "queued": "Queued",
    "running": "Running",
    "interrupted": "Interrupted",
    "cancelled": "Cancelled",
    "failed": "Failed",
    "stopped": "Stopped at its limit",
    "done": "Done",
}
_BY_OTHER_VERSION = "Done, by another version of Threeways"


@dataclass(frozen=True, slots=True)
class Line:
    """One run in words. `summary` is None unless it is done and its report can be read. `lost` says what of a run that
    is done is gone or damaged."""

    run: StoredRun
    summary: RunSummary | None
    model: str
    effort: str
    lost: str = ""

    @property
    def state(self) -> str:
        return "Waits for a key" if self.run.awaits_key else _STATE_WORDS[self.run.state]

    @property
    def verdict(self) -> str:
        if self.summary is not None:
            return self.summary.headline
        if self.run.state != "done":
            return self.state
        return f"Done. {self.lost}" if self.lost else _BY_OTHER_VERSION

    @property
    def under_verdict(self) -> str:
        """How sure the verdict is; why there is none."""
        if self.summary is None:
            return self.run.reason or ""
        return confidence_text(self.summary.confidence)

    @property
    def strategy(self) -> str:
        return name_of(self.summary.strategy) if self.summary and self.summary.strategy else ""

    @property
    def score(self) -> str:
        return score_text(self.summary.score.mean) if self.summary and self.summary.score else ""

    @property
    def score_range(self) -> str:
        """The interval with the metric, and the score of the baseline that the headline prefers."""
        if self.summary is None or self.summary.score is None:
            return ""
        low, high = self.summary.score.low, self.summary.score.high
        baseline = self.summary.baseline
        also = f"; best baseline {score_text(baseline)}" if baseline is not None else ""
        return f"{self.summary.metric}, 95 % CI {score_text(low)} to {score_text(high)}{also}"

    @property
    def kind(self) -> str:
        return KIND_NAMES[self.summary.kind] if self.summary else ""

    @property
    def rows(self) -> str:
        return count_text(self.summary.test, "row") if self.summary else ""

    @property
    def searched(self) -> str:
        """Everything a search looks through."""
        run = self.run
        said = (run.given_name, run.name, run.note, *origin_tags(run), *run.tags)
        words = (*said, self.model, self.effort, self.strategy, self.kind)
        return "\n".join((*words, self.state, self.verdict, self.under_verdict, run.id)).casefold()


def origin_tags(run: StoredRun) -> tuple[str, ...]:
    """Marks a run that was measured elsewhere."""
    match run.origin:
        case "own":
            return ()
        case "sample":
            return ("Sample",)
        case "shared":
            return ("Shared",)


def confidence_text(word: Confidence) -> str:
    """Nothing where the headline says it."""
    return "" if word in ("none", "too close to call") else f"{word.capitalize()} evidence"


def line_of(run: StoredRun, summary: RunSummary | None, lost: str = "") -> Line:
    if summary is not None:
        return Line(run, summary, summary.model, summary.preset or "")
    try:
        plan = run.plan
    except BadInput:  # of another version
        return Line(run, None, "", "", lost)
    return Line(run, None, list_text([model_words(model) for model in plan.models]), plan.preset, lost)


def moment(seconds: float) -> str:
    """A time of a run; "unknown" if there is no such time, so that a damaged row doesn't hide the others."""
    return time_text(seconds, "%-d %b %Y, %H:%M")


def matching(lines: Sequence[Line], text: str, data: str | None) -> list[Line]:
    """The lines with every word of the text, in any order; of one file, if `data` names it."""
    words = text.casefold().split()
    return [
        line
        for line in lines
        if (data is None or line.run.name == data) and all(word in line.searched for word in words)
    ]


# What the lines can be sorted by, with how; None goes last. The first click on a number shows the largest first.
_Key = Callable[[Line], str | float | None]
_KEYS: dict[str, _Key] = {
    "Run": lambda line: line.run.title.casefold(),
    "Verdict": lambda line: line.verdict,
    "Score": lambda line: line.summary.score.mean if line.summary and line.summary.score else None,
    "Test rows": lambda line: line.summary.test if line.summary else None,
    "Model": lambda line: line.model or None,
    "Date": lambda line: line.run.created_at,
}
ORDERS = tuple(_KEYS)
LARGEST_FIRST = ("Score", "Test rows", "Date")


def ordered(lines: Sequence[Line], by: str, is_falling: bool) -> list[Line]:
    """Lines without a value come last either way."""
    key = _KEYS[by]
    known = [line for line in lines if key(line) is not None]
    known.sort(key=lambda line: key(line) or 0, reverse=is_falling)
    return [*known, *(line for line in lines if key(line) is None)]
