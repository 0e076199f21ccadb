"""The available metrics, what they mean, and which one a task gets. The choice follows from training data before a run,
so nobody can pick it afterwards. A person may choose another, also before the run."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from statistics import fmean

from eval.scoring.code import language_of
from eval.scoring.collection import Collection, all_values, values_of
from eval.scoring.given import GivenFacts
from eval.task import BadInput, Document, Example, Kind, Metric

# Raised whenever facts or fields of the same answer are scored differently, so that unlike scores are never compared.
VERSION = "3"


class MetricName(StrEnum):
    ACCURACY = "accuracy"
    MACRO_F1 = "macro-F1"
    BALANCED_ACCURACY = "balanced accuracy"
    EXAMPLE_F1 = "example F1"
    CLOSENESS = "closeness"
    FIELD_F1 = "field F1"
    FACTS = "facts"
    FACTS_AND_FORM = "facts and form"
    FORM_AND_FACTS = "form and facts"
    FORM = "form"
    EXACT = "exact match"


CHOICES: dict[Kind, tuple[MetricName, ...]] = {
    Kind.CLASSIFICATION: (MetricName.ACCURACY, MetricName.MACRO_F1, MetricName.BALANCED_ACCURACY),
    Kind.MULTI_LABEL: (MetricName.EXAMPLE_F1, MetricName.EXACT),
    Kind.NUMBER: (MetricName.CLOSENESS, MetricName.EXACT),
    Kind.EXTRACTION: (MetricName.FIELD_F1,),
    Kind.ANSWERING: (MetricName.FACTS, MetricName.EXACT),
    Kind.WRITING: (
        MetricName.FACTS, MetricName.FACTS_AND_FORM, MetricName.FORM_AND_FACTS, MetricName.FORM, MetricName.EXACT
    ),
}  # fmt: skip

# Which part leads, and the largest share of the score that the other part can cost.
LEADS_WITH_FACTS = {MetricName.FACTS: True, MetricName.FACTS_AND_FORM: True, MetricName.FORM_AND_FACTS: False,
                    MetricName.FORM: False}  # fmt: skip
SHARE_OF_OTHER = {MetricName.FACTS: 0.0, MetricName.FACTS_AND_FORM: 0.05, MetricName.FORM_AND_FACTS: 0.3,
                  MetricName.FORM: 0.0}  # fmt: skip

_SEES_FORM = (MetricName.FACTS_AND_FORM, MetricName.FORM_AND_FACTS, MetricName.FORM)

_FACTS = (
    "How many of the expected facts (numbers, dates, names, yes or no, rare words) the answer states, in any order and "
    "notation. Whatever it states instead lowers the score."
)
_FORM = "How many short sequences of letters the text shares with the expected one (chrF)."

MEANINGS: dict[str, str] = {
    MetricName.ACCURACY: "The fraction of rows whose label is exactly the expected one.",
    MetricName.MACRO_F1: (
        "How often each label is found and not given wrongly (F1), averaged over labels. A label with few rows counts "
        "as much as one with many."
    ),
    MetricName.BALANCED_ACCURACY: (
        "The fraction of each label's rows that got it (recall), averaged over labels. A label with few rows counts "
        "as much as one with many."
    ),
    MetricName.EXAMPLE_F1: (
        "How many of a row's labels are found, and how many of the given labels are right (F1), averaged over rows. "
        "Missing and extra labels lower the score."
    ),
    MetricName.CLOSENESS: (
        "How close the number is to the expected one, as a fraction of the range of your numbers. An answer without a "
        "number scores 0."
    ),
    MetricName.FIELD_F1: (
        "How well the fields match the expected ones. Missing, wrong and invented fields lower the score. "
        "An answer that is not JSON scores 0."
    ),
    MetricName.FACTS: f"{_FACTS} Wording and length do not count, but copying a passage from the input lowers it.",
    MetricName.FACTS_AND_FORM: (
        f"{_FACTS} Different wording lowers it by at most 5 %, copying the input by more if answers have another form."
    ),
    MetricName.FORM_AND_FACTS: f"{_FORM} Lost facts of the input lower it by at most 30 %.",
    MetricName.FORM: f"{_FORM} Facts do not count.",
    MetricName.EXACT: (
        "The fraction of answers that equal the expected one, ignoring spacing, the case of keywords and the order of "
        "labels."
    ),
    # For runs of earlier versions.
    "answer F1": "How many words the answer shares with the expected one, from 0 to 1.",
    "chrF": _FORM,
}

_FACTS_FORMULA = (
    "2 × recall × precision ÷ (recall + precision). Recall is the fraction of the expected facts that the answer "
    "states. A number with its unit, a date, time, name, yes or no, or refusal weighs 1. Other words weigh more if "
    "they are rare in documents and training answers. The words of a wrong number earn nothing. Every other number, "
    "date or name lowers precision, unless the input holds it. One from the same document lowers it a tenth as much. "
    "The opposite of an expected word, or another word in its place, lowers it, too."
)
_OUTSIDE = (
    "Where facts must come from the input, a number that neither the input nor the expected answer holds weighs 3, "
    "unless it is the sum, difference or product of two numbers of the input."
)
FORMULAS: dict[str, str] = {
    MetricName.ACCURACY: "1 if the label is the expected one (ignoring blanks around it), else 0.",
    MetricName.MACRO_F1: (
        "The mean over the labels of the test rows of 2 × TP ÷ (2 × TP + FP + FN). TP rows have the label and got it, "
        "FP got it without having it, FN have it and got another."
    ),
    MetricName.BALANCED_ACCURACY: (
        "The mean over the labels of the test rows of TP ÷ (TP + FN). TP rows have the label and got it, FN have it "
        "and got another."
    ),
    MetricName.EXAMPLE_F1: (
        "2 × labels that are both given and expected ÷ (given labels + expected labels); 1 if there is neither."
    ),
    MetricName.CLOSENESS: (
        "1 − |given − expected| ÷ range, at least 0 (1 − the normalised absolute error). The range is that of your "
        "ratings; for amounts, that of the middle 90 % of training answers."
    ),
    MetricName.FIELD_F1: (
        "2 × fields that agree ÷ (given fields + expected fields). Fields agree if their names and values are the "
        "same. Capitals, blanks and the order of lists do not count. 2 equals 2.0, but not the text “2”. "
        "Null and empty fields do not count."
    ),
    MetricName.FACTS: (
        f"{_FACTS_FORMULA} If inputs hold the passage to answer from, an answer may repeat only the question for free. "
        "A fact of the sentence that answers it weighs 0.1, one of other sentences 1.1. A word weighs 3 % or 15 % of "
        "what is expected. All this weighs half as much once the answer is given. The whole passage scores 0. Of "
        "choices in the input, the answer must name exactly the expected one."
    ),
    MetricName.FACTS_AND_FORM: (
        "Facts × (1 − share × (1 − form)). The share is 0.05. If almost all answers have words that their inputs lack, "
        "such as a greeting, it is at least the fraction of the answer in runs of four or more words of the input. "
        f"Facts: {_FACTS_FORMULA} {_OUTSIDE} If inputs list facts, each value weighs 1: in words of the input or of "
        "training answers, or in new words that a sentence encoder finds closest to it. The facts score is then "
        "right ÷ (expected + wrong), and repeating the list states nothing. Form: chrF ÷ 100."
    ),
    MetricName.FORM_AND_FACTS: (
        f"Form × (1 − 0.3 × (1 − facts)). Form: chrF from sacrebleu ÷ 100. Facts, only those in the input: "
        f"{_FACTS_FORMULA} {_OUTSIDE}"
    ),
    MetricName.FORM: "chrF from sacrebleu ÷ 100: sequences of one to six letters; recall weighs double.",
    MetricName.EXACT: (
        "1 if the answer is the expected one after formatting, else 0. For labels: if exactly the expected ones are "
        "given. For numbers: if the nearest rating is the expected one, or an amount is at most 5 % off."
    ),
    "answer F1": "2 × shared words ÷ (given words + expected words), as for SQuAD.",
    "chrF": "chrF from sacrebleu ÷ 100: sequences of one to six letters; recall weighs double.",
}

_ROWS_READ = 300
_MOSTLY = 0.5
_MUCH = 0.25
_OFTEN = 0.1  # a fact in more answers than this share says little about any of them


def leads_with_facts(metric: Metric) -> bool:
    """Whether an answer with a wrong fact should score low."""
    return metric.name == MetricName.EXACT or counts_facts(metric.name)


def counts_facts(name: str) -> bool:
    """Whether a metric's score is mostly the share of facts that are right."""
    plain = name.split(",")[0]
    return plain in LEADS_WITH_FACTS and LEADS_WITH_FACTS[MetricName(plain)]


def meaning_of(name: str) -> str:
    return MEANINGS.get(name.split(",")[0], "Your own function scores each answer from 0 to 1.")


def formula_of(name: str) -> str:
    return FORMULAS.get(
        name.split(",")[0], "The value that your function returns for the answer, the expected answer and the input."
    )


def chosen_metric(kind: Kind, of_itself: Metric, name: str | None, required: Sequence[str]) -> Metric:
    """The metric a person asks for by name, with the phrases they require; `of_itself` is the task's default. Raises
    BadInput if this kind of task has no such metric."""
    name = name or of_itself.name
    if name not in CHOICES[kind]:
        offered = ", ".join(CHOICES[kind])
        raise BadInput(f"There is no metric '{name}' for {kind.value}: choose {offered}, or give your own function.")
    if required and MetricName(name) not in _SEES_FORM:
        raise BadInput(f"The metric '{name}' ignores wording, so it can't require phrases: choose 'facts and form'.")
    for pattern in required:
        _check_pattern(pattern)
    digest = hashlib.sha256("\n".join(required).encode()).hexdigest()[:6]
    suffix = f", {len(required)} required ({digest})" if required else ""
    # If form leads by default, answers mostly add what their inputs lack, and that must count once facts lead.
    carries = of_itself.carries and (leads_with_facts(of_itself) or not leads_with_facts(Metric(name)))
    return Metric(f"{name}{suffix}", carries, tuple(required))


def _check_pattern(required: str) -> None:
    try:
        re.compile(required.removeprefix("re:"))
    except re.error as wrong:
        if required.startswith("re:"):
            raise BadInput(f"The required pattern '{required}' can't be read ({wrong}): fix it.") from wrong


def metric_for(
    kind: Kind, train: Sequence[Example], documents: Sequence[Document], collection: Collection | None = None
) -> Metric:
    """The default metric of a task.

    Facts lead in each of these cases; otherwise form does. Documents hold the facts. Answers are short. The same
    answers come back, so that they can be learned. Inputs list facts that answers state. Much of what answers add are
    numbers, dates and names. Answers repeat what their inputs hold.
    """
    match kind:
        case Kind.CLASSIFICATION:
            return Metric(MetricName.ACCURACY)
        case Kind.MULTI_LABEL:
            return Metric(MetricName.EXAMPLE_F1)
        case Kind.NUMBER:
            return Metric(MetricName.CLOSENESS)
        case Kind.EXTRACTION:
            return Metric(MetricName.FIELD_F1)
    train = train[:_ROWS_READ]
    if language_of([row.target for row in train]):
        return Metric(MetricName.EXACT)
    if kind is Kind.ANSWERING:
        return Metric(MetricName.FACTS)
    collection = collection or Collection(train, documents, train)
    if documents and _share_in_documents(train, collection) > _MOSTLY:
        return Metric(MetricName.FACTS)
    if len({row.target for row in train}) < _MOSTLY * len(train):
        return Metric(MetricName.FACTS)
    given = GivenFacts.learn(train, collection.read)
    if given is not None and given.share_stated > _MOSTLY:
        return Metric(MetricName.FACTS_AND_FORM, carries=True)
    if _share_told(train, collection) > _MUCH:
        return Metric(MetricName.FACTS)
    if _share_carried(train, collection) > _MOSTLY:
        return Metric(MetricName.FACTS_AND_FORM, carries=True)
    return Metric(MetricName.FORM_AND_FACTS, carries=True)


def _share_in_documents(train: Sequence[Example], collection: Collection) -> float:
    """The share of numbers, dates and names in the expected answers, beyond those in their inputs, that a document
    contains. Rare words count little, and decide if there is nothing else."""
    found = total = 0.0
    for row in train:
        answer, asked = collection.read(row.target), set(all_values(collection.read(row.input)))
        for fact in answer.facts:
            for value in values_of(fact):
                if value not in asked:
                    weight = 1.0 if fact.is_hard else 0.1 * collection.rarity(value)
                    total += weight
                    found += weight * collection.stands_in_any(value)
    return found / total if total else 0.0


def _share_told(train: Sequence[Example], collection: Collection) -> float:
    """The share of numbers, dates and names in what expected answers add to their inputs, without those that many
    answers contain, as in a signature. High for a sentence that states a fact, low for a letter that mentions a
    time."""
    stated = [{value: fact.is_hard for fact in collection.read(row.target).facts for value in values_of(fact)}
              for row in train]  # fmt: skip
    answers_with = Counter(value for values in stated for value in values)
    shares = []
    for row, values in zip(train, stated, strict=True):
        told = values.keys() - all_values(collection.read(row.input))
        hard = [value for value in told if values[value] and answers_with[value] <= _OFTEN * len(train)]
        shares.append(len(hard) / len(told) if told else 0.0)
    return fmean(shares) if shares else 0.0


def _share_carried(train: Sequence[Example], collection: Collection) -> float:
    """The share of what the expected answers state that their inputs hold."""
    found = total = 0.0
    for row in train:
        answer, asked = collection.read(row.target), set(all_values(collection.read(row.input)))
        for value in set(all_values(answer)):
            weight = collection.rarity(value) if isinstance(value, str) else 1.0
            total += weight
            found += weight * (value in asked)
    return found / total if total else 0.0
