"""One score in [0, 1] per answer. The same text gets the same score, whichever strategy wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from eval.scoring.closeness import Scale, number_in
from eval.scoring.code import formatted
from eval.scoring.collection import Collection
from eval.scoring.copies import have_own_form, share_copied
from eval.scoring.facts import FactScore, score_facts
from eval.scoring.fields import field_f1
from eval.scoring.given import GivenFacts
from eval.scoring.label_sets import Overlap
from eval.scoring.labels import OF_LABELS, LabelAnswers, label_key
from eval.scoring.metric import LEADS_WITH_FACTS, SHARE_OF_OTHER, MetricName, metric_for
from eval.scoring.options import is_chosen, spelled_out
from eval.scoring.own_metric import load_own
from eval.scoring.paraphrases import Encode
from eval.scoring.passages import Passages
from eval.scoring.words import folded
from eval.task import Brief, Document, Example, Kind, LearningSplit, Metric, Split, Task

# An answer with this share of the expected facts holds more of them than it misses.
_RIGHT_ANSWER = 0.5
_LEAST_RECALL = 0.44  # as of "New York" for "New York City"; a third of the facts is a score of 0.5, too
_MOST_DISTORTED = 0.25  # of the expected facts: "Tuesdays at 16:00" is wrong where it is Wednesdays


@dataclass(frozen=True, slots=True)
class Score:
    """The primary metric in [0, 1], and secondary ones by name, also in [0, 1]."""

    value: float
    parts: dict[str, float] = field(default_factory=dict)


class Scorer:
    """Scores the answers of one task. `train` are the training rows. `examples` are all rows: a fact in any of them, or
    in a document, isn't invented. To score dev rows, `examples` must not contain test rows. `encode` is only called if
    inputs list facts; without it, values in words that no training answer uses are missed."""

    def __init__(
        self,
        kind: Kind,
        metric: Metric | None,
        train: Sequence[Example],
        documents: Sequence[Document] = (),
        examples: Sequence[Example] = (),
        encode: Encode | None = None,
    ) -> None:
        self.kind = kind
        reads = kind in (Kind.ANSWERING, Kind.WRITING)
        self.collection = Collection(train, documents, [*train, *examples]) if reads else None
        self.metric = metric or metric_for(kind, train, documents, self.collection)
        carries = self.collection is not None and self.metric.carries
        self._given = GivenFacts.learn(train, self.collection.read, encode) if carries and self.collection else None
        is_short = self.collection is not None and kind is Kind.ANSWERING
        self._passages = Passages.learn(train, self.collection.read) if is_short and self.collection else None
        self._scale = Scale.of([row.target for row in (*train, *examples)]) if kind is Kind.NUMBER else None
        self._own = load_own(self.metric) if self.metric.own else None
        self._name = self.metric.name.split(",")[0]
        self._has_own_form = carries and self._name == MetricName.FACTS_AND_FORM and have_own_form(train)
        self._required = [_pattern(each) for each in self.metric.required]

    def score(self, text: str, example: Example) -> Score:
        """How good `text` is as an answer to this example; of several right answers the best match counts.

        Parts: a multi-label answer has `found` (share of the expected labels given), `correct` (share of the given
        labels expected) and `exact`. A number has `valid` (it is one), `exact` and, if it is a rating, `within_one`.
        Extraction has `valid` (JSON of the expected outer shape) and `exact`. Answering and writing have `recall`
        and `precision` of facts, `dropped` and `distorted` (shares of the expected facts), `invented` (it states
        something that occurs nowhere in the task), and `exact`; writing also `form`. Raises BadInput if the target of
        an extraction isn't JSON, or if a person's own metric fails.
        """
        return max((self._against(text, answer, example) for answer in example.answers), key=lambda one: one.value)

    def question(self, input: str) -> str:
        """The part of an input that asks, if the inputs hold the passage to answer from; else the whole input."""
        return self._passages.question(input) if self._passages else input

    def overall(self, texts: Sequence[str], examples: Sequence[Example]) -> float:
        """The score of all these answers together. At least one is required."""
        scores = [self.score(text, example).value for text, example in zip(texts, examples, strict=True)]
        if self._name not in OF_LABELS:
            return fmean(scores)
        return LabelAnswers.of(self._name, [example.target for example in examples], texts, scores).score

    def _against(self, text: str, answer: str, example: Example) -> Score:
        if self._own is None:
            return self._by_kind(text, answer, example)
        return Score(self._own(text, answer, example.input), self._by_kind(text, answer, example).parts)

    def _by_kind(self, text: str, answer: str, example: Example) -> Score:
        if self.kind is Kind.CLASSIFICATION:
            return Score(float(label_key(text) == label_key(answer)))
        if self.kind is Kind.MULTI_LABEL:
            overlap = Overlap.of(text, answer)
            return self._plain(overlap.f1, {"found": overlap.recall, "correct": overlap.precision}, overlap.is_exact)
        if self._scale is not None:
            return self._of_number(text, answer, self._scale)
        if self.kind is Kind.EXTRACTION:
            value = field_f1(text, answer)
            return Score(value or 0.0, {"valid": float(value is not None), "exact": float(value == 1)})
        facts = self._facts(text, answer, example)
        parts = {
            "recall": facts.recall,
            "precision": facts.precision,
            "dropped": facts.dropped,
            "distorted": facts.distorted,
            "invented": float(facts.invented > 0),
            "exact": _exact(text, answer),
        }
        if self.kind is Kind.WRITING:
            parts["form"] = self._form(text, answer)
        return Score(self._combined(text, answer, example.input, facts, parts), parts)

    def _plain(self, value: float, parts: dict[str, float], is_exact: bool) -> Score:
        """The score of an answer that is exactly right or not."""
        exact = float(is_exact)
        return Score(exact if self._name == MetricName.EXACT else value, {**parts, "exact": exact})

    def _of_number(self, text: str, answer: str, scale: Scale) -> Score:
        given, expected = number_in(text), number_in(answer)
        if given is None or expected is None:
            return self._plain(0.0, {"valid": 0.0} | ({"within_one": 0.0} if scale.values else {}), False)
        parts = {"valid": 1.0}
        if scale.values:
            parts["within_one"] = float(scale.is_within_one(given, expected))
        return self._plain(scale.closeness(given, expected), parts, scale.is_right(given, expected))

    def _combined(self, text: str, answer: str, input: str, facts: FactScore, parts: dict[str, float]) -> float:
        if self._name == MetricName.EXACT or self._own is not None:
            return parts["exact"]
        name = MetricName(self._name)
        share = SHARE_OF_OTHER[name]
        form = parts["form"] if "form" in parts else self._form(text, answer) if share else 1.0
        if self._has_own_form:  # what is copied is worth no more than its form
            share = max(share, share_copied(text, answer, input))
        lead, other = (facts.value, form) if LEADS_WITH_FACTS[name] else (form, facts.value)
        return lead * (1 - share * (1 - other))

    def _facts(self, text: str, answer: str, example: Example) -> FactScore:
        assert self.collection is not None
        if self.kind is Kind.ANSWERING:
            if (is_right := is_chosen(text, answer, example.input)) is not None:
                right = float(is_right)
                return FactScore(right, right, right, 0.0, 1.0 - right, 0)
            answer = spelled_out(answer, example.input)
        return score_facts(
            text,
            answer,
            example.input,
            self.collection,
            self.metric.carries,
            example.document_ids,
            self._given,
            self._passages,
        )

    def _form(self, text: str, answer: str) -> float:
        from sacrebleu import sentence_chrf  # takes as long to import as numpy, and other kinds don't need it

        value = min(1.0, sentence_chrf(text, [answer]).score / 100)
        return value * self._share_required(text)

    def _share_required(self, text: str) -> float:
        if not self._required:
            return 1.0
        return sum(bool(pattern.search(folded(text))) for pattern in self._required) / len(self._required)


def scorer_for(task: Task, split: Split | None = None, encode: Encode | None = None) -> Scorer:
    """The scorer of a task's answers. Without a split, all its rows count as training rows."""
    train = split.train if split else task.examples
    return Scorer(task.kind, task.metric, train, task.documents, task.examples, encode)


def scorer_while_learning(brief: Brief, split: LearningSplit, documents: Sequence[Document]) -> Scorer:
    """The scorer a strategy uses to choose its settings. It knows nothing about the test rows. It has no encoder: the
    encoder's seconds would count as the strategy's setup time."""
    return Scorer(brief.kind, brief.metric, split.train, documents, split.dev)


def is_right(kind: Kind, value: float, parts: Mapping[str, float], metric: str = "") -> bool | None:
    """Whether an answer with this score and these parts counts as right; None for writing, which has no right answers
    unless its metric is exact match, as for code.

    A label must be exact, and so must all labels of a multi-label answer and every field of an extraction. For a
    rating, the nearest one must be the expected one; an amount may be 5 % off. A short answer must score at least half,
    state about half of the facts and hardly any wrongly, so that "in Paris" is right if "Paris" was expected.
    """
    if metric == MetricName.EXACT:
        return value == 1
    match kind:
        case Kind.CLASSIFICATION:
            return value == 1
        case Kind.MULTI_LABEL | Kind.NUMBER | Kind.EXTRACTION:
            return parts.get("exact", 0.0) == 1
        case Kind.ANSWERING:
            is_stated = value >= _RIGHT_ANSWER and parts.get("recall", value) >= _LEAST_RECALL
            return is_stated and parts.get("distorted", 0.0) <= _MOST_DISTORTED
        case Kind.WRITING:
            return None


def _exact(text: str, answer: str) -> float:
    return float(formatted(text).rstrip(".!") == formatted(answer).rstrip(".!"))


def _pattern(required: str) -> re.Pattern[str]:
    pattern = required.removeprefix("re:") if required.startswith("re:") else re.escape(folded(required))
    return re.compile(pattern, re.IGNORECASE)
