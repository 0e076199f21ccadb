"""Sort every wrong answer by what went wrong, only from stored results: no model is asked.

Each wrong answer goes into one category, the first that fits. A category is only used if the task has the evidence: for
example, which document holds an answer may be unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from eval.failures.evidence import Evidence, content_of, is_alike, line_of, stands_in, stem_of, words_of
from eval.failures.fields import copied_fields, differences
from eval.failures.refusals import is_refusal
from eval.outcomes import EXAMPLE_SOURCE, Outcome, Trial
from eval.scoring import counts_facts, is_right
from eval.scoring.closeness import Scale, number_in
from eval.scoring.label_sets import keys_of
from eval.task import Example, Kind, Task

EXAMPLES_KEPT = 3  # of each category
MOST_LABELS = 20  # of a full confusion table; a larger one is unreadable
MOST_MIXUPS = 20  # kept if there are more labels
_MADE_UP_SHARE = 0.5  # an invented answer has at most this share of its words together in any text


class Failure(StrEnum):
    """What went wrong, in the order of the checks: an answer counts in the first that fits. The words for people are in
    the advisor."""

    NO_ANSWER = "no_answer"  # an error, or an empty answer
    REFUSED = "refused"  # says that it doesn't know, or won't answer
    # Labels
    LABEL_FORM = "label_form"  # the right label in another case, or with words around it
    NO_LABEL = "no_label"  # not a label of the task
    LABEL_NOT_FOUND = "label_not_found"  # no example in the prompt has the right label
    LABEL_NOT_USED = "label_not_used"  # an example has it, but the answer is another label
    WRONG_LABEL = "wrong_label"
    # Several labels
    LABELS_MISSING = "labels_missing"  # all given labels are right
    LABELS_EXTRA = "labels_extra"  # all expected labels are given
    LABELS_MIXED = "labels_mixed"  # some are right, some are wrong or missing
    LABELS_WRONG = "labels_wrong"  # none is right
    # Numbers
    NOT_NUMBER = "not_number"
    ONE_OFF = "one_off"  # a neighbour of the expected rating
    TOO_LOW = "too_low"
    TOO_HIGH = "too_high"
    # Fields
    NOT_JSON = "not_json"
    VALUE_FORM = "value_form"  # the right values in other fields, or in another spelling
    CUT_VALUE = "cut_value"  # only some of the expected words, or more than these
    INVENTED_VALUE = "invented_value"  # not in the input, in a field that is copied from inputs
    MISSING_FIELD = "missing_field"  # only missing fields
    EXTRA_FIELD = "extra_field"  # only fields that should be empty
    WRONG_VALUE = "wrong_value"
    # Short answers
    ANSWER_FORM = "answer_form"  # all the expected words, among others
    DOCUMENT_NOT_FOUND = "document_not_found"  # no document in the prompt holds the answer
    REPEATED = "repeated"  # only words of the question
    INVENTED = "invented"  # no document and no expected answer contains its words together
    DOCUMENT_NOT_USED = "document_not_used"  # a document in the prompt holds the answer
    WRONG_ANSWER = "wrong_answer"
    # Texts whose facts count
    FACTS_DISTORTED = "facts_distorted"  # at least half of the expected facts are wrong or missing, most of them wrong
    FACTS_DROPPED = "facts_dropped"  # at least half are wrong or missing, most of them missing
    FACT_INVENTED = "fact_invented"  # adds something found nowhere in the task


_OF_LABEL_SETS = (Failure.LABELS_MISSING, Failure.LABELS_EXTRA, Failure.LABELS_MIXED, Failure.LABELS_WRONG)
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
    """The number of wrong answers of this kind, and the ids of the first few examples."""

    name: Failure
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mixup:
    """How often an answer was `given` when `expected` was right."""

    expected: str
    given: str
    count: int


@dataclass(frozen=True, slots=True)
class Confusion:
    """The mix-ups, most common first. `rows` counts the test rows of each label; then all mix-ups are listed. It is
    None if there are too many labels for a table; then only the most common mix-ups are listed."""

    mixups: tuple[Mixup, ...]
    rows: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class Failures:
    """The wrong answers of one trial, `wrong` of `of`. None if answers aren't right or wrong (writing), although the
    facts of a text may be.

    `categories` are all that can apply, in the order of `Failure`, so a 0 is a real count. Only labels and ratings have
    a `confusion`.
    """

    wrong: int | None
    of: int
    categories: tuple[Category, ...]
    confusion: Confusion | None


def sort_failures(trials: Sequence[Trial], task: Task) -> list[Failures]:
    """The failures of each trial on test rows of `task`; a trial without outcomes has 0 of 0."""
    examples = {example.id: example for example in task.examples}
    wrong = [[one for one in trial.outcomes if _is_wrong(trial.metric, task.kind, one)] for trial in trials]
    sorter = _Sorter(task, [(one.text, examples[one.example_id]) for each in wrong for one in each])
    return [sorter.sort(trial, each) for trial, each in zip(trials, wrong, strict=True)]


def _is_wrong(metric: str, kind: Kind, outcome: Outcome) -> bool:
    if kind is Kind.WRITING and counts_facts(metric):
        return outcome.error is not None or _facts_failure(outcome) is not None
    return outcome.error is not None or is_right(kind, outcome.score, outcome.parts) is False


def loses_facts(parts: Mapping[str, float]) -> bool:
    """Whether at least half of the expected facts are wrong or missing in a text with these parts of its score."""
    return parts.get("recall", 1.0) <= _MOST_WRONG


def _facts_failure(outcome: Outcome) -> Failure | None:
    """What is wrong with the facts of a text. Everything else may differ from the expected one."""
    parts = outcome.parts
    if loses_facts(parts):
        is_distorted = parts.get("distorted", 0.0) > parts.get("dropped", 0.0)
        return Failure.FACTS_DISTORTED if is_distorted else Failure.FACTS_DROPPED
    return Failure.FACT_INVENTED if parts.get("invented") else None


class _Sorter:
    """What answers are compared with, prepared once for all trials."""

    def __init__(self, task: Task, wrong: Sequence[tuple[str, Example]]) -> None:
        self.task = task
        self.examples = {example.id: example for example in task.examples}
        stems = (stem for text, example in wrong for stem in content_of(text, example.input))
        is_read = task.kind is Kind.ANSWERING and task.documents
        answers = (answer for _, example in wrong for answer in example.answers)
        self.evidence = Evidence(task, stems, answers) if is_read else None
        self.copied = copied_fields(task.examples) if task.kind is Kind.EXTRACTION else frozenset()
        self.labels = {line_of(label) for label in task.labels}
        self.scale = Scale.of([example.target for example in task.examples]) if task.kind is Kind.NUMBER else None

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
            confusion=self._confusion(trial, wrong),
        )

    def _applicable(self, trial: Trial, shows: bool, looks_up: bool) -> Sequence[Failure]:
        match self.task.kind:
            case Kind.CLASSIFICATION:
                given = [Failure.LABEL_NOT_FOUND, Failure.LABEL_NOT_USED] if shows else [Failure.WRONG_LABEL]
                return (*given, Failure.LABEL_FORM, Failure.NO_LABEL)
            case Kind.MULTI_LABEL:
                return _OF_LABEL_SETS
            case Kind.NUMBER:
                near = [Failure.ONE_OFF] if self.scale and self.scale.values else []
                return (Failure.NOT_NUMBER, *near, Failure.TOO_LOW, Failure.TOO_HIGH)
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
        if all(is_refusal(outcome.text, answer, self.task.labels) for answer in example.answers):
            return Failure.REFUSED
        match self.task.kind:
            case Kind.CLASSIFICATION:
                return self._of_label(outcome, example, shows)
            case Kind.MULTI_LABEL:
                return self._of_labels(outcome, example)
            case Kind.NUMBER:
                return self._of_number(outcome, example)
            case Kind.EXTRACTION:
                return self._of_fields(outcome, example)
            case Kind.WRITING:
                return _facts_failure(outcome) or Failure.NO_ANSWER
            case Kind.ANSWERING:
                return self._of_answer(outcome, example, looks_up)

    def _of_label(self, outcome: Outcome, example: Example, shows: bool) -> Failure:
        """If the prompt shows examples (`shows`), finding one with the right label counts as having found it."""
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

    def _of_labels(self, outcome: Outcome, example: Example) -> Failure:
        given, expected = keys_of(outcome.text), keys_of(example.target)
        if given < expected and given:
            return Failure.LABELS_MISSING
        if given > expected and expected:
            return Failure.LABELS_EXTRA
        return Failure.LABELS_MIXED if given & expected else Failure.LABELS_WRONG

    def _of_number(self, outcome: Outcome, example: Example) -> Failure:
        given, expected = number_in(outcome.text), number_in(example.target)
        if given is None or expected is None:
            return Failure.NOT_NUMBER
        if outcome.parts.get("within_one"):
            return Failure.ONE_OFF
        return Failure.TOO_LOW if given < expected else Failure.TOO_HIGH

    def _of_fields(self, outcome: Outcome, example: Example) -> Failure:
        """A value counts as invented only in a field whose expected values are copied from inputs. If they are reworded
        or counted, a value that isn't in the input may be right."""
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
        """The documents with the answer are those the person named, else those that contain the expected words. If
        there are none either, it is unknown whether the answer was found.

        An answer is invented if it shares no word with the expected one, and no document and no row's expected answer
        contains more than half of its words together. Short words and words of the question don't count. Without
        documents there is nothing to compare it with. An answer made only of words of the question repeats it, unless
        the expected answer is made only of those too.
        """
        words, answers = words_of(outcome.text), [*map(words_of, example.answers)]
        if any(each and all(any(is_alike(word, one) for one in words) for word in each) for each in answers):
            return Failure.ANSWER_FORM
        is_found = self._is_found(outcome, example) if looks_up else None
        if is_found is False:
            return Failure.DOCUMENT_NOT_FOUND
        asked, says = set(map(stem_of, words_of(example.input))), content_of(outcome.text, example.input)
        if asked.issuperset(map(stem_of, words)) and not any(asked.issuperset(map(stem_of, each)) for each in answers):
            return Failure.REPEATED
        is_near = not set(says).isdisjoint(stem for each in example.answers for stem in content_of(each, example.input))
        if says and self.evidence and not is_near and self.evidence.share_together(says) <= _MADE_UP_SHARE:
            return Failure.INVENTED
        return Failure.DOCUMENT_NOT_USED if is_found else Failure.WRONG_ANSWER

    def _is_found(self, outcome: Outcome, example: Example) -> bool | None:
        """Whether a document with the answer was in the prompt; None if unknown."""
        if example.document_ids:
            return not set(example.document_ids).isdisjoint(outcome.sources)
        if self.evidence is None:
            return None
        found = [self.evidence.is_among(answer, outcome.sources) for answer in example.answers]
        return any(found) if any(one is not None for one in found) else None

    def _confusion(self, trial: Trial, wrong: Sequence[Outcome]) -> Confusion | None:
        if self.task.kind is not Kind.CLASSIFICATION and not (self.scale and self.task.labels):
            return None
        pairs = Counter(
            (self.examples[one.example_id].target, self._label_given(one)) for one in wrong if one.error is None
        )
        ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
        mixups = tuple(Mixup(expected, given, count) for (expected, given), count in ordered)
        if len(self.task.labels) > MOST_LABELS:
            return Confusion(mixups[:MOST_MIXUPS], None)
        rows = Counter(self.examples[one.example_id].target for one in trial.outcomes if one.error is None)
        return Confusion(mixups, {label: rows[label] for label in self.task.labels if label in rows})

    def _label_given(self, outcome: Outcome) -> str:
        """A number between two ratings counts as the nearest one."""
        value = number_in(outcome.text) if self.scale else None
        if self.scale is None or value is None:
            return outcome.text.strip()
        nearest = self.scale.nearest(value)
        return next((label for label in self.task.labels if number_in(label) == nearest), outcome.text.strip())
