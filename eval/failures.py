"""Every wrong answer sorted by what went wrong, from what is stored and nothing else: no model is asked.

Each wrong answer is in one category, the first that fits. What cannot be known of a task (which document holds an
answer, say, where nobody said so and its words stand in none) is not claimed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from eval.evidence import Evidence, content_of, is_alike, line_of, stands_in, stem_of, words_of
from eval.fields import copied_fields, differences
from eval.outcomes import EXAMPLE_SOURCE, Outcome, Trial
from eval.refusals import is_refusal
from eval.scoring import counts_facts, is_right
from eval.task import Example, Kind, Task

EXAMPLES_KEPT = 3  # of each category
MOST_LABELS = 20  # of a whole confusion table; more could not be read
MOST_MIXUPS = 20  # kept where there are more labels
_MADE_UP_SHARE = 0.5  # of an answer's words, at most, that stand together in any text


class Failure(StrEnum):
    """What went wrong, in the order in which it is looked for: an answer counts in the first that fits. The words for
    people are in the advisor."""

    NO_ANSWER = "no_answer"  # an error, or nothing was said
    REFUSED = "refused"  # says that it does not know, or will not answer
    # Labels
    LABEL_FORM = "label_form"  # the right label in other letters, or with words around it
    NO_LABEL = "no_label"  # says no label that the task has
    LABEL_NOT_FOUND = "label_not_found"  # no example handed over has the right label
    LABEL_NOT_USED = "label_not_used"  # one has, and another label was given
    WRONG_LABEL = "wrong_label"
    # Fields
    NOT_JSON = "not_json"
    VALUE_FORM = "value_form"  # the right values in other fields, or written otherwise
    CUT_VALUE = "cut_value"  # some of the expected words, or more than these
    INVENTED_VALUE = "invented_value"  # stands nowhere in the input, in a field that is copied from inputs
    MISSING_FIELD = "missing_field"  # fields are missing, and nothing else is wrong
    EXTRA_FIELD = "extra_field"  # fields are filled that should be empty, and nothing else is wrong
    WRONG_VALUE = "wrong_value"
    # Short answers
    ANSWER_FORM = "answer_form"  # all the expected words, among others
    DOCUMENT_NOT_FOUND = "document_not_found"  # none handed over holds the answer
    REPEATED = "repeated"  # says nothing but words of the question
    INVENTED = "invented"  # its words stand together in no document and no expected answer
    DOCUMENT_NOT_USED = "document_not_used"  # one that holds it was handed over
    WRONG_ANSWER = "wrong_answer"
    # Texts whose facts count
    FACTS_DISTORTED = (
        "facts_distorted"  # at least half of the expected facts are not right, most of them stated wrongly
    )
    FACTS_DROPPED = "facts_dropped"  # at least half are not right, most of them left out
    FACT_INVENTED = "fact_invented"  # states something besides that stands nowhere in the task


_OF_TEXTS = (Failure.REFUSED, Failure.FACTS_DISTORTED, Failure.FACTS_DROPPED, Failure.FACT_INVENTED)
_MOST_WRONG = 0.5  # of a text's facts
_FIELDS = (
    Failure.REFUSED,
    Failure.NOT_JSON,
    Failure.VALUE_FORM,
    Failure.CUT_VALUE,
    Failure.INVENTED_VALUE,
    Failure.MISSING_FIELD,
    Failure.EXTRA_FIELD,
    Failure.WRONG_VALUE,
)


@dataclass(frozen=True, slots=True)
class Category:
    """How many wrong answers went wrong in this way, and the ids of the first few examples."""

    name: Failure
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mixup:
    """How often the label `given` was given where `expected` was right."""

    expected: str
    given: str
    count: int


@dataclass(frozen=True, slots=True)
class Confusion:
    """The mix-ups, commonest first. `rows` counts the test rows of each label, and then every mix-up is here; None
    where the labels are too many for a table, and then only the commonest mix-ups are here."""

    mixups: tuple[Mixup, ...]
    rows: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class Failures:
    """The wrong answers of one trial, `wrong` of `of`; None where nothing is right or wrong (writing), though the facts
    of a text may be.

    `categories` are all that can apply, in the order of `Failure`, so that 0 is a count; `confusion` belongs to labels.
    """

    wrong: int | None
    of: int
    categories: tuple[Category, ...]
    confusion: Confusion | None


def sort_failures(trials: Sequence[Trial], task: Task) -> list[Failures]:
    """The failures of each trial over test rows of `task`; a trial without outcomes has none of 0."""
    examples = {example.id: example for example in task.examples}
    wrong = [[one for one in trial.outcomes if _is_wrong(trial.metric, task.kind, one)] for trial in trials]
    sorter = _Sorter(task, [(one.text, examples[one.example_id]) for each in wrong for one in each])
    return [sorter.sort(trial, each) for trial, each in zip(trials, wrong, strict=True)]


def _is_wrong(metric: str, kind: Kind, outcome: Outcome) -> bool:
    if kind is Kind.WRITING and counts_facts(metric):
        return outcome.error is not None or _facts_failure(outcome) is not None
    return outcome.error is not None or is_right(kind, outcome.score, outcome.parts) is False


def _facts_failure(outcome: Outcome) -> Failure | None:
    """What is wrong with the facts of a text, which may well differ from the expected one in everything else."""
    parts = outcome.parts
    if parts.get("recall", 1.0) <= _MOST_WRONG:
        is_distorted = parts.get("distorted", 0.0) > parts.get("dropped", 0.0)
        return Failure.FACTS_DISTORTED if is_distorted else Failure.FACTS_DROPPED
    return Failure.FACT_INVENTED if parts.get("invented") else None


class _Sorter:
    """What answers are held against, made ready once for all trials."""

    def __init__(self, task: Task, wrong: Sequence[tuple[str, Example]]) -> None:
        self.task = task
        self.examples = {example.id: example for example in task.examples}
        stems = (stem for text, example in wrong for stem in content_of(text, example.input))
        is_read = task.kind is Kind.ANSWERING and task.documents
        self.evidence = Evidence(task, stems, (example.target for _, example in wrong)) if is_read else None
        self.copied = copied_fields(task.examples) if task.kind is Kind.EXTRACTION else frozenset()
        self.labels = {line_of(label) for label in task.labels}

    def sort(self, trial: Trial, wrong: Sequence[Outcome]) -> Failures:
        handed_over = [source for outcome in trial.outcomes for source in outcome.sources]
        shows = any(source.startswith(EXAMPLE_SOURCE) for source in handed_over)
        looks_up = bool(handed_over) and self.evidence is not None
        found: dict[Failure, list[str]] = {name: [] for name in self._applicable(trial, shows, looks_up)}
        for outcome in wrong:
            name = self._name(outcome, self.examples[outcome.example_id], shows, looks_up)
            found.setdefault(name, []).append(outcome.example_id)
        return Failures(
            wrong=None if self.task.kind is Kind.WRITING else len(wrong),
            of=len(trial.outcomes),
            categories=tuple(
                Category(name, len(found[name]), tuple(found[name][:EXAMPLES_KEPT]))
                for name in Failure
                if name in found
            ),
            confusion=self._confusion(trial, wrong) if self.task.kind is Kind.CLASSIFICATION else None,
        )

    def _applicable(self, trial: Trial, shows: bool, looks_up: bool) -> Sequence[Failure]:
        match self.task.kind:
            case Kind.CLASSIFICATION:
                given = [Failure.LABEL_NOT_FOUND, Failure.LABEL_NOT_USED] if shows else [Failure.WRONG_LABEL]
                return (*given, Failure.LABEL_FORM, Failure.NO_LABEL)
            case Kind.EXTRACTION:
                return _FIELDS
            case Kind.ANSWERING:
                made_up = [Failure.INVENTED] if self.evidence else []
                read = [Failure.DOCUMENT_NOT_FOUND, Failure.DOCUMENT_NOT_USED] if looks_up else [Failure.WRONG_ANSWER]
                return (Failure.REFUSED, Failure.ANSWER_FORM, Failure.REPEATED, *made_up, *read)
            case Kind.WRITING:
                return (Failure.NO_ANSWER, *(_OF_TEXTS if counts_facts(trial.metric) else ()))

    def _name(self, outcome: Outcome, example: Example, shows: bool, looks_up: bool) -> Failure:
        if outcome.error is not None or not outcome.text.strip():
            return Failure.NO_ANSWER
        if is_refusal(outcome.text, example.target, self.task.labels):
            return Failure.REFUSED
        match self.task.kind:
            case Kind.CLASSIFICATION:
                return self._of_label(outcome, example, shows)
            case Kind.EXTRACTION:
                return self._of_fields(outcome, example)
            case Kind.WRITING:
                return _facts_failure(outcome) or Failure.NO_ANSWER
            case Kind.ANSWERING:
                return self._of_answer(outcome, example, looks_up)

    def _of_label(self, outcome: Outcome, example: Example, shows: bool) -> Failure:
        """Where examples are handed over with an input (`shows`), one with the right label among them is what there
        was to find."""
        if outcome.text.strip() not in self.task.labels:
            given = line_of(outcome.text)
            if stands_in(example.target, given) and not any(
                label in given for label in self.labels - {line_of(example.target)} if label.strip()
            ):
                return Failure.LABEL_FORM
            if given not in self.labels:
                return Failure.NO_LABEL
        if not shows:
            return Failure.WRONG_LABEL
        shown = (source.removeprefix(EXAMPLE_SOURCE) for source in outcome.sources if source.startswith(EXAMPLE_SOURCE))
        is_found = any(id in self.examples and self.examples[id].target == example.target for id in shown)
        return Failure.LABEL_NOT_USED if is_found else Failure.LABEL_NOT_FOUND

    def _of_fields(self, outcome: Outcome, example: Example) -> Failure:
        """A value counts as invented only in a field whose expected values are copied from inputs: where they are put
        in other words, or counted, one that does not stand in the input may be as good."""
        found = differences(outcome.text, example.target)
        if found is None:
            return Failure.NOT_JSON
        if found.is_form:
            return Failure.VALUE_FORM
        if found.is_cut:
            return Failure.CUT_VALUE
        if found.is_invented(example.input, self.copied):
            return Failure.INVENTED_VALUE
        if found.missing and not found.extra:
            return Failure.MISSING_FIELD
        return Failure.EXTRA_FIELD if found.extra and not found.missing else Failure.WRONG_VALUE

    def _of_answer(self, outcome: Outcome, example: Example, looks_up: bool) -> Failure:
        """The documents that hold the answer are those the person named; where none are named, those in which the
        expected words stand; where there are none either, what was found cannot be told.

        Made up is an answer that has no word of the expected one, and of which at most half of the words stand together
        in any one document or in the expected answer of any row; short words and those of the question do not count.
        Without documents there is nothing to hold it against. An answer of words of the question alone repeats it,
        unless the expected one has no others either.
        """
        words, expected = words_of(outcome.text), words_of(example.target)
        if expected and all(any(is_alike(word, one) for one in words) for word in expected):
            return Failure.ANSWER_FORM
        is_found = self._is_found(outcome, example) if looks_up else None
        if is_found is False:
            return Failure.DOCUMENT_NOT_FOUND
        asked, says = set(map(stem_of, words_of(example.input))), content_of(outcome.text, example.input)
        if asked.issuperset(map(stem_of, words)) and not asked.issuperset(map(stem_of, expected)):
            return Failure.REPEATED
        is_near = not set(says).isdisjoint(content_of(example.target, example.input))
        if says and self.evidence and not is_near and self.evidence.share_together(says) <= _MADE_UP_SHARE:
            return Failure.INVENTED
        return Failure.DOCUMENT_NOT_USED if is_found else Failure.WRONG_ANSWER

    def _is_found(self, outcome: Outcome, example: Example) -> bool | None:
        """Whether a document that holds the answer was handed over; None where it cannot be told."""
        if example.document_ids:
            return not set(example.document_ids).isdisjoint(outcome.sources)
        return self.evidence.is_among(example.target, outcome.sources) if self.evidence else None

    def _confusion(self, trial: Trial, wrong: Sequence[Outcome]) -> Confusion:
        pairs = Counter((self.examples[one.example_id].target, one.text.strip()) for one in wrong if one.error is None)
        ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
        mixups = tuple(Mixup(expected, given, count) for (expected, given), count in ordered)
        if len(self.task.labels) > MOST_LABELS:
            return Confusion(mixups[:MOST_MIXUPS], None)
        rows = Counter(self.examples[one.example_id].target for one in trial.outcomes if one.error is None)
        return Confusion(mixups, dict(sorted(rows.items())))
