"""Where answers go wrong, in words: for the page, HTML and Markdown.

The sorting itself is in `eval.failures`. A report of an earlier version has none of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from advisor.candidates import judged
from advisor.schema import Report
from advisor.sections.blocks import Bullets, Cell, Section, Table, of_strategies
from advisor.sections.blocks import Row as TableRow
from advisor.wording import count_text, in_sentence, name_of
from eval.failures import Confusion, Failure, Failures, Mixup

_TOLD = 3  # categories in a sentence; the table has all
_SAYS_NO_MORE = (Failure.WRONG_LABEL, Failure.WRONG_ANSWER)  # than that an answer is wrong
_OVERLAP_SHARE, _OVERLAP_TIMES = 0.2, 5  # of the wrong labels that one pair has, from which it is told


@dataclass(frozen=True, slots=True)
class Words:
    """A category for people: its name, what it means, and how it ends a sentence that begins "12 times …"."""

    heading: str
    meaning: str
    clause: str


WORDS: dict[str, Words] = {
    Failure.NO_ANSWER: Words("No answer", "The strategy failed on the row or said nothing.", "no answer came"),
    Failure.REFUSED: Words(
        "Refuses",
        "It says that it does not know, or will not answer. Known by its wording, in English only.",
        "it refuses or says that it does not know",
    ),
    Failure.LABEL_FORM: Words(
        "Right label, wrong form",
        "The expected label in other letters, or with words around it.",
        "the right label is written otherwise",
    ),
    Failure.NO_LABEL: Words(
        "Invented label", "The answer is none of your labels.", "the answer is none of your labels"
    ),
    Failure.LABEL_NOT_FOUND: Words(
        "Not looked up",
        "None of the examples that it looked up has the right label.",
        "no example that it looked up has the right label",
    ),
    Failure.LABEL_NOT_USED: Words(
        "Looked up, not used",
        "An example with the right label was looked up, and another label was given.",
        "an example with the right label was looked up, but not followed",
    ),
    Failure.WRONG_LABEL: Words("Wrong label", "Another of your labels was given.", "the label is wrong"),
    Failure.NOT_JSON: Words(
        "Not readable",
        "The answer is not the JSON that was asked for, or only its beginning.",
        "the answer is not the JSON that was asked for",
    ),
    Failure.VALUE_FORM: Words(
        "Right values, wrong form",
        "The expected values stand in other fields, or are written otherwise (two for 2).",
        "the values are right, but in other fields or written otherwise",
    ),
    Failure.CUT_VALUE: Words(
        "Too much or too little",
        "A value has only some of the expected words, or more than these.",
        "a value has too many words or too few",
    ),
    Failure.INVENTED_VALUE: Words(
        "Invented",
        "A value is not in the input, in a field that is copied from there.",
        "a value is invented",
    ),
    Failure.MISSING_FIELD: Words("Left out", "Fields are missing; the others are right.", "fields are left out"),
    Failure.EXTRA_FIELD: Words(
        "Too many fields",
        "A field is filled that should be empty; the others are right.",
        "a field is filled that should be empty",
    ),
    Failure.WRONG_VALUE: Words(
        "Wrong value", "A value is another than expected, or fields are mixed up.", "a value is wrong"
    ),
    Failure.ANSWER_FORM: Words(
        "Right words, wrong form",
        "All the expected words are there, among too many others.",
        "the expected words stand among too many others",
    ),
    Failure.DOCUMENT_NOT_FOUND: Words(
        "Not looked up",
        "No document that holds the answer was looked up. Which do is taken from your data or, where it does not say, "
        "from the words of the expected answer.",
        "no document with the answer was looked up",
    ),
    Failure.REPEATED: Words(
        "Repeats the question",
        "The answer has no words but those of the question.",
        "the answer only repeats the question",
    ),
    Failure.INVENTED: Words(
        "Invented",
        "It has no word of the expected answer, and at most half of its words stand together in any of your documents "
        "or expected answers. Short words and those of the question do not count.",
        "the answer is invented",
    ),
    Failure.DOCUMENT_NOT_USED: Words(
        "Looked up, not used",
        "A document that holds the answer was looked up, perhaps only in part, and the answer is another.",
        "a document with the answer was looked up, but not used",
    ),
    Failure.WRONG_ANSWER: Words("Another answer", "Wrong, and nothing more can be told.", "it answers something else"),
    Failure.FACTS_DISTORTED: Words(
        "Facts stated wrongly",
        "At most half of the expected facts are right, and most of the others are stated wrongly: another number, "
        "date, name or value stands in their place.",
        "it states most facts wrongly",
    ),
    Failure.FACTS_DROPPED: Words(
        "Facts left out",
        "At most half of the expected facts are right, and most of the others are left out.",
        "it leaves out most facts",
    ),
    Failure.FACT_INVENTED: Words(
        "Facts added",
        "Most of the expected facts are right, but something is stated besides that stands nowhere in your inputs, "
        "expected answers or documents.",
        "it adds a fact that stands nowhere in your data",
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A category with its count by strategy; one to which it cannot apply has none."""

    heading: str
    meaning: str
    counts: dict[str, int]
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrongAnswers:
    """The strategies, best first; what is to be said of each; and the categories that any answer is in."""

    names: tuple[str, ...]
    sentences: tuple[str, ...]
    rows: tuple[Row, ...]


def wrong_answers_of(report: Report) -> WrongAnswers | None:
    """None for a report of an earlier version, or one in which nothing was judged."""
    failures = failures_of(report)
    if not failures:
        return None
    said = [_sentence(name, each) for name, each in failures.items()]
    if any(each.wrong is None for each in failures.values()):
        counted = "its facts are held against those expected" if _counts_facts(failures) else "only answers are counted"
        said.insert(0, f"A free text is not simply right or wrong, so {counted}.")
    if overlap := _overlap(failures):
        said.append(overlap)
    return WrongAnswers(tuple(failures), tuple(said), tuple(_rows(failures)))


def failures_of(report: Report) -> dict[str, Failures]:
    """The failures by strategy, best first."""
    return {one.id: one.failures for one in judged(report) if one.failures}


def _counts_facts(failures: dict[str, Failures]) -> bool:
    names = (one.name for each in failures.values() for one in each.categories)
    return Failure.FACTS_DROPPED in names


def mixup_text(mixup: Mixup) -> str:
    return f"{mixup.expected} → {mixup.given}"


def _rows(failures: dict[str, Failures]) -> list[Row]:
    """All wrong answers, then each category, in the order in which they are looked for."""
    tested = count_text(max(each.of for each in failures.values()), "test row")
    wrong = {name: each.wrong for name, each in failures.items() if each.wrong is not None}
    rows = [_row("Wrong in all", f"Of {tested}.", wrong, failures)] if any(wrong.values()) else []
    for name, words in WORDS.items():
        counts = {
            strategy: category.count
            for strategy, each in failures.items()
            for category in each.categories
            if category.name == name
        }
        if any(counts.values()):
            rows.append(_row(words.heading, words.meaning, counts, failures))
    return rows


def _row(heading: str, meaning: str, counts: dict[str, int], strategies: Iterable[str]) -> Row:
    return Row(heading, meaning, counts, tuple(f"{counts[one]:,}" if one in counts else "–" for one in strategies))


def _sentence(name: str, failures: Failures) -> str:
    rows = count_text(failures.of, "row")
    categories = sorted((one for one in failures.categories if one.count), key=lambda one: -one.count)
    if failures.wrong is None:
        told = "; ".join(f"{_times(one.count)} {WORDS[one.name].clause}" for one in categories[:_TOLD])
        return f"{name_of(name)}, in {rows}: {told}." if told else f"{name_of(name)} gave an answer to all {rows}."
    if not categories:
        return f"{name_of(name)} is right on {f'all {rows}' if failures.of > 1 else 'the only row'}."
    told = "; ".join(f"{_times(one.count)} {WORDS[one.name].clause}" for one in categories[:_TOLD])
    if len(categories) == 1:
        only = categories[0].name
        told = "" if only in _SAYS_NO_MORE else f"{'each time ' if failures.wrong > 1 else ''}{WORDS[only].clause}"
    why = f": {told}" if told else ""
    return f"{name_of(name)} is wrong on {failures.wrong:,} of {rows}{why}.{_commonest(failures.confusion)}"


def _commonest(confusion: Confusion | None) -> str:
    """The one mix-up that is commoner than all others, if there is one."""
    mixups = confusion.mixups if confusion else ()
    most = max((one.count for one in mixups), default=0)
    commonest = [one for one in mixups if one.count == most]
    if len(commonest) != 1 or most < 2:
        return ""
    (mixup,) = commonest
    return f" Most often it says “{mixup.given}” where “{mixup.expected}” is right ({_times(most)})."


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
        f"Of the {wrong:,} wrong answers of {' and '.join(map(in_sentence, best))}, {both[most]:,} take “{a}” and "
        f"“{b}” for one another. The two labels may overlap in your data: look at their rows."
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def section(report: Report) -> Section | None:
    if (wrong := wrong_answers_of(report)) is None:
        return None
    rows = tuple(TableRow(row.heading, tuple(map(Cell, row.cells)), row.meaning) for row in wrong.rows)
    table = [Table(of_strategies(wrong.names, name_of), rows)] if rows else []
    return Section("wrong-answers", "Where answers go wrong", (Bullets(wrong.sentences), *table))
