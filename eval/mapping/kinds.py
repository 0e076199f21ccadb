"""What kind of task a dataset is, from how its answers look."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eval.mapping.answers import is_record
from eval.mapping.label_sets import all_labels, label_sets
from eval.mapping.names import AMOUNT_NAMES, LABELS_NAMES, RATING_NAMES, plain
from eval.scoring import read_json
from eval.scoring.closeness import MOST_RATINGS, by_value, have_one_unit, is_number, number_in, without_highest
from eval.scoring.code import is_code
from eval.task import Example, Kind, labels_of, normalised
from eval.words import count_words, usual_length

MANY_ROWS = 50_000
MAX_ANSWER_WORDS = 12  # a longer answer is written text, not a short fact; nor a label, unless each comes back often
MOSTLY_NUMBERS = 0.95  # the others may be slips, or say that there is none
_SEEN = 50
_ROWS_A_LONG_LABEL = 10  # on average
_MOST_WORDS_OF_LABELS = 1_500  # of all long labels together
_FEWEST_RATINGS = 3  # two numbers are yes and no
_ANY_NUMBER = {"label", "target", "y", "output", "value"}  # of a column that holds amounts if they have decimals


@dataclass(frozen=True, slots=True)
class KindGuess:
    """A kind and the reason for it, one sentence with its numbers."""

    kind: Kind
    reason: str


def _as_extraction(targets: Sequence[str]) -> KindGuess | None:
    """Extraction if nearly all answers are JSON with fields; where a list is empty, there is nothing to extract."""
    values = [read_json(target) for target in targets if target[:1] in ("{", "[", "`")]
    objects = sum(isinstance(value, dict) for value in values)
    lists = sum(isinstance(value, list) and is_record(value) for value in values)
    empty = values.count([])
    if objects + lists + empty < 0.9 * len(targets) or objects + lists < 0.1 * len(targets):
        return None
    if not lists:
        what = "JSON objects"
    elif objects:
        what = "JSON objects or lists of them"
    else:
        has_objects = any(isinstance(value, list) and value and isinstance(value[0], dict) for value in values)
        what = "JSON lists of objects" if has_objects else "JSON lists of lists"
    nothing = f", {empty:,} of them empty" if empty and not objects else ""
    count = objects + lists + empty
    return KindGuess(Kind.EXTRACTION, f"{count:,} of {len(targets):,} answers are {what}{nothing}.")


def infer_kind(inputs: Sequence[str], targets: Sequence[str], has_documents: bool, column: str = "") -> KindGuess:
    """The kind of task that `targets` (one for each of `inputs`) look like. `column` is the name of theirs.

    With documents, a few answers may repeat by chance, so they must repeat more often to count as labels.
    """
    rows = len(targets)
    if found := _as_extraction(targets):
        return found
    if sets := label_sets(targets, may_be_numbers=plain(column) in LABELS_NAMES):
        several = sum(len(each) > 1 for each in sets)
        labels = len({label for each in sets for label in each})
        return KindGuess(Kind.MULTI_LABEL, f"{several:,} of {rows:,} answers hold several of {labels:,} labels.")
    if not has_documents and (numbers := _numbers(targets, column)):
        return numbers
    lengths = {target: count_words(target) for target in set(targets)}  # labels repeat
    words = sorted(map(lengths.__getitem__, targets))
    # A repeated row doesn't mean that answers repeat, so each pair counts once.
    form = normalised if rows <= MANY_ROWS else str.strip  # a few repeated rows change nothing among so many
    pairs = {(form(source), target.strip().casefold()) for source, target in zip(inputs, targets, strict=True)}
    uses = Counter(target for _, target in pairs)
    repeated = sum(count for count in uses.values() if count > 1)
    named = sum(any(map(str.isalpha, target)) for target in targets) > rows / 2  # numbers repeat by chance
    rows_per_label = 5 if has_documents else 2 if named else 2.5
    short = words[int(0.95 * (rows - 1))] <= MAX_ANSWER_WORDS
    repeat = len(uses) * rows_per_label <= len(pairs) and repeated >= 0.9 * len(pairs)
    fewest = min(Counter(target.strip().casefold() for target in targets).values())
    each = f"each at least {fewest:,} times" if fewest > 1 else "most of them many times"
    if short and repeat:
        return KindGuess(Kind.CLASSIFICATION, f"The {rows:,} rows have {len(uses):,} different answers, {each}.")
    code = sum(map(is_code, targets))
    if code >= 0.8 * rows:
        return KindGuess(Kind.WRITING, f"{code:,} of {rows:,} answers are code or SQL.")
    # If every long answer is one of a few, choosing the right one is the task: writing it could only add mistakes.
    # Answers from documents are written all the same, since documents can't help to choose.
    if repeat and not has_documents and len(uses) * _ROWS_A_LONG_LABEL <= len(pairs) and _fit_in_a_prompt(uses):
        return KindGuess(
            Kind.CLASSIFICATION,
            f"The {rows:,} rows have only {len(uses):,} different answers, {each}. "
            "They are long, but repeat like labels.",
        )
    length, unit = usual_length(targets)
    usual = f"{length:g} {unit}" if length == 1 else f"{length:g} {unit}s"
    if statistics.median(words) <= MAX_ANSWER_WORDS:
        return KindGuess(
            Kind.ANSWERING,
            f"The {rows:,} rows have {len(uses):,} different answers. Half of them have at most {usual}.",
        )
    return KindGuess(
        Kind.WRITING,
        f"The {rows:,} rows have {len(uses):,} different answers. Half of them have at least {usual}.",
    )


def _fit_in_a_prompt(labels: Iterable[str]) -> bool:
    """Prompts list all labels."""
    return sum(map(count_words, labels)) <= _MOST_WORDS_OF_LABELS


def labels_for(kind: Kind, examples: Iterable[Example]) -> tuple[str, ...]:
    """`Task.labels` of these examples."""
    match kind:
        case Kind.CLASSIFICATION:
            return labels_of(examples)
        case Kind.MULTI_LABEL:
            return all_labels(example.target for example in examples)
        case Kind.NUMBER:
            labels = labels_of(examples)
            return by_value(labels) if len(labels) <= MOST_RATINGS else ()
        case _:
            return ()


def _numbers(targets: Sequence[str], column: str) -> KindGuess | None:
    """Ratings, if the column is called like one. Amounts, if it is called like one or has decimals, and percentages:
    other numbers may be answers to questions, where a near miss is wrong, or the numbers of labels."""
    words = {plain(column), *plain(column).split("_")}
    words |= {name for name in RATING_NAMES for word in words if len(name) > 5 and word.endswith(name)}  # German
    if sum(map(is_number, without_highest(targets[:_SEEN]))) < MOSTLY_NUMBERS * len(targets[:_SEEN]) - 1:
        return None
    uses = Counter(without_highest(targets))
    numbers = {target: count for target, count in uses.items() if is_number(target)}
    if not numbers or sum(numbers.values()) < MOSTLY_NUMBERS * len(targets) or not have_one_unit(numbers):
        return None
    values = sorted({value for target in numbers if (value := number_in(target)) is not None})
    are_shares = all(target.rstrip().endswith("%") for target in numbers)
    is_rated = _FEWEST_RATINGS <= len(values) <= MOST_RATINGS and (are_shares or bool(words & RATING_NAMES))
    has_decimals = sum(value != int(value) for value in values) * 2 > len(values)
    is_amount = len(values) > MOST_RATINGS and (
        are_shares or bool(words & (RATING_NAMES | AMOUNT_NAMES)) or (plain(column) in _ANY_NUMBER and has_decimals)
    )
    if not (is_rated or is_amount):
        return None
    span = f"from {values[0]:,.10g} to {values[-1]:,.10g}"
    what = f"{'percentages' if are_shares else 'ratings' if is_rated else 'numbers'} {span}"
    count = sum(numbers.values())
    how_many = f"All {count:,}" if count == len(targets) else f"{count:,} of {len(targets):,}"
    return KindGuess(Kind.NUMBER, f"{how_many} answers in column '{column}' are {what}.")
