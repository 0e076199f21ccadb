"""The test rows with every strategy's answer side by side, and the ways to look only at some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from advisor.candidates import judged, preferred
from advisor.decision.weak_texts import WrittenTexts
from advisor.measurement import is_judged
from advisor.schema import Report
from advisor.sections import early_stops
from advisor.storage.own_marks import OwnMark
from advisor.wording import count_text, in_sentence, score_text, share_text
from eval.failures.sorting import Failure
from eval.outcomes import Outcome, Trial
from eval.scoring import is_right
from eval.task import Example, Kind
from strategies.registry import LOOKS_UP

TITLE = "Answers side by side"
HOW = (
    "Columns answer, expected, score and cut_off of outcomes.csv. What was sent: prompts.jsonl of each strategy, "
    "written down where the model reads its prompt."
)
CUT_OFF_MEANS = "The answer reached the limit of tokens before its end."


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """One test example with the outcomes by strategy; `right` has no entry where right or wrong cannot be said.
    `marks` is what the person says by strategy."""

    example: Example
    outcomes: dict[str, Outcome]
    right: dict[str, bool]
    marks: Mapping[str, OwnMark] = field(default_factory=dict)

    def judgement(self, strategy: str) -> str:
        return judgement_of(self.outcomes[strategy], self.right.get(strategy))

    def own_judgement(self, strategy: str) -> str:
        """ "you: wrong", with the person's note; "" where they said nothing."""
        mark = self.marks.get(strategy)
        if mark is None:
            return ""
        said = "you: right" if mark.is_right else "you: wrong"
        return f"{said} ({mark.note})" if mark.note else said

    def contradicts(self, strategy: str) -> bool:
        """Whether the person and the score disagree on an answer."""
        mark = self.marks.get(strategy)
        return mark is not None and strategy in self.right and mark.is_right != self.right[strategy]

    @property
    def same_answers(self) -> list[tuple[str, ...]]:
        """The strategies that gave the same answer, together, in their order."""
        found: dict[tuple[str, str], list[str]] = {}
        for strategy, outcome in self.outcomes.items():
            text = outcome.error or outcome.text
            found.setdefault((text, self.judgement_in_full(strategy)), []).append(strategy)
        return [tuple(each) for each in found.values()]

    def judgement_in_full(self, strategy: str) -> str:
        """As `judgement`, and "cut off" where the answer was."""
        judgement = self.judgement(strategy)
        return f"{judgement}, cut off" if self.outcomes[strategy].cut_off else judgement


def judgement_of(outcome: Outcome, right: bool | None) -> str:
    """ "right", "wrong", "wrong, .25" where the score says more than that, "score .61" where right or wrong cannot be
    said, "no answer" where it failed."""
    if outcome.error is not None:
        return "no answer"
    if right is None:
        return f"score {score_text(outcome.score)}"
    word = "right" if right else "wrong"
    return word if outcome.score == right else f"{word}, {score_text(outcome.score)}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Some of the rows, under the words of a chip."""

    label: str
    rows: tuple[AnsweredRow, ...]


def finding_of(report: Report) -> str:
    return unreliable(report) or early_stops.rows_told(report)


def summary_of(report: Report) -> str:
    if notice := unreliable(report):
        return notice
    rows = early_stops.rows_told(report)
    sources = ", and the sources it used" if any(one.strategy in LOOKS_UP for one in judged(report)) else ""
    return " ".join([f"{rows} with every answer, right or wrong{sources}.", *cut_off_sentences(report)])


def cut_off_sentences(report: Report) -> list[str]:
    """How many answers of each strategy were cut off; nothing for strategies without any."""
    return [
        f"The token limit cut off {count_text(one.cut_off, 'answer')} of {in_sentence(one.id)}."
        for one in judged(report)
        if one.cut_off
    ]


def unreliable(report: Report) -> str | None:
    """That not even the best strategy is right more often than wrong or, of texts, good enough; None where one is, or
    where nobody can say."""
    best = next((one for one in judged(report) if one.failures and one.failures.wrong is not None), None)
    if report.task.kind is Kind.WRITING:
        return _weak_texts(report)
    if best is None or best.failures is None or best.failures.wrong is None:
        return None
    right, rows = best.failures.of - best.failures.wrong, best.failures.of
    if right >= rows / 2:
        return None
    return (
        f"Nothing answers reliably yet: the best, {in_sentence(best.id)}, is right on {right:,} of "
        f"{count_text(rows, 'row')} ({share_text(right / rows)})."
    )


def _weak_texts(report: Report) -> str | None:
    best = next(iter(judged(report)), None)
    if best is None or best.failures is None:
        return None
    losing = sum(one.count for one in best.failures.categories if one.name != Failure.FACT_INVENTED)
    texts = WrittenTexts(report.task.metric, best.score.mean, losing, best.failures.of, report.score_check)
    weak = texts.sentence(f"The best, {in_sentence(best.id)},")
    return weak and f"Nothing answers reliably yet. {weak}"


def answered_rows(
    report: Report, trials: Sequence[Trial], examples: Sequence[Example], marks: Sequence[OwnMark] = ()
) -> list[AnsweredRow]:
    """The examples with the answers of every strategy and of the baseline that the headline prefers, in their own
    order. `trials` may include all baselines; `marks` are the person's own."""
    by_example: dict[str, dict[str, Outcome]] = {}
    given = {trial.strategy: trial for trial in trials if is_judged(trial)}
    for name in (one.id for one in preferred(report) if one.id in given):
        for outcome in given[name].outcomes:
            by_example.setdefault(outcome.example_id, {})[name] = outcome
    kind, metric = report.task.kind, next((trial.metric for trial in given.values()), "")
    rows = [
        answered_row(kind, metric, example, by_example[example.id]) for example in examples if example.id in by_example
    ]
    return marked(rows, marks)


def marked(rows: Sequence[AnsweredRow], marks: Sequence[OwnMark]) -> list[AnsweredRow]:
    """The rows with what the person says of their answers."""
    said = {mark.key: mark for mark in marks}
    inputs = {mark.input for mark in marks}
    return [_marked(row, said) if row.example.input in inputs else row for row in rows]


def _marked(row: AnsweredRow, said: Mapping[tuple[str, str], OwnMark]) -> AnsweredRow:
    keys = {name: (row.example.input, outcome.text) for name, outcome in row.outcomes.items()}
    return replace(row, marks={name: said[key] for name, key in keys.items() if key in said})


def filters(rows: Sequence[AnsweredRow]) -> list[Filter]:
    """All rows; of those that all strategies answered, the ones that only one gets right, or that all get wrong or
    right; those with an answer that is missing or cut off, and those that the person marked.

    Filters without rows are left out, except the first.
    """
    judged_rows = [row for row in rows if row.right]
    strategies = list(dict.fromkeys(strategy for row in judged_rows for strategy in row.right))
    several = [row for row in judged_rows if len(row.right) == len(strategies)] if len(strategies) > 1 else []
    found = (
        *(Filter(f"Only {in_sentence(strategy)} right", _where(several, {strategy})) for strategy in strategies),
        Filter("All wrong", tuple(row for row in several if not any(row.right.values()))),
        Filter("All right", tuple(row for row in several if all(row.right.values()))),
        *([] if several else _of_the_only(judged_rows)),
        Filter("No answer", tuple(row for row in rows if any(one.error for one in row.outcomes.values()))),
        Filter("Cut off", tuple(row for row in rows if any(one.cut_off for one in row.outcomes.values()))),
        Filter("You disagree", tuple(row for row in rows if any(map(row.contradicts, row.marks)))),
        Filter("Marked wrong by you", _marked_as(rows, False)),
        Filter("Marked right by you", _marked_as(rows, True)),
    )
    return [Filter("All", tuple(rows)), *(one for one in found if one.rows)]


def _of_the_only(rows: Sequence[AnsweredRow]) -> list[Filter]:
    """Where a single strategy answered."""
    return [
        Filter("Wrong", tuple(row for row in rows if not any(row.right.values()))),
        Filter("Right", tuple(row for row in rows if any(row.right.values()))),
    ]


def _marked_as(rows: Sequence[AnsweredRow], is_right: bool) -> tuple[AnsweredRow, ...]:
    return tuple(row for row in rows if any(mark.is_right is is_right for mark in row.marks.values()))


def _where(rows: Sequence[AnsweredRow], right: set[str]) -> tuple[AnsweredRow, ...]:
    return tuple(row for row in rows if {name for name, is_it in row.right.items() if is_it} == right)


def answered_row(kind: Kind, metric: str, example: Example, outcomes: dict[str, Outcome]) -> AnsweredRow:
    """With right or wrong for each answer, where the metric of the task can say so."""
    marks = {name: is_right(kind, outcome.score, outcome.parts, metric) for name, outcome in outcomes.items()}
    return AnsweredRow(example, outcomes, {name: mark for name, mark in marks.items() if mark is not None})
