"""What each strategy answers once documents have changed, and how often it refuses: figures and the words for them.

A report of an earlier version, or of a task without documents, has none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advisor.candidates import judged
from advisor.measurement import NEITHER_FACT
from advisor.schema import AnswersChange, Candidate, Freshness, Report, WithoutDocuments
from advisor.sections.blocks import Cell, Section, Table, Text, of_strategies, small
from advisor.sections.blocks import Row as TableRow
from advisor.sections.robustness import Row
from advisor.wording import count_text, in_sentence, name_of, seconds_text
from eval.outcomes import NEW_FACT, OLD_FACT
from eval.statistics import Interval

FRESHNESS = "When facts in the documents change"
WITHOUT_DOCUMENTS = "When the documents do not hold the answer"
RANGE_NOTE = "With each count stands the 95 % range of its share."
EXAMPLES_KEPT = 20
LONGEST_QUOTED = 120  # signs
_MOSTLY = 0.5  # of the answers are made up

_BEFORE = {"before": ("Right at first", "The same questions, before the documents were changed.")}
_FACTS = {
    NEW_FACT: ("The new fact", "What the documents say now."),
    OLD_FACT: ("Still the old fact", "What they said before."),
    NEITHER_FACT: ("Neither", "Any other answer, or none."),
}
_MISSING = {
    "admitted": ("Says that it does not know", "Or refuses, or says nothing. Known by its wording, in English only."),
    "right": ("Right all the same", "The expected answer, though nothing that was read holds it."),
    "invented": ("Answers wrongly all the same", "Any other answer."),
}
_WRITTEN_ALL_THE_SAME = ("Writes an answer all the same", "Whether a reader would be content cannot be told.")


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """A section: the strategies, best first; what is to be said; and a row for each way of answering."""

    title: str
    names: tuple[str, ...]
    sentences: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str


def asked_again_of(report: Report) -> list[AskedAgain]:
    """The sections there is something to say in."""
    return [section for section in (_freshness_of(report), _without_documents_of(report)) if section]


def computed_of_documents(report: Report) -> dict[str, str]:
    """By what stands here, or the title of its section, how it was computed."""
    shown = judged(report)
    counted = "Range: Wilson's interval for a share."
    found = {
        "Refusals": "The test rows whose answer (column answer of outcomes.csv) matches a list of wordings "
        "and whose expected answer does not: eval/refusals.py of the program."
        if any(one.refusals for one in shown)
        else None,
        FRESHNESS: "Answers counted by the fact that they score higher against, from a score of .5 on: lines "
        "changed_facts of probes.jsonl (parts new and old); the new facts are in trial.json. Right at first: those to "
        "the same rows in outcomes.csv that score .5 or more. Reading in what had changed: seconds by the clock, once, "
        f"refresh_seconds in trial.json. {counted}"
        if any(one.freshness for one in shown)
        else None,
        WITHOUT_DOCUMENTS: "Answers to some test rows, the same for all strategies, counted by whether they match a "
        "list of wordings (eval/refusals.py) or are right: lines taken_out of probes.jsonl; of what reads no documents "
        f"its answers in outcomes.csv. {counted}"
        if any(one.without_documents for one in shown)
        else None,
        "Questions that nobody can answer": "Those of strategies/general_knowledge.json, asked before and after "
        "training; replies that match no wording of eval/refusals.py are made up: knowledge in trial.json. Range: "
        "adjusted Wald interval of paired shares (Agresti and Min)."
        if any(_admitted(one) for one in shown)
        else None,
    }
    return {heading: how for heading, how in found.items() if how}


def _admitted(one: Candidate) -> AnswersChange | None:
    knowledge = one.side_effects.knowledge if one.side_effects else None
    return knowledge.admitted if knowledge else None


def _freshness_of(report: Report) -> AskedAgain | None:
    found = {one.id: one.freshness for one in judged(report) if one.freshness}
    if not found:
        return None
    asked = max(each.n for each in found.values())
    # What follows comes first; the others keep their order.
    ordered = sorted(found, key=lambda name: -found[name].new.mean)
    clauses = [_fact_clause(name, found[name], is_first=at == 0) for at, name in enumerate(ordered)]
    indexed = [
        f"{in_sentence(name)} {seconds_text(each.refresh_seconds)}"
        for name, each in found.items()
        if each.refresh_seconds is not None
    ]
    sentences = [
        f"When a fact in the documents changes, {'; '.join(clauses)}.",
        f"The answers to {count_text(asked, 'test question')} were replaced in the documents by those to other rows "
        "that have the same pattern of words, capitals and numbers. Then the same questions were asked, and nothing "
        "was trained.",
        *_example(found),
        *([f"Reading in what had changed took {_and(indexed)}."] if indexed else []),
    ]
    return AskedAgain(FRESHNESS, tuple(found), tuple(sentences), _rows(found, _BEFORE | _FACTS), RANGE_NOTE)


def _example(found: dict[str, Freshness]) -> list[str]:
    """The one of those kept on which most strategies say something else, one of them the new fact if any does."""
    asked = list(zip(*(each.examples for each in found.values()), strict=False))
    if not asked:
        return []
    one = max(asked, key=lambda answers: (any(a.told == NEW_FACT for a in answers), len({a.told for a in answers})))
    said = ", ".join(f"{in_sentence(name)} {_quoted(a.answer)}" for name, a in zip(found, one, strict=True))
    input, old, new = map(_quoted, (one[0].input, one[0].old, one[0].new))
    return [f"For example {input}: {old} became {new} in the documents. The answers: {said}."]


def _quoted(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        return "nothing"
    return f"“{text}”" if len(text) <= LONGEST_QUOTED else f"“{text[: LONGEST_QUOTED - 1]}…”"


def _fact_clause(name: str, found: Freshness, is_first: bool) -> str:
    new, old = _count(found.new), _count(found.old)
    until = " until it is trained again" if found.trained and found.refresh_seconds is None else ""
    if is_first:
        return f"{in_sentence(name)} gives the new one for {new} of {found.n:,} and the old one for {old}{until}"
    return f"{in_sentence(name)} gives {new} and {old}{until}"


def _without_documents_of(report: Report) -> AskedAgain | None:
    found = {one.id: one.without_documents for one in judged(report) if one.without_documents}
    if not found:
        return None
    is_written = any(each.right is None for each in found.values())
    words = {**_MISSING, "invented": _WRITTEN_ALL_THE_SAME} if is_written else _MISSING
    reading = {name: each for name, each in found.items() if each.reads}
    sentences = [_missing_sentence(name, each) for name, each in reading.items()]
    if not is_written and any(each.invented.mean >= _MOSTLY for each in reading.values()):
        sentences.append("That an answer sounds sure is no sign that it stands in your documents.")
    if others := [in_sentence(name) for name in found if name not in reading]:
        verb = "reads" if len(others) == 1 else "read"
        sentence = f"{_and(others)} {verb} no documents, so the answers to the same test questions are counted."
        sentences.append(sentence[0].upper() + sentence[1:])
    return AskedAgain(WITHOUT_DOCUMENTS, tuple(found), tuple(sentences), _rows(found, words), RANGE_NOTE)


def _missing_sentence(name: str, found: WithoutDocuments) -> str:
    admitted, invented = _count(found.admitted), _count(found.invented)
    said = (
        f"Asked {count_text(found.n, 'test question')} without the documents that hold the answer, "
        f"{in_sentence(name)} {'never says' if not admitted else f'says {_times(admitted)}'} that it does not know"
    )
    if found.right is None:
        return f"{said} and writes an answer to {invented} all the same."
    right = _count(found.right)
    luck = f", and is right all the same {_times(right)}" if right else ""
    return f"{said}; it answers wrongly {_times(invented)}{luck}."


def _rows(found: Mapping[str, Freshness | WithoutDocuments], words: dict[str, tuple[str, str]]) -> tuple[Row, ...]:
    return tuple(
        Row(*words[way], tuple(_cell(getattr(each, way)) for each in found.values()))
        for way in words
        if any(getattr(each, way) is not None for each in found.values())
    )


def _cell(share: Interval | None) -> tuple[str, str]:
    if share is None:
        return "–", ""
    return f"{_count(share)} of {share.n:,}", f"{100 * share.low:.0f} to {100 * share.high:.0f} %"


def _count(share: Interval) -> int:
    return round(share.mean * share.n)


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _and(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def freshness_section(report: Report) -> Section | None:
    return _section("changed-documents", _freshness_of(report))


def missing_section(report: Report) -> Section | None:
    return _section("missing-documents", _without_documents_of(report))


def _section(id: str, found: AskedAgain | None) -> Section | None:
    if found is None:
        return None
    rows = tuple(TableRow(row.heading, tuple(Cell(*cell) for cell in row.cells), row.meaning) for row in found.rows)
    table = Table(of_strategies(found.names, name_of), rows)
    return Section(id, found.title, (*map(Text, found.sentences), table, *small(found.note)))
