"""Where answers go wrong, in words. The sorting itself is in `eval.failures.sorting`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from advisor.candidates import judged
from advisor.schema import Report
from advisor.sections.blocks import Bullets, Cell, Row, Section, Table, of_strategies
from advisor.wording import count_text, in_sentence, name_of
from eval.failures.sorting import Confusion, Failure, Failures, Mixup
from eval.task import Kind

TITLE = "Where answers go wrong"
_TOLD = 3  # categories in a sentence; the table has all
_SAYS_NO_MORE = (Failure.WRONG_LABEL, Failure.WRONG_ANSWER)  # than that an answer is wrong
_OVERLAP_SHARE, _OVERLAP_TIMES = 0.2, 5  # of the wrong labels that one pair has, from which it is told


@dataclass(frozen=True, slots=True)
class Words:
    """A category for people: its name and what it means."""

    heading: str
    meaning: str


WORDS: dict[str, Words] = {
    Failure.NO_ANSWER: Words("No answer", "The strategy failed on the row or said nothing."),
    Failure.REFUSED: Words(
        "Refuses", "It says that it doesn't know, or won't answer. We recognise English wordings only."
    ),
    Failure.LABEL_FORM: Words("Right label, wrong form", "The expected label is misspelt or has words around it."),
    Failure.NO_LABEL: Words("Invented label", "The answer is none of your labels."),
    Failure.LABEL_NOT_FOUND: Words("Not retrieved", "No retrieved example has the right label."),
    Failure.LABEL_NOT_USED: Words(
        "Retrieved but not used", "A retrieved example has the right label, but it gave another label."
    ),
    Failure.WRONG_LABEL: Words("Wrong label", "It gave another of your labels."),
    Failure.LABELS_MISSING: Words("Labels left out", "Every label it gave is right, but others are missing."),
    Failure.LABELS_EXTRA: Words("Too many labels", "It gave every expected label, and others."),
    Failure.LABELS_MIXED: Words("Partly right", "Some labels are right. Others are wrong or missing."),
    Failure.LABELS_WRONG: Words("Wrong labels", "None of its labels is right."),
    Failure.NOT_NUMBER: Words("No number", "The answer holds no number."),
    Failure.ONE_OFF: Words("Off by one", "It gave a rating next to the expected one."),
    Failure.TOO_LOW: Words("Too low", "The number is too low, by more than one rating if you have ratings."),
    Failure.TOO_HIGH: Words("Too high", "The number is too high, by more than one rating if you have ratings."),
    Failure.NOT_JSON: Words("Not readable", "The answer isn't the JSON we asked for, or only its beginning."),
    Failure.VALUE_FORM: Words(
        "Right values, wrong form", "The expected values are in other fields or written differently (two for 2)."
    ),
    Failure.CUT_VALUE: Words("Too much or too little", "A value has only some of the expected words, or extra ones."),
    Failure.INVENTED_VALUE: Words("Invented", "A value isn't in the input, though this field is copied from there."),
    Failure.MISSING_FIELD: Words("Left out", "Fields are missing. The others are right."),
    Failure.EXTRA_FIELD: Words("Too many fields", "A field is filled that should be empty. The others are right."),
    Failure.WRONG_VALUE: Words("Wrong value", "A value isn't the expected one, or fields are mixed up."),
    Failure.ANSWER_FORM: Words("Right words, wrong form", "All expected words are there, among too many others."),
    Failure.DOCUMENT_NOT_FOUND: Words(
        "Not retrieved",
        "No retrieved document holds the answer. We know which documents do from your data, or from the words of the "
        "expected answer.",
    ),
    Failure.REPEATED: Words("Repeats the question", "The answer contains only words of the question."),
    Failure.INVENTED: Words(
        "Unsupported",
        "It shares no word with the expected answer, and no document or expected answer holds more than half of its "
        "words. "
        "Short words and those of the question don't count.",
    ),
    Failure.DOCUMENT_NOT_USED: Words(
        "Retrieved but not used",
        "A retrieved document holds the answer, perhaps only in part, but it answered something else.",
    ),
    Failure.WRONG_ANSWER: Words("Other wrong answer", "It is wrong, and we can't say why."),
    Failure.FACTS_DISTORTED: Words(
        "Facts stated wrongly",
        "At most half of the expected facts are right. Most of the others are replaced by another number, date, name "
        "or value.",
    ),
    Failure.FACTS_DROPPED: Words(
        "Facts left out", "At most half of the expected facts are right. Most of the others are left out."
    ),
    Failure.FACT_INVENTED: Words(
        "Facts added",
        "Most expected facts are right, but the answer also states something that is nowhere in your data.",
    ),
}


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each strategy's answers are in a category; a strategy to which it can't apply has no count."""

    heading: str
    meaning: str
    by_strategy: dict[str, int]


def section(report: Report) -> Section | None:
    """None for a report of an earlier version, or one in which nothing was judged."""
    failures = failures_of(report)
    if not failures:
        return None
    rows = tuple(Row(each.heading, _cells(each, failures), each.meaning) for each in counts_of(failures))
    table = [Table(of_strategies(list(failures), name_of), rows)] if rows else []
    best, *_ = failures.items()
    return Section(
        "failures", TITLE, _sentence(*best), (Bullets(sentences_of(failures)), *table), _how(report), _heading(*best)
    )


def _heading(name: str, failures: Failures) -> str:
    """Of the best strategy: how many of its answers are wrong and, where that says more, what is wrong most often."""
    rows = count_text(failures.of, "row")
    most = max(failures.categories, key=lambda one: one.count, default=None)
    kind = WORDS[most.name].heading.lower() if most and most.count and most.name not in _SAYS_NO_MORE else None
    if failures.wrong is None:
        return f"{TITLE}: {kind} in {most.count:,} of {rows}" if most and kind else f"{TITLE}: {rows} answered"
    if not failures.wrong:
        return f"{TITLE}: nowhere with {in_sentence(name)} on {rows}"
    wrong = f"{in_sentence(name)} is wrong on {failures.wrong:,} of {rows}"
    if most is None or kind is None:
        return f"{TITLE}: {wrong}"
    if most.count == failures.wrong:
        return f"{TITLE}: {wrong}, each time “{kind}”"
    return f"{TITLE}: {wrong}, most often “{kind}” ({most.count:,})"


def failures_of(report: Report) -> dict[str, Failures]:
    """The failures by strategy, best first."""
    return {one.id: one.failures for one in judged(report) if one.failures}


def sentences_of(failures: dict[str, Failures]) -> tuple[str, ...]:
    """What is to be said of each strategy, best first, and of labels that may overlap."""
    said = [_sentence(name, each) for name, each in failures.items()]
    if any(each.wrong is None for each in failures.values()):
        counted = "we compare its facts with the expected ones" if _counts_facts(failures) else "we only count answers"
        said.insert(0, f"A free text isn't simply right or wrong, so {counted}.")
    if overlap := _overlap(failures):
        said.append(overlap)
    return tuple(said)


def _counts_facts(failures: dict[str, Failures]) -> bool:
    names = (one.name for each in failures.values() for one in each.categories)
    return Failure.FACTS_DROPPED in names


def mixup_text(mixup: Mixup) -> str:
    return f"{mixup.expected} → {mixup.given}"


def counts_of(failures: dict[str, Failures]) -> list[Counts]:
    """All wrong answers, then each category that any answer is in, in the order in which they are looked for."""
    tested = count_text(max(each.of for each in failures.values()), "test row")
    wrong = {name: each.wrong for name, each in failures.items() if each.wrong is not None}
    found = [Counts("All wrong answers", f"Of {tested}.", wrong)]
    for name, words in WORDS.items():
        counts = {
            strategy: category.count
            for strategy, each in failures.items()
            for category in each.categories
            if category.name == name
        }
        found.append(Counts(words.heading, words.meaning, counts))
    found = [each for each in found if any(each.by_strategy.values())]
    is_one_kind = len(found) == 2 and found[0].by_strategy == found[1].by_strategy
    return found[:1] if is_one_kind else found


def _cells(counts: Counts, strategies: Iterable[str]) -> tuple[Cell, ...]:
    found = counts.by_strategy
    return tuple(Cell(f"{found[one]:,}" if one in found else "–") for one in strategies)


def _sentence(name: str, failures: Failures) -> str:
    rows = count_text(failures.of, "row")
    if failures.wrong is None:
        counted = _counted(failures)
        return f"{name_of(name)}, on {rows}: {counted}." if counted else f"{name_of(name)} answered all {rows}."
    if not failures.wrong:
        return f"{name_of(name)} is right on {f'all {rows}' if failures.of > 1 else 'the only row'}."
    said = f"{name_of(name)} is wrong on {failures.wrong:,} of {rows}."
    if counted := _counted(failures):
        said += f" Most often: {counted}."
    return f"{said}{_commonest(failures.confusion)}"


def _counted(failures: Failures) -> str:
    """The commonest categories with their counts; "" where they say no more than that answers are wrong."""
    categories = sorted((one for one in failures.categories if one.count), key=lambda one: -one.count)
    if [one.name for one in categories] in ([each] for each in _SAYS_NO_MORE):
        return ""
    return ", ".join(f"{WORDS[one.name].heading.lower()} ({one.count:,})" for one in categories[:_TOLD])


def _commonest(confusion: Confusion | None) -> str:
    """The one mix-up that is commoner than all others, if there is one."""
    mixups = confusion.mixups if confusion else ()
    most = max((one.count for one in mixups), default=0)
    commonest = [one for one in mixups if one.count == most]
    if len(commonest) != 1 or most < 2:
        return ""
    (mixup,) = commonest
    return f" The most common mix-up: “{mixup.given}” for “{mixup.expected}” ({most:,})."


def _overlap(failures: dict[str, Failures]) -> str | None:
    """The two labels that the two best strategies take for one another most, if each of them does, in both directions,
    and so often that the labels may overlap in the data."""
    best = {name: each for name, each in list(failures.items())[:2] if each.confusion}
    by_strategy = [
        Counter({(one.expected, one.given): one.count for one in each.confusion.mixups})
        for each in best.values()
        if each.confusion
    ]
    ways = sum(by_strategy, Counter[tuple[str, str]]())
    both = {way: count + ways[way[::-1]] for way, count in ways.items() if min(count, ways[way[::-1]]) > 1}
    shared = [(a, b) for a, b in both if all(one[a, b] + one[b, a] for one in by_strategy)]
    wrong = sum(each.wrong or 0 for each in best.values())
    if not shared or both[most := max(shared, key=lambda way: both[way])] < max(_OVERLAP_TIMES, _OVERLAP_SHARE * wrong):
        return None
    a, b = sorted(most)
    return (
        f"{both[most]:,} of the {wrong:,} wrong answers of {' and '.join(map(in_sentence, best))} confuse “{a}” with "
        f"“{b}”. The two labels may overlap in your data: look at their rows."
    )


def _how(report: Report) -> str:
    partly = {
        Kind.MULTI_LABEL: " (one whose labels aren't exactly the expected ones)",
        Kind.NUMBER: " (one nearer to another rating, or an amount more than 5 % off)",
        Kind.EXTRACTION: " (one whose fields don't all match)",
        Kind.ANSWERING: " (one that scores below .5)",
    }.get(report.task.kind, "")
    copied = (
        " A field counts as copied if 95 % of its expected values are in their inputs, in whatever case, as digits "
        "or words."
        if report.task.kind == Kind.EXTRACTION
        else ""
    )
    compared = {
        Kind.CLASSIFICATION: "its label with the expected one, your labels and the retrieved examples",
        Kind.MULTI_LABEL: "its labels with the expected ones",
        Kind.NUMBER: "its number with the expected one",
    }.get(report.task.kind, "its words with the expected answer, your documents and what was retrieved")
    return (
        f"Each wrong answer{partly} counts in the first category that fits. We compare {compared}: columns answer, "
        f"expected and sources of outcomes.csv.{copied} No model judges the answers."
    )
